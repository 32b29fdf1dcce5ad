// Matrix products and convolutions of halves, summed in f32, and of integers of 8 bits, summed in
// i32, on tensor cores, with what follows them element by element. Constant operands are packed as
// rows of the depth.

#include <algorithm>
#include <cmath>

#include "device/cuda/best_tunings.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/cuda/emit/tensor_text.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace tensor_kernel {
namespace {

using emitter::half_product_of;
using emitter::HalfProduct;
using emitter::HalfSide;
using emitter::TensorTile;
using emitter::Way;

Verdict supports(const Problem& problem) {
  const int capability = capability_of(*problem.target);
  if (capability < 75) return Verdict::no("the target is no GPU");
  const auto product = half_product_of(problem);
  if (capability < 80 && !product->integers())
    return Verdict::no("wants tensor cores of compute capability 8.0");
  const emitter::ContractText text = text_of(*product, {});
  if (!text.declined.empty()) return Verdict::no(text.declined);
  if (product->contraction.depth_count().is(1)) return Verdict::no("nothing is summed");
  return {};
}

double bytes_of(const Problem& problem, const Value& value) {
  double count = bits(value.type.tensor().dtype) / 8.0;
  for (const Dim& dim : value.type.tensor().shape())
    count *= static_cast<double>(size_for_estimates(problem, dim));
  return count;
}

/// What estimates take of a problem.
struct Sizes {
  double batches, rows, columns, blocks;  // blocks: of the depth
  double bytes;                           // that it reads and writes, once
  double reads;           // operands of which each result reads an element of its own
  bool picks_a, picks_b;  // element by element
  double behind;          // instructions for each result, behind its sum
  int element_bytes, words;
};

Sizes sizes_of(const Problem& problem, const HalfProduct& product) {
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(problem, dim));
  };
  const emitter::Contraction& of = product.contraction;
  const Graph& body = *problem.region.body;
  const Type& result = body.outputs().front().value->type;
  double bytes = bytes_of(problem, *body.outputs().front().value), reads = 0;
  for (const Value* input : body.inputs()) {
    bytes += bytes_of(problem, *input);
    const bool is_one_each =
        input->type == result || (product.integers() && bits(input->type.tensor().dtype) == 8 &&
                                  input->type.tensor().shape() == result.tensor().shape());
    reads += is_one_each ? 1 : 0;
  }
  const auto picks = [](const HalfSide& side) {
    return side.way == Way::gathered || side.way == Way::picked;
  };
  return {size(of.batch_count()),
          size(of.row_count()),
          size(of.column_count()),
          std::ceil(size(of.depth_count()) / product.block_depth()),
          bytes,
          reads,
          picks(product.a),
          picks(product.b),
          emitter::instructions_behind(product),
          product.element_bytes,
          emitter::words_of(product)};
}

/// Multiprocessors of a GPU, as far as estimates care.
constexpr double kMultiprocessors = 132;

double tiles_of(const Sizes& sizes, const TensorTile& tile) {
  return sizes.batches * std::ceil(sizes.rows / tile.rows) *
         std::ceil(sizes.columns / tile.columns);
}

/// What a block takes of a multiprocessor, and how long it takes where it is alone. Rates are of a
/// multiprocessor, measured on an H200 with all tunings of ResNet-50's convolutions.
struct BlockSeconds {
  double busy, alone;
};
BlockSeconds block_seconds(const Sizes& sizes, const TensorTile& tile) {
  constexpr double kProductsPerSecond = 2.7e12, kWarpsShare = 0.6;  // multiply-adds
  constexpr double kBytesPerSecond = 7.8e10, kPickedPerSecond = 5e9;
  constexpr double kLatency = 1.5e-7, kBegin = 2e-6, kMeet = 3e-7;
  constexpr double kInstructionsPerSecond = 2.05e11, kFewBehind = 11;  // a bias, clipping
  const double results = double(tile.rows) * tile.columns;
  // Tensor cores take as many bytes of the depth at a time, whatever they are.
  constexpr double kHalves = emitter::HalfProduct::kRowBytes / 2;
  const double products =
      results * kHalves / (kProductsPerSecond * (tile.warpgroups ? 1 : kWarpsShare));
  const auto loading = [&](int across, bool picks) {
    const double bytes = across * double(emitter::HalfProduct::kRowBytes);
    return picks ? bytes / tile.element_bytes / kPickedPerSecond : bytes / kBytesPerSecond;
  };
  const double loads = loading(tile.rows, sizes.picks_a) + loading(tile.columns, sizes.picks_b);
  // With few tiles ahead, products wait for them.
  const double late = tile.ahead() == 1 ? 1.19 : tile.ahead() == 2 ? 1.014 : 1;
  const double each = late * std::max(products, loads);
  const double blocks = std::ceil(sizes.blocks / tile.split);
  // What is not brought beforehand waits.
  const double waits =
      tile.split == 1 && tile.element_bytes * results <= tile.stage_bytes() ? 1 : 17;
  const double stores = (results * (tile.split > 1 ? 5 + 7.3 / tile.split : 8.7) +
                         tile.element_bytes * results * waits * sizes.reads) /
                            kBytesPerSecond +
                        results * std::max(0.0, sizes.behind - kFewBehind) / kInstructionsPerSecond;
  return {blocks * each + stores, blocks * std::max(each, kLatency / tile.ahead()) + stores +
                                      kBegin + (tile.split > 1 ? kMeet * tile.split : 0)};
}

