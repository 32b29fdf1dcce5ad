#include "import/caffe/window_params.hpp"

#include <algorithm>

namespace hone::caffe {
namespace {

/// One number for all spatial axes, or one for each, or, of two axes, as `NAME_h` and `NAME_w`.
std::vector<int64_t> per_axis(LayerReader& layer, Params& params, std::string_view name,
                              std::string_view short_name, size_t axes, int64_t otherwise) {
  const auto height = params.optional_integer(cat(short_name, "_h"));
  const auto width = params.optional_integer(cat(short_name, "_w"));
  std::vector<int64_t> values = params.integers(name);
  if (height || width) {
    layer.check(axes == 2, short_name, "_h and ", short_name, "_w for ", axes, " spatial axes");
    return {height.value_or(otherwise), width.value_or(otherwise)};
  }
  if (values.empty()) values.push_back(otherwise);
  if (values.size() == 1) values.resize(axes, values.front());
  layer.check(values.size() == axes, name, " has ", values.size(), " entries for ", axes,
              " spatial axes");
  return values;
}

std::vector<int64_t> unless_all(int64_t value, std::vector<int64_t> list) {
  if (std::all_of(list.begin(), list.end(), [&](int64_t item) { return item == value; })) return {};
  return list;
}

}  // namespace

Window read_window(LayerReader& layer, Params& params) {
  const int rank = layer.rank_of(0);
  layer.check(rank >= 3, "a blob of ", rank, " axes, wanted batch, channels and spatial axes");
  const auto axes = static_cast<size_t>(rank - 2);
  Window window;
  window.kernel_shape = per_axis(layer, params, "kernel_size", "kernel", axes, 0);
  const bool sized = std::all_of(window.kernel_shape.begin(), window.kernel_shape.end(),
                                 [](int64_t size) { return size > 0; });
  layer.check(sized, "the kernel's size is ", join(window.kernel_shape, "x"));
  window.strides = unless_all(1, per_axis(layer, params, "stride", "stride", axes, 1));
  window.dilations = unless_all(1, per_axis(layer, params, "dilation", "dilation", axes, 1));
  const std::vector<int64_t> pads = per_axis(layer, params, "pad", "pad", axes, 0);
  window.pads = pads;
  window.pads.insert(window.pads.end(), pads.begin(), pads.end());
  window.pads = unless_all(0, window.pads);
  const std::string problem = window_problem(window, axes);
  layer.check(problem.empty(), problem);
  return window;
}

}  // namespace hone::caffe
