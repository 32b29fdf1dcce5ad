#include "ops/qlinear.hpp"

#include "import/onnx/plain.hpp"
#include "import/onnx/window_fields.hpp"
#include "ops/layout.hpp"

namespace hone::onnx {
namespace {

/// Pools `op`; where the attribute channels_last says that channels come after the spatial axes,
/// between two transposes.
void emit_pooling(NodeReader& node, Op op) {
  std::vector<Value*> operands = node.all_inputs();
  if (!node.flag("channels_last", false)) return void(node.emit(std::move(op), operands));
  const std::optional<int> rank = node.rank(0);
  if (!rank || *rank < 3)
    node.unsupported("channels_last needs an input of known rank, at least 3");
  Transpose first, last;
  for (int axis = 0; axis < *rank; ++axis) {
    first.perm.push_back(axis == 0 ? 0 : axis == 1 ? *rank - 1 : axis - 1);
    last.perm.push_back(axis == 0 ? 0 : axis == *rank - 1 ? 1 : axis + 1);
  }
  operands[0] = node.intermediate(first, {node.required(0)}, "channels_first");
  node.emit(last, {node.intermediate(std::move(op), operands, "pooled")});
}

void import_average_pool(NodeReader& node) {
  QLinearAveragePool op{.window = read_window(node),
                        .ceil_mode = node.flag("ceil_mode", false),
                        .count_include_pad = node.flag("count_include_pad", false)};
  emit_pooling(node, std::move(op));
}

void import_global_average_pool(NodeReader& node) {
  emit_pooling(node, QLinearGlobalAveragePool{});
}

}  // namespace

void register_qlinear(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMicrosoft = "com.microsoft";
  importers.add("QLinearAdd", import_plain<QLinearAdd>, 1, kAny, kMicrosoft);
  importers.add("QLinearMul", import_plain<QLinearMul>, 1, kAny, kMicrosoft);
  importers.add("QLinearAveragePool", import_average_pool, 1, kAny, kMicrosoft);
  importers.add("QLinearGlobalAveragePool", import_global_average_pool, 1, kAny, kMicrosoft);
}

}  // namespace hone::onnx
