#include "ops/convolution.hpp"

#include "import/onnx/window_fields.hpp"

namespace hone::onnx {
namespace {

void import_conv(NodeReader& node) {
  Conv op{.window = read_window(node, 1), .group = node.integer("group", 1)};
  node.emit(std::move(op), node.all_inputs());
}

void import_conv_transpose(NodeReader& node) {
  ConvTranspose op{.window = read_window(node, 1),
                   .group = node.integer("group", 1),
                   .output_padding = node.ints("output_padding"),
                   .output_shape = node.ints("output_shape")};
  node.emit(std::move(op), node.all_inputs());
}

}  // namespace

void register_convolution(Importers& importers) {
  importers.add("Conv", import_conv);
  importers.add("ConvTranspose", import_conv_transpose);
}

}  // namespace hone::onnx
