// ai.onnx.ml's preparation of features, in ops of the network's own.

#include <cmath>

#include "import/onnx/scores.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/pad.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::onnx {
namespace {

Value* cast(NodeReader& node, Value* x, DType to) {
  return x->type.tensor().dtype == to ? x : node.intermediate(Cast{.to = to}, {x}, "converted");
}

DType dtype_of(NodeReader& node) {
  node.required(0);
  node.check(node.dtype_in(0).has_value(), "the operand is no tensor");
  return *node.dtype_in(0);
}

/// 1 where x is larger than the threshold, else 0, in x's type.
void import_binarizer(NodeReader& node) {
  const DType dtype = dtype_of(node);
  const double threshold = double{node.real("threshold", 0)};
  Value* limit = node.constant(Tensor::scalar(DType::f64, threshold), "threshold");
  Value* larger =
      node.intermediate(Greater{}, {cast(node, node.required(0), DType::f64), limit}, "larger");
  node.emit(Cast{.to = dtype}, {larger});
}

/// Elements of the last axis; a vector is one row.
void import_array_feature_extractor(NodeReader& node) {
  Value* x = node.required(0);
  if (node.rank(0) == 1) x = node.intermediate(Unsqueeze{.axes = Dims{0}}, {x}, "row");
  Value* places = node.intermediate(Reshape{.shape = Dims{-1}}, {node.required(1)}, "places");
  node.emit(Gather{.axis = -1}, {x, places});
}

/// (x - offset) * scale, each one number or one for every feature.
void import_scaler(NodeReader& node) {
  const DType dtype = dtype_of(node);
  Value* x = cast(node, node.required(0), dtype == DType::f32 ? DType::f32 : DType::f64);
  const auto operand = [&](std::string_view name, float otherwise) {
    const std::vector<float> values = node.reals(name, {otherwise});
    Value* numbers =
        float_constant(node, values, {static_cast<int64_t>(values.size())}, std::string(name));
    return cast(node, numbers, x->type.tensor().dtype);
  };
  Value* shifted = node.intermediate(Sub{}, {x, operand("offset", 0)}, "shifted");
  Value* scaled = node.intermediate(Mul{}, {shifted, operand("scale", 1)}, "scaled");
  node.give(0, cast(node, scaled, DType::f32));
}

/// Every row divided by its largest element, the sum of magnitudes or the root of squares; where
/// that is 0 the row stays.
void import_normalizer(NodeReader& node) {
  const std::string norm = node.text("norm", "MAX");
  Value* x = cast(node, node.required(0), DType::f32);
  const Dims axes{-1};
  Value* size = nullptr;
  if (norm == "MAX") size = node.intermediate(ReduceMax{.axes = axes}, {x}, "norm");
  else if (norm == "L1") size = node.intermediate(ReduceL1{.axes = axes}, {x}, "norm");
  else if (norm == "L2") size = node.intermediate(ReduceL2{.axes = axes}, {x}, "norm");
  else node.invalid("attribute norm is \"", norm, "\", wanted MAX, L1 or L2");
  const auto number = [&](double value) {
    return node.constant(Tensor::scalar(DType::f32, value), "number");
  };
  Value* none = node.intermediate(Equal{}, {size, number(0)}, "none");
  Value* divisor = node.intermediate(Where{}, {none, number(1), size}, "divisor");
  node.emit(Div{}, {x, divisor});
}

/// Elements that equal one value (NaN: that are NaN) become another, by feature perhaps.
void import_imputer(NodeReader& node) {
  const DType dtype = dtype_of(node);
  const bool real = is_float(dtype);
  const double replaced = real ? double{node.real("replaced_value_float", 0)}
                               : static_cast<double>(node.integer("replaced_value_int64", 0));
  node.ignore(real ? "replaced_value_int64" : "replaced_value_float");
  node.ignore(real ? "imputed_value_int64s" : "imputed_value_floats");
  const std::vector<float> floats = node.reals("imputed_value_floats");
  const std::vector<int64_t> integers = node.ints("imputed_value_int64s");
  const auto count = static_cast<int64_t>(real ? floats.size() : integers.size());
  node.check(count > 0, "has no value to put in");
  Tensor values(dtype, {count});
  for (int64_t i = 0; i < count; ++i) {
    if (real) values.set_number(i, static_cast<double>(floats[static_cast<size_t>(i)]));
    else values.set_integer(i, integers[static_cast<size_t>(i)]);
  }
  Value* x = node.required(0);
  Value* found = std::isnan(replaced)
                     ? node.intermediate(IsNaN{}, {x}, "missing")
                     : node.intermediate(
                           Equal{}, {x, node.constant(Tensor::scalar(dtype, replaced), "replaced")},
                           "missing");
  node.emit(Where{}, {found, node.constant(std::move(values), "imputed"), x});
}

/// The operands' rows side by side as f32, each cut or filled with zeros to its size.
void import_feature_vectorizer(NodeReader& node) {
  const std::vector<int64_t> sizes = node.ints("inputdimensions");
  node.check(sizes.empty() || static_cast<int>(sizes.size()) == node.inputs(), "has ",
             node.inputs(), " inputs and ", sizes.size(), " sizes");
  std::vector<Value*> columns;
  for (int i = 0; i < node.inputs(); ++i) {
    Value* x = float_rows(node, node.required(i));
    if (!sizes.empty()) {
      const int64_t size = sizes[static_cast<size_t>(i)];
      node.check(size >= 0, "inputdimensions has ", size);
      const TensorType& type = x->type.tensor();
      if (!type.has_rank() || type.rank() != 2)
        node.unsupported("an input of ", type, " where its size is set");
      if (!type.shape()[1].is(size)) {
        Value* wide = node.intermediate(Pad{.pads = Dims{0, 0, 0, size}}, {x}, "filled");
        x = node.intermediate(Slice{.starts = Dims{0}, .ends = Dims{size}, .axes = Dims{1}}, {wide},
                              "cut");
      }
    }
    columns.push_back(x);
  }
  node.emit(Concat{.axis = 1}, columns);
}

}  // namespace

void register_features(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMl = "ai.onnx.ml";
  importers.add("Binarizer", import_binarizer, 1, kAny, kMl);
  importers.add("ArrayFeatureExtractor", import_array_feature_extractor, 1, kAny, kMl);
  importers.add("Scaler", import_scaler, 1, kAny, kMl);
  importers.add("Normalizer", import_normalizer, 1, kAny, kMl);
  importers.add("Imputer", import_imputer, 1, kAny, kMl);
  importers.add("FeatureVectorizer", import_feature_vectorizer, 1, kAny, kMl);
}

}  // namespace hone::onnx
