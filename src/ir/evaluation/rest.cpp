#include "ir/evaluation/rest.hpp"

#include <algorithm>
#include <unordered_set>

#include "ir/dim/sizes.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

Type type_of(const Tensor& contents, const Type& stated) {
  if (stated.kind() == Type::Kind::optional)
    return contents.is_nothing() ? stated : Type::optional(type_of(contents, stated.element()));
  if (contents.is_sequence()) {
    if (contents.elements().empty()) return Type::sequence(Type::unranked(contents.dtype()));
    const std::vector<int64_t>& first = contents.elements().front().shape();
    const bool alike = std::all_of(contents.elements().begin(), contents.elements().end(),
                                   [&](const Tensor& element) { return element.shape() == first; });
    return Type::sequence(alike ? Type::tensor(contents.dtype(), Dims(first.begin(), first.end()))
                                : Type::unranked(contents.dtype()));
  }
  return Type::tensor(contents.dtype(), Dims(contents.shape().begin(), contents.shape().end()));
}

std::vector<const Value*> live_before(const Graph& graph, const Node* first) {
  std::unordered_set<const Value*> made, read;
  bool before = true;
  for (const Node& node : graph.nodes()) {
    before &= &node != first;
    for (const Value* output : node.outputs)
      if (before && output != nullptr) made.insert(output);
    if (!before) read.insert(node.inputs.begin(), node.inputs.end());
  }
  for (const GraphOutput& output : graph.outputs()) read.insert(output.value);
  std::vector<const Value*> live;
  for (const Value* input : graph.inputs())
    if (read.contains(input)) live.push_back(input);
  for (const Node& node : graph.nodes())
    for (const Value* output : node.outputs)
      if (output != nullptr && made.contains(output) && read.contains(output))
        live.push_back(output);
  return live;
}

namespace {

/// Copies the nodes from one on into a new graph.
class RestBuilder {
 public:
  explicit RestBuilder(const Graph& graph)
      : graph_(graph), rest_(std::make_unique<Graph>(graph.name())) {}

  void add_input(const Value* value, const Type& type) {
    map_[value] = rest_->add_input(value->name, type);
  }

  std::unique_ptr<Graph> run(const Node* first, const Bindings& symbols) {
    bool before = true;
    for (const Node& node : graph_.nodes()) {
      before &= &node != first;
      if (!before) add_node(node);
    }
    for (const GraphOutput& output : graph_.outputs())
      rest_->add_output(output.name, find(output.value));
    check(substitute(*rest_, SymbolSizes(symbols.begin(), symbols.end())).empty(), Code::internal,
          "a number is too long to write");
    infer(*rest_);
    return std::move(rest_);
  }

 private:
  Value* find(Value* value) {
    if (value == nullptr) return nullptr;
    Value*& place = map_[value];
    if (place == nullptr) {
      check(value->is_constant(), Code::internal, "%", value->name, " is not among what is live");
      place = rest_->add_constant(value->name, value->weight);
    }
    return place;
  }

  void add_node(const Node& node) {
    std::vector<Value*> inputs;
    for (Value* input : node.inputs) inputs.push_back(find(input));
    std::vector<std::string> names;
    for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
    Node* copy = rest_->add_node(node.op, std::move(inputs), names, node.origin, node.by);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == nullptr) continue;
      map_[node.outputs[i]] = copy->outputs[i];
      // Inference learns from these what sizes have become.
      copy->outputs[i]->type = node.outputs[i]->type;
    }
  }

  const Graph& graph_;
  std::unique_ptr<Graph> rest_;
  std::unordered_map<const Value*, Value*> map_;
};

}  // namespace

std::unique_ptr<Graph> rest_of(const Graph& graph, const Node* first,
                               const std::vector<const Value*>& live,
                               const std::vector<Type>& types, const Bindings& symbols) {
  RestBuilder builder(graph);
  for (size_t i = 0; i < live.size(); ++i) builder.add_input(live[i], types[i]);
  return builder.run(first, symbols);
}

std::optional<Require> broken_requirement(const Graph& graph, const Bindings& symbols) {
  for (const Require& require : graph.requirements())
    if (holds(require, symbols) == false) return require;  // nullopt: only running tells a size
  return std::nullopt;
}

bool is_planned_otherwise(const Graph& graph, const Bindings& symbols) {
  return std::any_of(graph.requirements().begin(), graph.requirements().end(),
                     [&](Require require) {
                       if (require.relation == Require::Relation::broadcast)
                         require.relation = Require::Relation::equal;
                       return holds(require, symbols) == false;
                     });
}

void fail_broken(const Require& require, const Bindings& symbols) {
  fail(Code::usage, "the given input sizes break a requirement of the model: ", require, " is ",
       require.a.evaluate(symbols).value_or(0), " and ", require.b.evaluate(symbols).value_or(0));
}

bool takes(const Graph& graph, const std::vector<std::vector<int64_t>>& shapes, Bindings& symbols) {
  // Twice: an input's size may be stated in symbols that only a later input binds.
  for (int round = 0; round < 2; ++round)
    for (size_t i = 0; i < shapes.size(); ++i) {
      const Type& type = graph.inputs()[i]->type;
      if (type.is_tensor() && !bind(type.tensor(), shapes[i], symbols)) return false;
    }
  return true;
}

}  // namespace hone
