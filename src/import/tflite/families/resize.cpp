#include "ops/resize.hpp"

#include "import/builder/channels_last.hpp"
#include "import/tflite/op_reader.hpp"

namespace hone::tflite {
namespace {

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
