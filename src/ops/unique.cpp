#include "ops/unique.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/lanes.hpp"
#include "ops/common/shapes.hpp"

namespace hone {
namespace {

template <class T>
int order_of(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int order_of_floats(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return (std::isnan(a) ? 1 : 0) - (std::isnan(b) ? 1 : 0);
  return order_of(a, b);
}

template <class Part>
int order_of_complex(const Tensor& x, int64_t i, int64_t j) {
  for (int64_t part = 0; part < 2; ++part)
    if (const int order = order_of_floats(static_cast<double>(x.at<Part>(2 * i + part)),
                                          static_cast<double>(x.at<Part>(2 * j + part))))
      return order;
  return 0;
}

/// Negative, zero or positive as element i of `x` comes before, with or after element j.
int order_of_elements(const Tensor& x, int64_t i, int64_t j) {
  const DType dtype = x.dtype();
  if (dtype == DType::string)
    return order_of(x.strings()[static_cast<size_t>(i)], x.strings()[static_cast<size_t>(j)]);
  if (dtype == DType::c64) return order_of_complex<float>(x, i, j);
  if (dtype == DType::c128) return order_of_complex<double>(x, i, j);
  if (is_float(dtype)) return order_of_floats(x.number(i), x.number(j));
  if (dtype == DType::u64)
    return order_of(static_cast<uint64_t>(x.integer(i)), static_cast<uint64_t>(x.integer(j)));
  return order_of(x.integer(i), x.integer(j));
}

/// What Unique finds: for each slice its group, and each group's first slice and size.
struct Groups {
  std::vector<int64_t> of_slice, first, size;
};

/// Numbers that sort as the elements do, equal ones equal; none: they have none.
std::vector<uint64_t> keys_of(const Tensor& x) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  std::vector<uint64_t> keys;
  if (!is_integer(x.dtype()) && !is_float(x.dtype()) && x.dtype() != DType::boolean) return keys;
  keys.resize(static_cast<size_t>(x.count()));
  for (int64_t i = 0; i < x.count(); ++i) {
    uint64_t& key = keys[static_cast<size_t>(i)];
    if (is_float(x.dtype())) {
      const double value = x.number(i) + 0.0;  // -0 becomes 0
      const auto bits = std::bit_cast<uint64_t>(value);
      key = std::isnan(value) ? ~uint64_t{0} : (bits & kSign) != 0 ? ~bits : bits | kSign;
    } else {
      key = static_cast<uint64_t>(x.integer(i)) ^ (x.dtype() == DType::u64 ? 0 : kSign);
    }
  }
  return keys;
}

/// The places of keys in ascending order, equal ones as they come: sorted by one byte after the
/// other, from the last one on, but for those that all have in common.
std::vector<int64_t> sorted_places(const std::vector<uint64_t>& keys) {
  std::vector<int64_t> places(keys.size()), other(keys.size());
  std::iota(places.begin(), places.end(), 0);
  uint64_t differs = 0;
  for (const uint64_t key : keys) differs |= key ^ keys.front();
  for (int shift = 0; shift < 64; shift += 8) {
    if ((differs >> shift & 0xFF) == 0) continue;
    std::array<size_t, 257> first{};
    for (const uint64_t key : keys) ++first[(key >> shift & 0xFF) + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    for (const int64_t place : places)
      other[first[keys[static_cast<size_t>(place)] >> shift & 0xFF]++] = place;
    places.swap(other);
  }
  return places;
}

/// Groups of equal slices in ascending order.
Groups group_slices(const Tensor& x, const Lanes& slices) {
  if (x.count() == 0 && slices.size == 0) return {};
  if (x.count() == 0)  // all slices are empty, and so the same
    return {std::vector<int64_t>(static_cast<size_t>(slices.size)), {0}, {slices.size}};
  const auto order = [&](int64_t a, int64_t b) {
    for (int64_t i = 0; i < slices.outer; ++i)
      for (int64_t j = 0; j < slices.step; ++j) {
        const int64_t base = i * slices.size * slices.step + j;
        if (const int found = order_of_elements(x, base + a * slices.step, base + b * slices.step))
          return found;
      }
    return 0;
  };
  const std::vector<uint64_t> keys =
      slices.outer == 1 && slices.step == 1 ? keys_of(x) : std::vector<uint64_t>();
  std::vector<int64_t> sorted(static_cast<size_t>(slices.size));
  if (!keys.empty()) {
    sorted = sorted_places(keys);
  } else {
    std::iota(sorted.begin(), sorted.end(), 0);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [&](int64_t a, int64_t b) { return order(a, b) < 0; });
  }
  const auto differ = [&](int64_t a, int64_t b) {
    return keys.empty() ? order(a, b) != 0
                        : keys[static_cast<size_t>(a)] != keys[static_cast<size_t>(b)];
  };
  Groups groups;
  groups.of_slice.resize(sorted.size());
  for (const int64_t slice : sorted) {
    if (groups.first.empty() || differ(groups.first.back(), slice)) {
      groups.first.push_back(slice);
      groups.size.push_back(0);
    }
    ++groups.size.back();
    groups.of_slice[static_cast<size_t>(slice)] = static_cast<int64_t>(groups.first.size()) - 1;
  }
  return groups;
}

/// The same groups in the order of their first slices.
Groups in_order_of_occurrence(const Groups& groups) {
  std::vector<size_t> order(groups.first.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return groups.first[a] < groups.first[b]; });
  Groups result = groups;
  std::vector<int64_t> place(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    result.first[i] = groups.first[order[i]];
    result.size[i] = groups.size[order[i]];
    place[order[i]] = static_cast<int64_t>(i);
  }
  for (int64_t& group : result.of_slice) group = place[static_cast<size_t>(group)];
  return result;
}

void give_integers(Evaluation& c, int output, const std::vector<int64_t>& values) {
  if (!c.wants(output)) return;
  Tensor& y = c.output(output, DType::i64, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) y.set_integer(static_cast<int64_t>(i), values[i]);
}

}  // namespace

