#include "ops/select.hpp"

#include <cmath>
#include <cstring>
#include <numeric>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/shapes.hpp"

namespace hone {
namespace {

std::ptrdiff_t offset(size_t place) { return static_cast<std::ptrdiff_t>(place); }

}  // namespace

namespace {

/// A string is zero when it is empty, a complex number when both of its parts are.
bool is_zero(const Tensor& x, int64_t i) {
  if (x.dtype() == DType::string) return x.strings()[static_cast<size_t>(i)].empty();
  if (x.dtype() == DType::c64) return x.at<float>(2 * i) == 0 && x.at<float>(2 * i + 1) == 0;
  if (x.dtype() == DType::c128) return x.at<double>(2 * i) == 0 && x.at<double>(2 * i + 1) == 0;
  return x.number(i) == 0;
}

}  // namespace

void NonZero::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  const Dim rank = x.has_rank() ? Dim(x.rank()) : c.fresh(0, 0);
  const Dim found = c.fresh(0, 1);
  if (x.has_rank()) c.require_less_equal(found, product(x.shape()));
  c.set(0, DType::i64, {rank, found});
}

namespace {

/// The places of elements whose bits T, but for those that are not in `mask`, are not all 0.
template <class T>
std::vector<int64_t> places_of(const Tensor& x, T mask) {
  std::vector<int64_t> found(static_cast<size_t>(x.count()) + 1);
  size_t count = 0;
  const std::byte* data = x.bytes().data();
  for (int64_t i = 0; i < x.count(); ++i) {
    T bits;
    std::memcpy(&bits, data + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    found[count] = i;  // kept, or written over
    count += (bits & mask) != 0;
  }
  found.resize(count);
  return found;
}

/// The places of elements that are not zero.
std::vector<int64_t> places_of(const Tensor& x) {
  const bool real = is_float(x.dtype());  // the sign of a zero does not count
  if (x.dtype() == DType::boolean || is_integer(x.dtype()) || real) {
    switch (bits(x.dtype())) {
      case 8:
        if (!real) return places_of<uint8_t>(x, 0xFF);
        break;
      case 16: return places_of<uint16_t>(x, real ? 0x7FFF : 0xFFFF);
      case 32: return places_of<uint32_t>(x, real ? 0x7FFFFFFF : 0xFFFFFFFF);
      case 64: return places_of<uint64_t>(x, real ? ~uint64_t{0} >> 1 : ~uint64_t{0});
      default: break;
    }
  }
  std::vector<int64_t> found;
  for (int64_t i = 0; i < x.count(); ++i)
    if (!is_zero(x, i)) found.push_back(i);
  return found;
}

}  // namespace

void NonZero::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> found = places_of(x);
  const auto count = static_cast<int64_t>(found.size());
  Tensor& y = c.output(0, DType::i64, {x.rank(), count});
  if (x.rank() == 0 || count == 0) return;
  // Indices go up with the places, so that none is divided.
  std::vector<int64_t> index(static_cast<size_t>(x.rank()));
  auto* to = reinterpret_cast<int64_t*>(y.mutable_bytes().data());
  int64_t before = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t place = found[static_cast<size_t>(i)];
    index.back() += place - before;
    before = place;
    for (size_t d = index.size(); d-- > 1;) {
      const int64_t size = x.dim(static_cast<int>(d));
      if (index[d] < size) break;
      const int64_t turns = index[d] < 2 * size ? 1 : index[d] / size;
      index[d] -= turns * size;
      index[d - 1] += turns;
    }
    for (size_t d = 0; d < index.size(); ++d) to[static_cast<int64_t>(d) * count + i] = index[d];
  }
}

