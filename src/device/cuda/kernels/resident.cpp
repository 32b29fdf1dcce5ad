// Matrix products and convolutions of halves by blocks that stay on their multiprocessors: the copy
// engine brings tiles, tensor cores multiply, results leave while the next tile is multiplied.
// Compute capability 9.0.

#include <algorithm>
#include <cmath>

#include "device/cuda/emit/resident_text.hpp"
#include "device/cuda/launches.hpp"
#include "device/cuda/tensor_map.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace {

using emitter::Brought;
using emitter::HalfProduct;
using emitter::resident_product_of;
using emitter::ResidentProduct;
using emitter::ResidentTile;

constexpr int kCapability = 90;
constexpr int kSharedBytes = 227 << 10;

Verdict supports(const Problem& problem) {
  if (capability_of(*problem.target) != kCapability)
    return Verdict::no("wants compute capability 9.0");
  const ResidentProduct product = resident_product_of(problem);
  const emitter::ContractText text = text_of(product, {});
  return text.declined.empty() ? Verdict() : Verdict::no(text.declined);
}

double bytes_of(const Problem& problem, const Value& value) {
  double count = bits(value.type.tensor().dtype) / 8.0;
  for (const Dim& dim : value.type.tensor().shape())
    count *= static_cast<double>(size_for_estimates(problem, dim));
  return count;
}

struct Sizes {
  double batches, rows, columns, depth;
  double bytes;  // that it reads and writes, once
  bool keeps;
};

Sizes sizes_of(const Problem& problem, const ResidentProduct& product) {
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(problem, dim));
  };
  const emitter::Contraction& of = product.product->contraction;
  const Graph& body = *problem.region.body;
  double bytes = bytes_of(problem, *body.outputs().front().value);
  for (const Value* input : body.inputs()) bytes += bytes_of(problem, *input);
  return {size(of.batch_count()),
          size(of.row_count()),
          size(of.column_count()),
          size(of.depth_count()),
          bytes,
          product.kept.kind != Brought::Kind::none};
}

double seconds_of(const Problem& problem, const Sizes& sizes, const ResidentTile& tile) {
  // Of a multiprocessor, measured on an H200.
  constexpr double kMultiprocessors = 132, kBegin = 3e-6;
  constexpr double kProductsPerSecond = 2.75e12;  // multiply-adds
  constexpr double kBytesPerSecond = 7e10, kTileSeconds = 4e-7;
  const double blocks = std::ceil(sizes.depth / emitter::kBlockDepth);
  const double results = double(tile.rows()) * tile.columns;
  const double small = tile.rows() * tile.columns < 128 * 128 ? 1.15 : 1;
  const double each = blocks * std::max(results * emitter::kBlockDepth / kProductsPerSecond * small,
                                        tile.stage_bytes() / kBytesPerSecond);
  const double stores = results * (sizes.keeps ? 4 : 2) / kBytesPerSecond;
  // Where warpgroups take turns, results leave beside products.
  const double one = (tile.in_turn ? std::max(each, stores) : each + 0.6 * stores) + kTileSeconds;
  const double tiles =
      sizes.batches * std::ceil(sizes.rows / tile.rows()) * std::ceil(sizes.columns / tile.columns);
  const double turns = std::ceil(tiles / kMultiprocessors);
  const double latency = blocks * 1.5e-7 / std::max(1, tile.stages - 1);
  return problem.target->launch_seconds + kBegin + latency +
         std::max(turns * one, sizes.bytes / problem.target->bytes_per_second);
}

Tuning tuning_of(const ResidentTile& tile) {
  return {{"groups", tile.warpgroups},
          {"down", tile.down},
          {"n", tile.columns},
          {"stages", tile.stages},
          {"slots", tile.slots},
          {"turns", tile.in_turn ? 1 : 0},
          {"blocks", 0}};  // at most; 0: one on each multiprocessor
}

ResidentTile tile_of(const Tuning& tuning) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  return {at("groups"), at("down"), at("n"), at("stages"), at("slots"), at("turns") != 0};
}

/// Shapes that were the fastest of some layer in a trial.
constexpr ResidentTile kShapes[] = {
    {2, 1, 128, 6, 2, false}, {2, 2, 128, 6, 2, true},  {2, 1, 256, 4, 2, true},
    {2, 1, 256, 4, 2, false}, {2, 2, 128, 4, 2, false}, {3, 1, 128, 4, 2, false},
    {2, 1, 128, 6, 2, true},  {3, 1, 128, 6, 2, true},  {2, 1, 64, 8, 2, false},
    {3, 1, 64, 6, 2, false},  {2, 2, 64, 5, 2, false},  {3, 1, 64, 8, 2, true}};

