// Attention whose scores never are in memory: of f32 by multiply-adds, of halves on tensor cores.

#include "ops/attention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "device/attention_geometry.hpp"
#include "device/cuda/best_tunings.hpp"
#include "device/cuda/emit/attention_text.hpp"
#include "device/cuda/emit/strides.hpp"
#include "device/cuda/launches.hpp"
#include "device/cuda/texts.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace attention_kernel {
namespace {

constexpr int kQueries = 32, kKeys = 64;  // as in the texts

using emitter::AttentionTile;

const Attention* op_of(const Problem& problem) {
  const Node* node = problem.region.single();
  return node == nullptr ? nullptr : node->op.as<Attention>();
}

const TensorType* type_of(const Node& node, size_t operand) {
  const Value* value = node.input(operand);
  return value == nullptr || !value->type.is_tensor() ? nullptr : &value->type.tensor();
}

/// Elements of one head of an operand; 0: not known.
int64_t head_of(const TensorType& type, int64_t heads) {
  const auto last = type.shape().back().constant();
  if (!last) return 0;
  if (type.rank() == 4) return *last;
  return heads > 0 ? *last / heads : 0;
}

bool is_half(const Problem& problem) {
  return type_of(*problem.region.single(), Attention::kQ)->dtype != DType::f32;
}

int64_t most_shared_bytes(const Target& target) {
  const int capability = capability_of(target);
  return (capability >= 90 && capability < 120 ? 227 : capability == 80 ? 163 : 99) << 10;
}

/// Tiles of halves that there is room for.
std::vector<AttentionTile> tiles_of(const Problem& problem) {
  const Node& node = *problem.region.single();
  const Attention& op = *op_of(problem);
  const int64_t head = head_of(*type_of(node, Attention::kQ), op.q_num_heads);
  const int64_t value = head_of(*type_of(node, Attention::kV), op.kv_num_heads);
  std::vector<AttentionTile> tiles;
  const auto add = [&](int groups, int keys) {
    for (const int stages : {2, 1}) {
      const AttentionTile tile{head, value, groups, keys, stages};
      if (tile.shared_bytes() > most_shared_bytes(*problem.target)) continue;
      tiles.push_back(tile);
      return;
    }
  };
  if (capability_of(*problem.target) == 90)
    for (const auto& [groups, keys] : {std::pair{1, 64}, {1, 128}, {2, 64}, {2, 128}})
      add(groups, keys);
  add(0, 64);
  return tiles;
}

int64_t shared_bytes(int64_t head, int64_t value) {
  const int64_t row = head + 4;
  return 4 * (kQueries * row + kKeys * row + kKeys * value + kQueries * kKeys);
}

/// Operands that are the region's inputs.
bool is_operand(const Problem& problem, const Value* value) {
  const auto& inputs = problem.region.body->inputs();
  return std::find(inputs.begin(), inputs.end(), value) != inputs.end();
}

Verdict supports(const Problem& problem) {
  const Attention* op = op_of(problem);
  if (op == nullptr) return Verdict::no("Attention only");
  const Node& node = *problem.region.single();
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const TensorType* type = type_of(node, i);
    if (node.input(i) == nullptr) continue;
    if (i > Attention::kMask) return Verdict::no("a cache or lengths of keys are given");
    if (type == nullptr || !type->has_rank()) return Verdict::no("an operand of unknown rank");
    if (!is_operand(problem, node.input(i))) return Verdict::no("an operand is a literal");
    const DType dtype = type_of(node, 0)->dtype;
    if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16)
      return Verdict::no("f32, f16 and bf16 only");
    const bool fits =
        type->dtype == dtype ||
        (i == Attention::kMask && (type->dtype == DType::f32 || type->dtype == DType::boolean));
    if (!fits) return Verdict::no("operands of several types");
    if (i == Attention::kMask && type->shape().empty()) return Verdict::no("the mask is a scalar");
  }
  const bool half = is_half(problem);
  if (!half && (op->is_causal || op->left_window_size >= 0 || op->right_window_size >= 0))
    return Verdict::no("queries see a part of the keys");
  if (!half && op->softcap != 0) return Verdict::no("scores are capped");
  for (size_t i = 1; i < node.outputs.size(); ++i)
    if (node.outputs[i] != nullptr) return Verdict::no("wants more than the first result");
  const int64_t head = head_of(*type_of(node, Attention::kQ), op->q_num_heads);
  const int64_t value = head_of(*type_of(node, Attention::kV), op->kv_num_heads);
  if (head <= 0 || value <= 0 || head % 4 != 0 || head > 256 || value > 256)
    return Verdict::no("wants heads of a known size, a multiple of 4 up to 256");
  if (!half) return {};
  if (capability_of(*problem.target) < 80)
    return Verdict::no("wants tensor cores of compute capability 8.0");
  const std::set<const Value*> loose = emitter::loose_values(problem);
  for (const size_t i : {0, 1, 2})
    if (loose.contains(node.input(i))) return Verdict::no("wants operands aligned to 16 bytes");
  if (loose.contains(problem.region.body->outputs().front().value))
    return Verdict::no("wants a result aligned to 16 bytes");
  if (head % 8 != 0 || value % 8 != 0) return Verdict::no("wants heads of multiples of 8");
  if (tiles_of(problem).empty()) return Verdict::no("has no room for heads of that size");
  return {};
}

