// Which nodes halves will not do for, by what their stages, names and constants say.

#include "passes/half_range.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "ir/bodies/structural.hpp"
#include "ir/stages/stages.hpp"
#include "ops/attention.hpp"
#include "ops/sampling.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

constexpr double kMostHalf = 65504;
constexpr double kLeastHalf = 0x1p-14;  // below, digits are lost
constexpr double kFactor = 64;          // the largest that may multiply a half without more ado

template <size_t kCount>
bool is_one_of(const Node& node, const std::string_view (&names)[kCount]) {
  return std::find(std::begin(names), std::end(names), node.op.name()) != std::end(names);
}

/// Results that may be beyond f16 of operands that are not.
constexpr std::string_view kGrowing[] = {"Exp",      "Reciprocal", "ReduceSum", "ReduceL1",
                                         "ReduceL2", "ReduceProd", "Sinh",      "ReduceSumSquare",
                                         "Cosh",     "Tan",        "LpPool",    "GlobalLpPool"};
/// Results are small whatever the operands are.
constexpr std::string_view kBounded[] = {"Softmax",
                                         "SoftmaxZero",
                                         "Sigmoid",
                                         "Tanh",
                                         "Erf",
                                         "HardSigmoid",
                                         "Sin",
                                         "Cos",
                                         "Atan",
                                         "Sign",
                                         "Softsign",
                                         "Sqrt",
                                         "Log",
                                         "LayerNormalization",
                                         "RMSNormalization",
                                         "InstanceNormalization",
                                         "GroupNormalization",
                                         "LpNormalization",
                                         "MeanVarianceNormalization",
                                         "ReduceLogSumExp",
                                         "Attention"};
/// A constant beyond the largest half is an infinity to them, which says the same.
constexpr std::string_view kLimiting[] = {"Clip", "Min", "Max", "Attention"};
/// A rounding in front makes another result.
constexpr std::string_view kExacting[] = {"Sin",   "Cos",  "Tan",   "Mod",
                                          "Floor", "Ceil", "Round", "AffineGrid"};
constexpr std::string_view kReadingSizes[] = {"Shape", "Size"};
constexpr std::string_view kQuantizing[] = {"QuantizeLinear", "DequantizeLinear",
                                            "DynamicQuantizeLinear"};
bool is_f32(const Value* value) { return dtype_of(value) == DType::f32; }

bool is_plain_map(const Node& node) {
  const Stages stages = stages_of(node);
  return stages && std::all_of(stages.list.begin(), stages.list.end(),
                               [](const auto& stage) { return stage->kind() == Stage::Kind::map; });
}

}  // namespace

bool is_contraction(const Node& node) {
  const Stages stages = stages_of(node);
  return stages && std::any_of(stages.list.begin(), stages.list.end(), [](const auto& stage) {
           return stage->kind() == Stage::Kind::contract;
         });
}

Magnitudes magnitudes_of(const Weight& weight) {
  Magnitudes found;
  if (weight.is_random() || weight.is_absent() || weight.dtype() != DType::f32) return found;
  const Tensor contents = weight.contents();
  for (int64_t i = 0; i < contents.count(); ++i) {
    const double each = std::abs(static_cast<double>(contents.at<float>(i)));
    if (!std::isfinite(each) || each == 0) continue;
    found.most = std::max(found.most, each);
    found.least = found.least == 0 ? each : std::min(found.least, each);
  }
  return found;
}

HalfRange::HalfRange(const Graph& graph, DType to) : to_(to) { find_exact(graph); }

/// Back from those that want exact operands, through what works element by element.
void HalfRange::find_exact(const Graph& graph) {
  std::unordered_set<const Value*> wanted;
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    const auto is_wanted = [&](const Value* value) { return wanted.contains(value); };
    const bool makes = std::any_of(node->outputs.begin(), node->outputs.end(), is_wanted);
    if (node->op.as<GridSample>() != nullptr) wanted.insert(node->input(1));  // places
    if (!is_one_of(*node, kExacting) && !(makes && is_plain_map(*node))) continue;
    exact_.insert(&*node);
    wanted.insert(node->inputs.begin(), node->inputs.end());
  }
}

const Magnitudes& HalfRange::magnitudes(const Value* constant) {
  const auto [found, is_new] = magnitudes_.emplace(constant, Magnitudes());
  if (is_new) found->second = magnitudes_of(*constant->weight);
  return found->second;
}

Standing HalfRange::standing(const Value* value) {
  if (value == nullptr || !is_f32(value)) return Standing::fine;
  const auto found = standings_.find(value);
  return found == standings_.end() ? Standing::fine : found->second;
}

