#include "ops/slice.hpp"

#include "ir/op_class.hpp"
#include "ir/stages/stages.hpp"

#include "base/size.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/shapes.hpp"

namespace hone {
namespace {

/// Which elements of one axis: `count` of them from `start` on, `step` apart.
struct Cut {
  int64_t start = 0, count = 0, step = 1;
};

/// `start` and `end` made positions of an axis of `size` elements and clamped as ONNX says.
Cut cut_of(int64_t size, int64_t start, int64_t end, int64_t step) {
  const auto position = [size](int64_t at) { return at < 0 ? at + size : at; };
  if (size == 0) return {0, 0, 1};
  if (step > 0) {
    start = std::clamp<int64_t>(position(start), 0, size);
    end = std::clamp<int64_t>(position(end), 0, size);
    return {start, start < end ? ceil_div(end - start, step) : 0, step};
  }
  start = std::clamp<int64_t>(position(start), 0, size - 1);
  end = std::clamp<int64_t>(position(end), -1, size - 1);
  const int64_t back = -std::max(step, -std::numeric_limits<int64_t>::max());
  return {start, end < start ? ceil_div(start - end, back) : 0, -back};
}

/// Whether a bound counts from the front or from the end; nullopt: that depends on its symbols.
std::optional<bool> from_end(const Dim& bound, const Ranges& ranges) {
  const Interval interval = bound.bounds(ranges);
  if (interval.low >= 0) return false;
  if (interval.high < 0) return true;
  return std::nullopt;
}

/// Numbers beyond any size: "to the end" of exporters (INT64_MAX, INT32_MAX, 10^9).
constexpr int64_t kFar = 1'000'000'000;
bool is_far(const Dim& bound) { return bound.is_constant() && *bound.constant() >= kFar; }
bool is_far_back(const Dim& bound) { return bound.is_constant() && *bound.constant() <= -kFar; }

/// A step beyond any size takes one element, or none. Arithmetic with it would overflow.
constexpr int64_t kHugeStep = int64_t{1} << 62;
bool is_huge(int64_t step) { return step >= kHugeStep || step <= -kHugeStep; }

/// How many elements lie `step` > 0 apart within `span` >= 0.
Dim steps_within(const Dim& span, int64_t step) {
  return is_huge(step) ? min(span, 1) : ceil_div(span, step);
}

/// How many elements a positive step takes of `size`; nullopt: cannot be said in Dims.
std::optional<Dim> count_forward(const Dim& size, const Dim& start, const Dim& end, int64_t step,
                                 const Ranges& ranges) {
  const auto start_back = from_end(start, ranges), end_back = from_end(end, ranges);
  if (!start_back || !end_back) return std::nullopt;
  const bool to_end = !*end_back && (is_far(end) || provably_less_equal(size, end, ranges) == true);
  const bool from_front = is_far_back(start) || start.is(0);
  Dim span;
  if (to_end && from_front) span = size;
  else if (to_end && *start_back) span = min(size, 0 - start);
  else if (to_end) span = max(size - start, 0);
  else {
    const Dim stop = is_far_back(end) ? Dim(0) : *end_back ? max(size + end, 0) : min(end, size);
    // A start beyond the axis gives a negative span as well, so it need not be clamped.
    const Dim first = from_front ? Dim(0) : *start_back ? max(size + start, 0) : start;
    span = max(stop - first, 0);
  }
  return steps_within(span, step);
}

/// The same for a negative step, for bounds that are numbers.
std::optional<Dim> count_backward(const Dim& size, const Dim& start, const Dim& end, int64_t step) {
  if (!start.is_constant() || !end.is_constant()) return std::nullopt;
  const int64_t from = *start.constant(), to = *end.constant();
  const int64_t back = -std::max(step, -std::numeric_limits<int64_t>::max());
  const bool whole = from == -1 || from >= kFar, down_to_first = to <= -kFar;
  if (whole && down_to_first) return steps_within(size, back);
  // Elements from..size-1 backwards, before `to` (a front position).
  if (whole && to >= 0) return steps_within(max(size - 1 - Dim(to), 0), back);
  // The last few: -1 back to before -k.
  if (whole && to < 0) return steps_within(min(size, Dim(-1 - to)), back);
  if (from >= 0 && down_to_first) return steps_within(min(size, Dim(from) + 1), back);
  return std::nullopt;
}

Dim count_of(Inference& c, int axis, const Dim& size, const Dim& start, const Dim& end,
             const Dim& step) {
  if (size.is(0)) return 0;
  if (!step.is_constant()) return c.fresh(0, axis);
  const int64_t by = *step.constant();
  c.check(by != 0, "the step of axis ", axis, " is 0");
  if (size.is_constant() && start.is_constant() && end.is_constant())
    return cut_of(*size.constant(), *start.constant(), *end.constant(), by).count;
  // Taken for the end, though a size could go beyond it: so that has to be excluded.
  for (const Dim* bound : {&start, &end})
    if (is_far(*bound) && *bound->constant() < std::numeric_limits<int32_t>::max())
      c.require_less_equal(size, *bound);
  if (is_far(by > 0 ? start : end)) return 0;
  const auto count = by > 0 ? count_forward(size, start, end, by, c.ranges())
                            : count_backward(size, start, end, by);
  return count ? *count : c.fresh(0, axis);
}

/// The axes of the parameters, for a known number of bounds.
std::vector<int64_t> default_axes(size_t bounds) { return all_axes(static_cast<int>(bounds)); }

}  // namespace

void Slice::infer(Inference& c) const {
  const TensorType& x = c.tensor(0);
  c.check(c.given(starts, 1) && c.given(ends, 2), "starts or ends are missing");
  if (!x.has_rank()) return c.set(0, Type::unranked(x.dtype));
  const Dims *from = c.parameter(starts, 1), *to = c.parameter(ends, 2);
  const auto bounds = parameter_length(c, starts, 1);
  auto chosen = constant_parameter(c, axes, 3);
  if (!c.given(axes, 3) && bounds) chosen = default_axes(static_cast<size_t>(*bounds));
  if (!chosen) return c.set(0, x.dtype, c.fresh_dims(0, x.rank()));

  const std::vector<int> cut = normalized_axes(c, *chosen, x.rank());
  const Dims ones(cut.size(), Dim(1));
  const Dims* by = c.given(steps, 4) ? c.parameter(steps, 4) : &ones;
  for (const Dims* list : {from, to, by})
    c.check(list == nullptr || list->size() == cut.size(), "there are ", cut.size(),
            " axes, but starts, ends or steps has ", list == nullptr ? 0 : list->size());
  Dims result = x.shape();
  for (size_t i = 0; i < cut.size(); ++i) {
    Dim& size = result[static_cast<size_t>(cut[i])];
    const bool known = from != nullptr && to != nullptr && by != nullptr;
    size = known ? count_of(c, cut[i], size, (*from)[i], (*to)[i], (*by)[i]) : c.fresh(0, cut[i]);
  }
  c.set(0, x.dtype, std::move(result));
}

namespace {

/// The cut of every axis; bounds as numbers. `c`: an Inference or an Evaluation.
template <class Context>
std::vector<Cut> cuts_of(const Context& c, const std::vector<int64_t>& shape,
                         const std::vector<int64_t>& starts, const std::vector<int64_t>& ends,
                         const std::vector<int64_t>& axes, const std::vector<int64_t>& steps) {
  std::vector<Cut> cuts;
  for (const int64_t size : shape) cuts.push_back({0, size, 1});
  const std::vector<int> chosen = normalized_axes(c, axes, static_cast<int>(shape.size()));
  c.check(starts.size() == chosen.size() && ends.size() == chosen.size() &&
              steps.size() == chosen.size(),
          "there are ", chosen.size(), " axes, ", starts.size(), " starts, ", ends.size(),
          " ends and ", steps.size(), " steps");
  for (size_t i = 0; i < chosen.size(); ++i) {
    c.check(steps[i] != 0, "the step of axis ", chosen[i], " is 0");
    const auto axis = static_cast<size_t>(chosen[i]);
    cuts[axis] = cut_of(shape[axis], starts[i], ends[i], steps[i]);
  }
  return cuts;
}

ElementMap slice_map(const std::vector<int64_t>& shape, const std::vector<Cut>& cuts) {
  const std::vector<int64_t> strides = row_major_strides(shape);
  ElementMap map;
  for (size_t d = 0; d < shape.size(); ++d) {
    // The step over a single element may be huge.
    const int64_t step = cuts[d].count > 1 ? cuts[d].step * strides[d] : 0;
    map.offsets.push_back(arithmetic_offsets(cuts[d].start * strides[d], cuts[d].count, step));
  }
  return map;
}

}  // namespace

void Slice::dims(Inference& c) const {
  const Dims* known = c.known(0);
  if (known == nullptr || !c.tensor(0).has_rank()) return;
  const auto shape = c.tensor(0).concrete();
  const auto from = constant_parameter(c, starts, 1), to = constant_parameter(c, ends, 2);
  if (!shape || !from || !to) return;
  auto chosen = constant_parameter(c, axes, 3), by = constant_parameter(c, steps, 4);
  if (!c.given(axes, 3)) chosen = default_axes(from->size());
  if (!c.given(steps, 4)) by = std::vector<int64_t>(from->size(), 1);
  if (chosen && by)
    c.set_known(0, select(slice_map(*shape, cuts_of(c, *shape, *from, *to, *chosen, *by)), *known));
}

void Slice::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const std::vector<int64_t> from = c.parameter(starts, 1), to = c.parameter(ends, 2);
  const std::vector<Cut> cuts =
      cuts_of(c, x.shape(), from, to, c.parameter(axes, 3, default_axes(from.size())),
              c.parameter(steps, 4, std::vector<int64_t>(from.size(), 1)));
  std::vector<int64_t> shape;
  for (const Cut& cut : cuts) shape.push_back(cut.count);
  ElementWriter y(c, 0, x.dtype(), shape);
  if (y.count() > 0) y.take(x, slice_map(x.shape(), cuts));
  y.finish();
}

