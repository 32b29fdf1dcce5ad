// Products with constant weights of 4 or 8 bits in blocks, which stay so in memory: they become
// numbers while they are multiplied.

#include <algorithm>
#include <cstring>

#include "base/size.hpp"
#include "device/cuda/emit/nbits_text.hpp"
#include "device/cuda/emit/strides.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"
#include "ops/arithmetic.hpp"

namespace hone::cuda {
namespace nbits_kernel {
namespace {

enum Operand {
  kX,
  kWeights,
  kScales,
  kZeros,
  kBlocks,
  kBias,
  kAdded
};

constexpr int64_t kFew = 8, kSeveral = 16;  // rows that functions of halves take

const MatMulNBits& op_of(const Node& node) { return *node.op.as<MatMulNBits>(); }
DType dtype_of(const Node& node, size_t operand) {
  return node.inputs[operand]->type.tensor().dtype;
}

/// Which input of the region an operand is; -1: it is absent.
int place_of(const Problem& problem, const Node& node, size_t operand) {
  const Value* value = node.input(operand);
  return value == nullptr ? -1 : input_of(*problem.region.body, value);
}

Verdict refusal_of_operands(const Problem& problem, const Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Value* value = node.input(i);
    if (value == nullptr) continue;
    if (i == kBlocks) return Verdict::no("blocks that an operand tells");
    if (value->is_literal()) return Verdict::no("an operand is a literal");
    const int place = place_of(problem, node, i);
    if ((i == kWeights || i == kScales || i == kZeros) &&
        problem.weights[static_cast<size_t>(place)] == nullptr)
      return Verdict::no("wants weights that are constants");
  }
  const DType x = dtype_of(node, kX), scales = dtype_of(node, kScales);
  if (x != DType::f32 && x != DType::f16) return Verdict::no("f32 and f16 only");
  if (scales != DType::f32 && scales != DType::f16 && scales != DType::bf16)
    return Verdict::no("scales of f32, f16 or bf16 only");
  if (node.input(kZeros) != nullptr && dtype_of(node, kZeros) != DType::u8 &&
      dtype_of(node, kZeros) != scales)
    return Verdict::no("zero points in u8 or as the scales only");
  if (node.input(kBias) != nullptr && dtype_of(node, kBias) != x)
    return Verdict::no("a bias of another type");
  return {};
}

/// The product of a region; null: there is none, or there are several.
const Node* product_of(const Problem& problem) {
  const Node* found = nullptr;
  for (const Node& node : problem.region.body->nodes()) {
    if (node.op.as<MatMulNBits>() == nullptr) continue;
    if (found != nullptr) return nullptr;
    found = &node;
  }
  return found;
}

/// What is added to the product where the region has nothing else, and it is like the result.
const Value* added_of(const Problem& problem, const Node& product) {
  const Graph& body = *problem.region.body;
  const Value* result = product.output();
  if (body.nodes().size() != 2 || result->first_output >= 0 || result->users.size() != 1)
    return nullptr;
  const Node& add = *result->users.front();
  if (add.op.as<Add>() == nullptr || add.inputs.size() != 2) return nullptr;
  const Value* added = add.inputs[add.inputs[0] == result ? 1 : 0];
  return added->is_input() && added->type == result->type && add.output()->type == result->type
             ? added
             : nullptr;
}

Verdict refusal_of(const Problem& problem, const Node& node) {
  constexpr int64_t kMost = int64_t{1} << 24;
  if (Verdict refused = refusal_of_operands(problem, node); !refused.yes) return refused;
  const MatMulNBits& op = op_of(node);
  if (op.bits != 4 && op.bits != 8) return Verdict::no("weights of 4 or 8 bits only");
  if (op.K % 32 != 0 || op.block_size % 32 != 0)
    return Verdict::no("wants blocks and a depth of multiples of 32");
  if (op.K >= kMost || op.N >= kMost || op.block_size >= kMost) return Verdict::no("too large");
  if (dtype_of(node, kX) == DType::f16 && capability_of(*problem.target) < 80)
    return Verdict::no("wants tensor cores of compute capability 8.0");
  if (emitter::loose_values(problem).contains(node.inputs[kX]))
    return Verdict::no("wants an operand aligned to 16 bytes");
  return {};
}

Verdict supports(const Problem& problem) {
  if (capability_of(*problem.target) == 0) return Verdict::no("the target is no GPU");
  const Node* node = product_of(problem);
  if (node == nullptr) return Verdict::no("one MatMulNBits only");
  for (const Value* operand : node->inputs)
    if (operand != nullptr && operand->producer != nullptr)
      return Verdict::no("an operand is computed in the region");
  if (Verdict refused = refusal_of(problem, *node); !refused.yes) return refused;
  if (problem.region.single() != nullptr || added_of(problem, *node) != nullptr) return {};
  return Verdict::yes_up_to(node->output()->name, "a sum may follow, and nothing else");
}

std::vector<Tuning> tunings(const Problem&) { return {{}}; }

Tensor pack(const Problem& problem, const Tuning&, const Tensor& weight) {
  const int64_t width = op_of(*product_of(problem)).bits;
  Tensor packed(DType::u8, weight.shape());
  const std::byte* from = weight.bytes().data();
  std::byte* to = packed.mutable_bytes().data();
  for (size_t i = 0; i + 4 <= weight.bytes().size(); i += 4) {
    uint32_t word = 0;
    std::memcpy(&word, from + i, 4);
    word = emitter::nbits_word(word, width);
    std::memcpy(to + i, &word, 4);
  }
  return packed;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *product_of(*problem);
  const MatMulNBits& op = op_of(node);
  const Target& target = *problem->target;
  double rows = 1;
  for (const Dim& dim : node.inputs[kX]->type.tensor().shape())
    rows *= static_cast<double>(size_for_estimates(*problem, dim));
  rows /= static_cast<double>(op.K);
  const double products = static_cast<double>(op.K) * static_cast<double>(op.N);
  const bool half = dtype_of(node, kX) == DType::f16;
  constexpr double kBegin = 2e-6, kShare = 0.6;  // of the rate of memory
  const double flops = half ? 2e14 : 0.15 * target.flops_per_second;
  const double passes = half ? 1 : std::min(16.0, std::ceil(rows / 4));
  made.seconds =
      target.launch_seconds + kBegin +
      std::max(
          passes * products * static_cast<double>(op.bits) / 8 / (kShare * target.bytes_per_second),
          2 * products * std::ceil(rows / 64) * 64 / flops * (half && rows <= 16 ? 0.1 : 1));
  const auto weights = static_cast<size_t>(place_of(*problem, node, kWeights));
  made.packings.push_back({weights, cat("cuda.nbits.pairs/bits=", op.bits), pack,
                           static_cast<int64_t>(problem->weights[weights]->bytes())});
  made.problem = std::move(problem);
  return made;
}

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  MatMulNBits op;
  bool half = false;
  int places[7] = {-1, -1, -1, -1, -1, -1, -1};  // of operands, among the region's inputs
  Buffer weights;
  std::unique_ptr<const LateModule> module;
  std::vector<MachineCode> code() const override { return {module->code()}; }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
  Launching launching(int64_t rows) const;
};

/// The function for so many rows.
Launching Ready::launching(int64_t rows) const {
  constexpr int64_t kMultiprocessors = 132, kTile = 64, kOfWarp = 16;
  const Module& code = module->get();
  if (!half && rows <= kSeveral) {
    Launching launch(code.function("few"), 128, 0);
    launch.set_grid(ceil_div(op.N, int64_t{4}), ceil_div(rows, int64_t{4}));
    return launch;
  }
  if (!half) {
    Launching launch(code.function("many"), 256, 0);
    launch.set_grid(ceil_div(op.N, kTile), ceil_div(rows, kTile));
    return launch;
  }
  if (rows <= kSeveral) {
    Launching launch(code.function(rows <= kFew ? "few" : "several"), 256, 0);
    launch.set_grid(ceil_div(op.N, kOfWarp));
    return launch;
  }
  const int64_t down = ceil_div(rows, kTile);
  const int64_t warps = down * ceil_div(op.N, 8 * kOfWarp) >= kMultiprocessors ? 8 : 4;
  const int shared = emitter::nbits_shared_bytes(op.bits);
  Launching launch(code.function(warps == 8 ? "most_rows" : "many", shared),
                   static_cast<int>(32 * warps), shared);
  launch.set_grid(ceil_div(op.N, warps * kOfWarp), down);
  return launch;
}

class Running final : public Bound {
 public:
  Running(std::shared_ptr<const Ready> ready, const Operands& operands)
      : ready_(std::move(ready)), rows_(element_count(operands.outputs[0].shape) / ready_->op.N) {
    if (rows_ > 0) launch_ = ready_->launching(rows_);
    rebind(operands);
  }
  void rebind(const Operands& operands) override {
    if (!launch_) return;
    const auto address = [&](const void* data) { return reinterpret_cast<uint64_t>(data); };
    const auto input = [&](Operand operand) {
      const int place = ready_->places[operand];
      return place < 0 ? 0 : address(operands.inputs[static_cast<size_t>(place)].data);
    };
    launch_->set({input(kX), address(ready_->weights.data), input(kScales), input(kZeros),
                  input(kBias), input(kAdded), address(operands.outputs[0].data),
                  static_cast<uint64_t>(rows_)});
  }
  void enqueue(hone::Stream& stream) override {
    if (launch_) launch_->enqueue(static_cast<Stream&>(stream));
  }

