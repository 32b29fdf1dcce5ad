#include "device/cuda/emit/brought.hpp"

#include <algorithm>

#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/writing.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

Dim step_along(const Dim& dim, const Axis& axis) {
  return at_places(dim, {{name_of(axis), axis.variable + 1}}) - dim;
}
bool has_variables(const Dim& dim) {
  std::set<std::string, std::less<>> names;
  dim.collect_variables(names);
  return !names.empty();
}

/// The dim where loops of one turn are at 0.
Dim without_ones(const Dim& dim, const Contraction& of) {
  Indices zeros;
  for (const auto* axes : {&of.batches, &of.rows, &of.columns, &of.depth})
    for (const Axis& axis : *axes)
      if (axis.extent.is(1)) zeros[name_of(axis)] = 0;
  return at_places(dim, zeros);
}

/// From one turn of these loops, taken as one, to the next; nullopt: that is not always the same.
std::optional<Dim> stride_of(const Dim& offset, const std::vector<Axis>& axes) {
  std::optional<Dim> last;
  Dim below = 1;
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i].extent.is(1)) continue;
    const Dim by = step_along(offset, axes[i]);
    if (has_variables(by)) return std::nullopt;
    if (!last) last = by;
    else if (by != *last * below) return std::nullopt;
    below = below * axes[i].extent;
  }
  return last.value_or(0);
}

/// What is left of an offset when all these loops are at 0.
Dim rest_of(Dim offset, std::initializer_list<const std::vector<Axis>*> all) {
  Indices zeros;
  for (const auto* axes : all)
    for (const Axis& axis : *axes) zeros[name_of(axis)] = 0;
  return at_places(offset, zeros);
}

/// Rows of `along`, one for each turn of `across`, for each of the batches.
/// 16 bytes have `run` elements.
Brought rows_of(const Contraction& of, int run, const Dim& place, const std::vector<Axis>& along,
                const std::vector<Axis>& across) {
  const Dim offset = without_ones(place, of);
  const auto inner = stride_of(offset, along), row = stride_of(offset, across),
             batch = stride_of(offset, of.batches);
  if (!inner || !row || !batch || !rest_of(offset, {&along, &across, &of.batches}).is(0)) return {};
  Brought made;
  made.sizes = {Contraction::count(along), Contraction::count(across), 1};
  if (!inner->is(1) && !made.sizes[0].is(1)) return {};
  made.batched = !batch->is(0);
  if (made.batched) made.sizes[2] = of.batch_count();
  // Of one row, or one batch, there is no next one.
  const Dim whole = ceil_div(made.sizes[0], run) * Dim(run);
  made.strides = {row->is(0) ? whole : *row, batch->is(0) ? whole : *batch};
  if (row->is(0) && !made.sizes[1].is(1)) return {};
  for (const Dim& stride : made.strides)
    if (!exact_div(stride, run)) return {};
  made.kind = Brought::Kind::rows;
  return made;
}

/// Rows of the columns of a result whose first loop goes from part to part.
Brought parts_of(const Contraction& of, int run, const Dim& place) {
  std::vector<Axis> columns;
  for (const Axis& axis : of.columns)
    if (!axis.extent.is(1)) columns.push_back(axis);
  if (columns.size() < 2 || !of.batch_count().is(1)) return {};
  const Axis first = columns.front();
  columns.erase(columns.begin());
  const Dim by = step_along(place, first);
  const auto part = Contraction::count(columns).constant();
  if (has_variables(by) || !part || *part % kBoxColumns != 0 || !exact_div(by, run)) return {};
  Brought made = rows_of(of, run, at_places(place, {{name_of(first), 0}}), columns, of.rows);
  if (made.kind == Brought::Kind::none) return {};
  made.sizes[2] = first.extent, made.strides[1] = by;
  made.part = *part;
  return made;
}

/// The index of a picture's row or column: results and taps, each a loop or none.
std::optional<Brought::Along> along_of(const Contraction& of, const Dim& place, const Dim& size,
                                       const Axis* result, const Axis* tap) {
  Brought::Along along;
  Dim rest = without_ones(place, of);
  for (const Axis* axis : {result, tap}) {
    if (axis == nullptr || axis->extent.is(1)) continue;
    const auto by = step_along(rest, *axis).constant();
    if (!by || *by <= 0) return std::nullopt;
    (axis == result ? along.step : along.dilation) = *by;
    rest = rest - Dim(*by) * axis->variable;
  }
  const auto before = rest.constant();
  if (!before) return std::nullopt;
  along.before = -*before;
  if (result != nullptr) along.results = result->extent;
  if (tap != nullptr) {
    const auto taps = tap->extent.constant();
    if (!taps) return std::nullopt;
    along.taps = *taps;
  }
  // What the engine can be told: corners of the box in which the first tap goes are small numbers.
  constexpr int64_t kMost = 100, kMostStep = 8;
  if (std::abs(along.before) > kMost || along.step > kMostStep ||
      (along.taps - 1) * along.dilation > kMost)
    return std::nullopt;
  const auto results = along.results.constant(), pixels = size.constant();
  if (results && pixels && (*results - 1) * along.step - (*pixels - 1) - along.before > kMost)
    return std::nullopt;
  return along;
}

