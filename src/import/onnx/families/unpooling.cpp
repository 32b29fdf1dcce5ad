#include "ops/unpooling.hpp"

#include "import/onnx/window_fields.hpp"

namespace hone::onnx {
namespace {

void import_max_unpool(NodeReader& node) {
  MaxUnpool op{.window = read_window(node)};
  node.required(0), node.required(1);
  node.emit(std::move(op), node.all_inputs());
}

void import_col2im(NodeReader& node) {
  Col2Im op{.strides = node.ints("strides"),
            .dilations = node.ints("dilations"),
            .pads = node.ints("pads")};
  node.emit(std::move(op), {node.required(0), node.required(1), node.required(2)});
}

}  // namespace

void register_unpooling(Importers& importers) {
  importers.add("MaxUnpool", import_max_unpool, 9);
  importers.add("Col2Im", import_col2im, 18);
}

}  // namespace hone::onnx
