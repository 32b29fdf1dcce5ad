#include "ops/stage_judge.hpp"

#include <cmath>

#include "ir/text/text.hpp"

namespace hone::test {
namespace {

/// The largest difference of two tensors, relative to the second's largest finite magnitude;
/// infinity where one has a NaN or an infinity that the other does not.
double difference(const Tensor& got, const Tensor& want) {
  if (!is_float(want.dtype())) {
    for (int64_t i = 0; i < want.count(); ++i)
      if (got.integer(i) != want.integer(i)) return HUGE_VAL;
    return 0;
  }
  double most = 0, off = 0;
  for (int64_t i = 0; i < want.count(); ++i) {
    const double a = got.number(i), b = want.number(i);
    if (std::isnan(a) != std::isnan(b) || std::isinf(a) != std::isinf(b)) return HUGE_VAL;
    if (std::isnan(a) || a == b) continue;
    if (std::isinf(a)) return HUGE_VAL;
    off = std::max(off, std::fabs(a - b));
  }
  for (int64_t i = 0; i < want.count(); ++i)
    if (std::isfinite(want.number(i))) most = std::max(most, std::fabs(want.number(i)));
  return off == 0 ? 0 : off / std::max(most, 1e-30);
}

double tolerance(DType dtype) {
  switch (dtype) {
    case DType::f64: return 1e-12;
    case DType::f16: return 2e-3;
    case DType::bf16: return 2e-2;
    default: return 1e-5;
  }
}

/// Elements that slow interpretation evaluates, roughly.
double work_of(const Stages& stages, const Bindings& symbols) {
  double work = 0;
  for (const auto& stage : stages.list) {
    double each = 1;
    for (const Dim& extent : stage->extents)
      each *= static_cast<double>(extent.evaluate(symbols).value_or(1));
    visit(stage->expr, [&](const Expr& expr) {
      double turns = each;
      if (expr.kind() != Expr::Kind::reduce) return;
      for (const Axis& axis : expr.axes())
        turns *= static_cast<double>(axis.extent.evaluate(symbols).value_or(1));
      work += turns;
    });
    work += each;
  }
  return work;
}

}  // namespace

std::string judge_stages(const Node& node, const std::vector<const Tensor*>& inputs,
                         const Bindings& symbols, const std::vector<Tensor>& results,
                         StageTally& tally) {
  const Stages stages = stages_of(node);
  if (!stages) {
    tally.declined[node.op.name()].insert(stages.declined);
    return {};
  }
  constexpr double kMostWork = 2e5;
  if (work_of(stages, symbols) > kMostWork) return {};
  const auto told = [&](const std::string& what) {
    return cat(what, "\n", print(node), "\n", print(stages));
  };
  std::unordered_map<const Value*, Tensor> known;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i] != nullptr && !node.inputs[i]->is_constant())
      known[node.inputs[i]] = *inputs[i];
  try {
    evaluate(stages, symbols, known);
  } catch (const Error& error) {
    return told(error.message());
  }
  for (size_t i = 0; i < results.size(); ++i) {
    if (node.output(i) == nullptr) continue;
    const auto found = known.find(node.outputs[i]);
    if (found == known.end()) return told(cat("result ", i, " has no stage"));
    const Tensor& got = found->second;
    if (got.shape() != results[i].shape()) return told(cat("result ", i, " has another shape"));
    const double off = difference(got, results[i]);
    if (!(off <= tolerance(results[i].dtype()))) return told(cat("result ", i, " is off by ", off));
  }
  ++tally.compared[node.op.name()];
  return {};
}

}  // namespace hone::test
