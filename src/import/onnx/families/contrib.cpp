// com.microsoft: what the standard took over later, as it was before.

#include "import/onnx/enum_field.hpp"
#include "import/onnx/plain.hpp"
#include "ops/gather.hpp"
#include "ops/generate.hpp"
#include "ops/inverse.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"
#include "ops/unique.hpp"

namespace hone::onnx {
namespace {

/// Input `i` without its axes of size 1, or flat; null where it is absent.
Value* reshaped(NodeReader& node, int i, Dims shape, std::string_view hint) {
  Value* value = node.input(i);
  if (value == nullptr || node.rank(i) == static_cast<int>(shape.size())) return value;
  return node.intermediate(Reshape{.shape = std::move(shape)}, {value}, hint);
}

/// Pads may stand in a matrix of one row, the value in a vector of one element.
void import_pad(NodeReader& node) {
  const Pad op{.mode = read_enum(node, "mode", Pad::kModes, Pad::Mode::constant)};
  node.required(1);
  node.emit(op,
            {node.required(0), reshaped(node, 1, {-1}, "pads"), reshaped(node, 2, {}, "value")});
}

/// Numbers may be vectors of one element; the step is 1 where it is absent.
void import_range(NodeReader& node) {
  node.required(0), node.required(1);
  Value* delta = reshaped(node, 2, {}, "delta");
  if (delta == nullptr)
    delta = node.constant(Tensor::scalar(node.dtype_in(0).value_or(DType::f32), 1), "delta");
  node.emit(Range{}, {reshaped(node, 0, {}, "start"), reshaped(node, 1, {}, "limit"), delta});
}

void import_expand_dims(NodeReader& node) {
  const auto axis = node.known_scalar(1);
  if (!axis) node.unsupported("an axis that only running tells");
  node.emit(Unsqueeze{.axes = Dims{*axis}}, {node.required(0)});
}

void import_gather_nd(NodeReader& node) {
  node.emit(GatherND{}, {node.required(0), node.required(1)});
}

void import_trilu(NodeReader& node) {
  node.emit(Trilu{.upper = node.flag("upper", true)}, node.all_inputs());
}

/// In the order of the input; results: the elements, where each of the input is, how often.
void import_unique(NodeReader& node) {
  Unique op;
  op.sorted = false;
  const std::vector<Value*> all = node.intermediates(op, {node.required(0)}, 4, "unique");
  for (int i = 0; i < node.outputs(); ++i) {
    node.check(i < 3, "has ", node.outputs(), " outputs, wanted at most 3");
    if (node.wants(i)) node.give(i, all[i == 0 ? 0 : static_cast<size_t>(i) + 1]);
  }
}

}  // namespace

void register_contrib(Importers& importers) {
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  add("Pad", import_pad), add("Range", import_range), add("ExpandDims", import_expand_dims);
  add("Trilu", import_trilu), add("Unique", import_unique);
  add("GatherND", import_gather_nd), add("Inverse", import_plain<Inverse>);
}

}  // namespace hone::onnx
