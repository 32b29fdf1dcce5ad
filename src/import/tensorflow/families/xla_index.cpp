// Picking and placing slices as XLA does it: an index that reaches too far is moved inside, but for
// updates that are scattered, which are left out.

#include <algorithm>
#include <numeric>

#include "import/tensorflow/xla.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/pad.hpp"
#include "ops/reduction.hpp"
#include "ops/scatter.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::tensorflow {
namespace {

// GatherDimensionNumbers, ScatterDimensionNumbers.
constexpr uint32_t kWindow = 1, kCollapsed = 2, kMapped = 3, kVector = 4, kBatching = 5;

int64_t size_at(const NodeReader& node, const Dims& dims, int64_t axis) {
  const auto size = dims[static_cast<size_t>(axis)].constant();
  if (!size) node.unsupported("slices along an axis of open size");
  return *size;
}

/// Coordinates [places..., k], moved inside so that slices of `sizes` fit.
Value* inside(NodeReader& node, Value* coordinates, const Dims& data,
              const std::vector<int64_t>& mapped, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> last;
  for (size_t i = 0; i < mapped.size(); ++i) {
    last.push_back(size_at(node, data, mapped[i]) - sizes[i]);
    node.check(last.back() >= 0, "a slice of ", sizes[i], " elements along an axis of ",
               last.back() + sizes[i]);
  }
  Value* zero = node.number(0, DType::i64, "first");
  Value* most = node.constant(Tensor::ints(last), "last");
  Value* low = node.intermediate(Max{}, {coordinates, zero}, "inside");
  return node.intermediate(Min{}, {low, most}, "inside");
}

/// Coordinates of every element of the slices: [places..., sizes..., k].
Value* all_coordinates(NodeReader& node, Value* coordinates, const std::vector<int64_t>& sizes) {
  const size_t k = sizes.size();
  Dims start = sizes_of(node, coordinates);
  start.insert(start.end() - 1, k, Dim(1));
  coordinates = node.reshaped(coordinates, start, "starts");
  for (size_t i = 0; i < k; ++i) {
    if (sizes[i] == 1) continue;
    std::vector<int64_t> shape(k + 1, 1);
    shape[i] = sizes[i], shape[k] = static_cast<int64_t>(k);
    Tensor steps(DType::i64, shape);
    for (int64_t at = 0; at < sizes[i]; ++at)
      steps.set_integer(at * static_cast<int64_t>(k) + static_cast<int64_t>(i), at);
    coordinates =
        node.intermediate(Add{}, {coordinates, node.constant(std::move(steps), "steps")}, "places");
  }
  return coordinates;
}

/// The indices with their coordinates as last axis.
Value* coordinates_of(NodeReader& node, int input, int64_t vector) {
  Value* indices = node.as_i64(input);
  const int64_t rank = node.rank_of(input);
  node.check(vector >= 0 && vector <= rank, "index_vector_dim is ", vector);
  if (vector == rank) {
    Dims sizes = sizes_of(node, indices);
    sizes.emplace_back(1);
    return node.reshaped(indices, sizes, "vectors");
  }
  std::vector<int64_t> perm = other_axes({vector}, rank);
  perm.push_back(vector);
  return transposed(node, indices, perm);
}

/// Which axes of the data coordinates are for, and where slices stand among the result's axes.
struct Numbers {
  std::vector<int64_t> window, collapsed, mapped, kept;  // kept: the data's axes in a slice
};
Numbers read_numbers(const NodeReader& node, const AxisNumbers& axes, int64_t rank) {
  if (!axes.list(kBatching).empty()) node.unsupported("axes that data and indices share");
  Numbers made{axes.list(kWindow), axes.list(kCollapsed), axes.list(kMapped), {}};
  check_axes(node, made.collapsed, rank);
  check_axes(node, made.mapped, rank);
  made.kept = other_axes(made.collapsed, rank);
  node.check(made.kept.size() == made.window.size(), uint64_t{made.window.size()},
             " axes for slices of ", uint64_t{made.kept.size()});
  return made;
}

/// Axes of [places..., mapped..., others...] in the order of the result, collapsed ones left out.
std::vector<int64_t> result_order(const NodeReader& node, const Numbers& numbers, int64_t places,
                                  const std::vector<int64_t>& others) {
  const auto stands = [&](int64_t axis) {
    const auto& mapped = numbers.mapped;
    if (const auto at = std::find(mapped.begin(), mapped.end(), axis); at != mapped.end())
      return places + (at - mapped.begin());
    return places + static_cast<int64_t>(mapped.size()) +
           (std::find(others.begin(), others.end(), axis) - others.begin());
  };
  const auto rank = places + static_cast<int64_t>(numbers.kept.size());
  check_axes(node, numbers.window, rank);
  std::vector<int64_t> order(static_cast<size_t>(rank), -1);
  for (size_t i = 0; i < numbers.kept.size(); ++i)
    order[static_cast<size_t>(numbers.window[i])] = stands(numbers.kept[i]);
  int64_t place = 0;
  for (int64_t& axis : order)
    if (axis < 0) axis = place++;
  return order;
}

void import_xla_gather(NodeReader& node) {
  const AxisNumbers axes(node, "dimension_numbers");
  const Dims data = node.dims(0);
  const auto rank = static_cast<int64_t>(data.size());
  const Numbers numbers = read_numbers(node, axes, rank);
  const std::vector<int64_t> sizes = node.ints(2);
  node.check(static_cast<int64_t>(sizes.size()) == rank, uint64_t{sizes.size()},
             " sizes of a slice of ", rank, " axes");
  Value* coordinates = coordinates_of(node, 1, axes.one(kVector));
  const int64_t places = static_cast<int64_t>(sizes_of(node, coordinates).size()) - 1;
  const std::vector<int64_t> others = other_axes(numbers.mapped, rank);
  std::vector<int64_t> slice;
  for (const int64_t axis : numbers.mapped) slice.push_back(sizes[static_cast<size_t>(axis)]);
  coordinates = inside(node, coordinates, data, numbers.mapped, slice);
  Value* x = node.required(0);
  for (const int64_t axis : others) {
    const int64_t size = sizes[static_cast<size_t>(axis)];
    if (data[static_cast<size_t>(axis)].is(size)) continue;
    x = node.intermediate(
        Slice{.starts = Dims{Dim(0)}, .ends = Dims{Dim(size)}, .axes = Dims{Dim(axis)}}, {x},
        "cut");
  }
  std::vector<int64_t> perm = numbers.mapped;
  perm.insert(perm.end(), others.begin(), others.end());
  x = transposed(node, x, perm);
  Value* found =
      node.intermediate(GatherND{}, {x, all_coordinates(node, coordinates, slice)}, "slices");
  const std::vector<int64_t> order = result_order(node, numbers, places, others);
  std::vector<int64_t> all = order;  // collapsed axes, of one element each, behind the others
  const auto rest = other_axes(order, places + rank);
  all.insert(all.end(), rest.begin(), rest.end());
  found = transposed(node, found, all);
  if (rest.empty()) return node.give(0, found);
  Dims axes_left;
  for (size_t i = order.size(); i < all.size(); ++i)
    axes_left.emplace_back(static_cast<int64_t>(i));
  node.emit(Squeeze{.axes = axes_left}, {found});
}

ScatterReduction reduction_of(const NodeReader& node) {
  const auto ops = operators_of(node, node.function("update_computation"));
  if (ops.empty()) return ScatterReduction::none;  // gives an argument: the update
  if (ops.size() == 1 && ops[0].starts_with("Add")) return ScatterReduction::add;
  if (ops.size() == 1 && ops[0] == "Mul") return ScatterReduction::mul;
  if (ops.size() == 1 && ops[0] == "Maximum") return ScatterReduction::max;
  if (ops.size() == 1 && ops[0] == "Minimum") return ScatterReduction::min;
  node.unsupported("updates by a function of several operators");
}

/// Whether slices at constant coordinates [places..., k] lie inside.
bool lie_inside(const NodeReader& node, const Dims& data, const Numbers& numbers,
                const std::vector<int64_t>& sizes, int64_t vector) {
  const auto known = node.known_ints(1);
  const size_t k = numbers.mapped.size();
  // Coordinates one behind another, where they are the last axis or the only ones.
  const bool in_order = vector == node.rank_of(1) || vector + 1 == node.rank_of(1);
  if (!known || !in_order || k == 0 || known->size() % k != 0) return false;
  for (size_t i = 0; i < known->size(); ++i) {
    const int64_t at = (*known)[i];
    if (at < 0 || at > size_at(node, data, numbers.mapped[i % k]) - sizes[i % k]) return false;
  }
  return true;
}

/// Data [mapped..., others...] with `values` written at coordinates; slices that do not lie inside
/// are left out: room behind the first axis takes them.
Value* written_inside(NodeReader& node, Value* data, Value* coordinates, Value* values,
                      const Dims& sizes, const std::vector<int64_t>& mapped,
                      const std::vector<int64_t>& slice) {
  const int64_t first = size_at(node, sizes, mapped.front());
  Value* moved = inside(node, coordinates, sizes, mapped, slice);
  Value* same = node.intermediate(Equal{}, {moved, coordinates}, "same");
  same = node.intermediate(ReduceMin{.axes = Dims{Dim(-1)}, .keepdims = true}, {same}, "fits");
  std::vector<int64_t> spare(mapped.size(), 0);
  spare.front() = first;
  Value* behind = node.constant(Tensor::ints(spare), "behind");
  Value* places = node.intermediate(Where{}, {same, coordinates, behind}, "places");
  const size_t rank = sizes.size();
  Dims pads(2 * rank, Dim(0));
  pads[rank] = slice.front();
  Value* wide = node.intermediate(Pad{.pads = pads}, {data}, "wide");
  Value* made = node.intermediate(ScatterND{.reduction = reduction_of(node)},
                                  {wide, all_coordinates(node, places, slice), values}, "written");
  return node.intermediate(Slice{.starts = Dims{0}, .ends = Dims{Dim(first)}, .axes = Dims{0}},
                           {made}, "kept");
}

/// Operands: data, indices, updates.
void import_xla_scatter(NodeReader& node) {
  const AxisNumbers axes(node, "dimension_numbers");
  const Dims data = node.dims(0), updates = node.dims(2);
  const auto rank = static_cast<int64_t>(data.size());
  const Numbers numbers = read_numbers(node, axes, rank);
  Value* coordinates = coordinates_of(node, 1, axes.one(kVector));
  const int64_t places = static_cast<int64_t>(sizes_of(node, coordinates).size()) - 1;
  const std::vector<int64_t> others = other_axes(numbers.mapped, rank);
  node.check(
      static_cast<int64_t>(updates.size()) == places + static_cast<int64_t>(numbers.kept.size()),
      "updates of ", uint64_t{updates.size()}, " axes");
  check_axes(node, numbers.window, static_cast<int64_t>(updates.size()));
  std::vector<int64_t> slice(static_cast<size_t>(rank), 1);
  for (size_t i = 0; i < numbers.kept.size(); ++i)
    slice[static_cast<size_t>(numbers.kept[i])] = size_at(node, updates, numbers.window[i]);
  std::vector<int64_t> mapped_sizes;
  for (const int64_t axis : numbers.mapped)
    mapped_sizes.push_back(slice[static_cast<size_t>(axis)]);
  for (const int64_t axis : others)
    if (!data[static_cast<size_t>(axis)].is(slice[static_cast<size_t>(axis)]))
      node.unsupported("updates of a part of an axis that no index is for");
  // Updates as [places..., mapped..., others...].
  const std::vector<int64_t> order = result_order(node, numbers, places, others);
  std::vector<int64_t> front(order.size());  // collapsed axes have no place among them
  std::iota(front.begin(), front.end(), 0);
  std::sort(front.begin(), front.end(), [&](int64_t a, int64_t b) {
    return order[static_cast<size_t>(a)] < order[static_cast<size_t>(b)];
  });
  Value* values = transposed(node, node.required(2), front);
  Dims shape = sizes_of(node, coordinates);
  shape.pop_back();
  for (const int64_t size : mapped_sizes) shape.emplace_back(size);
  for (const int64_t axis : others) shape.push_back(data[static_cast<size_t>(axis)]);
  values = node.reshaped(values, shape, "updates");
  std::vector<int64_t> perm = numbers.mapped;
  perm.insert(perm.end(), others.begin(), others.end());
  Value* x = transposed(node, node.required(0), perm);
  const bool fits =
      numbers.mapped.empty() || lie_inside(node, data, numbers, mapped_sizes, axes.one(kVector));
  Value* made =
      fits ? node.intermediate(ScatterND{.reduction = reduction_of(node)},
                               {x, all_coordinates(node, coordinates, mapped_sizes), values},
                               "written")
           : written_inside(node, x, coordinates, values, data, numbers.mapped, mapped_sizes);
  node.give(0, transposed(node, made, inverse(perm)));
}

/// Axes along which a slice is a part, and its first coordinates there: [1, k], moved inside.
std::vector<int64_t> partial_axes(const Dims& data, const Dims& slice) {
  std::vector<int64_t> axes;
  for (size_t i = 0; i < data.size(); ++i)
    if (provably_equal(data[i], slice[i]) != true) axes.push_back(static_cast<int64_t>(i));
  return axes;
}

Value* start_of(NodeReader& node, int input, const Dims& data, const std::vector<int64_t>& axes,
                const std::vector<int64_t>& sizes) {
  Value* start = node.as_i64(input);
  start = node.intermediate(Gather{.axis = 0}, {start, node.constant(Tensor::ints(axes), "axes")},
                            "start");
  return inside(node, node.reshaped(start, Dims{Dim(static_cast<int64_t>(axes.size()))}, "start"),
                data, axes, sizes);
}

/// Operands: data, first coordinates, sizes.
void import_xla_dynamic_slice(NodeReader& node) {
  const Dims data = node.dims(0);
  const std::vector<int64_t> sizes = node.ints(2);
  node.check(sizes.size() == data.size(), uint64_t{sizes.size()}, " sizes of a slice of ",
             uint64_t{data.size()}, " axes");
  const auto axes = partial_axes(data, Dims(sizes.begin(), sizes.end()));
  if (axes.empty()) return node.give(0, node.required(0));
  std::vector<int64_t> slice;
  for (const int64_t axis : axes) slice.push_back(sizes[static_cast<size_t>(axis)]);
  Value* start = start_of(node, 1, data, axes, slice);
  Value* x = node.required(0);
  for (size_t i = 0; i < axes.size(); ++i) {
    std::vector<int64_t> steps(static_cast<size_t>(slice[i]));
    std::iota(steps.begin(), steps.end(), 0);
    Value* first = node.intermediate(
        Gather{.axis = 0}, {start, node.constant(Tensor::ints({static_cast<int64_t>(i)}), "axis")},
        "first");
    Value* places =
        node.intermediate(Add{}, {first, node.constant(Tensor::ints(steps), "steps")}, "places");
    x = node.intermediate(Gather{.axis = axes[i]}, {x, places}, "slice");
  }
  node.give(0, x);
}

/// Operands: data, the slice, first coordinates.
void import_xla_dynamic_update_slice(NodeReader& node) {
  const Dims data = node.dims(0), update = node.dims(1);
  node.check(update.size() == data.size(), "a slice of ", uint64_t{update.size()}, " axes, wanted ",
             uint64_t{data.size()});
  const auto axes = partial_axes(data, update);
  if (axes.empty()) return node.give(0, node.required(1));
  std::vector<int64_t> slice;
  for (const int64_t axis : axes) slice.push_back(size_at(node, update, axis));
  Value* places = all_coordinates(node, start_of(node, 2, data, axes, slice), slice);
  std::vector<int64_t> perm = axes;
  const auto others = other_axes(axes, static_cast<int64_t>(data.size()));
  perm.insert(perm.end(), others.begin(), others.end());
  Value* made = node.intermediate(
      ScatterND{},
      {transposed(node, node.required(0), perm), places, transposed(node, node.required(1), perm)},
      "written");
  node.give(0, transposed(node, made, inverse(perm)));
}

}  // namespace

void register_xla_index(Importers& importers) {
  importers.add("XlaGather", import_xla_gather);
  importers.add("XlaScatter", import_xla_scatter);
  importers.add("XlaDynamicSlice", import_xla_dynamic_slice);
  importers.add("XlaDynamicUpdateSlice", import_xla_dynamic_update_slice);
}

}  // namespace hone::tensorflow