void Compress::infer(Inference& c) const {
  const TensorType &x = c.tensor(0), &condition = c.tensor(1);
  c.check(condition.dtype == DType::boolean, "the condition is ", condition, ", wanted bool");
  c.check(!condition.has_rank() || condition.rank() == 1, "the condition is ", condition,
          ", wanted a vector");
  if (!axis) return c.set(0, x.dtype, c.fresh_dims(0, 1));
  if (!x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  const int at = c.axis(*axis, x.rank());
  Dims result = x.shape();
  result[static_cast<size_t>(at)] = c.fresh(0, at);
  c.set(0, x.dtype, std::move(result));
}

namespace {

/// Single elements, by their bits.
template <class T>
void compress(const Tensor& x, int64_t outer, int64_t size, const std::vector<int64_t>& kept,
              Tensor& y) {
  const auto* from = reinterpret_cast<const T*>(x.bytes().data());
  auto* to = reinterpret_cast<T*>(y.mutable_bytes().data());
  for (int64_t i = 0; i < outer; ++i, from += size)
    for (const int64_t place : kept) *to++ = from[place];
}

}  // namespace

void Compress::eval(Evaluation& c) const {
  const Tensor x = axis ? c.input(0) : c.input(0).reshaped({c.input(0).count()});
  const Tensor& condition = c.input(1);
  const auto at = static_cast<size_t>(axis ? c.axis(*axis, x.rank()) : 0);
  c.check(condition.count() <= x.shape()[at], "the condition has ", condition.count(),
          " elements, axis ", at, " of ", shape_text(x.shape()), " fewer");
  const std::vector<int64_t> strides = row_major_strides(x.shape());
  const std::vector<int64_t> kept = places_of(condition);
  std::vector<int64_t> shape = x.shape();
  const int64_t size = shape[at], step = strides[at];
  shape[at] = static_cast<int64_t>(kept.size());
  ElementWriter y(c, 0, x.dtype(), shape);
  const int64_t outer = size * step == 0 ? 0 : x.count() / (size * step);
  const bool wide = x.dtype() != DType::string && step == 1;
  if (wide && bits(x.dtype()) == 32) compress<uint32_t>(x, outer, size, kept, y.tensor());
  else if (wide && bits(x.dtype()) == 64) compress<uint64_t>(x, outer, size, kept, y.tensor());
  else
    for (int64_t i = 0, to = 0; i < outer; ++i)
      for (size_t first = 0, last; first < kept.size(); first = last) {
        for (last = first + 1; last < kept.size() && kept[last] == kept[last - 1] + 1;) ++last;
        const int64_t count = static_cast<int64_t>(last - first) * step;  // neighbours at once
        y.copy(to, x, (i * size + kept[first]) * step, count);
        to += count;
      }
  y.finish();
}

void OneHot::infer(Inference& c) const {
  const TensorType &indices = c.tensor(0), &values = c.tensor(2);
  c.check(is_float(indices.dtype) || is_integer(indices.dtype), "the indices are ", indices);
  c.check(is_float(c.dtype(1)) || is_integer(c.dtype(1)), "the depth is ", c.tensor(1));
  if (!indices.has_rank()) return c.set(0, Type::unranked(values.dtype));
  const int at = c.axis(axis, indices.rank() + 1);
  const Dims* known = c.known(1);
  const Tensor* number = c.constant(1);
  Dim depth;
  if (known != nullptr && known->size() == 1) depth = (*known)[0];
  else if (number != nullptr && number->count() == 1) depth = Dim(number->integer(0));
  else depth = c.fresh(0, at);
  c.require_less_equal(0, depth);
  Dims result = indices.shape();
  result.insert(result.begin() + at, depth);
  c.set(0, values.dtype, std::move(result));
}

void OneHot::eval(Evaluation& c) const {
  const Tensor &indices = c.input(0), &values = c.input(2);
  c.check(c.input(1).count() == 1, "the depth has ", c.input(1).count(), " elements, wanted 1");
  c.check(values.count() == 2, "values has ", values.count(), " elements, wanted off and on");
  const int64_t depth = c.input(1).integer(0);
  c.check(depth >= 0, "the depth is ", depth);
  const auto at = static_cast<size_t>(c.axis(axis, indices.rank() + 1));
  std::vector<int64_t> shape = indices.shape();
  shape.insert(shape.begin() + offset(at), depth);
  ElementWriter y(c, 0, values.dtype(), shape);
  y.fill(0, values, 0, y.count());
  const int64_t inner = element_count({shape.begin() + offset(at) + 1, shape.end()});
  for (int64_t i = 0; y.count() > 0 && i < indices.count(); ++i) {
    const int64_t index = indices.integer(i);
    if (index < -depth || index >= depth) continue;
    const int64_t place = index < 0 ? index + depth : index;
    y.copy((i / inner * depth + place) * inner + i % inner, values, 1);
  }
  y.finish();
}

void TopK::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(is_float(x.dtype) || is_integer(x.dtype), "cannot order ", x.dtype);
  c.check(c.given(k, 1), "k is missing");
  const auto length = parameter_length(c, k, 1);
  c.check(!length || *length == 1, "k has ", length.value_or(0), " numbers, wanted 1");
  if (!x.has_rank()) {
    c.set(0, Type::unranked(x.dtype));
    return c.set(1, Type::unranked(DType::i64));
  }
  const int at = c.axis(axis, x.rank());
  const Dim& size = x.shape()[static_cast<size_t>(at)];
  const Dims* known = c.parameter(k, 1);
  const Dim count = known != nullptr ? (*known)[0] : c.fresh(0, at);
  c.require_less_equal(0, count);
  c.require_less_equal(count, size);
  Dims result = x.shape();
  result[static_cast<size_t>(at)] = count;
  c.set(0, x.dtype, result);
  c.set(1, DType::i64, result);
}