double seconds_of(const Problem& problem, const Sizes& sizes, const TensorTile& tile) {
  constexpr double kManyWaves = 4;  // behind which they do not end together
  const Target& target = *problem.target;
  const BlockSeconds block = block_seconds(sizes, tile);
  const int at_once = tile.blocks_at_once();
  const double tiles = tiles_of(sizes, tile) * tile.split;
  double waves = tiles / (kMultiprocessors * at_once), seconds = 0;
  if (waves <= 1) {
    seconds = std::max(block.alone, std::ceil(tiles / kMultiprocessors) * block.busy);
  } else {
    if (waves < kManyWaves) waves = std::ceil(waves);
    seconds = waves * std::max(block.alone, at_once * block.busy);
  }
  seconds = target.launch_seconds + std::max(seconds, sizes.bytes / target.bytes_per_second);
  if (tile.split > 1 && !tile.warpgroups)
    seconds += target.launch_seconds + 8 * sizes.batches * sizes.rows * sizes.columns *
                                           (tile.split + 1) / target.bytes_per_second;
  return seconds;
}

Tuning tuning_of(const TensorTile& tile) {
  return {{"m", tile.rows},
          {"n", tile.columns},
          {"stages", tile.stages},
          {"split", tile.split},
          {"groups", tile.warpgroups ? 1 : 0},
          {"behind", tile.behind ? 1 : 0}};
}

TensorTile tile_of(const Tuning& tuning, const HalfProduct& product) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  const bool groups = at("groups") != 0 && !product.adds_up;
  return {at("m"),
          at("n"),
          at("stages"),
          at("split"),
          groups,
          groups && at("behind") != 0,
          product.element_bytes,
          emitter::words_of(product)};
}

std::vector<Tuning> tunings(const Problem& problem) {
  constexpr size_t kMost = 12;
  constexpr int kSharedBytes = 227 << 10, kSharedBytesBefore = 99 << 10, kSharedBytes75 = 64 << 10;
  struct Shape {
    int rows, columns;
  };
  constexpr Shape kShapes[] = {{128, 256}, {256, 128}, {128, 128}, {128, 64},
                               {64, 128},  {64, 64},   {64, 32}};
  const auto product = half_product_of(problem);
  const Sizes sizes = sizes_of(problem, *product);
  const bool warpgroups = capability_of(*problem.target) == 90 && !product->adds_up;
  const int most = warpgroups                            ? kSharedBytes
                   : capability_of(*problem.target) < 80 ? kSharedBytes75
                                                         : kSharedBytesBefore;
  std::vector<std::pair<double, TensorTile>> tiles;
  for (const Shape& shape : kShapes)
    for (const int split : {1, 2, 4, 8})
      for (const int stages : {3, 4, 6, 2}) {
        const bool behind = warpgroups && stages > 3;
        const TensorTile tile{shape.rows, shape.columns,       stages,     split, warpgroups,
                              behind,     sizes.element_bytes, sizes.words};
        if (tile.shared_bytes() > most) continue;
        if (!warpgroups && shape.rows * shape.columns > 128 * 128) continue;
        // Of integers, results came out wrong in tiles of 256 rows on an H200, in those alone, as
        // long as what is computed behind sums had branches for f64 and for sums beyond 32 bits.
        // Without these all are right; why, is not known, and cuda.resident is faster there.
        if (product->integers() && shape.rows > 128) continue;
        if (split > 1 &&
            (sizes.blocks < 2 * split || tiles_of(sizes, tile) * split > 2 * kMultiprocessors))
          continue;
        tiles.emplace_back(seconds_of(problem, sizes, tile), tile);
      }
  return best_tunings(std::move(tiles), tuning_of, kMost);
}

