// Attention over a cache of keys and values as language models have it: new keys and values are
// turned by their place and put into the cache, then queries attend to it. Where the cache that
// comes and the one that goes are the same memory, nothing of it is copied.

#include "ops/group_query.hpp"

#include <algorithm>
#include <bit>
#include <unordered_set>

#include "device/cuda/attention_tiles.hpp"
#include "device/cuda/best_tunings.hpp"
#include "device/cuda/emit/strides.hpp"
#include "device/cuda/group_query_launches.hpp"
#include "device/cuda/launches.hpp"
#include "device/problem.hpp"

namespace hone::cuda {
namespace group_query_kernel {
namespace {

using enum GroupQueryAttention::Operand;
using emitter::AttentionTile;
using emitter::FewQueries;

/// The node of a region; null: there is none.
const Node* node_of(const Problem& problem) {
  for (const Node& node : problem.region.body->nodes())
    if (node.op.as<GroupQueryAttention>() != nullptr) return &node;
  return nullptr;
}
const GroupQueryAttention& op_of(const Node& node) { return *node.op.as<GroupQueryAttention>(); }

const TensorType& type_of(const Node& node, size_t operand) {
  return node.inputs[operand]->type.tensor();
}
bool is_half(const Node& node) { return type_of(node, kQ).dtype != DType::f32; }

/// Elements of a head; 0: not known.
int64_t head_of(const Node& node) {
  return type_of(node, kQ).shape()[2].constant().value_or(0) / op_of(node).num_heads;
}

/// What is wrong with the operands' types; empty: nothing.
std::string refusal(const Node& node) {
  const DType dtype = type_of(node, kQ).dtype;
  if (dtype != DType::f32 && dtype != DType::f16 && dtype != DType::bf16)
    return "f32, f16 and bf16 only";
  if (node.input(kScoreBias) != nullptr) return "a bias of the scores";
  if (node.input(kSink) != nullptr || op_of(node).smooth_softmax) return "sinks of the softmax";
  if (node.output(3) != nullptr) return "the scores are wanted";
  if (node.output(0) == nullptr) return "nobody wants the result";
  for (size_t i = 0; i < node.inputs.size() && i < kScoreBias; ++i) {
    const Value* value = node.input(i);
    if (value == nullptr || i == kTotal) continue;
    if (!value->type.is_tensor() || !value->type.tensor().has_rank())
      return "an operand of unknown rank";
    const bool counts = i == kKeyLengths || i == kPositions;
    const DType own = value->type.tensor().dtype;
    if (value->is_literal()) return "an operand is a literal";
    if (counts ? own != DType::i32 && own != DType::i64 : own != dtype)
      return counts ? "lengths and positions in i32 or i64 only" : "operands of several types";
    if (i > kV ? !value->is_input() : !place_of_operand(*value))
      return "an operand is no view of one that is given";
  }
  const int64_t head = head_of(node), wanted = is_half(node) ? 8 : 4;
  if (head <= 0 || head > 256 || head % wanted != 0)
    return cat("wants heads of a known size, a multiple of ", wanted, " up to 256");
  return {};
}

/// The views that it reads through, and nothing else.
bool is_alone(const Graph& body, const Node& attention) {
  std::unordered_set<const Node*> run{&attention};
  for (const size_t operand : {kQ, kK, kV})
    for (const Value* value = attention.inputs[operand]; value->producer != nullptr;
         value = viewed(*value))
      run.insert(value->producer);
  return std::ranges::all_of(body.nodes(), [&](const Node& node) {
    return run.contains(&node) &&
           (&node == &attention || std::ranges::none_of(node.outputs, [](const Value* output) {
             return output != nullptr && output->first_output >= 0;
           }));
  });
}

/// Rows of the cache, and results, are read and written 16 bytes at a time; queries that do not
/// turn are, too.
bool is_aligned(const Problem& problem, const Node& node) {
  const std::set<const Value*> loose = emitter::loose_values(problem);
  for (const size_t i : {kPastKey, kPastValue})
    if (node.input(i) != nullptr && loose.contains(node.inputs[i])) return false;
  for (const Value* output : node.outputs)
    if (output != nullptr && loose.contains(output)) return false;
  if (op_of(node).do_rotary || !is_half(node)) return true;
  const auto view = place_of_operand(*node.inputs[kQ]);
  const auto fits = [](const Dim& dim) { return exact_div(dim, 8).has_value(); };
  return !loose.contains(view->of) &&
         (view->of == node.inputs[kQ] ||
          (fits(view->offset) &&
           std::all_of(view->strides.begin(), view->strides.end() - 1, fits)));
}

Verdict supports(const Problem& problem) {
  if (capability_of(*problem.target) == 0) return Verdict::no("the target is no GPU");
  const Node* node = node_of(problem);
  if (node == nullptr) return Verdict::no("GroupQueryAttention only, and views in front of it");
  if (std::string why = refusal(*node); !why.empty()) return Verdict::no(std::move(why));
  if (!is_alone(*problem.region.body, *node))
    return Verdict::no("runs with views in front of it alone");
  if (!is_aligned(problem, *node)) return Verdict::no("wants caches aligned to 16 bytes");
  if (is_half(*node) && capability_of(*problem.target) < 80)
    return Verdict::no("wants tensor cores of compute capability 8.0");
  if (is_half(*node) && attention_tiles(*problem.target, head_of(*node), head_of(*node)).empty())
    return Verdict::no("has no room for heads of that size");
  return {};
}

/// Queries of all heads that share keys; nullopt: not known.
std::optional<int64_t> rows_of(const Node& node) {
  const auto queries = type_of(node, kQ).shape()[1].constant();
  if (!queries) return std::nullopt;
  return *queries * (op_of(node).num_heads / op_of(node).kv_num_heads);
}
/// Whether few queries may come, whose keys are parted among blocks; and whether many may.
bool takes_few(const Node& node) {
  return is_half(node) && rows_of(node).value_or(0) <= FewQueries::kRows &&
         op_of(node).num_heads / op_of(node).kv_num_heads <= FewQueries::kRows;
}
bool takes_tiles(const Node& node) {
  return !takes_few(node) || rows_of(node).value_or(INT64_MAX) > FewQueries::kRows;
}

AttentionWork work_of(const Problem& problem) {
  const Node& node = *node_of(problem);
  const auto size = [&](const Dim& dim) {
    return static_cast<double>(size_for_estimates(problem, dim));
  };
  const Dims& q = type_of(node, kQ).shape();
  const double batch = size(q[0]);
  return {batch * static_cast<double>(op_of(node).num_heads),
          batch * static_cast<double>(op_of(node).kv_num_heads), size(q[1]),
          size(rows_of_cache(node))};
}

std::vector<Tuning> tunings(const Problem& problem) {
  const Node& node = *node_of(problem);
  if (!is_half(node) || !takes_tiles(node)) return {{}};
  std::vector<std::pair<double, AttentionTile>> tiles;
  for (const AttentionTile& tile : attention_tiles(*problem.target, head_of(node), head_of(node)))
    tiles.emplace_back(seconds_of_attention(*problem.target, tile, work_of(problem), false), tile);
  return best_tunings(std::move(tiles), [](const AttentionTile& tile) {
    return Tuning{{"groups", tile.groups}, {"keys", tile.keys}, {"stages", tile.stages}};
  });
}

AttentionTile tile_of(const Node& node, const Tuning& tuning) {
  const auto at = [&](const char* name) { return static_cast<int>(tuning.at(name)); };
  return {head_of(node), head_of(node), at("groups"), at("keys"), at("stages")};
}

void add_in_place(Recipe& made, const Problem& problem, const Node& node) {
  for (const size_t past : {kPastKey, kPastValue}) {
    const Value* output = node.output(past - kPastKey + 1);
    if (node.input(past) == nullptr || output == nullptr || output->first_output < 0) continue;
    made.in_place.emplace_back(
        static_cast<size_t>(input_of(*problem.region.body, node.inputs[past])),
        static_cast<size_t>(output->first_output));
  }
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *node_of(*problem);
  const Target& target = *problem->target;
  const AttentionWork work = work_of(*problem);
  const int64_t head = head_of(node);
  const bool few = takes_few(node);
  const double rows = work.queries * work.heads / work.kv_heads;
  if (few && rows <= FewQueries::kRows) {
    made.seconds = seconds_of_few_queries(target, work, 2 * head, false);
  } else if (is_half(node)) {
    made.seconds = seconds_of_attention(target, tile_of(node, tuning), work, false);
  } else {
    constexpr double kShare = 0.25;  // of the peak that it reaches
    made.seconds = target.launch_seconds + 4 * work.heads * work.queries * work.keys *
                                               static_cast<double>(head) /
                                               (kShare * target.flops_per_second);
  }
  const double turned = (work.heads + 2 * work.kv_heads) * work.queries;
  made.seconds += target.launch_seconds + 2 * turned * static_cast<double>(head) *
                                              (is_half(node) ? 2 : 4) / target.bytes_per_second;
  made.scratch_bytes = group_query_scratch(node, few ? head : 0);
  add_in_place(made, *problem, node);
  made.problem = std::move(problem);
  return made;
}

std::string constant(std::string_view name, int64_t value) {
  return cat("constexpr int ", name, " = ", value, ";\n");
}

/// As attention_keys.cu and cache.cu name them.
std::string constants_of(const Node& node) {
  const GroupQueryAttention& op = op_of(node);
  const Value* positions = node.input(kPositions);
  const int64_t window = op.local_window_size;
  return constant("kMask", 0) + constant("kMaskBits", 0) + constant("kMaskRows", 1) +
         constant("kLast", op.causal ? 0 : -1) + constant("kFirst", window > 0 ? window - 1 : -1) +
         constant("kLengthBits", bits(type_of(node, kKeyLengths).dtype)) +
         constant("kLengthMore", 1) + constant("kSoftcap", std::bit_cast<int32_t>(op.softcap)) +
         constant("kFill", 0) + constant("kZeroUnseen", 0) + constant("kZeroNan", 0) +
         constant("kPast", 0) + constant("kKeeps", 0) +
         constant("kTurns", !op.do_rotary           ? 0
                            : op.rotary_interleaved ? 2
                                                    : 1) +
         constant("kPositionBits", positions == nullptr ? 0 : bits(positions->type.tensor().dtype));
}

void add_places(GroupQueryStep& step, const Node& node) {
  const Graph& body = *step.body;
  for (size_t i = 0; i < kSink; ++i) {
    step.inputs[i] = -1;
    const Value* operand = node.input(i);
    if (operand == nullptr || i == kTotal) continue;
    if (i > kV) {
      step.inputs[i] = input_of(body, operand);
      continue;
    }
    auto view = *place_of_operand(*operand);
    step.inputs[i] = input_of(body, view.of);
    (i == kQ ? step.q : i == kK ? step.k : step.v) = Placed(*operand, std::move(view));
  }
  for (size_t i = 0; i < 3; ++i)
    if (const Value* output = node.output(i)) step.outputs[i] = output->first_output;
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>,
                                        hone::Device& device) {
  const Problem& problem = *recipe.problem;
  auto step = std::make_shared<GroupQueryStep>();
  step->body = problem.region.body;
  const Node& node = *node_of(problem);
  step->op = op_of(node);
  add_places(*step, node);
  step->element_bytes = is_half(node) ? 2 : 4;
  const int64_t head = head_of(node);
  const DType dtype = type_of(node, kQ).dtype;
  const bool bf16 = dtype == DType::bf16;
  const std::string constants = constants_of(node);
  const auto& gpu = static_cast<Device&>(device).gpu();
  step->filling =
      std::make_unique<const LateModule>(gpu, emitter::cache_text(constants, head, dtype));
  std::string text;
  if (!is_half(node)) {
    step->shared = static_cast<int>(emitter::shared_bytes_of_floats(head, head));
    text = emitter::attention_of_floats_text(constants, head, head);
  } else if (takes_tiles(node)) {
    const AttentionTile tile = tile_of(node, recipe.tuning);
    step->shared = static_cast<int>(tile.shared_bytes());
    step->threads = tile.threads();
    step->queries_a_block = tile.queries();
    text = emitter::attention_text(constants, tile, bf16);
  }
  if (!text.empty()) step->tiles = std::make_unique<const LateModule>(gpu, std::move(text));
  if (takes_few(node)) {
    step->of_few = few_queries_for(*problem.target, head, head);
    step->few = std::make_unique<const LateModule>(
        gpu, emitter::few_queries_text(constants, step->of_few, bf16));
  }
  return step;
}

}  // namespace
}  // namespace group_query_kernel

void register_group_query(KernelRegistry& registry) {
  using namespace group_query_kernel;
  registry.add({"cuda.group_query", 1, supports, tunings, recipe, prepare, true});
}

}  // namespace hone::cuda
