#include "ops/convolution.hpp"

#include "base/size.hpp"
#include "ir/op_class.hpp"
#include "ops/common/convolve.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

// Element types of input, weight and bias; the bias' size.
DType float_operands(Inference& c) {
  const DType dtype = float_operand(c, 0);
  same_dtype(c, 0, 1);
  same_dtype(c, 0, 2);
  return dtype;
}

// Adds bias[m] to channel m of [batch, filters, plane].
void add_bias(const Evaluation& c, int64_t filters, int64_t plane, std::vector<double>& out) {
  if (!c.has(2)) return;
  const std::vector<double> bias = elements<double>(c.input(2));
  c.check(c.input(2).rank() == 1 && c.input(2).dim(0) == filters, "a bias ",
          shape_text(c.input(2).shape()), " for ", filters, " filters");
  double* place = out.data();
  while (place != out.data() + out.size())
    for (const double value : bias)
      for (int64_t i = 0; i < plane; ++i) *place++ += value;
}

std::string length_problem(std::string_view name, const std::vector<int64_t>& list, size_t axes) {
  constexpr int64_t kLimit = int64_t{1} << 30;
  bool fits = list.empty() || list.size() == axes;
  for (const int64_t value : list) fits = fits && value >= 0 && value <= kLimit;
  if (fits) return {};
  return cat(name, "=[", join(list, ","), "]: wanted ", axes, " numbers from 0 to ", kLimit);
}

// What is wrong with the fields of a transposed convolution, in words.
std::string transposed_problem(const ConvTranspose& op, size_t axes) {
  std::string problem = window_problem(op.window, axes);
  if (problem.empty()) problem = length_problem("output_padding", op.output_padding, axes);
  if (problem.empty()) problem = length_problem("output_shape", op.output_shape, axes);
  return problem;
}

// Channels of the input against the weight's, the kernel_shape field against the weight's.
void check_transposed(Inference& c, const ConvTranspose& op) {
  const TensorType &input = c.tensor(0), &weight = c.tensor(1);
  const auto fits = provably_equal(input.shape()[1], weight.shape()[0], c.ranges());
  c.check(fits.value_or(true), "input ", input, " has ", input.shape()[1], " channels, weight ",
          weight, " wants ", weight.shape()[0]);
  c.require_equal(input.shape()[1], weight.shape()[0]);
  for (size_t i = 0; i < op.window.kernel_shape.size(); ++i) {
    const Dim& size = weight.shape()[i + 2];
    c.check(provably_equal(op.window.kernel_shape[i], size, c.ranges()).value_or(true),
            "kernel_shape=[", join(op.window.kernel_shape, ","), "] but the weight is ", weight);
    c.require_equal(op.window.kernel_shape[i], size);
  }
}

}  // namespace

void Conv::infer(Inference& c) const {
  const DType dtype = float_operands(c);
  std::optional<Dims> dims = convolution_dims(c, window, group, 0, 1);
  if (dims) vector_of(c, 2, (*dims)[1]);
  c.set(0, TensorType{dtype, std::move(dims)});
}

void Conv::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &w = c.input(1);
  const ConvolutionShape shape = convolution_shape(c, window, group, x, w);
  std::vector<double> sums;
  convolve(shape, elements<double>(x), elements<double>(w), sums);
  add_bias(c, shape.filters, shape.outputs(), sums);
  store(c.output(0, x.dtype(), shape.result()), sums);
}

void ConvTranspose::infer(Inference& c) const {
  const DType dtype = float_operands(c);
  const TensorType &input = c.tensor(0), &weight = c.tensor(1);
  c.check(group >= 1, "group=", group, ": wanted at least 1");
  if (!input.has_rank() && !weight.has_rank()) return c.set(0, Type::unranked(dtype));
  const int rank = input.has_rank() ? input.rank() : weight.rank();
  c.check(rank >= 3, "the input has rank ", rank, ", wanted batch, channels and spatial axes");
  c.check(!weight.has_rank() || weight.rank() == rank, "input ", input, " and weight ", weight,
          " have different ranks");
  const std::string problem = transposed_problem(*this, static_cast<size_t>(rank) - 2);
  c.check(problem.empty(), problem);
  Dims dims{input.has_rank() ? input.shape()[0] : c.fresh(0, 0),
            weight.has_rank() ? weight.shape()[1] * group : c.fresh(0, 1)};
  vector_of(c, 2, dims[1]);
  if (const auto channels = weight.has_rank() ? weight.shape()[0].constant() : std::nullopt)
    c.check(*channels % group == 0, *channels, " channels do not divide into ", group, " groups");
  if (input.has_rank() && weight.has_rank()) check_transposed(c, *this);
  for (int i = 2; i < rank; ++i) {
    const size_t axis = static_cast<size_t>(i) - 2;
    const bool has_kernel = weight.has_rank() || !window.kernel_shape.empty();
    if (!input.has_rank() || !has_kernel) {
      dims.push_back(c.fresh(0, i));
      continue;
    }
    const Dim kernel = weight.has_rank() ? weight.shape()[axis + 2] : window.kernel_shape[axis];
    const Dim size =
        transposed_axis(window, axis, input.shape()[axis + 2], kernel, output_padding, output_shape)
            .output;
    const auto fits = provably_less_equal(0, size, c.ranges());
    c.check(fits.value_or(true), "padding leaves ", size, " elements on spatial axis ", axis);
    c.require_less_equal(0, size);
    dims.push_back(size);
  }
  c.set(0, dtype, std::move(dims));
}

void ConvTranspose::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &w = c.input(1);
  c.check(x.rank() >= 3 && w.rank() == x.rank() && w.dim(0) == x.dim(1) && group >= 1 &&
              x.dim(1) % group == 0,
          "input ", shape_text(x.shape()), " and weight ", shape_text(w.shape()), " do not fit in ",
          group, " groups");
  const std::string problem = transposed_problem(*this, static_cast<size_t>(x.rank()) - 2);
  c.check(problem.empty(), problem);
  ConvolutionShape shape{x.dim(0), x.dim(1), checked_mul(w.dim(1), group), group, {}};
  std::vector<int64_t> result{shape.batch, shape.filters};
  for (int i = 2; i < x.rank(); ++i) {
    const size_t axis = static_cast<size_t>(i) - 2;
    const SymbolicAxis sizes =
        transposed_axis(window, axis, x.dim(i), w.dim(i), output_padding, output_shape);
    const int64_t size = c.dim(sizes.output);
    c.check(size >= 0, "padding leaves ", size, " elements on spatial axis ", axis);
    // A window op from the result to the input, of which this is the adjoint.
    shape.axes.push_back({size, x.dim(i), w.dim(i), window.stride(axis), window.dilation(axis),
                          c.dim(sizes.pad_begin), c.dim(sizes.pad_end)});
    result.push_back(size);
  }
  std::vector<double> sums;
  convolve_transposed(shape, elements<double>(x), elements<double>(w), sums);
  add_bias(c, shape.filters, shape.inputs(), sums);
  store(c.output(0, x.dtype(), result), sums);
}

void register_convolution(OpRegistry& registry) {
  registry.add<Conv>();
  registry.add<ConvTranspose>();
}

}  // namespace hone
