// Convolutions and poolings, written with channels first between two transposes.

#include "ops/convolution.hpp"

#include "import/builder/channels_last.hpp"
#include "import/builder/same_padding.hpp"
#include "import/tflite/bytes.hpp"
#include "import/tflite/fixed_point.hpp"
#include "import/tflite/hybrid.hpp"
#include "import/tflite/words.hpp"
#include "ops/arithmetic.hpp"
#include "ops/math.hpp"
#include "ops/pooling.hpp"

namespace hone::tflite {
namespace {

using builder::channels_first;
using builder::channels_last;

AutoPad padding_of(OpReader& op, int field) {
  const int64_t number = op.option_i8(field);
  op.check(number == 0 || number == 1, "padding ", number);
  return number == 0 ? AutoPad::same_upper : AutoPad::valid;
}

std::vector<int64_t> unless_ones(std::vector<int64_t> list) {
  if (list == std::vector<int64_t>{1, 1}) list.clear();
  return list;
}

/// Checks that the input is of rank 4; its number of channels.
int64_t channels_of(OpReader& op, int i) {
  const int rank = op.rank_of(i);
  op.check(rank == 4, "an image of rank ", rank, ", wanted 4");
  const auto channels = op.input(i)->type.tensor().shape()[3].constant();
  if (!channels) op.unsupported("a number of channels that is not known");
  return *channels;
}

/// Numbers in place of a rule, where the sizes of the image (input 0) are known.
Window with_pads(OpReader& op, Window window, const Dims& kernel) {
  const Dims& image = op.input(0)->type.tensor().shape();
  return builder::with_known_pads(std::move(window), {image[1], image[2]}, kernel);
}

/// Input 0 times weights, brought to [channels, channels / group, rows, columns] by `perm`, plus
/// the bias. `steps`: of data of floats beside weights of bytes.
void give_convolution(OpReader& op, Window window, const std::vector<int64_t>& perm, int64_t group,
                      Steps steps, Activation then) {
  const Dims& weights = op.input(1)->type.tensor().shape();
  window = with_pads(op, std::move(window), {weights[1], weights[2]});
  if (give_word_convolution(op, window, perm, group, then)) return;
  if (give_byte_convolution(op, window, perm, group, then)) return;
  if (give_hybrid_convolution(op, window, perm, group, steps, then)) return;
  std::vector<Value*> operands{channels_first(op, op.real(0), 4), op.real_weights(1, perm)};
  if (op.has_input(2)) operands.push_back(op.real_bias(2, 0, 1));
  Value* y = op.intermediate(Conv{.window = std::move(window), .group = group}, operands, "conv");
  op.give_real(0, channels_last(op, y, 4), then);
}

void import_conv_2d(OpReader& op) {
  Window window{.strides = unless_ones({op.option_i32(2), op.option_i32(1)}),
                .dilations = unless_ones({op.option_i32(5, 1), op.option_i32(4, 1)}),
                .auto_pad = padding_of(op, 0)};
  const int64_t channels = channels_of(op, 0), each = channels_of(op, 1);
  op.check(each > 0 && channels % each == 0, channels, " channels for weights of ", each);
  const bool has_scales = op.in(1).quantization.scales.size() > 1;  // one for each filter
  give_convolution(op, std::move(window), {0, 3, 1, 2}, channels / each,
                   has_scales ? Steps::anywhere : Steps::around_zero, op.activation(3));
}

void import_depthwise_conv_2d(OpReader& op) {
  Window window{.strides = unless_ones({op.option_i32(2), op.option_i32(1)}),
                .dilations = unless_ones({op.option_i32(6, 1), op.option_i32(5, 1)}),
                .auto_pad = padding_of(op, 0)};
  const int64_t channels = channels_of(op, 0), results = channels_of(op, 1);
  op.check(channels > 0 && results % channels == 0, channels, " channels for weights of ", results);
  give_convolution(op, std::move(window), {3, 0, 1, 2}, channels, Steps::anywhere,
                   op.activation(4));
}

/// Inputs: the result's sizes, weights, the image, the bias.
void import_transpose_conv(OpReader& op) {
  // Where a caller gives the sizes, they can only be those that the file states.
  const auto given = op.constant_ints(0);
  const std::vector<int64_t> sizes = given ? *given : op.out(0).shape;
  op.check(sizes.size() == 4, "a result of ", sizes.size(), " axes, wanted 4");
  channels_of(op, 1), channels_of(op, 2);
  const Dims& image = op.input(2)->type.tensor().shape();
  const Dims& kernel = op.input(1)->type.tensor().shape();
  const bool same = padding_of(op, 0) == AutoPad::same_upper;
  const int64_t strides[] = {op.option_i32(2), op.option_i32(1)};
  ConvTranspose made;
  made.window.strides = unless_ones({strides[0], strides[1]});
  builder::TransposedPads axes[2];
  for (size_t i = 0; i < 2; ++i) {
    const auto size = image[i + 1].constant(), taps = kernel[i + 1].constant();
    if (!size || !taps) op.unsupported("sizes that are not known");
    op.check(strides[i] > 0 && strides[i] < 65536 && *taps < 65536 && *size < (1 << 24),
             "a stride of ", strides[i]);
    axes[i] = builder::transposed_pads((*size - 1) * strides[i] + *taps - sizes[i + 1], same);
    op.check(axes[i].extra < strides[i], "a result of ", sizes[i + 1], " from ", *size);
    made.output_padding.push_back(axes[i].extra);
  }
  made.window.pads = {axes[0].begin, axes[1].begin, axes[0].end, axes[1].end};
  if (is_words(op, 2) && op.in(1).dtype == DType::i8) {
    Value* x = exact(op, 2, {0, 3, 1, 2});
    Value* sums = op.intermediate(std::move(made), {x, exact(op, 1, {3, 0, 1, 2})}, "conv");
    return give_word_sums(op, channels_last(op, sums, 4), 2, 1, 3, op.activation(3));
  }
  if (give_byte_transposed(op, made, op.activation(3))) return;
  if (give_hybrid_transposed(op, made, op.activation(3))) return;
  std::vector<Value*> operands{channels_first(op, op.real(2), 4), op.real_weights(1, {3, 0, 1, 2})};
  if (op.has_input(3)) operands.push_back(op.real_bias(3, 2, 1));
  Value* y = op.intermediate(std::move(made), operands, "conv");
  op.give_real(0, channels_last(op, y, 4), op.activation(3));
}

Window read_pool(OpReader& op) {
  channels_of(op, 0);
  Window window{.kernel_shape = {op.option_i32(4), op.option_i32(3)},
                .strides = unless_ones({op.option_i32(2), op.option_i32(1)}),
                .auto_pad = padding_of(op, 0)};
  return with_pads(op, window, Dims(window.kernel_shape.begin(), window.kernel_shape.end()));
}

void import_average_pool(OpReader& op) {
  if (give_byte_average(op, read_pool(op), op.activation(5))) return;
  Value* x = channels_first(op, op.real(0), 4);
  Value* y = op.intermediate(AveragePool{.window = read_pool(op)}, {x}, "pool");
  op.give_real(0, channels_last(op, y, 4), op.activation(5));
}

void import_max_pool(OpReader& op) {
  const bool as_is = op.moves(0) && op.activation(5) == Activation::none;
  Value* x = channels_first(op, as_is ? op.required(0) : op.real(0), 4);
  Value* y = op.intermediate(MaxPool{.window = read_pool(op)}, {x}, "pool");
  if (as_is) builder::emit_channels_last(op, y, 4);
  else op.give_real(0, channels_last(op, y, 4), op.activation(5));
}

/// The root of the mean of squares, of what lies inside the image.
void import_l2_pool(OpReader& op) {
  Value* x = channels_first(op, op.real(0), 4);
  Value* squares = op.intermediate(Mul{}, {x, x}, "squares");
  Value* mean = op.intermediate(AveragePool{.window = read_pool(op)}, {squares}, "mean");
  Value* y = op.intermediate(Sqrt{}, {mean}, "root");
  op.give_real(0, channels_last(op, y, 4), op.activation(5));
}

/// Padding, strides along depth, columns, rows, an activation, dilations: fields of both.
Window window_3d(OpReader& op) {
  Window window{.strides = {op.option_i32(1), op.option_i32(3), op.option_i32(2)},
                .dilations = {op.option_i32(5, 1), op.option_i32(7, 1), op.option_i32(6, 1)},
                .auto_pad = padding_of(op, 0)};
  return window;
}

/// Weights [depth, rows, columns, in, out].
void import_conv_3d(OpReader& op) {
  op.check(op.rank_of(0) == 5 && op.rank_of(1) == 5, "a volume of rank ", op.rank_of(0));
  const Dims& image = op.input(0)->type.tensor().shape();
  const Dims& kernel = op.input(1)->type.tensor().shape();
  Window window = builder::with_known_pads(window_3d(op), {image[1], image[2], image[3]},
                                           {kernel[0], kernel[1], kernel[2]});
  std::vector<Value*> operands{channels_first(op, op.real(0), 5),
                               op.real_weights(1, {4, 3, 0, 1, 2})};
  if (op.has_input(2)) operands.push_back(op.real(2));
  Value* y = op.intermediate(Conv{.window = std::move(window)}, operands, "conv");
  op.give_real(0, channels_last(op, y, 5), op.activation(4));
}

/// Inputs: the result's sizes, weights [depth, rows, columns, out, in], the volume, a bias.
void import_conv_3d_transpose(OpReader& op) {
  const auto given = op.constant_ints(0);
  const std::vector<int64_t> sizes = given ? *given : op.out(0).shape;
  op.check(sizes.size() == 5 && op.rank_of(1) == 5 && op.rank_of(2) == 5, "a result of ",
           sizes.size(), " axes, wanted 5");
  const Dims& image = op.input(2)->type.tensor().shape();
  const Dims& kernel = op.input(1)->type.tensor().shape();
  ConvTranspose made;
  made.window = window_3d(op);
  const bool same = made.window.auto_pad == AutoPad::same_upper;
  made.window.auto_pad = AutoPad::notset;
  made.window.pads.assign(6, 0);
  for (size_t i = 0; i < 3; ++i) {
    const auto size = image[i + 1].constant(), taps = kernel[i].constant();
    if (!size || !taps) op.unsupported("sizes that are not known");
    const int64_t stride = made.window.strides[i], dilation = made.window.dilations[i];
    op.check(stride > 0 && stride < 65536 && dilation > 0 && dilation < 65536 && *taps > 0 &&
                 *taps < 65536 && *size < (1 << 24),
             "a stride of ", stride);
    const int64_t whole = (*size - 1) * stride + (*taps - 1) * dilation + 1;
    const auto pads = builder::transposed_pads(whole - sizes[i + 1], same);
    op.check(pads.extra < stride, "a result of ", sizes[i + 1], " from ", *size);
    made.window.pads[i] = pads.begin, made.window.pads[i + 3] = pads.end;
    made.output_padding.push_back(pads.extra);
  }
  std::vector<Value*> operands{channels_first(op, op.real(2), 5),
                               op.real_weights(1, {4, 3, 0, 1, 2})};
  if (op.has_input(3)) operands.push_back(op.real(3));
  Value* y = op.intermediate(std::move(made), operands, "conv");
  op.give_real(0, channels_last(op, y, 5), op.activation(4));
}

}  // namespace

void register_convolution(Importers& importers) {
  importers.add("CONV_2D", import_conv_2d);
  importers.add("DEPTHWISE_CONV_2D", import_depthwise_conv_2d);
  importers.add("TRANSPOSE_CONV", import_transpose_conv);
  importers.add("AVERAGE_POOL_2D", import_average_pool);
  importers.add("MAX_POOL_2D", import_max_pool);
  importers.add("L2_POOL_2D", import_l2_pool);
  importers.add("CONV_3D", import_conv_3d);
  importers.add("CONV_3D_TRANSPOSE", import_conv_3d_transpose);
}

}  // namespace hone::tflite
