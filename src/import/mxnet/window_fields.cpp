#include "import/mxnet/window_fields.hpp"

#include <algorithm>

namespace hone::mxnet {
namespace {

std::vector<int64_t> unless_all(int64_t value, std::vector<int64_t> list) {
  if (std::all_of(list.begin(), list.end(), [&](int64_t item) { return item == value; })) return {};
  return list;
}

}  // namespace

std::vector<int64_t> per_axis(NodeReader& node, std::string_view name, size_t axes,
                              int64_t otherwise) {
  std::vector<int64_t> values = node.integers(name);
  if (values.empty()) values.assign(axes, otherwise);
  node.check(values.size() == axes, name, " has ", uint64_t{values.size()}, " entries for ",
             uint64_t{axes}, " spatial axes");
  return values;
}

std::vector<int64_t> sizes_by_kernel(const Node& node) {
  const auto kernel = node.attributes.find("kernel");
  if (kernel == node.attributes.end()) return {};
  return std::vector<int64_t>(tuple_of(kernel->second).size() + 2, 0);
}

Window read_window(NodeReader& node, size_t axes) {
  const std::string_view layout = node.word("layout", "");
  if (!layout.empty() && !layout.starts_with("NC"))
    node.unsupported("the layout ", shown(layout), ", wanted channels first (NCHW)");
  Window window;
  window.kernel_shape = node.integers("kernel");
  node.check(window.kernel_shape.size() == axes, "a kernel of ",
             uint64_t{window.kernel_shape.size()}, " axes for ", uint64_t{axes}, " spatial axes");
  window.strides = unless_all(1, per_axis(node, "stride", axes, 1));
  window.dilations = unless_all(1, per_axis(node, "dilate", axes, 1));
  const std::vector<int64_t> pads = per_axis(node, "pad", axes, 0);
  window.pads = pads;
  window.pads.insert(window.pads.end(), pads.begin(), pads.end());
  window.pads = unless_all(0, window.pads);
  const std::string problem = window_problem(window, axes);
  node.check(problem.empty(), problem);
  return window;
}

}  // namespace hone::mxnet