double count_of(const Problem& problem, const TensorType& type) {
  double all = 1;
  for (const Dim& dim : type.shape()) all *= static_cast<double>(size_for_estimates(problem, dim));
  return all;
}

struct Sizes {
  double heads, queries, keys;  // heads: of all batches
};

Sizes sizes_of(const Problem& problem) {
  const Node& node = *problem.region.single();
  const TensorType &q = *type_of(node, Attention::kQ), &k = *type_of(node, Attention::kK);
  const auto rows = [&](const TensorType& type) {
    return static_cast<double>(
        size_for_estimates(problem, type.shape()[static_cast<size_t>(type.rank()) - 2]));
  };
  const auto head = static_cast<double>(head_of(q, op_of(problem)->q_num_heads));
  return {count_of(problem, q) / head / rows(q), rows(q), rows(k)};
}

/// Fitted to times of an H200 (docs/cuda.md).
double seconds_of(const Problem& problem, const AttentionTile& tile) {
  constexpr double kMultiprocessors = 132;
  // Of a warpgroup with 64 queries that has a multiprocessor for itself, heads of 64 elements: to
  // begin and end, and for 128 keys.
  constexpr double kBlock = 5.5e-7, kKeys = 7.8e-7, kMasked = 3e-7;
  constexpr double kBegin = 1.4e-6, kTile = 2.5e-7;  // of the first result
  const Sizes sizes = sizes_of(problem);
  const bool masked = problem.region.single()->input(Attention::kMask) != nullptr;
  const double columns = static_cast<double>(tile.head + tile.value) / 128;
  const double groups = std::max(1, tile.groups), tiles = std::ceil(sizes.keys / tile.keys);
  const double keys = tiles * tile.keys / 128;
  // Small tiles begin sooner; groups wait for each other, warps multiply slower.
  const double small = tile.keys < 128 ? 1.05 : 1, large = tile.keys < 128 ? 1 : 1.2;
  const double slower = tile.groups == 0 ? 1.35 : 0.9 + 0.1 * groups;
  const double block =
      slower * groups *
      (kBlock * large * columns + keys * (kKeys * small * columns + (masked ? kMasked : 0)));
  const double blocks = sizes.heads * std::ceil(sizes.queries / tile.queries());
  const double first = kBegin + slower * tiles * kTile * (1 + tile.keys / 128.0) * columns;
  const Target& target = *problem.target;
  return target.launch_seconds + std::max(first, blocks / kMultiprocessors * block);
}

