#include "ops/attention.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "device/cuda/attention_launches.hpp"
#include "device/cuda/attention_tiles.hpp"
#include "device/cuda/best_tunings.hpp"
#include "device/cuda/emit/strides.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace attention_kernel {
namespace {

using enum Attention::Operand;
using emitter::attention_of_floats_text;
using emitter::AttentionTile;
using emitter::few_queries_text;
using emitter::FewQueries;

const Attention& op_of(const Node& node) { return *node.op.as<Attention>(); }

const TensorType& type_of(const Node& node, size_t operand) {
  return *attention_operand(node, operand);
}

/// Elements of one head of an operand; 0: not known.
int64_t head_of(const TensorType& type, int64_t heads) {
  const auto last = type.shape().back().constant();
  if (!last) return 0;
  if (type.rank() == 4) return *last;
  return heads > 0 ? *last / heads : 0;
}
int64_t head_of(const Node& node) { return head_of(type_of(node, kQ), op_of(node).q_num_heads); }
int64_t value_of(const Node& node) { return head_of(type_of(node, kV), op_of(node).kv_num_heads); }

bool is_half(const Node& node) { return type_of(node, kQ).dtype != DType::f32; }

/// Queries of all heads that share keys; nullopt: not known.
std::optional<int64_t> rows_of(const Node& node) {
  const TensorType &q = type_of(node, kQ), &k = type_of(node, kK);
  const auto queries = q.shape()[static_cast<size_t>(q.rank()) - 2].constant();
  const auto heads = q.rank() == 4 ? q.shape()[1].constant() : op_of(node).q_num_heads;
  const auto kv_heads = k.rank() == 4 ? k.shape()[1].constant() : op_of(node).kv_num_heads;
  if (!queries || !heads || !kv_heads || *kv_heads <= 0) return std::nullopt;
  return *queries * (*heads / *kv_heads);
}

/// Whether keys may be parted among blocks, where few queries come; and whether only few do.
bool takes_few(const Node& node) {
  if (!is_half(node) || (node.output(1) == nullptr) != (node.output(2) == nullptr)) return false;
  const auto rows = rows_of(node);
  return !rows || *rows <= FewQueries::kRows;
}
bool takes_tiles(const Node& node) { return !takes_few(node) || !rows_of(node); }

/// What is wrong with the operands; empty: nothing.
std::string refusal(const Node& node) {
  const DType dtype = type_of(node, kQ).dtype;
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16)
    return "f32, f16 and bf16 only";
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Value* value = node.input(i);
    if (value == nullptr) continue;
    if (!value->type.is_tensor() || !value->type.tensor().has_rank())
      return "an operand of unknown rank";
    if (value->is_literal()) return "an operand is a literal";
    const DType own = type_of(node, i).dtype;
    const bool fits = i == kNonpad ? own == DType::i64
                      : i == kMask ? own == dtype || own == DType::f32 || own == DType::boolean
                                   : own == dtype;
    if (!fits) return "operands of several types";
    if (i == kMask && type_of(node, i).shape().empty()) return "the mask is a scalar";
    if (i > kV ? !value->is_input() : !place_of_operand(*value))
      return "an operand is no view of one that is given";
  }
  if (node.output(3) != nullptr) return "the scores are wanted";
  if (node.output(0) == nullptr) return "nobody wants the result";
  const int64_t head = head_of(node), value = value_of(node);
  if (head <= 0 || value <= 0 || head % 4 != 0 || head > 256 || value > 256)
    return "wants heads of a known size, a multiple of 4 up to 256";
  if (is_half(node) && (head % 8 != 0 || value % 8 != 0)) return "wants heads of multiples of 8";
  return {};
}

/// Whether rows of a view begin at multiples of 16 bytes where what it is of does.
bool is_aligned(const Value& value, const StridedView& view) {
  constexpr int64_t kElements = 8;
  if (view.of == &value) return true;
  const auto fits = [](const Dim& dim) { return exact_div(dim, kElements).has_value(); };
  return fits(view.offset) && std::all_of(view.strides.begin(), view.strides.end() - 1, fits);
}

