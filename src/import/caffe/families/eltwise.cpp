#include <algorithm>

#include "import/caffe/layer_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"

namespace hone::caffe {
namespace {

template <class T>
void fold(LayerReader& layer, const std::vector<Value*>& operands) {
  Value* value = operands.front();
  for (size_t i = 1; i + 1 < operands.size(); ++i)
    value = layer.intermediate(T{}, {value, operands[i]}, cat("fold", i));
  if (operands.size() == 1) layer.give(0, value);
  else layer.emit(T{}, {value, operands.back()});
}

/// The product, the sum with coefficients or the largest of blobs of one shape.
void import_eltwise(LayerReader& layer) {
  Params params = layer.params("eltwise_param");
  const size_t operation = params.choice("operation", {"PROD", "SUM", "MAX"}, "SUM");
  const std::vector<float> factors = params.reals("coeff");
  std::vector<Value*> operands;
  for (int i = 0; i < layer.inputs(); ++i) operands.push_back(layer.required(i));
  layer.check(!operands.empty(), "has no bottom");
  layer.check(factors.empty() || (operation == 1 && factors.size() == operands.size()),
              factors.size(), " coefficients for ", operands.size(), " bottoms");
  for (size_t i = 0; i < factors.size(); ++i) {
    if (factors[i] == 1) continue;
    Value* factor = layer.scalar(double{factors[i]}, cat("coeff", i));
    operands[i] = layer.intermediate(Mul{}, {operands[i], factor}, cat("scaled", i));
  }
  if (operation == 0) fold<Mul>(layer, operands);
  else if (operation == 1) fold<Add>(layer, operands);
  else layer.emit(Max{}, operands);
}

/// A channel's factor times the second bottom, plus the third.
void import_axpy(LayerReader& layer) {
  Value* scaled = layer.intermediate(Mul{}, {layer.required(0), layer.required(1)}, "scaled");
  layer.emit(Add{}, {scaled, layer.required(2)});
}

}  // namespace

void register_eltwise(Importers& importers) {
  importers.add("Eltwise", import_eltwise);
  importers.add("Axpy", import_axpy);
}

}  // namespace hone::caffe