namespace {

/// Where a cut of `size` elements starts, if it has any; nullopt: that depends on symbols.
std::optional<Dim> first_element(const Dim& size, const Dim& start, int64_t step) {
  const auto back = from_end(start, {});
  if (!back) return std::nullopt;
  const Dim last = step < 0 ? size - 1 : size;
  if (*back && is_far_back(start)) return 0;
  if (*back && start.is(-1)) return size - 1;
  if (*back) return max(size + start, 0);
  return is_far(start) ? last : min(start, last);
}

}  // namespace

void Slice::express(Expression& e) const {
  const auto from = e.parameter(starts, 1);
  const auto by = e.parameter(steps, 4);
  const auto chosen = e.parameter(axes, 3);
  if (!from || (e.has(3) && !chosen) || (e.has(4) && !by))
    return e.decline("Slice by what only running tells");
  Dims indices;
  for (int i = 0; i < e.rank(0); ++i) indices.push_back(loop(i));
  for (size_t i = 0; i < from->size(); ++i) {
    const auto axis = chosen ? (*chosen)[i].constant() : std::optional(static_cast<int64_t>(i));
    const auto step = by ? (*by)[i].constant() : std::optional<int64_t>(1);
    if (!axis || !step) return e.decline("Slice of axes or steps that only running tells");
    const auto place = static_cast<size_t>(*axis < 0 ? *axis + e.rank(0) : *axis);
    const auto first = first_element(e.shape(0)[place], (*from)[i], *step);
    if (!first) return e.decline("Slice from either end");
    // Where there is nothing to read, nothing is read.
    indices[place] = is_huge(*step) ? *first : *first + indices[place] * *step;
  }
  e.set(0, e.at(0, indices));
}

void register_slice(OpRegistry& registry) { registry.add<Slice>(); }

}  // namespace hone
