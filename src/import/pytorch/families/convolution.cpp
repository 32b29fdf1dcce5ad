// Convolutions and their transposes; patches of images.

#include "ops/convolution.hpp"

#include "import/pytorch/windows.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

/// The operation on a batch; an input without one is a batch of one.
void emit_batched(Call& call, Op op, std::vector<Value*> inputs, int spatial) {
  if (Call::rank(inputs[0]) != spatial + 1) return void(call.emit(std::move(op), inputs));
  inputs[0] = call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {inputs[0]}, "batch");
  Value* result = call.intermediate(std::move(op), inputs, "batch");
  call.emit(Squeeze{.axes = Dims{Dim(0)}}, {result});
}

/// "same" pads so that the result is as large as the input; what is odd goes to the end.
std::vector<int64_t> named_padding(Call& call, const Window& window, const Value* weight) {
  const std::string kind = call.text("padding");
  const auto spatial = window.strides.size();
  std::vector<int64_t> pads(2 * spatial, 0);
  call.check(kind == "same" || kind == "valid", "padding is ", shown(kind));
  if (kind == "valid") return pads;
  for (size_t i = 0; i < spatial; ++i) {
    const auto kernel = Call::shape(weight)[i + 2].constant();
    if (!kernel || window.strides[i] != 1) call.unsupported("padding=same in steps");
    const int64_t total = window.dilations[i] * (*kernel - 1);
    pads[i] = total / 2;
    pads[i + spatial] = total - total / 2;
  }
  return pads;
}

void import_convolution(Call& call) {
  Value *x = call.tensor("input"), *weight = call.tensor("weight");
  const auto spatial = static_cast<size_t>(Call::rank(weight)) - 2;
  call.check(Call::rank(weight) >= 3, "a weight of ", Call::rank(weight), " axes");
  Window window{.strides = call.integers("stride", spatial),
                .dilations = call.integers("dilation", spatial)};
  window.pads = call.argument("padding").as<std::string>() != nullptr
                    ? named_padding(call, window, weight)
                    : both_ends(call.integers("padding", spatial));
  window = builder::plain_window(std::move(window));
  const int64_t groups = call.integer("groups");
  std::vector<Value*> inputs{x, weight, call.optional_tensor("bias")};
  const bool is_transposed =
      call.takes("output_padding") && (!call.takes("transposed") || call.flag("transposed"));
  if (!is_transposed)
    return emit_batched(call, Conv{.window = window, .group = groups}, inputs,
                        static_cast<int>(spatial));
  ConvTranspose op{.window = window,
                   .group = groups,
                   .output_padding = call.integers("output_padding", spatial)};
  emit_batched(call, std::move(op), inputs, static_cast<int>(spatial));
}

/// Patches as columns: [batch, channels * kernel, places].
void import_im2col(Call& call) {
  Value* x = call.tensor("self");
  const auto kernel = call.integers("kernel_size", 2), dilation = call.integers("dilation", 2);
  const auto padding = call.integers("padding", 2), stride = call.integers("stride", 2);
  call.check(Call::rank(x) == 4, "an image of ", Call::rank(x), " axes, wanted 4");
  for (size_t i = 0; i < 2; ++i)
    call.check(kernel[i] > 0 && stride[i] > 0 && dilation[i] > 0, "a window of ", kernel[i]);
  if (padding[0] != 0 || padding[1] != 0)
    x = call.intermediate(
        Pad{.pads = Dims{0, 0, padding[0], padding[1], 0, 0, padding[0], padding[1]}}, {x},
        "padded");
  const Dims shape = Call::shape(x);
  Dim counts[2];
  for (size_t i = 0; i < 2; ++i) {
    const Dim room = shape[i + 2] - Dim(dilation[i] * (kernel[i] - 1) + 1);
    counts[i] = floor_div(room, Dim(stride[i])) + Dim(1);
  }
  const auto places = [&](size_t i) {
    return window_places(call, {counts[i], kernel[i], stride[i], dilation[i]});
  };
  x = call.intermediate(Gather{.axis = 2}, {x, places(0)}, "rows");
  x = call.intermediate(Gather{.axis = 4}, {x, places(1)}, "patches");
  // [batch, channels, rows, kernel, columns, kernel]
  x = call.intermediate(Transpose{.perm = {0, 1, 3, 5, 2, 4}}, {x}, "turned");
  call.emit(Reshape{.shape = Dims{shape[0], shape[1] * Dim(kernel[0] * kernel[1]),
                                  counts[0] * counts[1]}},
            {x});
}

