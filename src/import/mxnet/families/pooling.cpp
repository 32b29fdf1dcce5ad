#include "ops/pooling.hpp"

#include "base/size.hpp"
#include "import/mxnet/node_reader.hpp"
#include "import/mxnet/window_fields.hpp"
#include "ops/arithmetic.hpp"
#include "ops/reduction.hpp"
#include "ops/resize.hpp"

namespace hone::mxnet {
namespace {

enum Method {
  max,
  average,
  sum,
  norm,
};

enum Convention {
  valid,  // what hangs over the end is left out
  full,   // sizes are rounded up
  same,   // as many windows as strides
};

void pool_all(NodeReader& node, size_t method) {
  Dims axes;
  for (int axis = 2; axis < node.rank_of(0); ++axis) axes.push_back(axis);
  node.check(!axes.empty(), "an input of ", node.rank_of(0), " axes, wanted spatial ones");
  Value* x = node.required(0);
  if (method == max) node.emit(ReduceMax{.axes = axes}, {x});
  else if (method == average) node.emit(ReduceMean{.axes = axes}, {x});
  else if (method == sum) node.emit(ReduceSum{.axes = axes}, {x});
  else node.unsupported("the norm of all places");
}

/// Rounding up may add a window that begins after the end of what is padded.
void refuse_empty_windows(const NodeReader& node, const Window& window) {
  for (size_t i = 0; i < window.kernel_shape.size(); ++i) {
    const auto size = node.dims(0)[i + 2].constant();
    const int64_t kernel = window.kernel_shape[i], stride = window.stride(i);
    const int64_t pad = window.pads.empty() ? 0 : window.pads[i];
    if (checked_add(stride, pad) <= kernel) continue;
    const bool found =
        !size || ceil_div(checked_add(*size, 2 * pad) - kernel, stride) * stride >= *size + pad;
    if (found)
      node.unsupported("windows that stand apart and may begin after the end: kernel ", kernel,
                       ", stride ", stride, ", pad ", pad);
  }
}

/// As many windows as there are strides: the last ones hang over the end.
void pad_to_strides(Window& window) {
  const size_t axes = window.kernel_shape.size();
  window.pads.resize(2 * axes);
  for (size_t i = 0; i < axes; ++i)
    window.pads[axes + i] = checked_add(window.pads[i], window.kernel_shape[i] - 1);
}

void import_pooling(NodeReader& node) {
  const size_t method = node.choice("pool_type", {"max", "avg", "sum", "lp"}, "max");
  const size_t convention = node.choice("pooling_convention", {"valid", "full", "same"}, "valid");
  const bool counts_padding = node.flag("count_include_pad", true);
  const int64_t power = node.integer("p_value", 2);
  if (node.flag("global_pool", false)) {
    node.ignore({"kernel", "stride", "pad", "layout"});
    return pool_all(node, method);
  }
  const int rank = node.rank_of(0);
  node.check(rank >= 3, "an input of ", rank, " axes, wanted batch, channels and spatial axes");
  Window window = read_window(node, static_cast<size_t>(rank - 2));
  const bool up = convention == full, padded = !window.pads.empty();
  if (up) refuse_empty_windows(node, window);
  if (convention == same) pad_to_strides(window);
  Value* x = node.required(0);
  if (method == max) return void(node.emit(MaxPool{.window = window, .ceil_mode = up}, {x}));
  if (convention == same && padded)
    node.unsupported("a mean or sum of padded windows by the convention \"same\"");
  if (method == norm) {
    node.check(power > 0, "p_value is ", power);
    return void(node.emit(LpPool{.window = window, .ceil_mode = up, .p = power}, {x}));
  }
  if (method == average) {
    const bool counts = counts_padding && convention != same;
    AveragePool mean{.window = window, .ceil_mode = up, .count_include_pad = counts};
    return void(node.emit(mean, {x}));
  }
  if (up || convention == same) node.unsupported("sums of windows that hang over the end");
  int64_t places = 1;
  for (const int64_t size : window.kernel_shape) places = checked_mul(places, size);
  Value* mean =
      node.intermediate(AveragePool{.window = window, .count_include_pad = true}, {x}, "mean");
  node.emit(Mul{}, {mean, node.scalar(static_cast<double>(places), "places")});
}

/// The first form divides a mean by the whole window, also where that hangs over the end.
void import_old_pooling(NodeReader& node) {
  const bool is_mean = node.word("pool_type", "max") == "avg";
  if (is_mean && node.word("pooling_convention", "valid") == "full" &&
      !node.flag("global_pool", false))
    node.unsupported("means of windows that hang over the end, as Pooling_v1 has them");
  import_pooling(node);
}

/// To one place; what it does to more has bins of different sizes.
void import_adaptive(NodeReader& node) {
  for (const int64_t size : node.integers("output_size"))
    if (size != 1) node.unsupported("to ", size, " places, wanted 1");
  pool_all(node, average);
}

std::vector<int64_t> pooling_sizes(const Symbol&, const Node& node, size_t, const WeightSource&) {
  const std::vector<int64_t> sizes = sizes_by_kernel(node);
  return sizes.size() > 2 ? sizes : std::vector<int64_t>();
}
std::vector<int64_t> image_sizes(const Symbol&, const Node&, size_t, const WeightSource&) {
  return {0, 0, 0, 0};
}

}  // namespace

void register_pooling(Importers& importers) {
  importers.add("Pooling",
                {.run = import_pooling, .like = Importer::Like::rank, .sizes = pooling_sizes});
  importers.add("Pooling_v1",
                {.run = import_old_pooling, .like = Importer::Like::rank, .sizes = pooling_sizes});
  importers.add("_contrib_AdaptiveAvgPooling2D", {.run = import_adaptive, .sizes = image_sizes});
}

}  // namespace hone::mxnet