std::vector<Tuning> tunings(const Problem& problem) {
  constexpr size_t kMost = 12;
  const ResidentProduct product = resident_product_of(problem);
  const Sizes sizes = sizes_of(problem, product);
  std::vector<std::pair<double, ResidentTile>> tiles;
  for (ResidentTile tile : kShapes) {
    if (sizes.keeps) tile.slots = 4;
    while (tile.stages > 2 && tile.shared_bytes() > kSharedBytes) --tile.stages;
    if (tile.shared_bytes() > kSharedBytes) continue;
    tiles.emplace_back(seconds_of(problem, sizes, tile), tile);
  }
  std::stable_sort(tiles.begin(), tiles.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (tiles.size() > kMost) tiles.resize(kMost);
  std::vector<Tuning> all;
  for (const auto& [seconds, tile] : tiles) all.push_back(tuning_of(tile));
  return all;
}

Tensor pack_b(const Problem& problem, const Tuning&, const Tensor& weight) {
  const auto product = emitter::half_product_of(problem);
  return pack_halves(*product, product->b, weight);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const ResidentProduct product = resident_product_of(*problem);
  made.seconds = seconds_of(*problem, sizes_of(*problem, product), tile_of(tuning));
  const HalfProduct& halves = *product.product;
  if (product.b.kind == Brought::Kind::packed)
    made.packings.push_back({static_cast<size_t>(halves.b.input), packing_name(halves, halves.b),
                             pack_b, packed_bytes(halves, halves.b)});
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  ResidentProduct product;
  emitter::ContractText text;
  ResidentTile tile;
  int64_t blocks = 0;       // at most
  std::vector<int> inputs;  // of the text's parameters but the last, which is the result
  Buffer packed;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

class Running final : public Bound {
 public:
  Running(std::shared_ptr<const Ready> ready, const Operands& operands, const Module& module)
      : ready_(std::move(ready)),
        launch_(module.function("product", ready_->tile.shared_bytes()), ready_->tile.threads(),
                ready_->tile.shared_bytes()),
        symbols_(operands.symbols) {
    rebind(operands);
  }

  void rebind(const Operands& operands) override {
    const emitter::Contraction& of = ready_->product.product->contraction;
    const ResidentTile& tile = ready_->tile;
    const auto size = [&](const Dim& dim) { return dim.evaluate(symbols_).value_or(0); };
    const int64_t units = size(of.batch_count()) *
                          ((size(of.row_count()) + tile.rows() - 1) / tile.rows()) *
                          ((size(of.column_count()) + tile.columns - 1) / tile.columns);
    is_empty_ = units <= 0;
    if (is_empty_) return;
    launch_.set_grid(std::min<int64_t>(units, ready_->blocks));
    std::vector<uint64_t> arguments;
    for (const int input : ready_->inputs)
      arguments.push_back(
          reinterpret_cast<uint64_t>(input < 0 ? static_cast<void*>(ready_->packed.data)
                                               : operands.inputs[static_cast<size_t>(input)].data));
    arguments.push_back(reinterpret_cast<uint64_t>(operands.outputs[0].data));
    const auto data = [&](const Value* value) {
      const auto& all = ready_->text.parameters;
      const auto found = std::find(all.begin(), all.end(), value);
      return reinterpret_cast<void*>(arguments[static_cast<size_t>(found - all.begin())]);
    };
    const auto source = [](const emitter::HalfSide& side) {
      return std::get<const Value*>((side.load ? *side.load : *side.operand).source());
    };
    const HalfProduct& halves = *ready_->product.product;
    const DType dtype = of.a->dtype();
    const auto map = [&](const Brought& brought, const Value* value, int across) {
      return map_of(brought, symbols_, dtype, data(value), across);
    };
    constexpr int kBox = emitter::kBlockDepth;
    const Brought& b = ready_->product.b;
    a_ = map(ready_->product.a, source(halves.a), tile.rows());
    y_ = map(ready_->product.result, of.stage->value, kBox);
    std::vector<void*> maps{&a_};
    if (b.kind != Brought::Kind::packed) {
      b_ = map(b, source(halves.b), b.kind == Brought::Kind::columns ? kBox : tile.columns);
      maps.push_back(&b_);
    }
    maps.push_back(&y_);
    if (ready_->product.kept.kind != Brought::Kind::none) {
      kept_ = map(ready_->product.kept, ready_->product.kept_value, kBox);
      maps.push_back(&kept_);
    }
    arguments.push_back(0);  // no scratch
    for (const std::string& name : ready_->text.symbols) {
      const auto found = symbols_.find(name);
      arguments.push_back(found == symbols_.end() ? 0 : static_cast<uint64_t>(found->second));
    }
    launch_.set(std::move(arguments), maps);
  }

  void enqueue(hone::Stream& stream) override {
    if (!is_empty_) launch_.enqueue(static_cast<Stream&>(stream));
  }

 private:
  std::shared_ptr<const Ready> ready_;
  Launching launch_;
  const Bindings symbols_;
  TensorMap a_{}, b_{}, y_{}, kept_{};
  bool is_empty_ = false;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte>,
                                   hone::Stream&) const {
  return std::make_unique<Running>(shared_from_this(), operands, modules->at(operands.symbols));
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device& device) {
  const Graph& body = *recipe.problem->region.body;
  auto ready = std::make_shared<Ready>();
  ready->product = resident_product_of(*recipe.problem);
  ready->tile = tile_of(recipe.tuning);
  ready->text = text_of(ready->product, ready->tile);
  check(ready->text.declined.empty(), Code::internal,
        "a product is refused now: ", ready->text.declined);
  const std::shared_ptr<Gpu>& gpu = static_cast<Device&>(device).gpu();
  ready->blocks = recipe.tuning.at("blocks");
  if (ready->blocks == 0) ready->blocks = gpu->attribute(Attribute::multiprocessors);
  if (!packed.empty()) ready->packed = uploaded(packed.front(), device);
  for (size_t i = 0; i + 1 < ready->text.parameters.size(); ++i) {
    const auto& inputs = body.inputs();
    const auto found = std::find(inputs.begin(), inputs.end(), ready->text.parameters[i]);
    check(found != inputs.end(), Code::internal, "a product reads what is no operand");
    const auto input = static_cast<int>(found - inputs.begin());
    const bool is_packed = !packed.empty() && input == ready->product.product->b.input;
    ready->inputs.push_back(is_packed ? -1 : input);
  }
  ready->modules = std::make_unique<const Modules>(gpu, ready->text.text);
  return ready;
}

}  // namespace

void register_resident(KernelRegistry& registry) {
  Kernel kernel{"cuda.resident", 1, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
