#include "ops/softmax.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

// All dims after `axis` are 1 (or there are none), so that flattening changes nothing.
bool ends_at(const Value* input, int64_t axis) {
  if (input == nullptr || !input->type.is_tensor() || !input->type.tensor().has_rank())
    return false;
  const Dims& dims = input->type.tensor().shape();
  const auto rank = static_cast<int64_t>(dims.size());
  for (int64_t i = (axis < 0 ? axis + rank : axis) + 1; i < rank; ++i)
    if (i < 0 || !dims[static_cast<size_t>(i)].is(1)) return false;
  return true;
}

// Before opset 13 the axes from `axis` (1 by default) on are one.
template <class T>
void import_softmax(NodeReader& node) {
  const bool single = node.opset() >= 13;
  T op{.axis = node.integer("axis", single ? -1 : 1)};
  op.flatten = !single && !ends_at(node.input(0), op.axis);
  node.emit(op, node.all_inputs());
}

template <class T>
void import_arg(NodeReader& node) {
  const T op{.axis = node.integer("axis", 0),
             .keepdims = node.flag("keepdims", true),
             .select_last_index = node.flag("select_last_index", false)};
  node.emit(op, node.all_inputs());
}

template <class T>
void import_running(NodeReader& node) {
  const T op{.exclusive = node.flag("exclusive", false), .reverse = node.flag("reverse", false)};
  node.emit(op, node.all_inputs());
}

}  // namespace

void register_softmax(Importers& importers) {
  importers.add("Softmax", import_softmax<Softmax>);
  importers.add("LogSoftmax", import_softmax<LogSoftmax>);
  importers.add("Hardmax", import_softmax<Hardmax>);
  importers.add("ArgMax", import_arg<ArgMax>);
  importers.add("ArgMin", import_arg<ArgMin>);
  importers.add("CumSum", import_running<CumSum>, 11);
  importers.add("CumProd", import_running<CumProd>, 26);
}

}  // namespace hone::onnx
