#include "ops/signal.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

/// Before opset 20 the axis is an attribute, 1 unless said.
void import_dft(NodeReader& node) {
  Dft op{.inverse = node.flag("inverse", false), .onesided = node.flag("onesided", false)};
  node.required(0);
  if (node.opset() < 20) op.axis = Dims{node.integer("axis", 1)};
  node.emit(std::move(op), node.all_inputs());
}

void import_stft(NodeReader& node) {
  Stft op{.onesided = node.flag("onesided", true)};
  node.required(0), node.required(1);
  node.emit(std::move(op), node.all_inputs());
}

template <class T>
void import_window(NodeReader& node) {
  T op;
  op.periodic = node.flag("periodic", true);
  op.output_datatype = node.dtype("output_datatype", DType::f32);
  node.emit(std::move(op), {node.required(0)});
}

void import_mel_weight_matrix(NodeReader& node) {
  MelWeightMatrix op;
  op.output_datatype = node.dtype("output_datatype", DType::f32);
  for (int i = 0; i < 5; ++i) node.required(i);
  node.emit(std::move(op), node.all_inputs());
}

}  // namespace

void register_signal(Importers& importers) {
  importers.add("DFT", import_dft, 17);
  importers.add("STFT", import_stft, 17);
  importers.add("HannWindow", import_window<HannWindow>, 17);
  importers.add("HammingWindow", import_window<HammingWindow>, 17);
  importers.add("BlackmanWindow", import_window<BlackmanWindow>, 17);
  importers.add("MelWeightMatrix", import_mel_weight_matrix, 17);
}

}  // namespace hone::onnx
