#include "ops/resize.hpp"

#include <algorithm>

#include "import/builder/channels_last.hpp"
#include "import/tflite/op_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/gather.hpp"
#include "ops/math.hpp"

namespace hone::tflite {
namespace {

/// How TFLite's reference kernel resizes an axis of i8: the step from one result to the next is
/// rounded to 10 bits after the point, and so are the shares of both neighbours.
Value* along_axis(OpReader& op, Value* x, int64_t axis, int64_t to, bool corners, bool half) {
  constexpr int64_t kOne = 1 << 10;
  const int64_t from = *x->type.tensor().shape()[static_cast<size_t>(axis)].constant();
  const bool spans = corners && to > 1;
  const int64_t steps = spans ? to - 1 : to, way = spans ? from - 1 : from;
  const int64_t step = (kOne * way + steps / 2) / steps;
  std::vector<int64_t> places[2], shares[2];
  for (int64_t i = 0; i < to; ++i) {
    const int64_t at = i * step + (half ? step / 2 - kOne / 2 : 0);
    const int64_t below = std::clamp<int64_t>(at / kOne, 0, from - 1);
    places[0].push_back(below);
    places[1].push_back(std::min((at + kOne - 1) / kOne, from - 1));
    shares[0].push_back(kOne - (at - kOne * below));
    shares[1].push_back(at - kOne * below);
  }
  const std::vector<int64_t> shape =
      axis == 1 ? std::vector<int64_t>{to, 1, 1} : std::vector<int64_t>{to, 1};
  Value* parts[2];
  for (size_t i = 0; i < 2; ++i) {
    Value* taken = op.intermediate(Gather{.axis = axis},
                                   {x, op.constant(Tensor::ints(places[i]), "places")}, "taken");
    Value* share = op.constant(Tensor::ints(shares[i]).reshaped(shape), "shares");
    parts[i] = op.intermediate(Mul{}, {taken, share}, "shared");
  }
  return op.intermediate(Add{}, {parts[0], parts[1]}, "along");
}

Value* whole_number(OpReader& op, int64_t value, std::string_view hint) {
  return op.constant(Tensor::scalar(DType::i64, static_cast<double>(value)), hint);
}

/// In integers, halves away from zero.
void give_as_reference(OpReader& op, const std::vector<int64_t>& sizes, bool corners, bool half) {
  Value* x = op.intermediate(Cast{.to = DType::i64}, {op.required(0)}, "wide");
  for (const int64_t axis : {1, 2})
    x = along_axis(op, x, axis, sizes[static_cast<size_t>(axis) - 1], corners, half);
  constexpr int64_t kUnit = 1 << 20;
  Value* sign = op.intermediate(Sign{}, {x}, "sign");
  Value* nudge = op.intermediate(Mul{}, {sign, whole_number(op, kUnit / 2, "half")}, "away");
  x = op.intermediate(Add{}, {x, nudge}, "nudged");
  x = op.intermediate(Div{}, {x, whole_number(op, kUnit, "unit")}, "rounded");
  op.emit(Cast{.to = *op.out(0).dtype}, {x});
}

bool holds_bytes(const TensorInfo& stated) {
  return stated.dtype == DType::i8 || stated.dtype == DType::u8;
}

/// Bytes are interpolated as they are, without their zero point, and halves go upwards, in all of
/// TFLite's kernels but the reference one of i8.
void give_bytes(OpReader& op, const Resize& resize, const std::vector<int64_t>& sizes, bool corners,
                bool half) {
  const Dims& image = op.input(0)->type.tensor().shape();
  const auto is_usual = [](int64_t size) { return size > 0 && size < (1 << 16); };
  const auto known = [&](size_t axis) { return is_usual(image[axis].constant().value_or(0)); };
  if (op.reference_rounding() && op.in(0).dtype == DType::i8 && known(1) && known(2) &&
      std::all_of(sizes.begin(), sizes.end(), is_usual))
    return give_as_reference(op, sizes, corners, half);
  Value* x = op.intermediate(Cast{.to = DType::f32}, {op.required(0)}, "bytes");
  Value* y = op.intermediate(resize, {builder::channels_first(op, x, 4)}, "resized");
  y = op.intermediate(Add{}, {builder::channels_last(op, y, 4), op.scalar(0.5, "half")}, "nudged");
  op.emit(Cast{.to = *op.out(0).dtype}, {op.intermediate(Floor{}, {y}, "rounded")});
}

/// To rows and columns of input 1; the options begin at `first`.
void resize(OpReader& op, Resize resize, int first) {
  const std::vector<int64_t> sizes = op.ints(1);
  op.check(sizes.size() == 2 && op.rank_of(0) == 4, "an image of rank ", op.rank_of(0), " to ",
           sizes.size(), " sizes, wanted 4 and 2");
  const bool corners = op.option_flag(first), half = op.option_flag(first + 1);
  using Coordinates = Resize::Coordinates;
  const bool nearest = resize.mode == Resize::Mode::nearest;
  resize.coordinate_transformation_mode = corners   ? Coordinates::align_corners
                                          : !half   ? Coordinates::asymmetric
                                          : nearest ? Coordinates::tf_half_pixel_for_nn
                                                    : Coordinates::half_pixel;
  resize.nearest_mode = corners ? Resize::Nearest::round_prefer_ceil : Resize::Nearest::floor;
  resize.sizes = Dims(sizes.begin(), sizes.end());
  resize.axes = {2, 3};
  if (!nearest && op.moves(0) && holds_bytes(op.in(0)))
    return give_bytes(op, resize, sizes, corners, half);
  const bool as_is = nearest && op.moves(0);
  Value* x = builder::channels_first(op, as_is ? op.required(0) : op.real(0), 4);
  Value* y = op.intermediate(std::move(resize), {x}, "resized");
  if (as_is) builder::emit_channels_last(op, y, 4);
  else op.give_real(0, builder::channels_last(op, y, 4));
}

void import_bilinear(OpReader& op) { resize(op, {.mode = Resize::Mode::linear}, 2); }
void import_nearest(OpReader& op) { resize(op, {.mode = Resize::Mode::nearest}, 0); }

}  // namespace

void register_resize(Importers& importers) {
  importers.add("RESIZE_BILINEAR", import_bilinear);
  importers.add("RESIZE_NEAREST_NEIGHBOR", import_nearest);
}

}  // namespace hone::tflite