/// Halves are read and written 16 bytes at a time.
bool is_aligned(const Problem& problem, const Node& node) {
  const std::set<const Value*> loose = emitter::loose_values(problem);
  for (const size_t i : {kQ, kK, kV, kPastKey, kPastValue}) {
    if (node.input(i) == nullptr) continue;
    const auto view = place_of_operand(*node.inputs[i]);
    if (loose.contains(view->of) || !is_aligned(*node.inputs[i], *view)) return false;
  }
  const Value& y = *node.output();
  const auto place = place_of_result(y);
  if (!place || loose.contains(behind_views(y)) || (place->of != &y && !is_aligned(y, *place)))
    return false;
  return std::none_of(node.outputs.begin() + 1, node.outputs.end(),
                      [&](const Value* all) { return all != nullptr && loose.contains(all); });
}

Verdict supports(const Problem& problem) {
  const Node* node = attention_of(problem);
  if (node == nullptr) return Verdict::no("Attention only, and views about it");
  if (std::string why = refusal(*node); !why.empty()) return Verdict::no(std::move(why));
  if (Verdict verdict = views_verdict(problem, *node); !verdict.yes) return verdict;
  if (!is_half(*node)) return {};
  if (capability_of(*problem.target) < 80)
    return Verdict::no("wants tensor cores of compute capability 8.0");
  if (!is_aligned(problem, *node))
    return Verdict::no("wants operands and a result aligned to 16 bytes");
  if (attention_tiles(*problem.target, head_of(*node), value_of(*node)).empty())
    return Verdict::no("has no room for heads of that size");
  return {};
}

double count_of(const Problem& problem, const TensorType& type) {
  double all = 1;
  for (const Dim& dim : type.shape()) all *= static_cast<double>(size_for_estimates(problem, dim));
  return all;
}

AttentionWork work_of(const Problem& problem) {
  const Node& node = *attention_of(problem);
  const TensorType &q = type_of(node, kQ), &k = type_of(node, kK);
  const auto rows = [&](const TensorType& type) {
    return static_cast<double>(
        size_for_estimates(problem, type.shape()[static_cast<size_t>(type.rank()) - 2]));
  };
  const auto head = static_cast<double>(head_of(node));
  const double past = node.input(kPastKey) == nullptr ? 0 : rows(type_of(node, kPastKey));
  return {count_of(problem, q) / head / rows(q), count_of(problem, k) / head / rows(k), rows(q),
          rows(k) + past};
}

std::vector<AttentionTile> tiles_of(const Problem& problem) {
  const Node& node = *attention_of(problem);
  return attention_tiles(*problem.target, head_of(node), value_of(node));
}

double seconds_of(const Problem& problem, const AttentionTile& tile) {
  const bool masked = attention_of(problem)->input(kMask) != nullptr;
  return seconds_of_attention(*problem.target, tile, work_of(problem), masked);
}

AttentionTile tile_of(const Problem& problem, const Tuning& tuning) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  AttentionTile tile = tiles_of(problem).front();
  tile.groups = at("groups"), tile.keys = at("keys"), tile.stages = at("stages");
  return tile;
}

std::vector<Tuning> tunings(const Problem& problem) {
  const Node& node = *attention_of(problem);
  if (!is_half(node) || !takes_tiles(node)) return {{}};
  std::vector<std::pair<double, AttentionTile>> tiles;
  for (const AttentionTile& tile : tiles_of(problem))
    tiles.emplace_back(seconds_of(problem, tile), tile);
  return best_tunings(std::move(tiles), [](const AttentionTile& tile) {
    return Tuning{{"groups", tile.groups}, {"keys", tile.keys}, {"stages", tile.stages}};
  });
}

