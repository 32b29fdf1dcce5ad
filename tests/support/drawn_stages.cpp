#include "support/drawn_stages.hpp"

#include <cmath>

#include "ir/evaluation/rest.hpp"
#include "support/node_by_node.hpp"

namespace hone::test {
namespace {

constexpr double kMostWork = 3e4;

/// Elements that slow interpretation evaluates, roughly.
double work_of(const Stages& stages, const Bindings& symbols) {
  double work = 0;
  for (const auto& stage : stages.list) {
    double each = 1;
    for (const Dim& extent : stage->extents)
      each *= static_cast<double>(extent.evaluate(symbols).value_or(1));
    visit(stage->expr, [&](const Expr& expr) {
      double turns = each;
      for (const Axis& axis : expr.axes())
        turns *= static_cast<double>(axis.extent.evaluate(symbols).value_or(1));
      if (!expr.axes().empty()) work += turns;
    });
    work += each;
  }
  return work;
}

/// Of stages that values `known` are the operands of. `outputs`: as lower() takes them.
std::string visit_stages(const Stages& stages, std::string name,
                         const std::vector<const Value*>& outputs, const Bindings& symbols,
                         std::unordered_map<const Value*, Tensor> known, const Visit& visit) {
  if (!stages || work_of(stages, symbols) > kMostWork) return {};
  evaluate(stages, symbols, known);
  DrawnStages drawn{stages, symbols, lower(stages, std::move(name), outputs), {}, {}};
  for (size_t i = 0; i < drawn.lowered.operands.size(); ++i) {
    const Value* value = drawn.lowered.operands[i];
    const bool is_input = drawn.lowered.nest.parameters[i].scope == Scope::input;
    (is_input ? drawn.inputs : drawn.outputs)
        .push_back(value->is_constant() ? value->weight->tensor() : known.at(value));
  }
  return visit(drawn);
}

}  // namespace

std::string visit_drawn_stages(uint64_t seed, const OpRegistry& ops,
                               const RandomGraphOptions& options, const Visit& visit) {
  OpCounts counts;
  const GraphCase drawn = random_graph(seed, ops, counts, options);
  const auto [values, symbols] = evaluate_nodes(drawn);
  if (is_planned_otherwise(*drawn.graph, symbols)) return {};
  for (const Node& node : drawn.graph->nodes()) {
    std::unordered_map<const Value*, Tensor> known;
    for (const Value* input : node.inputs)
      if (input != nullptr && !input->is_constant()) known[input] = values.at(input);
    const std::string wrong = visit_stages(stages_of(node), std::string(node.op.name()), {},
                                           symbols, std::move(known), visit);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string visit_drawn_region(uint64_t seed, const OpRegistry& ops, const Visit& visit) {
  OpCounts counts;
  const RandomGraphOptions options{.least_nodes = 2, .most_nodes = 5, .most_elements = 96};
  const GraphCase drawn = random_graph(seed, ops, counts, options);
  const Bindings symbols = evaluate_nodes(drawn).symbols;
  if (is_planned_otherwise(*drawn.graph, symbols)) return {};
  std::unordered_map<const Value*, Tensor> known;
  std::vector<const Value*> outputs;
  for (const GraphOutput& output : drawn.graph->outputs())
    if (output.value->producer != nullptr) outputs.push_back(output.value);
  for (size_t i = 0; i < drawn.inputs.size(); ++i)
    known[drawn.graph->inputs()[i]] = drawn.inputs[i];
  if (outputs.empty()) return {};
  return visit_stages(stages_of(*drawn.graph), "region", outputs, symbols, std::move(known), visit);
}

double difference(const Tensor& got, const Tensor& want) {
  if (got.shape() != want.shape() || got.dtype() != want.dtype()) return HUGE_VAL;
  double most = 0, off = 0;
  for (int64_t i = 0; i < want.count(); ++i) {
    if (!is_float(want.dtype())) {
      if (got.integer(i) != want.integer(i)) return HUGE_VAL;
      continue;
    }
    const double a = got.number(i), b = want.number(i);
    if (std::isnan(a) != std::isnan(b) || std::isinf(a) != std::isinf(b)) return HUGE_VAL;
    if (std::isnan(a) || a == b) continue;
    if (std::isinf(a)) return HUGE_VAL;
    off = std::max(off, std::fabs(a - b));
    most = std::max(most, std::fabs(b));
  }
  return off == 0 ? 0 : off / std::max(most, 1e-30);
}

}  // namespace hone::test
