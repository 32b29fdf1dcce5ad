#include "device/cuda/brought_launches.hpp"

#include <algorithm>

#include "device/cuda/launches.hpp"
#include "device/cuda/tensor_map.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace {

using emitter::Brought;
using emitter::brought_product_of;
using emitter::BroughtProduct;
using emitter::HalfProduct;

Tensor pack_b(const Problem& problem, const Tuning&, const Tensor& weight) {
  const BroughtProduct product = brought_product_of(problem);
  return pack_halves(*product.product, product.product->b, weight, product.form);
}
Tensor pack_b_for_windows(const Problem& problem, const Tuning&, const Tensor& weight) {
  const BroughtProduct product = brought_product_of(problem);
  return pack_windows(*product.product, *product.windows, weight, product.form);
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::shared_ptr<const Problem> problem;  // whose values the product refers to
  std::unique_ptr<const Modules> modules;
  BroughtProduct product;
  emitter::ContractText text;
  BroughtShape shape{};
  std::vector<int> inputs;  // of the text's parameters but the last, which is the result
  Buffer packed;
  std::vector<MachineCode> code() const override { return modules->code(); }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

class Running final : public Bound {
 public:
  Running(std::shared_ptr<const Ready> ready, const Operands& operands,
          std::span<std::byte> scratch, const Module& module)
      : ready_(std::move(ready)),
        launch_(module.function("product", ready_->shape.shared_bytes), ready_->shape.threads,
                ready_->shape.shared_bytes),
        symbols_(operands.symbols),
        scratch_(scratch) {
    if (ready_->product.windows)
      spread_.emplace(module.function("spread"), emitter::kSpreadThreads, 0);
    set_grids();
    rebind(operands);
  }

  void rebind(const Operands& operands) override {
    if (is_empty_) return;
    std::vector<uint64_t> arguments;
    for (const int input : ready_->inputs)
      arguments.push_back(
          reinterpret_cast<uint64_t>(input < 0 ? static_cast<void*>(ready_->packed.data)
                                               : operands.inputs[static_cast<size_t>(input)].data));
    arguments.push_back(reinterpret_cast<uint64_t>(operands.outputs[0].data));
    std::vector<void*> maps = make_maps(arguments);
    arguments.push_back(reinterpret_cast<uint64_t>(scratch_.data()));
    for (const std::string& name : ready_->text.symbols) {
      const auto found = symbols_.find(name);
      arguments.push_back(found == symbols_.end() ? 0 : static_cast<uint64_t>(found->second));
    }
    if (spread_) spread_->set(arguments);
    launch_.set(std::move(arguments), maps);
  }

  void enqueue(hone::Stream& stream) override {
    if (is_empty_) return;
    if (spread_) spread_->enqueue(static_cast<Stream&>(stream));
    launch_.enqueue(static_cast<Stream&>(stream));
  }

 private:
  int64_t size(const Dim& dim) const { return dim.evaluate(symbols_).value_or(0); }

  void set_grids() {
    const BroughtShape& shape = ready_->shape;
    const emitter::Contraction& of = ready_->product.product->contraction;
    const int64_t tiles = size(of.batch_count()) *
                          ((size(of.row_count()) + shape.rows - 1) / shape.rows) *
                          ((size(of.column_count()) + shape.columns - 1) / shape.columns);
    is_empty_ = tiles <= 0;
    if (is_empty_) return;
    const int64_t blocks =
        shape.most_blocks > 0 ? std::min(tiles, shape.most_blocks) : tiles * shape.split;
    check(blocks < (int64_t{1} << 31), Code::unsupported, "a product of ", tiles, " tiles");
    launch_.set_grid(blocks);
    if (!spread_) return;
    constexpr int64_t kMostBlocks = 132 * 8;
    const int64_t kEach = ready_->product.windows->run * emitter::kSpreadThreads;
    const int64_t elements = size(ready_->product.windows->elements());
    spread_->set_grid(std::min(kMostBlocks, (elements + kEach - 1) / kEach));
  }

  /// Of the operands at these addresses, in the order of the text's parameters.
  std::vector<void*> make_maps(const std::vector<uint64_t>& addresses) {
    const BroughtProduct& product = ready_->product;
    const HalfProduct& halves = *product.product;
    const DType dtype = halves.contraction.a->dtype();
    const auto map = [&](const Brought& brought, const Value* value, int along, int across) {
      const auto& all = ready_->text.parameters;
      const auto at = static_cast<size_t>(std::find(all.begin(), all.end(), value) - all.begin());
      return map_of(brought, symbols_, dtype, reinterpret_cast<void*>(addresses[at]), along,
                    across);
    };
    const auto source = [](const emitter::HalfSide& side) {
      return std::get<const Value*>((side.load ? *side.load : *side.operand).source());
    };
    constexpr int kBox = emitter::kBoxColumns;
    const BroughtShape& shape = ready_->shape;
    const int depth = block_depth(product);
    a_ = product.windows ? map_of(product.a, symbols_, dtype, scratch_.data(), depth, shape.rows)
                         : map(product.a, source(halves.a), depth, shape.rows);
    std::vector<void*> maps{&a_};
    if (product.b.kind != Brought::Kind::packed) {
      const bool turned = product.b.kind == Brought::Kind::columns;
      b_ = map(product.b, source(halves.b), turned ? kBox : depth, turned ? depth : shape.columns);
      maps.push_back(&b_);
    }
    if (!shape.stores_boxes) return maps;
    y_ = map(product.result, halves.contraction.stage->value, shape.box_columns, kBox);
    maps.push_back(&y_);
    if (product.kept.kind != Brought::Kind::none) {
      kept_ = map(product.kept, product.kept_value, shape.box_columns, kBox);
      maps.push_back(&kept_);
    }
    return maps;
  }

  std::shared_ptr<const Ready> ready_;
  Launching launch_;
  std::optional<Launching> spread_;
  const Bindings symbols_;
  std::span<std::byte> scratch_;
  TensorMap a_{}, b_{}, y_{}, kept_{};
  bool is_empty_ = false;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte> scratch,
                                   hone::Stream&) const {
  return std::make_unique<Running>(shared_from_this(), operands, scratch,
                                   modules->at(operands.symbols));
}

}  // namespace