/// Computed of what was quantized: integer arithmetic, where it is quantized again.
bool HalfRange::reads_quantized(const Node& node) const {
  return std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](const Value* input) { return quantized_.contains(input); });
}

/// Between two numbers that halves hold.
bool HalfRange::is_clipped(const Node& node) {
  if (node.op.name() != "Clip") return false;
  for (const size_t limit : {size_t{1}, size_t{2}}) {
    const Value* value = node.input(limit);
    if (value == nullptr || !value->is_constant() || magnitudes(value).most > kMostHalf)
      return false;
  }
  return true;
}

Standing HalfRange::worst_operand(const Node& node) {
  // What is added to the scores ends at the least half.
  const size_t added = node.op.as<Attention>() != nullptr ? size_t{Attention::kMask} : SIZE_MAX;
  Standing worst = Standing::fine;
  for (size_t i = 0; i < std::min(added, node.inputs.size()); ++i)
    worst = std::max(worst, standing(node.inputs[i]));
  return worst;
}

std::string HalfRange::why_constant(const Node& node, const Value* value) {
  if (is_one_of(node, kLimiting)) return {};
  const Magnitudes& found = magnitudes(value);
  if (found.most > kMostHalf) return cat("reads ", found.most, ", beyond 65504");
  if (value->weight->count() == 1 && found.least > 0 && found.least < kLeastHalf)
    return cat("reads ", found.least, ", too small for f16");
  const bool scales = node.op.name() == "Mul" || node.op.name() == "Div";
  if (!scales || found.most == 0) return {};
  const double factor = node.op.name() == "Mul" ? found.most : 1 / found.least;
  return factor > kFactor ? cat("its result may be beyond 65504: a factor of ", factor)
                          : std::string();
}

/// In f16: what may overflow, or lose all digits.
std::string HalfRange::why_overflow(const Node& node) {
  for (const Value* input : node.inputs)
    if (input != nullptr && input->is_constant() && is_f32(input))
      if (std::string why = why_constant(node, input); !why.empty()) return why;
  const std::string_view name = node.op.name();
  const double power = name == "Pow" ? scalar_of(node.input(1)).value_or(0) : 0;
  const bool grows =
      is_one_of(node, kGrowing) || (name == "Pow" && !(power > 0 && power <= 1)) ||
      (name == "Div" && !(node.input(1) != nullptr && node.input(1)->is_constant())) ||
      (name == "Mul" && node.input(0) == node.input(1));
  return grows ? "its result may be beyond 65504" : std::string();
}

std::string HalfRange::why_wide(const Node& node) {
  if (!control_bodies(node.op).empty()) return "control flow";
  if (is_one_of(node, kQuantizing)) return "quantized";
  if (reads_quantized(node)) return "between quantized values";
  if (is_one_of(node, kReadingSizes)) return {};
  if (const Stages stages = stages_of(node); !stages)
    return stages.declined.empty() ? "no closed form" : cat("no closed form: ", stages.declined);
  if (exact_.contains(&node)) return "a rounding in front would change its result";
  const Standing worst = worst_operand(node);
  if (worst == Standing::huge) return "an operand is beyond 65504";
  if (worst == Standing::risky && !is_contraction(node)) return "an operand may not fit";
  return to_ == DType::f16 ? why_overflow(node) : std::string();
}

void HalfRange::note(const Node& node) {
  Standing made = worst_operand(node);
  if (to_ == DType::f16) {
    for (const Value* input : node.inputs)
      if (input != nullptr && input->is_constant() && is_f32(input) &&
          magnitudes(input).most > kMostHalf && !is_one_of(node, kLimiting))
        made = Standing::huge;
    if (made == Standing::fine && !why_overflow(node).empty()) made = Standing::risky;
  }
  const DType from = dtype_of(node.input(0)).value_or(DType::f32);
  const bool counts =
      node.op.name() == "Range" || (node.op.name() == "Cast" && is_integer(from) && bits(from) > 8);
  if (counts) made = std::max(made, Standing::risky);
  if (is_one_of(node, kBounded) || is_clipped(node)) made = Standing::fine;
  const bool unpacks = node.op.name() == "DequantizeLinear" && !node.input(0)->is_constant();
  if (unpacks || reads_quantized(node)) quantized_.insert(node.outputs.begin(), node.outputs.end());
  for (const Value* output : node.outputs)
    if (output != nullptr && is_f32(output)) standings_[output] = made;
}

}  // namespace hone