Tensor pack_a(const Problem& problem, const Tuning&, const Tensor& weight) {
  const auto product = half_product_of(problem);
  return pack_halves(*product, product->a, weight);
}
Tensor pack_b(const Problem& problem, const Tuning&, const Tensor& weight) {
  const auto product = half_product_of(problem);
  return pack_halves(*product, product->b, weight);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const auto product = half_product_of(*problem);
  const TensorTile tile = tile_of(tuning, *product);
  made.scratch_bytes = text_of(*product, tile).scratch_bytes;
  made.seconds = seconds_of(*problem, sizes_of(*problem, *product), tile);
  for (const HalfSide* side : {&product->a, &product->b})
    if (side->way == Way::packed)
      made.packings.push_back({static_cast<size_t>(side->input), packing_name(*product, *side),
                               side == &product->a ? pack_a : pack_b,
                               packed_bytes(*product, *side)});
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const Modules> modules;
  emitter::ContractText text;
  TensorTile tile;
  Dim batches, rows, columns;
  std::vector<Parameter> parameters;
  std::vector<Buffer> packed;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  const auto value = [&](const Dim& dim) { return known_size(dim, operands.symbols); };
  const int64_t batch_count = value(batches), row_count = value(rows),
                column_count = value(columns);
  const int64_t blocks = batch_count * ((row_count + tile.rows - 1) / tile.rows) *
                         ((column_count + tile.columns - 1) / tile.columns) * tile.split;
  check(blocks < (int64_t{1} << 31), Code::unsupported, "a product of ", blocks, " tiles");
  std::vector<Launching> launches;
  if (blocks > 0) {
    const Module& module = modules->at(operands.symbols);
    launches.emplace_back(module.function("product", tile.shared_bytes()), tile.threads(),
                          tile.shared_bytes());
    launches.back().set_grid(blocks);
    if (tile.split > 1 && !tile.warpgroups) {
      launches.emplace_back(module.function("finish"), 256, 0);
      launches.back().set_grid(
          (batch_count * row_count * ((column_count + tile.run() - 1) / tile.run()) + 255) / 256);
    }
  }
  return std::make_unique<Launches>(shared_from_this(), parameters, std::move(launches),
                                    text.symbols, operands, scratch);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device& device) {
  const Graph& body = *recipe.problem->region.body;
  const auto product = half_product_of(*recipe.problem);
  auto ready = std::make_shared<Ready>();
  ready->tile = tile_of(recipe.tuning, *product);
  ready->text = text_of(*product, ready->tile);
  check(ready->text.declined.empty(), Code::internal,
        "a product is refused now: ", ready->text.declined);
  ready->batches = product->contraction.batch_count();
  ready->rows = product->contraction.row_count();
  ready->columns = product->contraction.column_count();
  for (const Tensor& each : packed) ready->packed.push_back(uploaded(each, device));
  for (size_t i = 0; i + 1 < ready->text.parameters.size(); ++i) {
    Parameter parameter{input_of(body, ready->text.parameters[i]), -1, nullptr};
    for (size_t p = 0; p < recipe.packings.size(); ++p)
      if (static_cast<int>(recipe.packings[p].input) == parameter.input)
        parameter.fixed = ready->packed[p].data;
    ready->parameters.push_back(parameter);
  }
  ready->parameters.push_back({-1, 0, nullptr});  // the last one is the result
  ready->modules =
      std::make_unique<const Modules>(static_cast<Device&>(device).gpu(), ready->text.text);
  return ready;
}

}  // namespace
}  // namespace tensor_kernel

void register_tensor(KernelRegistry& registry) {
  using namespace tensor_kernel;
  Kernel kernel{"cuda.tensor", 1, supports, tunings, recipe, prepare};
  kernel.several = kernel.strided = true;
  registry.add(kernel);
}

}  // namespace hone::cuda
