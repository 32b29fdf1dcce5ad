#include "ops/random.hpp"

#include "export/onnx/node_export.hpp"

namespace hone::onnx {
namespace {

/// Without a seed another tool would draw other numbers in every run.
template <class T>
void export_seeded(NodeExport& node) {
  const T& op = node.op<T>();
  if constexpr (requires { op.numbers; }) node.plain().set("seed", op.numbers.seed);
  else node.plain().set("seed", op.seed);
}

}  // namespace

void register_random(Exporters& exporters) {
  exporters.add("RandomNormal", export_seeded<RandomNormal>);
  exporters.add("RandomNormalLike", export_seeded<RandomNormalLike>);
  exporters.add("RandomUniform", export_seeded<RandomUniform>);
  exporters.add("RandomUniformLike", export_seeded<RandomUniformLike>);
  exporters.add("Bernoulli", export_seeded<Bernoulli>);
  exporters.add("Multinomial", export_seeded<Multinomial>);
  exporters.add("Dropout", export_seeded<Dropout>);
}

}  // namespace hone::onnx
