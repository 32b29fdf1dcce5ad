// Numbers that no input gives.

#include <cmath>

#include "import/mxnet/positions.hpp"
#include "ops/arithmetic.hpp"
#include "ops/generate.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

void fill(NodeReader& node, Dims shape, DType dtype, double value) {
  node.emit(ConstantOfShape{.shape = std::move(shape), .value = Tensor::scalar(dtype, value)}, {});
}

template <int Value>
void import_filled(NodeReader& node) {
  const std::vector<int64_t> sizes = node.integers("shape");
  const DType dtype = node.dtype("dtype", DType::f32);
  node.ignore({"ctx"});
  node.check(!sizes.empty(), "shape is missing");
  for (const int64_t size : sizes)
    if (size <= 0) node.unsupported("a tensor of the open sizes ", shape_text(sizes));
  fill(node, Dims(sizes.begin(), sizes.end()), dtype, Value);
}

template <int Value>
void import_filled_like(NodeReader& node) {
  fill(node, node.dims(0), node.dtype_in(0).value_or(DType::f32), Value);
}

void import_arange(NodeReader& node) {
  const double start = node.real("start", 0), step = node.real("step", 1);
  const int64_t repeat = node.integer("repeat", 1);
  const DType dtype = node.dtype("dtype", DType::f32);
  node.ignore({"ctx", "infer_range"});
  node.check(step != 0, "step is 0");
  if (repeat != 1) node.unsupported("each number ", repeat, " times");
  const double from = node.has("stop") ? start : 0;
  const double to = node.has("stop") ? node.real("stop", 0) : start;
  node.ignore({"stop"});
  const double count = std::max(std::ceil((to - from) / step), 0.0);
  node.check(count <= static_cast<double>(1 << 24), "a range of ", count, " numbers");
  Tensor made(dtype, {static_cast<int64_t>(count)});
  for (int64_t i = 0; i < made.count(); ++i)
    made.set_number(i, from + step * static_cast<double>(i));
  node.give(0, node.constant(std::move(made), "numbers"));
}

/// As many as an axis has, or as all axes have together, then in their shape.
void import_arange_like(NodeReader& node) {
  const double start = node.real("start", 0), step = node.real("step", 1);
  if (node.integer("repeat", 1) != 1) node.unsupported("each number several times");
  node.ignore({"ctx"});
  const bool all = !node.has("axis");
  const int64_t axis = all ? 0 : node.axis_of(node.integer("axis"), 0);
  Value* numbers = positions(node, 0, all ? -1 : axis);
  const auto one = [](double value) { return Tensor::scalar(DType::f32, value); };
  if (step != 1)
    numbers = node.intermediate(Mul{}, {numbers, node.constant(one(step), "step")}, "scaled");
  if (start != 0)
    numbers = node.intermediate(Add{}, {numbers, node.constant(one(start), "start")}, "shifted");
  if (!all) return node.give(0, numbers);
  const Dims shape = node.dims(0);
  node.emit(Reshape{.shape = shape, .allowzero = true}, {numbers});
}

}  // namespace

void register_create(Importers& importers) {
  importers.add("_zeros", {.run = import_filled<0>});
  importers.add("_ones", {.run = import_filled<1>});
  importers.add("zeros_like", {.run = import_filled_like<0>, .like = Importer::Like::sizes});
  importers.add("ones_like", {.run = import_filled_like<1>, .like = Importer::Like::sizes});
  importers.add("_arange", {.run = import_arange});
  importers.add("_contrib_arange_like", {.run = import_arange_like});
}

}  // namespace hone::mxnet
