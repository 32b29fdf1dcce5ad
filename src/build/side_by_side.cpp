#include "build/side_by_side.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "build/compare_values.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
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

/// The outputs by the engine as it is. The other values are none of its outputs: the graph that
/// runs is planned again with them.
Contents by_engine(const RunnableOperand& operand, const Graph& runs,
                   const std::vector<ValuePair>& pairs, const Value* ValuePair::*side,
                   const std::vector<Tensor>& inputs) {
  EngineOptions options = operand.options;
  options.device = operand.engine->program()->preparation().device;
  options.workers = operand.engine->workers();
  Compiled again =
      compile_typed(watched(runs, pairs, side), *options.device, {.workers = options.workers});
  const DevicePart part{options.device->target()->text(), std::move(again.typed),
                        std::move(again.plan)};
  return {run(operand.engine, inputs),
          last(run(Engine::make(nullptr, options, &part), inputs), pairs.size())};
}

Contents by_reference(const Graph& graph, const std::vector<ValuePair>& pairs,
                      const std::vector<Tensor>& inputs) {
  std::vector<Tensor> all = evaluate(*watched(graph, pairs, &ValuePair::b), inputs);
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

namespace {

bool is_planned_for(const Graph& graph, const InputShapes& shapes) {
  Bindings symbols;
  return takes(graph, shapes, symbols) && !is_planned_otherwise(graph, symbols);
}

/// nullopt: an input has no such size, or the model does not take them.
std::optional<InputShapes> shapes_at(const Graph& graph, const Bindings& symbols) {
  if (broken_requirement(graph, symbols)) return std::nullopt;
  InputShapes shapes;
  for (const Value* input : graph.inputs()) {
    std::vector<int64_t>& shape = shapes.emplace_back();
    if (!input->type.is_tensor() || !input->type.tensor().has_rank()) continue;
    for (const Dim& dim : input->type.tensor().shape()) {
      const auto size = dim.evaluate(symbols);
      if (!size || *size < 0) return std::nullopt;
      shape.push_back(*size);
    }
  }
  return shapes;
}

/// Symbols that are repeated where they are 1.
std::set<std::string, std::less<>> repeated(const Graph& graph) {
  std::set<std::string, std::less<>> names;
  for (const Require& require : graph.requirements()) {
    if (require.relation != Require::Relation::broadcast) continue;
    for (const Dim* side : {&require.a, &require.b})
      if (const auto symbol = side->as_symbol()) names.emplace(*symbol);
  }
  return names;
}

}  // namespace

const Graph& graph_at(const Engine& engine, const InputShapes& shapes) {
  return is_planned_for(engine.graph(), shapes) ? engine.graph() : engine.stated();
}

std::optional<InputShapes> shapes_of_other_graph(const Engine& engine, const InputShapes& shapes) {
  const Graph &typed = engine.graph(), &stated = engine.stated();
  if (&typed == &stated) return std::nullopt;
  const bool was_typed = is_planned_for(typed, shapes);
  const Graph& wanted = was_typed ? stated : typed;
  Bindings given;
  bind_inputs(stated, shapes, given);
  std::set<std::string, std::less<>> ones = {""}, names;  // "": no size is 1
  if (was_typed) ones.merge(repeated(stated));
  for (const Value* input : wanted.inputs()) collect_symbols(input->type, names);
  for (const int64_t least : {1, 2, 3, 4, 64})
    for (const std::string& one : ones) {
      Bindings tried;
      for (const std::string& name : names)
        tried[name] = name == one ? 1 : std::max(given[name], least);
      const auto found = shapes_at(wanted, tried);
      Bindings all;
      if (found && takes(stated, *found, all) && !broken_requirement(stated, all) &&
          is_planned_for(typed, *found) != was_typed)
        return found;
    }
  return std::nullopt;
}

std::vector<Compared> side_by_side(const RunnableOperand& first, const RunnableOperand& second,
                                   const std::vector<Tensor>& inputs, bool reference) {
  InputShapes shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  const Graph& one = graph_at(*first.engine, shapes);
  const bool as_given = reference && second.graph != nullptr;
  const Graph& other = as_given ? *second.graph : graph_at(*second.engine, shapes);
  check(one.outputs().size() == other.outputs().size(), Code::accuracy, "the first has ",
        one.outputs().size(), " outputs, the second ", other.outputs().size());
  const std::vector<ValuePair> pairs = common_values(one, other);
  const Contents a = by_engine(first, one, pairs, &ValuePair::a, inputs);
  const Contents b = reference ? by_reference(other, pairs, inputs)
                               : by_engine(second, other, pairs, &ValuePair::b, inputs);
  return put_together(one, other, pairs, a, b);
}

}  // namespace hone