bool is_axis(const Dim& index, const Axis& axis) {
  return axis.extent.is(1) ? true : index == axis.variable;
}

/// rows: pictures, height, width; depth: taps of the height, of the width, channels.
Brought picture_of(const HalfProduct& product, const HalfSide& side) {
  constexpr size_t kRank = 4;
  const Contraction& of = product.contraction;
  const Expr& load = *side.operand;
  const Value* value = std::get<const Value*>(load.source());
  const Dims& shape = value->type.tensor().shape();
  const auto loops = picture_loops(of);
  if (shape.size() != kRank || !loops || of.depth.size() != 3) return {};
  const Dims strides = strides_of(value, shape, of.strides);
  // Axes of a picture from the innermost: channels, width, height, pictures.
  constexpr size_t kOrder[] = {1, 3, 2, 0};
  Dim dense = 1;
  Brought made;
  for (const size_t axis : kOrder) {
    if (strides[axis] != dense && !shape[axis].is(1)) return {};
    made.sizes.push_back(shape[axis]);
    if (axis != 1) made.strides.push_back(dense);
    dense = dense * shape[axis];
  }
  const auto& at = load.operands();
  const auto channels = shape[1].constant();
  // Of integers, zeros stand behind a tap's channels.
  constexpr int64_t kLeastChannels = 64, kMostTaps = 64;
  const int64_t whole = product.integers() ? product.run() : product.block_depth();
  if (!channels || *channels % whole != 0 || *channels < kLeastChannels ||
      !is_axis(at[1].dim(), of.depth[2]) || of.depth[2].extent != shape[1])
    return {};
  if (loops->pictures == nullptr
          ? !shape[0].is(1)
          : !is_axis(at[0].dim(), *loops->pictures) || loops->pictures->extent != shape[0])
    return {};
  // The engine brings zeros where nothing is: those that the sum is told of.
  if (product.integers() && load.outside() && !side.inside.empty()) {
    const double nothing = side.zero && side.zero->kind() == Expr::Kind::cast &&
                                   side.zero->operands()[0].kind() == Expr::Kind::number
                               ? static_cast<double>(side.zero->operands()[0].integer())
                               : 0;
    if (*load.outside() != nothing ||
        (side.zero && (product.taps == 0 || product.taps > kMostTaps)))
      return {};
  }
  const auto height = along_of(of, at[2].dim(), shape[2], loops->down, &of.depth[0]);
  const auto width = along_of(of, at[3].dim(), shape[3], loops->right, &of.depth[1]);
  if (!height || !width) return {};
  made.height = *height, made.width = *width;
  made.kind = Brought::Kind::picture;
  return made;
}

}  // namespace

std::optional<PictureLoops> picture_loops(const Contraction& of) {
  if (!of.batch_count().is(1)) return std::nullopt;
  const auto& rows = of.rows;
  if (rows.size() == 3) return PictureLoops{&rows[0], &rows[1], &rows[2]};
  if (rows.size() == 2) return PictureLoops{nullptr, &rows[0], &rows[1]};
  return std::nullopt;
}

Brought brought_side(const HalfProduct& product, const HalfSide& side) {
  const Contraction& of = product.contraction;
  Brought made;
  if (side.way == Way::packed) {
    made.kind = Brought::Kind::packed;
    return made;
  }
  if (side.way != Way::copied && side.way != Way::picked) return made;
  const Expr& load = *side.load;
  const Value* value = std::get<const Value*>(load.source());
  if (!(load == *side.operand) || of.loose.contains(value) ||
      (load.outside().value_or(0) != 0 && !product.integers()))
    return made;
  const Dim offset = side.offset.across + side.offset.depth;
  if (side.inside.empty()) {
    made = rows_of(of, product.run(), offset, of.depth, *side.axes);
    if (made.kind == Brought::Kind::none && &side == &product.b && !product.integers()) {
      made = rows_of(of, product.run(), offset, *side.axes, of.depth);
      if (made.kind != Brought::Kind::none) made.kind = Brought::Kind::columns;
    }
  }
  if (made.kind == Brought::Kind::none && side.way == Way::copied && &side == &product.a)
    made = picture_of(product, side);
  return made;
}

Brought brought_rows(const HalfProduct& product, const Dims& indices, const Dims& strides) {
  Dim offset;
  for (size_t axis = 0; axis < indices.size(); ++axis)
    offset = offset + indices[axis] * strides[axis];
  const Contraction& of = product.contraction;
  const Brought whole = rows_of(of, product.run(), offset, of.columns, of.rows);
  if (whole.kind != Brought::Kind::none) return whole;
  Brought parts = parts_of(of, product.run(), offset);
  if (product.integers() && parts.part % kMostBoxColumns != 0) return {};
  return parts;
}

}  // namespace hone::cuda::emitter
