#include <set>

#include "base/text.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "support/random_graph.hpp"

namespace hone::test {
namespace {

using Contents = std::map<const Value*, Tensor>;

/// Of every value that reference evaluation reaches.
Contents contents_of(const GraphCase& from) {
  Contents contents;
  Bindings symbols;
  try {
    for (size_t i = 0; i < from.inputs.size(); ++i) {
      contents[from.graph->inputs()[i]] = from.inputs[i];
      bind_contents(from.graph->inputs()[i]->type, from.inputs[i], symbols);
    }
    for (const Value* value : from.graph->constants()) contents[value] = value->weight->tensor();
    for (const Node& node : from.graph->nodes()) {
      std::vector<const Tensor*> operands;
      for (const Value* input : node.inputs)
        operands.push_back(input == nullptr ? nullptr : &contents.at(input));
      const std::vector<Tensor> results = evaluate(node, operands, symbols);
      for (size_t i = 0; i < node.outputs.size(); ++i) {
        if (node.outputs[i] == nullptr) continue;
        bind_contents(node.outputs[i]->type, results[i], symbols);
        contents[node.outputs[i]] = results[i];
      }
    }
  } catch (const std::exception&) {
    // What fails is what is looked for: the values before it are known.
  }
  return contents;
}

/// A changed copy: some outputs only, some values given instead of made, one op another.
struct Change {
  std::set<size_t> outputs;
  std::set<const Value*> given;
  std::map<const Node*, Op> ops;
};

class Rebuild {
 public:
  Rebuild(const GraphCase& from, const Contents& contents, const Change& change)
      : from_(from), contents_(contents), change_(change) {}

  GraphCase build() {
    for (const size_t i : change_.outputs) need(from_.graph->outputs()[i].value);
    for (size_t i = 0; i < from_.inputs.size(); ++i)
      if (const Value* input = from_.graph->inputs()[i]; needed_.contains(input))
        add_input(input, input->type, from_.inputs[i]);
    for (const Value* value : change_.given)
      if (const Tensor& tensor = contents_.at(value); needed_.contains(value))
        add_input(value, type_of(tensor, value->type), tensor);
    for (const Value* value : from_.graph->constants())
      if (needed_.contains(value))
        made_[value] = result_.graph->add_constant(value->name, value->weight);
    for (const Node& node : from_.graph->nodes())
      if (nodes_.contains(&node)) add_node(node);
    for (const size_t i : change_.outputs) {
      const GraphOutput& output = from_.graph->outputs()[i];
      result_.graph->add_output(output.name, made_.at(output.value));
    }
    infer(*result_.graph);
    return std::move(result_);
  }

 private:
  void need(const Value* value) {
    if (value == nullptr || !needed_.insert(value).second) return;
    if (value->producer == nullptr || change_.given.contains(value)) return;
    nodes_.insert(value->producer);
    for (const Value* input : value->producer->inputs) need(input);
  }

  void add_input(const Value* value, Type type, const Tensor& tensor) {
    made_[value] = result_.graph->add_input(value->name, std::move(type));
    result_.inputs.push_back(tensor);
  }

  void add_node(const Node& node) {
    std::vector<Value*> operands;
    for (const Value* input : node.inputs)
      operands.push_back(input == nullptr ? nullptr : made_.at(input));
    std::vector<std::string> names;
    for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
    const auto op = change_.ops.find(&node);
    Node* added = result_.graph->add_node(op == change_.ops.end() ? node.op : op->second,
                                          std::move(operands), names);
    infer(*result_.graph, *added);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != nullptr && !made_.contains(node.outputs[i]))
        made_[node.outputs[i]] = added->outputs[i];
  }

  const GraphCase& from_;
  const Contents& contents_;
  const Change& change_;
  std::set<const Value*> needed_;
  std::set<const Node*> nodes_;
  std::map<const Value*, Value*> made_;
  GraphCase result_{std::make_unique<Graph>("random"), {}};
};

std::set<size_t> all_outputs(const Graph& graph) {
  std::set<size_t> all;
  for (size_t i = 0; i < graph.outputs().size(); ++i) all.insert(i);
  return all;
}

/// The op with one field as a default-made op has it.
Op with_default(const Op& op, size_t field) {
  const std::shared_ptr<void> data = op.op_class().copy(op.data());
  const std::shared_ptr<void> plain = op.op_class().copy(nullptr);
  FieldList fields, defaults;
  op.op_class().fields(data.get(), fields);
  op.op_class().fields(plain.get(), defaults);
  std::string text;
  append_field(text, defaults.list()[field].ref);
  std::string_view rest = text;
  parse_field(rest, fields.list()[field].ref);
  return Op::of(op.op_class(), data);
}

std::vector<Change> changes_of(const GraphCase& from, const Contents& contents) {
  const std::set<size_t> all = all_outputs(*from.graph);
  std::vector<Change> changes;
  if (all.size() > 1)
    for (const size_t i : all) changes.push_back({{i}, {}, {}});
  for (const size_t i : all) {
    std::set<size_t> others = all;
    others.erase(i);
    if (others.size() > 1) changes.push_back({std::move(others), {}, {}});
  }
  for (auto node = from.graph->nodes().rbegin(); node != from.graph->nodes().rend(); ++node) {
    Change change{all, {}, {}};
    for (const Value* value : node->outputs)
      if (value != nullptr && contents.contains(value)) change.given.insert(value);
    if (!change.given.empty()) changes.push_back(std::move(change));
  }
  for (const Node& node : from.graph->nodes()) {
    const FieldList fields = node.op.fields();
    for (size_t i = 0; i < fields.list().size(); ++i)
      if (Op plain = with_default(node.op, i); !(plain == node.op))
        changes.push_back({all, {}, {{&node, std::move(plain)}}});
  }
  return changes;
}

/// The finding without what is particular about it: a smaller case is to show the same.
std::string kind_of(const std::string& finding) {
  return finding.substr(0, finding.find_first_of("0123456789%"));
}

}  // namespace

GraphCase shrink(const GraphCase& graph_case, const CheckCase& check) {
  const std::string wanted = kind_of(check(graph_case));
  GraphCase smallest{graph_case.graph->clone(), graph_case.inputs};
  for (bool again = true; again;) {
    again = false;
    const Contents contents = contents_of(smallest);
    for (const Change& change : changes_of(smallest, contents)) {
      try {
        GraphCase smaller = Rebuild(smallest, contents, change).build();
        const bool shorter = text_of(smaller).size() < text_of(smallest).size() ||
                             smaller.graph->nodes().size() < smallest.graph->nodes().size();
        if (!shorter || kind_of(check(smaller)) != wanted) continue;
        smallest = std::move(smaller);
        again = true;
        break;
      } catch (const Error&) {
        continue;  // no graph
      }
    }
  }
  return smallest;
}

std::string text_of(const GraphCase& graph_case) {
  std::string text = print(*graph_case.graph);
  for (size_t i = 0; i < graph_case.inputs.size(); ++i) {
    text += cat("  given %", graph_case.graph->inputs()[i]->name, " = ");
    append_literal(text, graph_case.inputs[i]);
    text += "\n";
  }
  return text;
}

}  // namespace hone::test
