#include "support/random_judge.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "base/text.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "ir/inference.hpp"
#include "ops/blockwise.hpp"

namespace hone::test {
namespace {

constexpr int64_t kMostElements = 4096;  // of one value

/// Holds for every number, of sequences too.
bool all(const Tensor& contents, const std::function<bool(double)>& holds) {
  if (contents.is_sequence())
    return std::all_of(contents.elements().begin(), contents.elements().end(),
                       [&](const Tensor& element) { return all(element, holds); });
  for (int64_t i = 0; i < contents.count(); ++i)
    if (!holds(contents.number(i))) return false;
  return true;
}

/// Multiples of 1/1024 that are not large: whoever adds such up in whatever order and precision
/// finds the same sum.
bool is_short(const Tensor& tensor) {
  return all(tensor, [](double x) {
    const double scaled = x * 1024;
    return std::abs(scaled) <= 1 << 20 && scaled == std::floor(scaled);
  });
}

bool is_half(const Tensor& tensor) { return is_float(tensor.dtype()) && bits(tensor.dtype()) < 32; }

/// Numbers of the operands, and zeros: nothing was rounded to a half.
bool is_chosen(const Tensor& result, const std::vector<const Tensor*>& operands) {
  std::set<double> numbers{0};
  for (const Tensor* operand : operands)
    if (operand != nullptr && operand->dtype() != DType::string)
      (void)all(*operand, [&](double x) { return numbers.insert(x), true; });
  return all(result, [&](double x) { return numbers.contains(x); });
}

bool is_tame(const Tensor& tensor) {
  return all(tensor, [](double x) { return std::abs(x) <= 4096; });
}

bool any(const Tensor& tensor, bool (*holds)(double size)) {
  return !all(tensor, [&](double x) { return !holds(std::abs(x)); });
}

bool is_among(std::string_view name, const std::set<std::string_view>& names) {
  return names.contains(name);
}

/// Where a rounding error is made large, or NaN: beside the ends of a function's domain, far out on
/// one that repeats, by divisors that are nearly 0. Whole numbers have no quotient by 0.
bool is_unstable(const Node& node, const std::vector<const Tensor*>& operands) {
  static const std::set<std::string_view> kEnding = {"Acos", "Acosh", "Asin", "Atanh",
                                                     "Log",  "Sqrt",  "Pow",  "Reciprocal"};
  const std::string_view name = node.op.name();
  if (name == "Sin" || name == "Cos")
    return any(
        *operands[0], operands[0]->dtype() == DType::bf16 ? [](double x) { return x > 1; }
                      : is_half(*operands[0])             ? [](double x) { return x > 4; }
                                                          : [](double x) { return x > 16; });
  if (name == "Div" || name == "Mod") return any(*operands[1], [](double x) { return x < 0.05; });
  // Level 4 allows kernels to round the rows to 8 bits; reference evaluation does not.
  if (const auto* product = node.op.as<MatMulNBits>()) return product->accuracy_level == 4;
  // Its slope has no bound at 0 and 1.
  if (name == "Probit") return any(*operands[0], [](double x) { return x < 0.05 || x > 0.95; });
  if (!is_among(name, kEnding)) return false;
  // What is left of 1 - 0.95 in f16 has lost a hundredth of itself.
  const bool is_half = bits(operands[0]->dtype()) < 32;
  return any(
      *operands[0], is_half ? [](double x) { return x < 0.1 || std::abs(x - 1) < 0.1; }
                            : [](double x) { return x < 0.01 || std::abs(x - 1) < 0.01; });
}

/// Floats in, and a rounding error may make quite another result: at a step of the function, or
/// where it is divided by a variance that is nearly 0.
bool is_delicate(const Node& node, const std::vector<Tensor>& results) {
  static const std::set<std::string_view> kDelicate = {"Floor",
                                                       "Ceil",
                                                       "Round",
                                                       "Sign",
                                                       "Mod",
                                                       "Hardmax",
                                                       "Shrink",
                                                       "SoftmaxZero",
                                                       "Unique",
                                                       "Tan",
                                                       "Det",
                                                       "Inverse",
                                                       "ReduceLogSum",
                                                       "MeanVarianceNormalization",
                                                       "GridSample",
                                                       "LayerNormalization",
                                                       "InstanceNormalization",
                                                       "GroupNormalization",
                                                       "RMSNormalization",
                                                       "LpNormalization",
                                                       "RoiAlign",
                                                       "MaxRoiPool",
                                                       "DynamicQuantizeLSTM",
                                                       "TreeEnsemble",
                                                       "OneHotEncoder",
                                                       "LabelEncoder",
                                                       "ThresholdedRelu"};
  // Their whole numbers are sizes, not what the operands hold.
  static const std::set<std::string_view> kOfSizes = {"Shape", "Size", "SequenceLength",
                                                      "OptionalHasElement"};
  if (is_among(node.op.name(), kOfSizes)) return false;
  const auto is_whole = [](const Tensor& result) { return !is_float(result.dtype()); };
  return std::any_of(results.begin(), results.end(), is_whole) ||
         is_among(node.op.name(), kDelicate);
}

/// What these give is rounded on the way, by a root, even where the result is a short number.
bool has_root(const Node& node) {
  static const std::set<std::string_view> kNorms = {
      "BatchNormalization", "GroupNormalization", "InstanceNormalization",
      "LayerNormalization", "LpNormalization",    "MeanVarianceNormalization",
      "RMSNormalization"};
  return is_among(node.op.name(), kNorms);
}

/// What is left of a result is a number that the comparison can take.
void expect_numbers(const Tensor& result) {
  if (result.is_sequence())
    for (const Tensor& element : result.elements()) expect_numbers(element);
  check(!result.empty() && result.dtype() != DType::string && !is_complex(result.dtype()) &&
            result.count() <= kMostElements && is_tame(result),
        Code::unsupported, "a result is ", describe(result));
}

/// The nodes of a body, one after the other.
class BodyJudge {
 public:
  BodyJudge(const Graph& body, const std::vector<Tensor>& inputs, bool exact)
      : body_(body), inputs_exact_(exact) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      bind_or_refuse(*body.inputs()[i], inputs[i]);
      contents_[body.inputs()[i]] = inputs[i];
    }
    for (const Value* value : body.constants()) contents_[value] = value->weight->tensor();
  }

