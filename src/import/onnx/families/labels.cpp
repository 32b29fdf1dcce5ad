#include "ops/labels.hpp"

#include <array>
#include <numeric>

#include "import/onnx/node_reader.hpp"
#include "ops/cast.hpp"

namespace hone::onnx {
namespace {

Tensor of_floats(const std::vector<float>& values) {
  Tensor tensor(DType::f32, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) tensor.put(static_cast<int64_t>(i), values[i]);
  return tensor;
}

Tensor of_strings(std::vector<std::string> strings) {
  const auto count = static_cast<int64_t>(strings.size());
  return Tensor::of_strings({count}, std::move(strings));
}

/// The one of PREFIX_strings, PREFIX_int64s, PREFIX_floats, PREFIX_tensor that the node has.
Tensor read_list(NodeReader& node, const std::string& prefix) {
  std::vector<Tensor> found;
  if (node.has(prefix + "_strings")) found.push_back(of_strings(node.strings(prefix + "_strings")));
  if (node.has(prefix + "_int64s")) found.push_back(Tensor::ints(node.ints(prefix + "_int64s")));
  if (node.has(prefix + "_floats")) found.push_back(of_floats(node.reals(prefix + "_floats")));
  if (node.has(prefix + "_tensor")) {
    const Tensor list = *node.tensor(prefix + "_tensor");
    found.push_back(list.reshaped({list.count()}));
  }
  node.check(found.size() == 1, "has ", found.size(), " attributes ", prefix, "_..., wanted one");
  return found[0];
}

/// What stands for keys that are not there, of the values' type.
Tensor read_default(NodeReader& node, DType dtype) {
  const std::string text = node.text("default_string", "_Unused");
  const int64_t integer = node.integer("default_int64", -1);
  const float real = node.real("default_float", -0.0f);
  if (const auto given = node.tensor("default_tensor")) {
    node.check(given->count() == 1 && given->dtype() == dtype, "default_tensor is ", given->dtype(),
               shape_text(given->shape()), ", wanted one ", dtype);
    return given->reshaped({});
  }
  if (dtype == DType::string) return Tensor::of_strings({}, {text});
  if (is_float(dtype)) return Tensor::scalar(dtype, static_cast<double>(real));
  Tensor result(dtype, {});
  result.set_integer(0, integer);
  return result;
}

void emit_encoder(NodeReader& node, const Tensor& keys, const Tensor& values,
                  const Tensor& otherwise) {
  node.check(keys.count() == values.count(), "has ", keys.count(), " keys and ", values.count(),
             " values");
  node.emit(LabelEncoder{}, {node.required(0), node.constant(keys, "keys"),
                             node.constant(values, "values"), node.constant(otherwise, "default")});
}

void import_label_encoder(NodeReader& node) {
  const Tensor keys = read_list(node, "keys"), values = read_list(node, "values");
  emit_encoder(node, keys, values, read_default(node, values.dtype()));
}

/// Strings to integers and back, by what the operand is.
void emit_both_ways(NodeReader& node, const Tensor& strings, const Tensor& integers) {
  const Tensor text = Tensor::of_strings({}, {node.text("default_string", "_Unused")});
  Tensor number(DType::i64, {});
  number.set_integer(0, node.integer("default_int64", -1));
  if (node.dtype_in(0) == DType::string) emit_encoder(node, strings, integers, number);
  else emit_encoder(node, integers, strings, text);
}

/// Version 1: an integer is a string's place in the list.
void import_label_encoder_1(NodeReader& node) {
  const Tensor strings = of_strings(node.strings("classes_strings"));
  std::vector<int64_t> places(static_cast<size_t>(strings.count()));
  std::iota(places.begin(), places.end(), int64_t{0});
  emit_both_ways(node, strings, Tensor::ints(places));
}

void import_category_mapper(NodeReader& node) {
  emit_both_ways(node, of_strings(node.strings("cats_strings")),
                 Tensor::ints(node.ints("cats_int64s")));
}

void import_one_hot_encoder(NodeReader& node) {
  const bool strings = node.has("cats_strings");
  node.check(strings != node.has("cats_int64s"), "wanted one of cats_strings and cats_int64s");
  const OneHotEncoder op{.zeros = node.flag("zeros", true)};
  Value* x = node.required(0);
  if (!strings && node.dtype_in(0) != DType::i64)
    x = node.intermediate(Cast{.to = DType::i64}, {x}, "integers");
  const Tensor categories =
      strings ? of_strings(node.strings("cats_strings")) : Tensor::ints(node.ints("cats_int64s"));
  node.emit(op, {x, node.constant(categories, "categories")});
}

}  // namespace

void register_labels(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMl = "ai.onnx.ml";
  importers.add("LabelEncoder", import_label_encoder_1, 1, 1, kMl);
  importers.add("LabelEncoder", import_label_encoder, 2, kAny, kMl);
  importers.add("CategoryMapper", import_category_mapper, 1, kAny, kMl);
  importers.add("OneHotEncoder", import_one_hot_encoder, 1, kAny, kMl);
}

}  // namespace hone::onnx