 private:
  std::shared_ptr<const Ready> ready_;
  int64_t rows_;
  std::optional<Launching> launch_;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte>,
                                   hone::Stream&) const {
  return std::make_unique<Running>(shared_from_this(), operands);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device& device) {
  const Problem& problem = *recipe.problem;
  const Node& node = *product_of(problem);
  auto ready = std::make_shared<Ready>();
  ready->op = op_of(node);
  ready->half = dtype_of(node, kX) == DType::f16;
  for (size_t i = 0; i < kAdded; ++i) ready->places[i] = place_of(problem, node, i);
  const Value* added = added_of(problem, node);
  if (added != nullptr) ready->places[kAdded] = input_of(*problem.region.body, added);
  ready->weights = uploaded(packed.front(), device);
  const bool zeros = node.input(kZeros) != nullptr;
  const emitter::NBitsOperands operands{dtype_of(node, kX), dtype_of(node, kScales),
                                        !zeros                                ? 0
                                        : dtype_of(node, kZeros) == DType::u8 ? 1
                                                                              : 2,
                                        node.input(kBias) != nullptr, added != nullptr};
  ready->module = std::make_unique<const LateModule>(static_cast<Device&>(device).gpu(),
                                                     emitter::nbits_text(ready->op, operands));
  return ready;
}

}  // namespace
}  // namespace nbits_kernel

void register_nbits(KernelRegistry& registry) {
  using namespace nbits_kernel;
  registry.add({"cuda.nbits", 1, supports, tunings, recipe, prepare, true});
}

}  // namespace hone::cuda