  Judged run() {
    for (const Node& node : body_.nodes()) step(node);
    Judged judged{{}, true};
    for (const GraphOutput& output : body_.outputs()) {
      judged.results.push_back(contents_.at(output.value));
      judged.exact &= is_exact(output.value);
    }
    return judged;
  }

 private:
  bool is_exact(const Value* value) const {
    return !rounded_.contains(value) && (inputs_exact_ || !value->is_input());
  }

  void bind_or_refuse(const Value& value, const Tensor& contents) {
    check(bind_contents(value.type, contents, symbols_), Code::unsupported, "%", value.name, " is ",
          describe(contents), ", inferred ", value.type);
  }

  void step(const Node& node) {
    std::vector<const Tensor*> operands;
    bool exact = true;
    for (const Value* input : node.inputs) {
      operands.push_back(input == nullptr ? nullptr : &contents_.at(input));
      exact &= input == nullptr || is_exact(input);
    }
    Judged judged = judge(node, operands, exact, symbols_);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value* value = node.outputs[i];
      if (value == nullptr) continue;
      bind_or_refuse(*value, judged.results[i]);
      if (!judged.exact) rounded_.insert(value);
      contents_[value] = std::move(judged.results[i]);
    }
  }

  const Graph& body_;
  bool inputs_exact_;
  std::map<const Value*, Tensor> contents_;
  std::set<const Value*> rounded_;
  Bindings symbols_;
};

/// What no turn added to has the sizes that the node's type states. A program that is specialized
/// may know more of them, so they are to be known here.
void expect_sizes_of_nothing(const Node& node, const Bindings& symbols) {
  const Loop* loop = node.op.as<Loop>();
  if (loop == nullptr) return;
  for (size_t i = static_cast<size_t>(loop->states); i < node.outputs.size(); ++i) {
    if (node.outputs[i] == nullptr) continue;
    const TensorType& type = node.outputs[i]->type.tensor();
    bool known = type.has_rank();
    for (size_t d = 1; known && d < type.shape().size(); ++d)
      known = type.shape()[d].evaluate(symbols).has_value();
    check(known, Code::unsupported, "no turn, and the type is ", node.outputs[i]->type);
  }
}

/// Every turn is judged. What one turn rounds, the next one may read: then all of them are judged
/// with operands that are not exact.
Judged judge_control(const Node& node, const std::vector<const Tensor*>& operands, bool exact,
                     const Bindings& symbols) {
  const std::vector<Body> bodies = control_bodies(node.op);
  for (;; exact = false) {
    bool still = exact, ran = false;
    Evaluation evaluation(node, operands, symbols);
    run_control(node.op, evaluation, [&](size_t body, const std::vector<Tensor>& inputs) {
      Judged judged = BodyJudge(*bodies[body], inputs, exact).run();
      still &= judged.exact;
      ran = true;
      return std::move(judged.results);
    });
    if (!ran) expect_sizes_of_nothing(node, symbols);
    if (still == exact) return {std::move(evaluation.results()), exact};
  }
}

/// Error where an operand's rank is unknown and the one it has is refused: evaluation may be more
/// patient than the type rule, which sees the rank when the graph runs.
void expect_types(const Node& node, const std::vector<const Tensor*>& operands) {
  bool unranked = false;
  Graph graph;
  std::vector<Value*> inputs;
  for (size_t i = 0; i < operands.size(); ++i) {
    inputs.push_back(nullptr);
    if (operands[i] == nullptr) continue;
    const Value& value = *node.inputs[i];
    unranked |= value.type.is_tensor() && !value.type.tensor().has_rank();
    inputs.back() = value.is_constant()
                        ? graph.add_constant(value.name, value.weight)
                        : graph.add_input(value.name, type_of(*operands[i], value.type));
  }
  if (!unranked) return;
  std::vector<std::string> names;
  for (const Value* output : node.outputs) names.emplace_back(output == nullptr ? "" : "y");
  infer(graph, *graph.add_node(node.op, std::move(inputs), names));
}

}  // namespace

Judged judge(const Node& node, const std::vector<const Tensor*>& operands, bool exact,
             const Bindings& symbols) {
  expect_types(node, operands);
  const bool is_control = !control_bodies(node.op).empty();
  Judged judged = is_control ? judge_control(node, operands, exact, symbols)
                             : Judged{evaluate(node, operands, symbols), exact};
  judged.results.resize(node.outputs.size());
  std::vector<Tensor> given;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] != nullptr) given.push_back(judged.results[i]);
  for (const Tensor& result : given) {
    expect_numbers(result);
    judged.exact &=
        is_short(result) && !has_root(node) && (!is_half(result) || is_chosen(result, operands));
  }
  check(is_control || exact || !is_delicate(node, given), Code::unsupported,
        "rounding errors change the result");
  check(is_control || !is_unstable(node, operands), Code::unsupported, "rounding errors grow");
  return judged;
}

}  // namespace hone::test
