#include "ops/generate.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

template <class T>
Tensor vector_tensor(DType dtype, const std::vector<T>& values) {
  Tensor tensor(dtype, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) tensor.put(static_cast<int64_t>(i), values[i]);
  return tensor;
}

Tensor float_scalar(float value) {
  Tensor tensor(DType::f32, {});
  tensor.put(0, value);
  return tensor;
}

/// The one of the attributes that the node has.
Tensor contents(NodeReader& node) {
  if (auto value = node.tensor("value")) return *value;
  if (auto value = node.sparse_tensor("sparse_value")) return *value;
  if (node.has("value_float")) return float_scalar(node.real("value_float", 0));
  if (node.has("value_floats")) return vector_tensor(DType::f32, node.reals("value_floats"));
  if (node.has("value_int")) {
    Tensor tensor(DType::i64, {});
    tensor.put(0, node.integer("value_int"));
    return tensor;
  }
  if (node.has("value_ints")) return vector_tensor(DType::i64, node.ints("value_ints"));
  if (node.has("value_string")) return Tensor::of_strings({}, {node.text("value_string", "")});
  node.check(node.has("value_strings"), "has no value");
  std::vector<std::string> strings = node.strings("value_strings");
  const auto count = static_cast<int64_t>(strings.size());
  return Tensor::of_strings({count}, std::move(strings));
}

/// Not a node of ours: a constant of the graph.
void import_constant(NodeReader& node) {
  node.check(node.inputs() == 0, "has ", node.inputs(), " inputs, takes none");
  node.give(0, node.constant(contents(node), "value"));
}

void import_constant_of_shape(NodeReader& node) {
  ConstantOfShape op;
  if (const auto value = node.tensor("value")) {
    node.check(value->count() == 1, "attribute value has ", value->count(), " elements, wanted 1");
    op.value = value->reshaped({}).clone();
  }
  node.emit(std::move(op), {node.required(0)});
}

/// The reference computes in f64: at least as precise as any stash_type.
void import_range(NodeReader& node) {
  node.ignore("stash_type");
  node.emit(Range{}, {node.required(0), node.required(1), node.required(2)});
}

}  // namespace

void register_generate(Importers& importers) {
  importers.add("Constant", import_constant);
  importers.add("ConstantOfShape", import_constant_of_shape, 9);
  importers.add("Range", import_range, 11);
}

}  // namespace hone::onnx