void Unique::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  std::optional<Dim> size;  // of what is told apart
  Dims result(1);
  size_t at = 0;
  if (!axis && x.has_rank()) size = product(x.shape());
  if (axis && x.has_rank()) {
    at = static_cast<size_t>(c.axis(*axis, x.rank()));
    result = x.shape();
    size = result[at];
  }
  const bool ranked = !axis || x.has_rank();
  const Dim found = c.fresh(ranked ? 0 : 1, ranked ? static_cast<int>(at) : 0);
  if (size) c.require_less_equal(found, *size);
  result[at] = found;
  if (ranked) c.set(0, x.dtype, std::move(result));
  else c.set(0, Type::unranked(x.dtype));
  c.set(1, DType::i64, {found});
  c.set(2, DType::i64, {size ? *size : c.fresh(2, 0)});
  c.set(3, DType::i64, {found});
}

void Unique::eval(Evaluation& c) const {
  const Tensor x = axis ? c.input(0) : c.input(0).reshaped({c.input(0).count()});
  const auto at = static_cast<size_t>(axis ? c.axis(*axis, x.rank()) : 0);
  const Lanes slices(x.shape(), at, at + 1);
  Groups groups = group_slices(x, slices);
  if (!sorted) groups = in_order_of_occurrence(groups);
  std::vector<int64_t> shape = x.shape();
  shape[at] = static_cast<int64_t>(groups.first.size());
  ElementWriter y(c, 0, x.dtype(), shape);
  if (y.count() > 0) {
    const std::vector<int64_t> strides = row_major_strides(x.shape());
    ElementMap map;
    for (size_t d = 0; d < shape.size(); ++d)
      map.offsets.push_back(arithmetic_offsets(0, shape[d], strides[d]));
    for (size_t i = 0; i < groups.first.size(); ++i)
      map.offsets[at][i] = groups.first[i] * strides[at];
    y.take(x, map);
  }
  y.finish();
  give_integers(c, 1, groups.first);
  give_integers(c, 2, groups.of_slice);
  give_integers(c, 3, groups.size);
}

