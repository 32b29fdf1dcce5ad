// Reductions, windows and sorting of XLA: what they do is said by functions.

#include <algorithm>
#include <cmath>
#include <limits>

#include "import/builder/frame.hpp"
#include "import/tensorflow/graph_import.hpp"
#include "import/tensorflow/xla.hpp"
#include "ir/bodies/structural.hpp"
#include "ops/arithmetic.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/pooling.hpp"
#include "ops/reduction.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

enum class Reducer : uint8_t {
  sum,
  product,
  most,
  least,
  all,
  any,
  other
};

Reducer reducer_of(const NodeReader& node, std::string_view function) {
  const auto found = operators_of(node, function);
  if (found.size() != 1) return Reducer::other;
  const std::string_view op = found.front();
  if (op == "Add" || op == "AddV2") return Reducer::sum;
  if (op == "Mul") return Reducer::product;
  if (op == "Maximum") return Reducer::most;
  if (op == "Minimum") return Reducer::least;
  if (op == "LogicalAnd") return Reducer::all;
  return op == "LogicalOr" ? Reducer::any : Reducer::other;
}

/// Reducing from `start` on changes nothing.
bool is_neutral(Reducer reducer, const Tensor* start) {
  if (start == nullptr || start->count() != 1) return false;
  const double number = start->number(0);
  switch (reducer) {
    case Reducer::sum: return number == 0;
    case Reducer::product: return number == 1;
    case Reducer::most:
      return is_float(start->dtype()) && number == -std::numeric_limits<double>::infinity();
    case Reducer::least:
      return is_float(start->dtype()) && number == std::numeric_limits<double>::infinity();
    case Reducer::all: return number != 0;
    case Reducer::any: return number == 0;
    case Reducer::other: break;
  }
  return false;
}

Value* reduced(NodeReader& node, Reducer reducer, Value* x, const std::vector<int64_t>& axes) {
  const Dims over(axes.begin(), axes.end());
  const auto by = [&](auto op) {
    op.axes = over;
    op.keepdims = false;
    return node.intermediate(op, {x}, "reduced");
  };
  switch (reducer) {
    case Reducer::sum: return by(ReduceSum{});
    case Reducer::product: return by(ReduceProd{});
    case Reducer::most:
    case Reducer::any: return by(ReduceMax{});
    default: return by(ReduceMin{});
  }
}

Value* together(NodeReader& node, Reducer reducer, Value* a, Value* b) {
  switch (reducer) {
    case Reducer::sum: return node.intermediate(Add{}, {a, b}, "from_start");
    case Reducer::product: return node.intermediate(Mul{}, {a, b}, "from_start");
    case Reducer::most: return node.intermediate(Max{}, {a, b}, "from_start");
    case Reducer::least: return node.intermediate(Min{}, {a, b}, "from_start");
    case Reducer::any: return node.intermediate(Or{}, {a, b}, "from_start");
    default: return node.intermediate(And{}, {a, b}, "from_start");
  }
}