namespace {

/// Whether element a of `x` comes before element b among the largest, values being different.
bool is_larger(const Tensor& x, int64_t a, int64_t b) {
  if (is_float(x.dtype())) {
    const double p = x.number(a), q = x.number(b);
    return std::isnan(p) ? !std::isnan(q) : p > q;
  }
  const int64_t p = x.integer(a), q = x.integer(b);
  return x.dtype() == DType::u64 ? static_cast<uint64_t>(p) > static_cast<uint64_t>(q) : p > q;
}

}  // namespace

void TopK::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> given = c.parameter(k, 1);
  c.check(given.size() == 1, "k has ", given.size(), " numbers, wanted 1");
  const auto at = static_cast<size_t>(c.axis(axis, x.rank()));
  std::vector<int64_t> shape = x.shape();
  const int64_t size = shape[at], count = given[0];
  c.check(count >= 0 && count <= size, "k is ", count, ", axis ", at, " of ", shape_text(x.shape()),
          " has ", size, " elements");
  shape[at] = count;
  ElementWriter values(c, 0, x.dtype(), shape);
  ElementWriter places(c, 1, DType::i64, shape);
  const int64_t inner = element_count({shape.begin() + offset(at) + 1, shape.end()});
  const int64_t rows = values.count() == 0 ? 0 : x.count() / size;
  std::vector<int64_t> order(static_cast<size_t>(rows == 0 ? 0 : size));
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t base = row / inner * size * inner + row % inner;
    std::iota(order.begin(), order.end(), 0);
    const auto before = [&](int64_t a, int64_t b) {
      const int64_t p = base + a * inner, q = base + b * inner;
      if (is_larger(x, p, q)) return largest;
      if (is_larger(x, q, p)) return !largest;
      return a < b;
    };
    std::partial_sort(order.begin(), order.begin() + count, order.end(), before);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t from = order[static_cast<size_t>(i)];
      const int64_t to = (row / inner * count + i) * inner + row % inner;
      values.copy(to, x, base + from * inner);
      places.tensor().set_integer(to, from);
    }
  }
  values.finish();
  places.finish();
}

void EyeLike::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(!x.has_rank() || x.rank() == 2, "the operand is ", x, ", wanted rank 2");
  c.check(is_float(dtype) || is_integer(dtype) || dtype == DType::boolean, "no identity of ",
          dtype);
  c.set(0, dtype, x.has_rank() ? x.shape() : c.fresh_dims(0, 2));
}

void EyeLike::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() == 2, "the operand has rank ", x.rank(), ", wanted 2");
  ElementWriter y(c, 0, dtype, x.shape());
  for (int64_t i = 0; y.count() > 0 && i < x.dim(0); ++i)
    if (const auto j = try_add(i, k); j && *j >= 0 && *j < x.dim(1))
      y.tensor().set_number(i * x.dim(1) + *j, 1);
  y.finish();
}

void register_select(OpRegistry& registry) {
  registry.add<NonZero>();
  registry.add<Compress>();
  registry.add<OneHot>();
  registry.add<TopK>();
  registry.add<EyeLike>();
}

}  // namespace hone
