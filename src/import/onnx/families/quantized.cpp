#include "ops/quantized.hpp"

#include "import/onnx/plain.hpp"
#include "import/onnx/window_fields.hpp"

namespace hone::onnx {
namespace {

void import_conv_integer(NodeReader& node) {
  ConvInteger op{.window = read_window(node, 1), .group = node.integer("group", 1)};
  node.emit(std::move(op), node.all_inputs());
}

void import_qlinear_conv(NodeReader& node) {
  QLinearConv op{.window = read_window(node, 3), .group = node.integer("group", 1)};
  node.emit(std::move(op), node.all_inputs());
}

void import_qgemm(NodeReader& node) {
  QGemm op{.alpha = node.real("alpha", 1),
           .transA = node.flag("transA", false),
           .transB = node.flag("transB", false)};
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_quantized(Importers& importers) {
  add_plain<MatMulInteger>(importers), add_plain<QLinearMatMul>(importers);
  importers.add("ConvInteger", import_conv_integer);
  importers.add("QLinearConv", import_qlinear_conv);
  importers.add("QGemm", import_qgemm, 1, Importers::kAnyVersion, "com.microsoft");
}

}  // namespace hone::onnx