/// Any function: it is applied to whole slices, one after the other along the axes.
void reduce_by_steps(NodeReader& node, std::string_view function, size_t count,
                     const std::vector<int64_t>& axes) {
  std::vector<Value*> states, scanned;
  for (size_t i = 0; i < count; ++i) {
    const int64_t rank = node.rank_of(static_cast<int>(i));
    check_axes(node, axes, rank);
    std::vector<int64_t> perm = axes;
    const auto rest = other_axes(axes, rank);
    perm.insert(perm.end(), rest.begin(), rest.end());
    Value* x = transposed(node, node.required(static_cast<int>(i)), perm);
    const Dims sizes = sizes_of(node, x);
    Dims kept(sizes.begin() + static_cast<int64_t>(axes.size()), sizes.end());
    Dims steps = kept;
    steps.insert(steps.begin(),
                 product(Dims(sizes.begin(), sizes.begin() + static_cast<int64_t>(axes.size()))));
    scanned.push_back(node.reshaped(x, steps, "steps"));
    Value* start = node.reshaped(node.required(static_cast<int>(count + i)), Dims{}, "start");
    states.push_back(node.intermediate(Expand{.shape = kept}, {start}, "start"));
  }
  const auto declare = [&](Graph& graph) {
    for (const char* kind : {"state", "element"})
      for (size_t i = 0; i < count; ++i) graph.add_input(cat(kind, uint64_t{i}), states[i]->type);
  };
  const auto fill = [&](builder::Frame& frame) {
    std::vector<Item> items;
    const std::vector<Value*> own = frame.graph().inputs();
    for (size_t i = 0; i < 2 * count; ++i) items.push_back(Item::of(own[i], frame));
    const auto results = node.import().call(function, frame, items, node.def().name);
    node.check(results.size() == count, "a reducer of ", uint64_t{results.size()}, " results");
    for (size_t i = 0; i < count; ++i) {
      if (results[i].kind == Item::Kind::failed) throw builder::FailedBefore();
      node.check(results[i].is_value(), "a reducer that gives no tensor");
      frame.graph().add_output(cat("next", uint64_t{i}),
                               frame.bring(results[i].value, *results[i].frame));
    }
  };
  const builder::Bodies bodies = builder::make_bodies(node.frame(), {{"step", declare, fill}});
  Scan op;
  op.body = bodies.bodies[0];
  op.states = op.scanned = static_cast<int64_t>(count);
  std::vector<Value*> inputs = states;
  inputs.insert(inputs.end(), scanned.begin(), scanned.end());
  inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
  const auto results =
      node.intermediates(std::move(op), inputs, static_cast<int>(count), "reduced");
  for (size_t i = 0; i < count; ++i) node.give(static_cast<int>(i), results[i]);
}

/// Operands: tensors, then as many starts.
void import_xla_reduce(NodeReader& node) {
  const auto count = static_cast<size_t>(node.inputs()) / 2;
  node.check(count >= 1 && node.inputs() == static_cast<int>(2 * count), node.inputs(),
             " operands, wanted tensors and their starts");
  const std::vector<int64_t> axes = node.integers("dimensions_to_reduce");
  check_axes(node, axes, node.rank_of(0));
  const std::string_view function = node.function("reducer");
  const Reducer reducer = count == 1 ? reducer_of(node, function) : Reducer::other;
  if (reducer == Reducer::other) return reduce_by_steps(node, function, count, axes);
  Value* y = axes.empty() ? node.required(0) : reduced(node, reducer, node.required(0), axes);
  if (!is_neutral(reducer, node.constant_tensor(1)))
    y = together(node, reducer, y, node.required(1));
  node.give(0, y);
}

/// Operands: the tensor, a start, sizes, strides, dilation of the tensor and of the window,
/// padding.
void import_xla_reduce_window(NodeReader& node) {
  const Reducer reducer = reducer_of(node, node.function("computation"));
  const bool is_sum = reducer == Reducer::sum;
  if (!is_sum && reducer != Reducer::most && reducer != Reducer::least)
    node.unsupported("a window by another function than a sum, the largest or the smallest");
  const auto rank = static_cast<size_t>(node.rank_of(0));
  const std::vector<int64_t> sizes = node.ints(2), strides = node.ints(3), base = node.ints(4),
                             dilations = node.ints(5), padding = node.ints(6);
  for (const auto* list : {&sizes, &strides, &base, &dilations})
    node.check(list->size() == rank, "a window of ", uint64_t{list->size()}, " axes over ",
               uint64_t{rank});
  node.check(padding.size() == 2 * rank, "padding of ", uint64_t{padding.size()}, " numbers");
  std::vector<int64_t> moving;
  for (size_t axis = 0; axis < rank; ++axis) {
    if (base[axis] != 1) node.unsupported("a window over elements that are spread");
    if (sizes[axis] != 1 || strides[axis] != 1 || padding[2 * axis] != 0 ||
        padding[2 * axis + 1] != 0)
      moving.push_back(static_cast<int64_t>(axis));
  }
  if (!is_neutral(reducer, node.constant_tensor(1)) && (!is_sum || !moving.empty()))
    node.unsupported("a window that starts from another number than nothing");
  Value* x = node.required(0);
  if (moving.empty()) return node.give(0, x);
  std::vector<int64_t> perm = other_axes(moving, static_cast<int64_t>(rank));
  const size_t still = perm.size();
  perm.insert(perm.end(), moving.begin(), moving.end());
  x = transposed(node, x, perm);
  const Dims turned = sizes_of(node, x);
  const Dims front(turned.begin(), turned.begin() + static_cast<int64_t>(still));
  Dims planes{Dim(1), product(front)};
  planes.insert(planes.end(), turned.begin() + static_cast<int64_t>(still), turned.end());
  x = node.reshaped(x, planes, "planes");
  Window window;
  double elements = 1;
  for (const int64_t axis : moving) {
    const auto i = static_cast<size_t>(axis);
    window.kernel_shape.push_back(sizes[i]), window.strides.push_back(strides[i]);
    window.dilations.push_back(dilations[i]), window.pads.push_back(padding[2 * i]);
    elements *= static_cast<double>(sizes[i]);
  }
  for (const int64_t axis : moving)
    window.pads.push_back(padding[2 * static_cast<size_t>(axis) + 1]);
  if (reducer == Reducer::least) x = node.intermediate(Neg{}, {x}, "negative");
  Value* y = is_sum ? node.intermediate(AveragePool{.window = window, .count_include_pad = true},
                                        {x}, "means")
                    : node.intermediate(MaxPool{.window = window}, {x}, "largest");
  if (is_sum)
    y = node.intermediate(Mul{}, {y, node.number(elements, y->type.tensor().dtype, "elements")},
                          "sums");
  if (reducer == Reducer::least) y = node.intermediate(Neg{}, {y}, "smallest");
  Dims result = front;
  const Dims pooled = sizes_of(node, y);
  result.insert(result.end(), pooled.begin() + 2, pooled.end());
  node.give(0, transposed(node, node.reshaped(y, result, "apart"), inverse(perm)));
}

