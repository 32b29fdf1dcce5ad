#include "ops/generate.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/shapes.hpp"

namespace hone {

void ConstantOfShape::infer(Inference& c) const {
  c.check(c.given(shape, 0), "the shape is missing");
  c.check(!c.has(0) || c.dtype(0) == DType::i64, "the shape is ", c.has(0) ? c.type(0) : Type(),
          ", wanted i64");
  c.check(value.count() == 1, "the value has ", value.count(), " elements, wanted 1");
  if (const Dims* target = c.parameter(shape, 0)) {
    for (const Dim& size : *target) c.require_less_equal(0, size);
    return c.set(0, value.dtype(), *target);
  }
  const auto rank = parameter_length(c, shape, 0);
  if (rank) c.set(0, value.dtype(), c.fresh_dims(0, static_cast<int>(*rank)));
  else c.set(0, Type::unranked(value.dtype()));
}

void ConstantOfShape::dims(Inference& c) const {
  const Dims* target = c.parameter(shape, 0);
  if (target == nullptr || !(is_integer(value.dtype()) || value.dtype() == DType::boolean)) return;
  const auto sizes = constants(*target);
  if (!sizes || try_element_count(*sizes).value_or(kKnownElements + 1) > kKnownElements) return;
  c.set_known(0, Dims(static_cast<size_t>(element_count(*sizes)), Dim(value.integer(0))));
}

namespace {

/// The bytes of one element, again and again: what is there is doubled, up to a piece of the cache.
void repeat(std::span<const std::byte> element, std::span<std::byte> to) {
  if (to.empty()) return;
  if (std::ranges::all_of(element, [](std::byte byte) { return byte == std::byte{0}; }))
    return std::fill(to.begin(), to.end(), std::byte{0});
  constexpr size_t kPiece = 4096;
  size_t made = element.size();
  std::memcpy(to.data(), element.data(), made);
  while (made < to.size()) {
    const size_t count =
        std::min({made, kPiece / element.size() * element.size(), to.size() - made});
    std::memcpy(to.data() + made, to.data(), count);
    made += count;
  }
}

}  // namespace

void ConstantOfShape::eval(Evaluation& c) const {
  c.check(!c.has(0) || c.input(0).rank() <= 1, "the shape has rank ",
          c.has(0) ? c.input(0).rank() : 0, ", wanted a vector");
  const std::vector<int64_t> sizes = c.parameter(shape, 0);
  for (const int64_t size : sizes) c.check(size >= 0, "the shape has ", size);
  if (value.dtype() == DType::string || bits(value.dtype()) < 8) {
    ElementWriter y(c, 0, value.dtype(), sizes);
    y.fill(0, value, 0, y.count());
    return y.finish();
  }
  repeat(value.bytes(), c.output(0, value.dtype(), sizes).mutable_bytes());
}

namespace {

/// Numbers `step` apart; integers wrap.
template <class T, class D>
void fill_range(Tensor& y, D start, D step) {
  auto* to = reinterpret_cast<T*>(y.mutable_bytes().data());
  for (int64_t i = 0, count = y.count(); i < count; ++i)
    to[i] = static_cast<T>(start + static_cast<D>(i) * step);
}

/// How many numbers from `start` on, `delta` apart, lie before `limit`.
int64_t range_count(double start, double limit, double delta) {
  const double count = std::ceil((limit - start) / delta);
  check(count < 0x1p62, Code::invalid_model, "a range of ", count, " numbers");  // nan fails too
  return count > 0 ? static_cast<int64_t>(count) : 0;
}

int64_t range_count(int64_t start, int64_t limit, int64_t delta) {
  if (delta > 0 ? start >= limit : start <= limit) return 0;
  const int64_t step = std::max<int64_t>(delta, -std::numeric_limits<int64_t>::max());
  return ceil_div(checked_add(limit, checked_mul(start, -1)), step);
}

/// Known numbers of the operands, when all are.
std::optional<Dims> known_bounds(const Inference& c) {
  Dims result;
  for (int i = 0; i < 3; ++i) {
    const Dims* known = c.known(i);
    if (known == nullptr || known->size() != 1) return std::nullopt;
    result.push_back((*known)[0]);
  }
  return result;
}

}  // namespace

void Range::infer(Inference& c) const {
  for (int i = 0; i < 3; ++i) {
    const TensorType& type = c.tensor(i);
    c.check(type.dtype == c.dtype(0), "operand ", i, " is ", type.dtype, ", operand 0 ",
            c.dtype(0));
    c.check(is_integer(type.dtype) || is_float(type.dtype), "operand ", i, " is ", type);
  }
  if (const auto bounds = known_bounds(c); bounds && (*bounds)[2].is_constant()) {
    const Dim &start = (*bounds)[0], &limit = (*bounds)[1], &delta = (*bounds)[2];
    c.check(!delta.is(0), "the step is 0");
    return c.set(0, c.dtype(0), {max(ceil_div(limit - start, delta), 0)});
  }
  const Tensor *start = c.constant(0), *limit = c.constant(1), *delta = c.constant(2);
  if (start == nullptr || limit == nullptr || delta == nullptr || !is_float(c.dtype(0)))
    return c.set(0, c.dtype(0), c.fresh_dims(0, 1));
  c.check(start->count() == 1 && limit->count() == 1 && delta->count() == 1,
          "the operands are no scalars");
  c.check(delta->number(0) != 0, "the step is 0");
  c.set(0, c.dtype(0), {range_count(start->number(0), limit->number(0), delta->number(0))});
}

void Range::dims(Inference& c) const {
  const auto bounds = known_bounds(c);
  const auto sizes = c.node().output()->type.tensor().concrete();
  if (!bounds || !sizes || (*sizes)[0] > kKnownElements) return;
  Dims contents;
  for (int64_t i = 0; i < (*sizes)[0]; ++i) contents.push_back((*bounds)[0] + (*bounds)[2] * i);
  c.set_known(0, std::move(contents));
}

void Range::eval(Evaluation& c) const {
  const Tensor &start = c.input(0), &limit = c.input(1), &delta = c.input(2);
  for (int i = 0; i < 3; ++i) c.check(c.input(i).count() == 1, "operand ", i, " is no scalar");
  c.check(delta.number(0) != 0, "the step is 0");
  if (is_float(start.dtype())) {
    const double first = start.number(0), step = delta.number(0);
    const int64_t count = range_count(first, limit.number(0), step);
    Tensor& y = c.output(0, start.dtype(), {count});
    if (start.dtype() == DType::f32) return fill_range<float>(y, first, step);
    if (start.dtype() == DType::f64) return fill_range<double>(y, first, step);
    for (int64_t i = 0; i < count; ++i) y.set_number(i, first + static_cast<double>(i) * step);
    return;
  }
  const int64_t count = range_count(start.integer(0), limit.integer(0), delta.integer(0));
  Tensor& y = c.output(0, start.dtype(), {count});
  const int64_t first = start.integer(0), step = delta.integer(0);
  const auto bits_of = [](int64_t number) { return static_cast<uint64_t>(number); };
  if (start.dtype() == DType::i64) return fill_range<int64_t>(y, bits_of(first), bits_of(step));
  if (start.dtype() == DType::i32) return fill_range<int32_t>(y, bits_of(first), bits_of(step));
  for (int64_t i = 0; i < count; ++i) y.set_integer(i, first + i * step);
}

void register_generate(OpRegistry& registry) {
  registry.add<ConstantOfShape>();
  registry.add<Range>();
}

}  // namespace hone
