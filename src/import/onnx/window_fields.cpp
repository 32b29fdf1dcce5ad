#include "import/onnx/window_fields.hpp"

#include <algorithm>

namespace hone::onnx {
namespace {

std::vector<int64_t> unless_all(int64_t value, std::vector<int64_t> list) {
  const auto same = [&](int64_t item) { return item == value; };
  if (std::all_of(list.begin(), list.end(), same)) list.clear();
  return list;
}

bool repeats(const std::vector<int64_t>& kernel_shape, const Value* weight) {
  if (weight == nullptr || !weight->type.is_tensor() || !weight->type.tensor().has_rank())
    return false;
  const Dims& dims = weight->type.tensor().shape();
  if (dims.size() != kernel_shape.size() + 2) return false;
  for (size_t i = 0; i < kernel_shape.size(); ++i)
    if (!dims[i + 2].is(kernel_shape[i])) return false;
  return true;
}

}  // namespace

Window read_window(NodeReader& node, int weight) {
  Window window;
  window.kernel_shape = node.ints("kernel_shape");
  if (weight >= 0 && repeats(window.kernel_shape, node.input(weight))) window.kernel_shape.clear();
  window.strides = unless_all(1, node.ints("strides"));
  window.dilations = unless_all(1, node.ints("dilations"));
  window.pads = unless_all(0, node.ints("pads"));
  const std::string auto_pad = node.text("auto_pad", "NOTSET");
  const auto found = std::find(std::begin(kAutoPadNames), std::end(kAutoPadNames), auto_pad);
  node.check(found != std::end(kAutoPadNames), "auto_pad=\"", auto_pad, "\": wanted one of ",
             join(kAutoPadNames, ", "));
  window.auto_pad = static_cast<AutoPad>(found - std::begin(kAutoPadNames));
  if (window.auto_pad != AutoPad::notset) window.pads.clear();  // ONNX: auto_pad alone decides
  return window;
}

}  // namespace hone::onnx