/// What im2col takes apart, added up again: the transpose of a convolution that picks.
void import_col2im(Call& call) {
  Value* x = call.tensor("self");
  const auto size = call.integers("output_size", 2), kernel = call.integers("kernel_size", 2);
  const auto dilation = call.integers("dilation", 2), padding = call.integers("padding", 2);
  const auto stride = call.integers("stride", 2);
  call.check(Call::rank(x) == 3, "columns of ", Call::rank(x), " axes, wanted 3");
  const Dims shape = Call::shape(x);
  const auto columns = shape[1].constant();
  const int64_t taps = kernel[0] * kernel[1];
  if (!columns) call.unsupported("columns of open size");
  call.check(taps > 0 && taps < 4096 && *columns % taps == 0 && *columns < (1 << 20), *columns,
             " rows of columns for windows of ", taps);
  int64_t counts[2];
  std::vector<int64_t> over;
  for (size_t i = 0; i < 2; ++i) {
    const int64_t room = size[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1;
    call.check(room >= 0 && stride[i] > 0, "windows that do not fit ", size[i]);
    counts[i] = room / stride[i] + 1;
    over.push_back(room % stride[i]);
  }
  Tensor weight(DType::f32, {*columns, 1, kernel[0], kernel[1]});
  for (int64_t row = 0; row < *columns; ++row) weight.set_number(row * taps + row % taps, 1);
  x = call.reshaped(x, {shape[0], shape[1], counts[0], counts[1]}, "image");
  Value* picks = call.cast(call.constant(std::move(weight), "picks"), Call::dtype(x));
  call.emit(
      ConvTranspose{
          .window = {.strides = stride, .dilations = dilation, .pads = both_ends(padding)},
          .group = *columns / taps,
          .output_padding = over},
      {x, picks});
}

}  // namespace

void register_convolution(Importers& importers) {
  importers.add(
      {"conv1d(T input, T weight, T? bias=None, i[1] stride=1, i[1] padding=0, i[1] dilation=1, "
       "i groups=1)",
       "conv1d.padding(T input, T weight, T? bias=None, i[1] stride=1, t padding=\"valid\", "
       "i[1] dilation=1, i groups=1)",
       "conv2d(T input, T weight, T? bias=None, i[2] stride=1, i[2] padding=0, i[2] dilation=1, "
       "i groups=1)",
       "conv2d.padding(T input, T weight, T? bias=None, i[2] stride=1, t padding=\"valid\", "
       "i[2] dilation=1, i groups=1)",
       "conv3d(T input, T weight, T? bias=None, i[3] stride=1, i[3] padding=0, i[3] dilation=1, "
       "i groups=1)",
       "conv3d.padding(T input, T weight, T? bias=None, i[3] stride=1, t padding=\"valid\", "
       "i[3] dilation=1, i groups=1)",
       "convolution(T input, T weight, T? bias, i[] stride, i[] padding, i[] dilation, "
       "b transposed, i[] output_padding, i groups)",
       "_convolution(T input, T weight, T? bias, i[] stride, i[] padding, i[] dilation, "
       "b transposed, i[] output_padding, i groups, b benchmark, b deterministic, "
       "b cudnn_enabled, b allow_tf32)",
       "_convolution.deprecated(T input, T weight, T? bias, i[] stride, i[] padding, "
       "i[] dilation, b transposed, i[] output_padding, i groups, b benchmark, b deterministic, "
       "b cudnn_enabled)",
       "conv_transpose1d(T input, T weight, T? bias=None, i[1] stride=1, i[1] padding=0, "
       "i[1] output_padding=0, i groups=1, i[1] dilation=1)",
       "conv_transpose2d.input(T input, T weight, T? bias=None, i[2] stride=1, i[2] padding=0, "
       "i[2] output_padding=0, i groups=1, i[2] dilation=1)",
       "conv_transpose3d.input(T input, T weight, T? bias=None, i[3] stride=1, i[3] padding=0, "
       "i[3] output_padding=0, i groups=1, i[3] dilation=1)"},
      import_convolution);
  importers.add(
      "_convolution_mode(T input, T weight, T? bias, i[] stride, t padding, i[] dilation, i "
      "groups)",
      import_convolution);
  importers.add("im2col(T self, i[2] kernel_size, i[2] dilation, i[2] padding, i[2] stride)",
                import_im2col);
  importers.add(
      "col2im(T self, i[2] output_size, i[2] kernel_size, i[2] dilation, i[2] padding, "
      "i[2] stride)",
      import_col2im);
}

}  // namespace hone::pytorch
