#include "ops/deformable.hpp"

#include "import/onnx/window_fields.hpp"

namespace hone::onnx {
namespace {

void import_deform_conv(NodeReader& node) {
  DeformConv op{.window = read_window(node, 1),
                .group = node.integer("group", 1),
                .offset_group = node.integer("offset_group", 1)};
  for (int i = 0; i < 3; ++i) node.required(i);
  node.emit(std::move(op), node.all_inputs());
}

}  // namespace

void register_deformable(Importers& importers) {
  importers.add("DeformConv", import_deform_conv, 19);
}

}  // namespace hone::onnx
