#include "ops/pad.hpp"

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/shapes.hpp"

namespace hone {

int64_t padding_source(Pad::Mode mode, int64_t at, int64_t size) {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case Pad::Mode::constant: return ElementMap::kOutside;
    case Pad::Mode::edge: return at < 0 ? 0 : size - 1;
    case Pad::Mode::wrap: return at - floor_div(at, size) * size;
    case Pad::Mode::reflect: break;
  }
  if (size == 1) return 0;
  // A mirror image has a period of 2 * (size - 1).
  const int64_t period = 2 * (size - 1);
  const int64_t phase = at - floor_div(at, period) * period;
  return phase < size ? phase : period - phase;
}

void Pad::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(c.given(pads, 1), "the pads are missing");
  c.check(!c.has(2) || c.dtype(2) == x.dtype, "the padding value and the data differ in dtype");
  if (!x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  const auto chosen = c.given(axes, 3) ? constant_parameter(c, axes, 3) : all_axes(x.rank());
  const Dims* known = c.parameter(pads, 1);
  if (!chosen || known == nullptr) return c.set(0, x.dtype, c.fresh_dims(0, x.rank()));
  const std::vector<int> padded = normalized_axes(c, *chosen, x.rank());
  c.check(known->size() == 2 * padded.size(), "there are ", known->size(), " pads for ",
          padded.size(), " axes");
  Dims result = x.shape();
  for (size_t i = 0; i < padded.size(); ++i) {
    Dim& size = result[static_cast<size_t>(padded[i])];
    size = size + (*known)[i] + (*known)[padded.size() + i];
    c.require_less_equal(0, size);
  }
  c.set(0, x.dtype, std::move(result));
}

namespace {

std::vector<int64_t> padded_axis(Pad::Mode mode, int64_t size, int64_t before, int64_t count,
                                 int64_t stride) {
  std::vector<int64_t> offsets;
  // As numpy and ONNX Runtime do it: negative pads crop first, what is left is then padded.
  for (int64_t i = 0; i < count; ++i) {
    const int64_t from = padding_source(mode, i - before, size);
    offsets.push_back(from < 0 ? ElementMap::kOutside : from * stride);
  }
  return offsets;
}

}  // namespace

void Pad::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> sizes = c.parameter(pads, 1);
  const std::vector<int> padded =
      normalized_axes(c, c.parameter(axes, 3, all_axes(x.rank())), x.rank());
  c.check(sizes.size() == 2 * padded.size(), "there are ", sizes.size(), " pads for ",
          padded.size(), " axes");
  std::vector<int64_t> before(x.shape().size()), cropped(before), kept = x.shape(),
                                                                  shape = x.shape();
  for (size_t i = 0; i < padded.size(); ++i) {
    const auto axis = static_cast<size_t>(padded[i]);
    const int64_t begin = sizes[i], end = sizes[padded.size() + i];
    cropped[axis] = std::max<int64_t>(0, checked_mul(begin, -1));
    before[axis] = std::max<int64_t>(0, begin);
    kept[axis] = checked_add(checked_add(shape[axis], std::min<int64_t>(0, begin)),
                             std::min<int64_t>(0, end));
    shape[axis] = checked_add(checked_add(shape[axis], begin), end);
    c.check(shape[axis] >= 0, "the pads ", begin, " and ", end, " crop more than axis ", axis,
            " of ", shape_text(x.shape()), " has");
    c.check(kept[axis] > 0 || mode == Mode::constant || shape[axis] == 0,
            "there is nothing to repeat along axis ", axis, " of ", shape_text(x.shape()));
  }
  ElementWriter y(c, 0, x.dtype(), shape);
  if (y.count() > 0) {
    const std::vector<int64_t> strides = row_major_strides(x.shape());
    ElementMap map;
    for (size_t d = 0; d < shape.size(); ++d) {
      map.offsets.push_back(padded_axis(mode, kept[d], before[d], shape[d], strides[d]));
      for (int64_t& offset : map.offsets.back())
        if (offset >= 0) offset += cropped[d] * strides[d];
    }
    const bool valued = c.has(2) && c.input(2).count() > 0;
    y.take(x, map, valued ? &c.input(2) : nullptr);
  }
  y.finish();
}

void CenterCropPad::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(c.given(shape, 1), "the shape is missing");
  const auto length = parameter_length(c, shape, 1);
  if (!x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  const std::vector<int> chosen =
      normalized_axes(c, axes.empty() ? all_axes(x.rank()) : axes, x.rank());
  c.check(!length || *length == static_cast<int64_t>(chosen.size()), "there are ", chosen.size(),
          " axes and ", length.value_or(0), " sizes");
  const Dims* known = c.parameter(shape, 1);
  Dims result = x.shape();
  for (size_t i = 0; i < chosen.size(); ++i) {
    Dim& size = result[static_cast<size_t>(chosen[i])];
    size = known != nullptr ? (*known)[i] : c.fresh(0, chosen[i]);
    c.require_less_equal(0, size);
  }
  c.set(0, x.dtype, std::move(result));
}

void CenterCropPad::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> sizes = c.parameter(shape, 1);
  const std::vector<int> chosen =
      normalized_axes(c, axes.empty() ? all_axes(x.rank()) : axes, x.rank());
  c.check(sizes.size() == chosen.size(), "there are ", chosen.size(), " axes and ", sizes.size(),
          " sizes");
  std::vector<int64_t> result = x.shape();
  for (size_t i = 0; i < sizes.size(); ++i) {
    c.check(sizes[i] >= 0, "size ", i, " is ", sizes[i]);
    result[static_cast<size_t>(chosen[i])] = sizes[i];
  }
  ElementWriter y(c, 0, x.dtype(), result);
  const std::vector<int64_t> strides = row_major_strides(x.shape());
  ElementMap map;
  for (size_t d = 0; y.count() > 0 && d < result.size(); ++d) {
    const int64_t size = x.shape()[d], wanted = result[d];
    const int64_t first = wanted < size ? (size - wanted) / 2 : -((wanted - size) / 2);
    map.offsets.push_back(padded_axis(Pad::Mode::constant, size, -first, wanted, strides[d]));
  }
  if (y.count() > 0) y.take(x, map);
  y.finish();
}

void register_pad(OpRegistry& registry) {
  registry.add<Pad>();
  registry.add<CenterCropPad>();
}

}  // namespace hone
