#include "import/tensorflow/variables.hpp"

#include <algorithm>

#include "import/tensorflow/attribute.hpp"
#include "import/tensorflow/edge.hpp"
#include "import/tensorflow/tensor.hpp"

namespace hone::tensorflow {
namespace {

/// The strings of a constant; empty: it is none.
std::vector<std::string> strings_of(const NodeDef* node, const Limits& limits) {
  const auto message = node == nullptr ? std::nullopt : node->attribute("value");
  if (!message) return {};
  const auto tensor = decode_attribute(*message, limits).tensor;
  if (!tensor) return {};
  const Tensor strings = decode_tensor(*tensor, {}, limits);
  return strings.dtype() == DType::string ? strings.strings() : std::vector<std::string>();
}

}  // namespace

Variables::Variables(const GraphFile& file, std::string_view restore_op,
                     const std::filesystem::path& folder, const ImportOptions& options)
    : file_(file), folder_(folder), options_(options) {
  for (const NodeDef& node : file.graph.nodes) nodes_.emplace(node.name, &node);
  const auto call = restore_op.empty() ? nodes_.end() : nodes_.find(parse_edge(restore_op).node);
  if (call != nodes_.end() && call->second->attribute("f")) find_keys(*call->second);
}

/// The function reads tensors by their keys and assigns each to one of its arguments.
void Variables::find_keys(const NodeDef& call) {
  const auto name = decode_attribute(*call.attribute("f"), options_.limits).function;
  const auto function =
      std::find_if(file_.functions.begin(), file_.functions.end(),
                   [&](const GraphDef& each) { return name && each.name == *name; });
  if (function == file_.functions.end()) return;
  std::map<std::string_view, const NodeDef*> nodes;
  std::map<std::string_view, size_t> arguments;
  for (const NodeDef& node : function->nodes) nodes[node.name] = &node;
  for (size_t i = 0; i < function->inputs.size(); ++i) arguments[function->inputs[i].name] = i;
  std::map<std::string_view, std::vector<std::string>> keys;  // of each node that reads tensors
  for (const NodeDef& node : function->nodes) {
    if (node.op != "AssignVariableOp" || node.inputs.size() < 2) continue;
    const auto argument = arguments.find(parse_edge(node.inputs[0]).node);
    Edge value = parse_edge(node.inputs[1]);
    const auto through = nodes.find(value.node);
    if (through != nodes.end() && through->second->op == "Identity" &&
        !through->second->inputs.empty())
      value = parse_edge(through->second->inputs[0]);
    const auto reader = nodes.find(value.node);
    if (argument == arguments.end() || argument->second >= call.inputs.size() ||
        reader == nodes.end() || reader->second->op != "RestoreV2" ||
        reader->second->inputs.size() < 2)
      continue;
    const auto [list, is_new] = keys.try_emplace(value.node);
    if (is_new) {
      const auto constant = nodes.find(parse_edge(reader->second->inputs[1]).node);
      list->second =
          strings_of(constant == nodes.end() ? nullptr : constant->second, options_.limits);
    }
    if (static_cast<size_t>(value.index) < list->second.size())
      keys_[parse_edge(call.inputs[argument->second]).node] =
          list->second[static_cast<size_t>(value.index)];
  }
}

/// Without a function that restores them, as in TensorFlow 1, variables have their own names.
std::string Variables::key_of(std::string_view node) const {
  if (const auto found = keys_.find(node); found != keys_.end()) return found->second;
  const auto handle = nodes_.find(node);
  const auto shared =
      handle == nodes_.end() ? std::nullopt : handle->second->attribute("shared_name");
  const auto text =
      shared ? decode_attribute(*shared, options_.limits).text.value_or("") : std::string_view();
  if (!text.empty() && checkpoint_->has(text)) return std::string(text);
  return std::string(node);
}

StoredVariable Variables::operator()(std::string_view node) {
  if (!checkpoint_) checkpoint_.emplace(folder_, "variables/variables", options_);
  return checkpoint_->tensor(key_of(node));
}

}  // namespace hone::tensorflow