/// Sorted values and their places along the axis.
std::pair<Value*, Value*> sorted(NodeReader& node, Value* keys, int64_t axis, bool descending) {
  const Dim size = sizes_of(node, keys)[static_cast<size_t>(axis)];
  const auto found =
      node.intermediates(TopK{.k = Dims{size}, .axis = axis, .largest = descending, .sorted = true},
                         {keys}, 2, "sorted");
  return {found[0], found[1]};
}

void import_xla_sort(NodeReader& node) {
  node.give(0, sorted(node, node.required(0), node.rank_of(0) - 1, false).first);
}

void import_xla_key_value_sort(NodeReader& node) {
  const int64_t axis = node.rank_of(0) - 1;
  const auto [keys, places] = sorted(node, node.required(0), axis, false);
  node.give(0, keys);
  node.give(1,
            node.intermediate(GatherElements{.axis = axis}, {node.required(1), places}, "values"));
}

/// Operands: tensors, the axis. The first one is the key.
void import_xla_variadic_sort(NodeReader& node) {
  const int count = node.inputs() - 1;
  node.check(count >= 1, "sorts nothing");
  const auto ops = operators_of(node, node.function("comparator"));
  const auto is_less = [](std::string_view op) { return op.starts_with("Less"); };
  const auto is_more = [](std::string_view op) { return op.starts_with("Greater"); };
  const auto less = std::count_if(ops.begin(), ops.end(), is_less);
  const auto more = std::count_if(ops.begin(), ops.end(), is_more);
  if (less + more != 1) node.unsupported("an order of several keys");
  const int64_t axis = node.axis_of(node.one_int(count), node.rank_of(0));
  const auto [keys, places] = sorted(node, node.required(0), axis, more == 1);
  node.give(0, keys);
  for (int i = 1; i < count; ++i)
    node.give(
        i, node.intermediate(GatherElements{.axis = axis}, {node.required(i), places}, "values"));
}

}  // namespace

void register_xla_reduce(Importers& importers) {
  importers.add({"XlaReduce", "XlaVariadicReduce", "XlaVariadicReduceV2"}, import_xla_reduce);
  importers.add("XlaReduceWindow", import_xla_reduce_window);
  importers.add("XlaSort", import_xla_sort);
  importers.add("XlaKeyValueSort", {import_xla_key_value_sort, {"sorted_keys", "sorted_values"}});
  importers.add("XlaVariadicSort", import_xla_variadic_sort);
}

}  // namespace hone::tensorflow
