#include "import/onnx/legacy.hpp"

#include <algorithm>
#include <array>

#include "ops/shape.hpp"

namespace hone::onnx {
namespace {

/// Without `broadcast` both shapes must be one: what is surely not so is an error of the node.
void check_same_shape(const NodeReader& node) {
  const auto first = node.rank(0), second = node.rank(1);
  if (!first || !second) return;
  const Dims& a = node.input(0)->type.tensor().shape();
  const Dims& b = node.input(1)->type.tensor().shape();
  bool differs = a.size() != b.size();
  for (size_t i = 0; i < a.size() && !differs; ++i) {
    const auto x = a[i].constant(), y = b[i].constant();
    differs = x && y && *x != *y;
  }
  node.check(!differs, "operands of shapes ", join(a, "x"), " and ", join(b, "x"),
             " without attribute broadcast, which opset ", node.opset(), " wants");
}

}  // namespace

Value* aligned_operand(NodeReader& node, int64_t axis) {
  Value* operand = node.required(1);
  const auto whole = node.rank(0), part = node.rank(1);
  if (part == 0) return operand;
  if (!whole || !part) node.unsupported("an axis to broadcast along wants operands of known rank");
  const int64_t first = axis < 0 ? axis + *whole : axis;
  node.check(first >= 0 && first <= *whole - *part, "axis ", axis, " for operands of ", *whole,
             " and ", *part, " dimensions");
  const int64_t end = *whole - first;
  if (end == *part) return operand;
  Dims axes;
  for (int64_t i = *part; i < end; ++i) axes.push_back(i);
  return node.intermediate(Unsqueeze{.axes = std::move(axes)}, {operand}, "aligned");
}

std::vector<Value*> broadcast_operands(NodeReader& node) {
  if (node.opset() >= 7) return node.all_inputs();
  node.check(node.inputs() == 2, "has ", node.inputs(), " inputs, wanted 2");
  Value *first = node.required(0), *second = node.required(1);
  const bool broadcasts = node.flag("broadcast", false);
  const auto axis = node.optional_integer("axis");
  if (!broadcasts) check_same_shape(node);
  else if (axis) second = aligned_operand(node, *axis);
  return {first, second};
}

DType dtype_of_name(const NodeReader& node, std::string_view name) {
  // By number, from 1 on: the types that there were before opset 6.
  constexpr std::array<std::string_view, 15> kNames = {
      "FLOAT", "UINT8",   "INT8",   "UINT16", "INT16",  "INT32",     "INT64",     "STRING",
      "BOOL",  "FLOAT16", "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128"};
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  node.check(found != kNames.end(), "element type \"", name, "\" does not exist: wanted one of ",
             join(kNames, ", "));
  return *dtype_of(found - kNames.begin() + 1);
}

}  // namespace hone::onnx