/// To put keys and values of the past and new ones together, where another function does it.
double seconds_to_join(const Problem& problem, const AttentionWork& sizes) {
  const Node& node = *attention_of(problem);
  if (node.input(kPastKey) == nullptr && node.output(1) == nullptr && node.output(2) == nullptr)
    return 0;
  const double elements = sizes.kv_heads * sizes.keys * double(head_of(node) + value_of(node));
  return problem.target->launch_seconds +
         2 * elements * (is_half(node) ? 2 : 4) / problem.target->bytes_per_second;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *attention_of(*problem);
  const AttentionWork sizes = work_of(*problem);
  const bool few = takes_few(node), tiles = takes_tiles(node);
  if (few && (!tiles || sizes.heads / sizes.kv_heads * sizes.queries <= FewQueries::kRows)) {
    const int64_t elements = head_of(node) + value_of(node);
    made.seconds =
        seconds_of_few_queries(*problem->target, sizes, elements, node.output(1) != nullptr);
  } else if (is_half(node)) {
    made.seconds =
        seconds_of(*problem, tile_of(*problem, tuning)) + seconds_to_join(*problem, sizes);
  } else {
    constexpr double kShare = 0.25;  // of the peak that it reaches
    const Target& target = *problem->target;
    made.seconds = target.launch_seconds + seconds_to_join(*problem, sizes) +
                   4 * count_of(*problem, node.outputs[0]->type.tensor()) * sizes.keys /
                       (kShare * target.flops_per_second);
  }
  made.scratch_bytes = attention_scratch(node, tiles, few ? value_of(node) : 0);
  made.problem = std::move(problem);
  return made;
}

std::string constant(std::string_view name, int64_t value) {
  return cat("constexpr int ", name, " = ", value, ";\n");
}

/// Of what the op and its operands are.
std::string constants_of(const Node& node) {
  const Attention& op = op_of(node);
  const TensorType* mask = attention_operand(node, kMask);
  // How many keys a query sees on one side of its place: -1: all.
  int64_t last = op.right_window_size;
  if (op.is_causal) last = last < 0 ? 0 : std::min<int64_t>(0, last);
  const bool one_row =
      mask == nullptr || mask->rank() < 2 || mask->shape()[mask->shape().size() - 2].is(1);
  return constant("kMask", mask == nullptr                 ? 0
                           : mask->dtype == DType::boolean ? 2
                                                           : 1) +
         constant("kMaskBits", mask == nullptr ? 0 : bits(mask->dtype)) +
         constant("kMaskRows", one_row ? 1 : 2) + constant("kLast", last) +
         constant("kFirst", op.left_window_size) +
         constant("kLengthBits", node.input(kNonpad) == nullptr ? 0 : 64) +
         constant("kLengthMore", 0) + constant("kSoftcap", std::bit_cast<int32_t>(op.softcap)) +
         constant("kFill", std::bit_cast<int32_t>(op.fill)) +
         constant("kZeroUnseen", op.zero_unseen ? 1 : 0) +
         constant("kZeroNan", op.zero_nan ? 1 : 0) +
         constant("kPast", node.input(kPastKey) == nullptr ? 0 : 1) +
         constant("kKeeps", node.output(1) == nullptr ? 0 : 1);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  const Problem& problem = *recipe.problem;
  const Node& node = *attention_of(problem);
  const int64_t head = head_of(node), value = value_of(node);
  const bool bf16 = type_of(node, kQ).dtype == DType::bf16;
  const std::string constants = constants_of(node);
  const auto& gpu = static_cast<Device&>(device).gpu();
  auto step = std::make_shared<AttentionStep>();
  step->body = problem.region.body;
  step->op = op_of(node);
  step->places = AttentionPlaces(*problem.region.body, node);
  step->element_bytes = is_half(node) ? 2 : 4;
  std::string text;
  if (!is_half(node)) {
    step->shared = static_cast<int>(emitter::shared_bytes_of_floats(head, value));
    text = attention_of_floats_text(constants, head, value);
  } else if (takes_tiles(node)) {
    const AttentionTile tile = tile_of(problem, recipe.tuning);
    step->shared = static_cast<int>(tile.shared_bytes());
    step->threads = tile.threads();
    step->queries_a_block = tile.queries();
    text = attention_text(constants, tile, bf16);
  }
  if (!text.empty()) step->tiles = std::make_unique<const LateModule>(gpu, std::move(text));
  if (takes_few(node)) {
    step->of_few = few_queries_for(*problem.target, head, value);
    step->few =
        std::make_unique<const LateModule>(gpu, few_queries_text(constants, step->of_few, bf16));
  }
  return step;
}

}  // namespace
}  // namespace attention_kernel

void register_attention(KernelRegistry& registry) {
  using namespace attention_kernel;
  registry.add({"cuda.attention", 3, supports, tunings, recipe, prepare, true});
}

}  // namespace hone::cuda
