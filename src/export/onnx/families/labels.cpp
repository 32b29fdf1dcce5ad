#include "ops/labels.hpp"

#include <cmath>

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// What is an operand here and an attribute there.
Tensor constant_operand(const NodeExport& node, size_t i, std::string_view what) {
  const Value* value = node.node().input(i);
  if (value == nullptr || !value->is_constant())
    node.unsupported("its ", what, " are no constant; in ONNX they are attributes");
  return value->weight->tensor();
}

void export_label_encoder(NodeExport& node) {
  const Tensor keys = constant_operand(node, 1, "keys");
  const Tensor values = constant_operand(node, 2, "values");
  const Tensor otherwise = constant_operand(node, 3, "defaults");
  NodeModel& made = node.plain();
  made.inputs.resize(1);
  made.set("keys_tensor", keys);
  made.set("values_tensor", values);
  made.set("default_tensor", otherwise.reshaped({1}));
}

void export_one_hot_encoder(NodeExport& node) {
  const Tensor categories = constant_operand(node, 1, "categories");
  if (is_float(categories.dtype()))
    for (int64_t i = 0; i < categories.count(); ++i)
      if (categories.number(i) != std::trunc(categories.number(i)))
        node.unsupported("its categories are no integers; in ONNX they are");
  NodeModel& made = node.plain();
  made.inputs.resize(1);
  if (categories.dtype() == DType::string) made.set("cats_strings", categories.strings());
  else made.set("cats_int64s", categories.integers());
}

}  // namespace

void register_labels(Exporters& exporters) {
  exporters.add("LabelEncoder", export_label_encoder);
  exporters.add("OneHotEncoder", export_one_hot_encoder);
}

}  // namespace hone::onnx