void Trilu::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(!x.has_rank() || x.rank() >= 2, "the operand is ", x, ", wanted rank 2 or more");
  if (c.has(1)) c.check(c.dtype(1) == DType::i64, "k is ", c.tensor(1), ", wanted i64");
  const Dims* known = c.parameter(k, 1);
  c.check(known == nullptr || known->size() == 1, "k has ", known == nullptr ? 0 : known->size(),
          " numbers, wanted 1");
  c.set(0, c.type(0));
}

void Trilu::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() >= 2, "the operand has rank ", x.rank(), ", wanted 2 or more");
  const std::vector<int64_t> given = c.parameter(k, 1, {0});
  c.check(given.size() == 1, "k has ", given.size(), " numbers, wanted 1");
  const int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1);
  const int64_t right = std::clamp(given[0], -rows, columns);
  ElementWriter y(c, 0, x.dtype(), x.shape());
  const int64_t lines = columns == 0 ? 0 : x.count() / columns;
  for (int64_t line = 0; line < lines; ++line) {
    const int64_t diagonal = line % rows + right;
    const int64_t from = upper ? std::clamp<int64_t>(diagonal, 0, columns) : 0;
    const int64_t to = upper ? columns : std::clamp<int64_t>(diagonal + 1, 0, columns);
    y.copy(line * columns + from, x, line * columns + from, to - from);
  }
  y.finish();
}

void ReverseSequence::infer(Inference& c) const {
  const TensorType &x = c.tensor(0), &lengths = c.tensor(1);
  c.check((batch_axis == 0 && time_axis == 1) || (batch_axis == 1 && time_axis == 0),
          "batch_axis is ", batch_axis, " and time_axis ", time_axis,
          ", wanted 0 and 1 or 1 and 0");
  c.check(!x.has_rank() || x.rank() >= 2, "the operand is ", x, ", wanted rank 2 or more");
  c.check(lengths.dtype == DType::i64, "sequence_lens is ", lengths, ", wanted i64");
  c.check(!lengths.has_rank() || lengths.rank() == 1, "sequence_lens is ", lengths,
          ", wanted a vector");
  if (x.has_rank() && lengths.has_rank())
    c.require_equal(x.shape()[static_cast<size_t>(batch_axis)], lengths.shape()[0]);
  c.set(0, c.type(0));
}

void ReverseSequence::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &lengths = c.input(1);
  c.check(x.rank() >= 2, "the operand has rank ", x.rank(), ", wanted 2 or more");
  const int64_t time = x.dim(static_cast<int>(time_axis));
  const int64_t batch = x.dim(static_cast<int>(batch_axis));
  c.check(lengths.count() == batch, "sequence_lens has ", lengths.count(), " elements, wanted ",
          batch);
  ElementWriter y(c, 0, x.dtype(), x.shape());
  const int64_t row = y.count() == 0 ? 0 : y.count() / (time * batch);
  const int64_t batch_step = row * (batch_axis == 0 ? time : 1);
  const int64_t time_step = row * (time_axis == 0 ? batch : 1);
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t length = lengths.integer(b);
    c.check(length >= 0 && length <= time, "sequence_lens has ", length, ", wanted 0 to ", time);
    for (int64_t t = 0; row > 0 && t < time; ++t)
      y.copy(b * batch_step + t * time_step, x,
             b * batch_step + (t < length ? length - 1 - t : t) * time_step, row);
  }
  y.finish();
}

void register_unique(OpRegistry& registry) {
  registry.add<Unique>();
  registry.add<Trilu>();
  registry.add<ReverseSequence>();
}

}  // namespace hone
