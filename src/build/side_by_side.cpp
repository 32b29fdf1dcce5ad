#include "build/side_by_side.hpp"

#include "base/error.hpp"
#include "build/compare_values.hpp"
#include "ir/evaluation.hpp"
#include "runtime/context.hpp"

namespace hone {
namespace {

/// The graph with these values as its outputs too, in order.
std::unique_ptr<Graph> watched(const Graph& graph, const std::vector<ValuePair>& pairs,
                               const Value* ValuePair::*side) {
  std::unique_ptr<Graph> copy = graph.clone();
  for (const ValuePair& pair : pairs)
    copy->add_output(cat("%", (pair.*side)->name), copy->find((pair.*side)->name));
  return copy;
}

/// What an operand gives: its outputs, and the values of the pairs.
struct Contents {
  std::vector<Tensor> outputs, values;
};

std::vector<Tensor> run(std::shared_ptr<const Engine> engine, const std::vector<Tensor>& inputs) {
  NamedTensors named;
  for (size_t i = 0; i < inputs.size(); ++i)
    named.emplace_back(engine->graph().inputs()[i]->name, inputs[i]);
  Context context(std::move(engine));
  std::vector<Tensor> results;
  for (auto& [name, tensor] : context.run(named)) results.push_back(tensor);
  return results;
}

/// The last `count` of them.
std::vector<Tensor> last(std::vector<Tensor> all, size_t count) {
  all.erase(all.begin(), all.end() - static_cast<ptrdiff_t>(count));
  return all;
}

/// The outputs by the engine as it is. The other values are none of its outputs: its typed graph is
/// planned again with them, no pass runs on it.
Contents by_engine(const RunnableOperand& operand, const std::vector<ValuePair>& pairs,
                   const Value* ValuePair::*side, const std::vector<Tensor>& inputs) {
  std::shared_ptr<Graph> graph = watched(operand.engine->graph(), pairs, side);
  const int workers = operand.engine->workers();
  Plan plan = plan_for_cpu(*graph, workers);
  const DevicePart part{cpu_target(), std::move(graph), std::move(plan)};
  EngineOptions options = operand.options;
  options.workers = workers;
  return {run(operand.engine, inputs),
          last(run(Engine::make(nullptr, options, &part), inputs), pairs.size())};
}

Contents by_reference(const RunnableOperand& operand, const std::vector<ValuePair>& pairs,
                      const std::vector<Tensor>& inputs) {
  std::vector<Tensor> all = evaluate(*watched(*operand.graph, pairs, &ValuePair::b), inputs);
  Contents made;
  made.values = last(all, pairs.size());
  all.resize(all.size() - pairs.size());
  made.outputs = std::move(all);
  return made;
}

/// The pairs, then the outputs that no pair has.
std::vector<Compared> put_together(const Graph& first, const Graph& second,
                                   const std::vector<ValuePair>& pairs, const Contents& a,
                                   const Contents& b) {
  std::vector<Compared> all;
  std::vector<bool> told(first.outputs().size(), false);
  for (size_t i = 0; i < pairs.size(); ++i) {
    Compared each{pairs[i].a, pairs[i].b, a.values[i], b.values[i]};
    for (size_t k = 0; k < told.size(); ++k) {
      if (first.outputs()[k].value != each.a || second.outputs()[k].value != each.b) continue;
      told[k] = true;
      each.is_output = true;
      each.first = a.outputs[k], each.second = b.outputs[k];
    }
    all.push_back(std::move(each));
  }
  for (size_t k = 0; k < told.size(); ++k)
    if (!told[k])
      all.push_back(
          {first.outputs()[k].value, second.outputs()[k].value, a.outputs[k], b.outputs[k], true});
  return all;
}

}  // namespace

std::vector<Compared> side_by_side(const RunnableOperand& first, const RunnableOperand& second,
                                   const std::vector<Tensor>& inputs, bool reference) {
  const Graph& one = first.engine->graph();
  const Graph& other = reference ? *second.graph : second.engine->graph();
  check(one.outputs().size() == other.outputs().size(), Code::accuracy, "the first has ",
        one.outputs().size(), " outputs, the second ", other.outputs().size());
  const std::vector<ValuePair> pairs = common_values(one, other);
  const Contents a = by_engine(first, pairs, &ValuePair::a, inputs);
  const Contents b = reference ? by_reference(second, pairs, inputs)
                               : by_engine(second, pairs, &ValuePair::b, inputs);
  return put_together(one, other, pairs, a, b);
}

}  // namespace hone