AttentionTile tile_of(const Problem& problem, const Tuning& tuning) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  AttentionTile tile = tiles_of(problem).front();
  tile.groups = at("groups"), tile.keys = at("keys"), tile.stages = at("stages");
  return tile;
}

std::vector<Tuning> tunings(const Problem& problem) {
  if (!is_half(problem)) return {{}};
  std::vector<std::pair<double, AttentionTile>> tiles;
  for (const AttentionTile& tile : tiles_of(problem))
    tiles.emplace_back(seconds_of(problem, tile), tile);
  return best_tunings(std::move(tiles), [](const AttentionTile& tile) {
    return Tuning{{"groups", tile.groups}, {"keys", tile.keys}, {"stages", tile.stages}};
  });
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  if (is_half(*problem)) {
    made.seconds = seconds_of(*problem, tile_of(*problem, tuning));
  } else {
    constexpr double kShare = 0.25;  // of the peak that it reaches
    const Sizes sizes = sizes_of(*problem);
    const Target& target = *problem->target;
    made.seconds = target.launch_seconds +
                   4 * count_of(*problem, problem->region.single()->outputs[0]->type.tensor()) *
                       sizes.keys / (kShare * target.flops_per_second);
  }
  made.problem = std::move(problem);
  return made;
}

/// Arguments behind the addresses; the text's structs are runs of 64-bit numbers.
struct Numbers {
  int64_t heads = 0, group = 1, queries = 0, keys = 0, scale = 0;
  int64_t q[3] = {}, k[3] = {}, v[3] = {}, y[3] = {}, mask[5] = {};
};

struct Ready final : ByText, std::enable_shared_from_this<Ready> {
  std::unique_ptr<const LateModule> module;
  Attention op;
  bool has_mask = false;
  int shared = 0, threads = 256;
  int64_t queries_a_block = kQueries;
  std::vector<MachineCode> code() const override { return {module->code()}; }
  std::unique_ptr<Bound> bind(const Operands& operands, std::span<std::byte> scratch,
                              hone::Stream& stream) const override;
};

class Running final : public Bound {
 public:
  Running(std::shared_ptr<const Ready> ready, const Operands& operands)
      : ready_(std::move(ready)),
        launch_(ready_->module->get().function("attention", ready_->shared), ready_->threads,
                ready_->shared) {
    const Attention& op = ready_->op;
    const Heads q(operands.inputs[0].shape, op.q_num_heads);
    const Heads k(operands.inputs[1].shape, op.kv_num_heads);
    const Heads v(operands.inputs[2].shape, op.kv_num_heads);
    const Heads y(operands.outputs[0].shape, op.q_num_heads);
    check_heads(q, k, v);
    MaskPlaces mask;
    if (ready_->has_mask) mask = MaskPlaces(operands.inputs[3].shape, q, k);
    const float scale = std::isnan(op.scale) ? 1 / std::sqrt(static_cast<float>(q.head)) : op.scale;
    const auto place = [](int64_t* to, const Heads& heads) {
      to[0] = heads.batch_stride, to[1] = heads.head_stride, to[2] = heads.row_stride;
    };
    numbers_.heads = q.heads;
    numbers_.group = k.heads > 0 ? q.heads / k.heads : 1;
    numbers_.queries = q.sequence;
    numbers_.keys = k.sequence;
    numbers_.scale = std::bit_cast<int32_t>(scale);
    place(numbers_.q, q), place(numbers_.k, k), place(numbers_.v, v), place(numbers_.y, y);
    std::copy_n(mask.strides, 4, numbers_.mask);
    numbers_.mask[4] = mask.keys;
    const int64_t each = ready_->queries_a_block;
    blocks_ = q.batch * q.heads * ((q.sequence + each - 1) / each);
    launch_.set_grid(blocks_);
    rebind(operands);
  }