Recipe brought_recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning,
                      const BroughtProduct& product, double seconds) {
  Recipe recipe;
  recipe.problem = std::move(problem);
  recipe.tuning = tuning;
  recipe.seconds = seconds;
  const HalfProduct& halves = *product.product;
  recipe.scratch_bytes =
      product.windows ? product.windows->elements() * Dim(halves.element_bytes) : 0;
  if (product.windows)
    recipe.packings.push_back(
        {static_cast<size_t>(halves.b.input), packing_name(halves, *product.windows, product.form),
         pack_b_for_windows, packed_bytes(halves, *product.windows, product.form)});
  else if (product.b.kind == Brought::Kind::packed)
    recipe.packings.push_back({static_cast<size_t>(halves.b.input),
                               packing_name(halves, halves.b, product.form), pack_b,
                               packed_bytes(halves, halves.b, product.form)});
  return recipe;
}

std::shared_ptr<const Prepared> prepare_brought(
    const Recipe& recipe, std::vector<Tensor> packed, hone::Device& device,
    const BroughtShape& shape,
    const std::function<emitter::ContractText(const BroughtProduct&)>& text_of) {
  const Graph& body = *recipe.problem->region.body;
  auto ready = std::make_shared<Ready>();
  ready->problem = recipe.problem;
  ready->product = brought_product_of(*recipe.problem);
  ready->text = text_of(ready->product);
  ready->shape = shape;
  check(ready->text.declined.empty(), Code::internal,
        "a product is refused now: ", ready->text.declined);
  if (!packed.empty()) ready->packed = uploaded(packed.front(), device);
  for (size_t i = 0; i + 1 < ready->text.parameters.size(); ++i) {
    const int input = input_of(body, ready->text.parameters[i]);
    const bool is_packed = !packed.empty() && input == ready->product.product->b.input;
    ready->inputs.push_back(is_packed ? -1 : input);
  }
  ready->modules =
      std::make_unique<const Modules>(static_cast<Device&>(device).gpu(), ready->text.text);
  return ready;
}

}  // namespace hone::cuda
