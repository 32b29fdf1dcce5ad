#include "export/onnx/graph_export.hpp"

#include <algorithm>

#include "export/onnx/encode.hpp"
#include "export/onnx/operators.hpp"
#include "export/onnx/versions.hpp"

namespace hone::onnx {

GraphExport::GraphExport(ModelExport& model, const Graph& graph, GraphExport* outer)
    : model_(model), graph_(graph), outer_(outer), symbols_(symbol_definitions(graph)) {
  made_.name = graph.name();
  made_.is_body = outer != nullptr;
}

bool GraphExport::is_taken(std::string_view name) const {
  for (const GraphExport* scope = this; scope != nullptr; scope = scope->outer_)
    if (scope->taken_.contains(name)) return true;
  return false;
}

std::string GraphExport::fresh(std::string_view wanted) {
  std::string name(wanted.empty() ? "value" : wanted);
  for (int i = 1; model_.value_names.contains(name); ++i)
    name = cat(wanted.empty() ? "value" : wanted, ".", i);
  model_.value_names.insert(name);
  taken_.insert(name);
  return name;
}

/// The value's own name; one that shadows another of a graph around gets a suffix.
void GraphExport::name_value(const Value* value) {
  if (names_.contains(value)) return;
  if (value->is_constant() && find_constant_outside(value)) return;
  std::string name = value->name.empty() ? "value" : value->name;
  for (int i = 1; is_taken(name); ++i) name = cat(value->name, ".", i);
  model_.value_names.insert(name);
  taken_.insert(name);
  names_.emplace(value, std::move(name));
}

/// Bodies hold copies of small constants; one that stands outside as well is read from there.
bool GraphExport::find_constant_outside(const Value* value) {
  for (const GraphExport* scope = outer_; scope != nullptr; scope = scope->outer_) {
    const Value* same = scope->graph_.find(value->name);
    if (same == nullptr || !same->is_constant()) continue;
    if (same->weight != value->weight &&
        !(same->is_literal() && value->is_literal() &&
          same_bits(same->weight->tensor(), value->weight->tensor())))
      continue;
    const auto found = scope->names_.find(same);
    if (found == scope->names_.end()) continue;
    names_.emplace(value, found->second);
    return true;
  }
  return false;
}

/// An output's name is its value's, unless the value is an input, a constant or has another output.
void GraphExport::name_outputs() {
  for (const Value* input : graph_.inputs()) name_value(input);
  for (const GraphOutput& output : graph_.outputs()) {
    if (output.value->producer == nullptr || names_.contains(output.value) ||
        is_taken(output.name) || output.name.empty())
      continue;
    model_.value_names.insert(output.name);
    taken_.insert(output.name);
    names_.emplace(output.value, output.name);
  }
}

const std::string& GraphExport::name(const Value* value) const {
  const auto found = names_.find(value);
  check(found != names_.end(), Code::internal, "%", value->name, " has no name in the file");
  return found->second;
}

std::string GraphExport::node_name(const Node& node) {
  std::string wanted = join(node.origin, "+");
  if (wanted.empty()) {
    for (const Value* output : node.outputs)
      if (output != nullptr && wanted.empty()) wanted = name(output);
  }
  std::string unique = wanted;
  for (int i = 1; !model_.node_names.insert(unique).second; ++i) unique = cat(wanted, ".", i);
  return unique;
}

NodeModel& GraphExport::add(NodeModel node) { return made_.nodes.emplace_back(std::move(node)); }

void GraphExport::need_versions(size_t first) {
  for (size_t i = first; i < made_.nodes.size(); ++i) {
    int& opset = model_.opsets[made_.nodes[i].domain];
    opset = std::max(opset, oldest_version(made_.nodes[i]));
  }
}

std::string GraphExport::constant(Tensor tensor, std::string_view wanted) {
  std::string name = fresh(wanted);
  made_.constants.emplace_back(name, Weight::of(std::move(tensor)));
  return name;
}

void GraphExport::problem(const Node& node, std::string_view why) {
  std::string who = describe(node);
  model_.problems[cat(node.op.name(), ": ", why)].push_back(std::move(who));
}

void GraphExport::export_nodes() {
  for (const Node& node : graph_.nodes()) {
    const size_t before = made_.nodes.size();
    try {
      NodeExport one(*this, node, model_.exporters.since(node.op.name()));
      const ExportFunction f = model_.exporters.find(node.op.name());
      if (f != nullptr) f(one);
      else (void)one.plain();
      need_versions(before);
    } catch (const Error& error) {
      if (error.code() != Code::unsupported) throw;
      problem(node, error.message());
    }
  }
}

/// The value as an optional that holds it.
std::string GraphExport::wrapped(std::string_view name) {
  NodeModel node;
  node.op_type = "Optional";
  node.inputs = {std::string(name)};
  node.outputs = {fresh(cat(name, ".optional"))};
  return add(std::move(node)).outputs.front();
}

void GraphExport::export_outputs() {
  std::set<std::string, std::less<>> given;
  const size_t before = made_.nodes.size();
  for (const GraphOutput& output : graph_.outputs()) {
    std::string name = this->name(output.value);
    Type type = output.value->type;
    const size_t place = made_.outputs.size();
    // Our loops take a bare value where a state is an optional; ONNX wants the very type.
    if (place < results_.size() && results_[place].kind() == Type::Kind::optional &&
        type.kind() != Type::Kind::optional) {
      name = wrapped(name);
      type = Type::optional(type);
    }
    // A body may not give a value from outside; one that gives its own input as it is is legal, but
    // ONNX Runtime then reads what a later turn has put there.
    const bool here = taken_.contains(name) && !(made_.is_body && output.value->is_input());
    // A model may name one value twice among its outputs; a body or a function better not.
    const bool twice = !given.insert(name).second;
    const bool renamed = !made_.is_body && name != output.name;
    if (!here || renamed || (twice && (made_.is_body || sizes_ != nullptr))) {
      NodeModel copy;
      copy.op_type = "Identity";
      copy.inputs = {name};
      copy.input_types = {0};
      name = is_taken(output.name) || model_.value_names.contains(output.name) ? fresh(output.name)
                                                                               : output.name;
      model_.value_names.insert(name);
      taken_.insert(name);
      given.insert(name);
      copy.outputs = {name};
      add(std::move(copy));
    }
    made_.outputs.push_back({name, std::move(type)});
  }
  need_versions(before);
}

GraphModel GraphExport::main() {
  name_outputs();
  for (const Value* value : graph_.constants()) name_value(value);
  for (const Node& node : graph_.nodes())
    for (const Value* value : node.outputs)
      if (value != nullptr) name_value(value);
  for (const Value* input : graph_.inputs()) made_.inputs.push_back({name(input), input->type});
  for (const Value* value : graph_.constants())
    if (taken_.contains(name(value))) made_.constants.emplace_back(name(value), value->weight);
  export_nodes();
  export_outputs();
  for (const Node& node : graph_.nodes())
    for (const Value* value : node.outputs)
      if (value != nullptr && !graph_.is_output(value))
        made_.values.push_back({name(value), value->type});
  return std::move(made_);
}

GraphModel GraphExport::body(size_t own, const std::vector<std::string>& captured,
                             const std::vector<Type>& results) {
  const auto& inputs = graph_.inputs();
  check(inputs.size() == own + captured.size(), Code::internal, "a body takes ", inputs.size(),
        " values, given ", own + captured.size());
  for (size_t i = own; i < inputs.size(); ++i) names_.emplace(inputs[i], captured[i - own]);
  results_ = results;
  GraphModel made = main();
  made.inputs.resize(own);
  made.values.clear();
  return made;
}

std::string GraphExport::function(std::string_view wanted, std::vector<std::string>& sizes) {
  std::string name(wanted);
  for (int i = 2; !model_.function_names.insert(name).second; ++i) name = cat(wanted, "_", i);
  // A region's symbols are those of the graph around it: only its inputs can define one.
  std::erase_if(symbols_, [](const auto& each) { return !each.second.value->is_input(); });
  sizes_ = &sizes;
  GraphModel made = main();
  for (const std::string& size : sizes) made.inputs.push_back({dims_.at(size), Type()});
  std::vector<NodeModel> nodes;
  for (const auto& [value, weight] : made.constants) {
    NodeModel& constant = nodes.emplace_back();
    constant.op_type = "Constant";
    constant.outputs = {value};
    constant.output_types = {uint32_t{1} << data_type(weight->dtype())};
    constant.set("value", contents(*weight));
    int& opset = model_.opsets[""];
    opset = std::max(opset, oldest_version(constant));
  }
  std::move(made.nodes.begin(), made.nodes.end(), std::back_inserter(nodes));
  made.nodes = std::move(nodes);
  made.constants.clear();
  model_.functions.push_back({name, std::move(made)});
  return name;
}

}  // namespace hone::onnx