  void rebind(const Operands& operands) override {
    const auto address = [](const Operand& operand) {
      return reinterpret_cast<uint64_t>(operand.data);
    };
    launch_.set(
        {address(operands.inputs[0]), address(operands.inputs[1]), address(operands.inputs[2]),
         ready_->has_mask ? address(operands.inputs[3]) : 0, address(operands.outputs[0])},
        {&numbers_.heads, &numbers_.group, &numbers_.queries, &numbers_.keys, &numbers_.scale,
         numbers_.q, numbers_.k, numbers_.v, numbers_.y, numbers_.mask});
  }

  void enqueue(hone::Stream& stream) override {
    if (blocks_ > 0) launch_.enqueue(static_cast<Stream&>(stream));
  }

 private:
  std::shared_ptr<const Ready> ready_;
  Launching launch_;
  Numbers numbers_{};
  int64_t blocks_ = 0;
};

std::unique_ptr<Bound> Ready::bind(const Operands& operands, std::span<std::byte>,
                                   hone::Stream&) const {
  return std::make_unique<Running>(shared_from_this(), operands);
}

std::string constant(std::string_view name, int64_t value) {
  return cat("constexpr int ", name, " = ", value, ";\n");
}

/// Of what the op and its mask are; of halves, too.
std::string constants_of(const Problem& problem) {
  const Node& node = *problem.region.single();
  const Attention& op = *op_of(problem);
  const TensorType* mask = type_of(node, Attention::kMask);
  std::string text = constant("kMask", mask == nullptr ? 0 : mask->dtype == DType::boolean ? 2 : 1);
  text += constant("kFill", std::bit_cast<int32_t>(op.fill));
  text += constant("kZeroUnseen", op.zero_unseen ? 1 : 0);
  text += constant("kZeroNan", op.zero_nan ? 1 : 0);
  if (!is_half(problem)) return text;
  // How many keys a query sees on one side of its place: -1: all.
  int64_t last = op.right_window_size;
  if (op.is_causal) last = last < 0 ? 0 : std::min<int64_t>(0, last);
  text += constant("kMaskBits", mask == nullptr ? 0 : bits(mask->dtype));
  const bool one_row =
      mask == nullptr || mask->rank() < 2 || mask->shape()[mask->shape().size() - 2].is(1);
  text += constant("kMaskRows", one_row ? 1 : 2);
  text += constant("kLast", last) + constant("kFirst", op.left_window_size);
  return text + constant("kSoftcap", std::bit_cast<int32_t>(op.softcap));
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  const Problem& problem = *recipe.problem;
  const Node& node = *problem.region.single();
  auto ready = std::make_shared<Ready>();
  ready->op = *op_of(problem);
  ready->has_mask = node.input(Attention::kMask) != nullptr;
  const int64_t head = head_of(*type_of(node, Attention::kQ), ready->op.q_num_heads);
  const int64_t value = head_of(*type_of(node, Attention::kV), ready->op.kv_num_heads);
  std::string text = constants_of(problem);
  if (is_half(problem)) {
    const AttentionTile tile = tile_of(problem, recipe.tuning);
    ready->shared = static_cast<int>(tile.shared_bytes());
    ready->threads = tile.threads();
    ready->queries_a_block = tile.queries();
    text = attention_text(text, tile, type_of(node, Attention::kQ)->dtype == DType::bf16);
  } else {
    ready->shared = static_cast<int>(shared_bytes(head, value));
    text += cat(constant("kHead", head), constant("kValue", value), embedded_text("attention"));
  }
  ready->module =
      std::make_unique<const LateModule>(static_cast<Device&>(device).gpu(), std::move(text));
  return ready;
}

}  // namespace
}  // namespace attention_kernel

void register_attention(KernelRegistry& registry) {
  using namespace attention_kernel;
  registry.add({"cuda.attention", 2, supports, tunings, recipe, prepare});
}

}  // namespace hone::cuda
