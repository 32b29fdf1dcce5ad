// Calls of model-local functions, inlined.

#include <algorithm>

#include "import/onnx/graph_import.hpp"

namespace hone::onnx {

const Attribute* resolve(const Attribute& attribute, const CallContext* call) {
  if (attribute.reference.empty()) return &attribute;
  check(call != nullptr, Code::invalid_model, "attribute \"", shown(attribute.name),
        "\" refers to \"", shown(attribute.reference), "\" of a function, but stands in none");
  const auto found = call->attributes.find(attribute.reference);
  check(found != call->attributes.end(), Code::invalid_model, "attribute \"", shown(attribute.name),
        "\" refers to \"", shown(attribute.reference), "\", which the function does not have");
  return found->second;
}

void GraphImport::import_call(const NodeProto& node, const FunctionProto& function) {
  CallContext call{{}, origin(node), &function, call_};
  for (const CallContext* outer = call_; outer != nullptr; outer = outer->caller)
    check(outer->function != &function, Code::invalid_model, "function ", quoted(function.name),
          " calls itself");
  check(node.inputs.size() <= function.inputs.size(), Code::invalid_model, "has ",
        node.inputs.size(), " inputs, the function takes ", function.inputs.size());
  check(node.outputs.size() <= function.outputs.size(), Code::invalid_model, "has ",
        node.outputs.size(), " outputs, the function gives ", function.outputs.size());
  for (const std::string_view name : function.attributes) call.attributes.emplace(name, nullptr);
  for (const Attribute& attribute : function.defaults)
    call.attributes.insert_or_assign(attribute.name, &attribute);
  for (const Attribute& attribute : node.attributes) {
    const auto formal = call.attributes.find(attribute.name);
    check(formal != call.attributes.end(), Code::invalid_model, "attribute ",
          quoted(attribute.name), " is not one of the function");
    check(attribute.type != AttributeType::graph, Code::unsupported,
          "a function with a graph as attribute");
    const Attribute* actual = resolve(attribute, call_);
    if (actual != nullptr) formal->second = actual;
  }

  Opsets opsets;
  for (const OpsetId& opset : function.opsets)
    opsets[opset.domain] = static_cast<int>(std::min<int64_t>(opset.version, 9999));
  if (!opsets.contains("")) opsets[""] = opsets_.contains("") ? opsets_.at("") : 0;
  GraphImport inner(model_, frame(), opsets, nullptr, &call, depth_ + 1);
  for (size_t i = 0; i < function.inputs.size(); ++i) {
    const bool given = i < node.inputs.size() && !node.inputs[i].empty();
    inner.scope_.define(function.inputs[i],
                        given ? find(node.inputs[i]) : Slot{Slot::State::absent});
  }
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (!node.outputs[i].empty())
      inner.renamed_.emplace(function.outputs[i], value_name(node.outputs[i]));
  inner.import_nodes(function.nodes);
  std::vector<Slot> slots;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Slot slot = inner.find(function.outputs[i]);
    check(slot.state != Slot::State::undefined && slot.state != Slot::State::absent,
          Code::invalid_model, "its function does not define output ", quoted(function.outputs[i]));
    slots.push_back(slot);
  }
  define_outputs(node, slots);
}

}  // namespace hone::onnx
