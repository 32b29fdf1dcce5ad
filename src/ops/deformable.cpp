#include "ops/deformable.hpp"

#include <cmath>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/convolve.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

constexpr int kOffsets = 2, kBias = 3, kMask = 4;  // operands

/// An operand [batch, channels, result's spatial sizes].
void require_field(Inference& c, int operand, const Dims& result, const std::optional<Dim>& size) {
  if (!c.has(operand)) return;
  rank_is(c, operand, static_cast<int>(result.size()));
  const TensorType& type = c.tensor(operand);
  if (!type.has_rank()) return;
  for (size_t i = 0; i < result.size(); ++i)
    if (i != 1) c.require_equal(type.shape()[i], result[i]);
  if (size) c.require_equal(type.shape()[1], *size);
}

}  // namespace

void DeformConv::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  for (const int operand : {1, kOffsets, kBias, kMask}) same_dtype(c, 0, operand);
  c.check(offset_group >= 1, "offset_group=", offset_group, ": wanted at least 1");
  const std::optional<Dims> dims = convolution_dims(c, window, group, 0, 1);
  if (!dims) return c.set(0, Type::unranked(dtype));
  vector_of(c, kBias, (*dims)[1]);
  const TensorType &x = c.tensor(0), &weight = c.tensor(1);
  if (x.has_rank())
    if (const auto channels = x.shape()[1].constant())
      c.check(*channels % offset_group == 0, *channels, " channels do not divide into ",
              offset_group, " groups of offsets");
  std::optional<Dim> taps;
  if (weight.has_rank()) {
    taps = Dim(offset_group);
    for (size_t i = 2; i < weight.shape().size(); ++i) taps = *taps * weight.shape()[i];
  }
  const auto axes = static_cast<int64_t>(dims->size()) - 2;
  require_field(c, kOffsets, *dims, taps ? std::optional<Dim>(*taps * axes) : std::nullopt);
  require_field(c, kMask, *dims, taps);
  c.set(0, dtype, *dims);
}

namespace {

/// The element at a place between elements; what lies outside is zero.
double interpolated(const double* plane, const std::vector<WindowAxis>& axes,
                    const std::vector<double>& at) {
  double sum = 0;
  for (size_t corner = 0; corner < size_t{1} << axes.size(); ++corner) {
    double weight = 1;
    int64_t place = 0;
    bool inside = true;
    for (size_t i = 0; i < axes.size(); ++i) {
      const bool upper = (corner >> i & 1) != 0;
      const double first = std::floor(at[i]), part = at[i] - first;
      const double index = upper ? first + 1 : first;
      inside = inside && index >= 0 && index < static_cast<double>(axes[i].input);
      if (!inside) break;
      weight *= upper ? part : 1 - part;
      place = place * axes[i].input + static_cast<int64_t>(index);
    }
    if (inside) sum += weight * plane[place];
  }
  return sum;
}

/// What the taps of one place of the result read in one channel, masked.
class DeformedTaps {
 public:
  DeformedTaps(const Evaluation& c, const ConvolutionShape& shape, int64_t offset_group)
      : shape_(shape),
        group_(shape.channels / offset_group),
        groups_(offset_group),
        input_(elements<double>(c.input(0))),
        offsets_(elements<double>(c.input(kOffsets))),
        mask_(c.has(kMask) ? elements<double>(c.input(kMask)) : std::vector<double>()) {}

  /// `at`: coordinates of the result's element number `output`.
  std::vector<double> read(int64_t batch, int64_t channel, int64_t output,
                           const std::vector<int64_t>& at) const {
    const std::vector<WindowAxis>& axes = shape_.axes;
    const int64_t taps = shape_.taps(), outputs = shape_.outputs();
    const auto rank = static_cast<int64_t>(axes.size());
    const double* plane = input_.data() + (batch * shape_.channels + channel) * shape_.inputs();
    const int64_t group = batch * groups_ + channel / group_;
    std::vector<double> values, place(axes.size());
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t rest = tap;
      for (size_t i = axes.size(); i-- > 0;) {
        const int64_t moved = (group * taps + tap) * rank + static_cast<int64_t>(i);
        place[i] =
            static_cast<double>(axes[i].start(at[i]) + rest % axes[i].kernel * axes[i].dilation) +
            offsets_[static_cast<size_t>(moved * outputs + output)];
        rest /= axes[i].kernel;
      }
      const size_t masked = static_cast<size_t>((group * taps + tap) * outputs + output);
      values.push_back(interpolated(plane, axes, place) * (mask_.empty() ? 1 : mask_[masked]));
    }
    return values;
  }

 private:
  const ConvolutionShape& shape_;
  int64_t group_, groups_;  // channels of one group of offsets, number of these groups
  std::vector<double> input_, offsets_, mask_;
};

void check_field(const Evaluation& c, int operand, const std::vector<int64_t>& result,
                 int64_t size) {
  if (!c.has(operand)) return;
  std::vector<int64_t> wanted = result;
  wanted[1] = size;
  c.check(c.input(operand).shape() == wanted, "operand ", operand, " is ",
          shape_text(c.input(operand).shape()), ", wanted ", shape_text(wanted));
}

}  // namespace

void DeformConv::eval(Evaluation& c) const {
  const Tensor &x = c.input(0), &w = c.input(1);
  const ConvolutionShape shape = convolution_shape(c, window, group, x, w);
  const std::vector<int64_t> result = shape.result();
  const int64_t taps = shape.taps(), outputs = shape.outputs();
  const auto rank = static_cast<int64_t>(shape.axes.size());
  c.check(offset_group >= 1 && shape.channels % offset_group == 0 && rank < 16, shape.channels,
          " channels in ", offset_group, " groups of offsets, ", rank, " axes");
  check_field(c, kOffsets, result, checked_mul(checked_mul(offset_group, taps), rank));
  check_field(c, kMask, result, checked_mul(offset_group, taps));
  c.check(!c.has(kBias) || c.input(kBias).shape() == std::vector<int64_t>{shape.filters},
          "a bias for ", shape.filters, " filters does not have their number");
  Tensor& y = c.output(0, x.dtype(), result);
  if (y.count() == 0) return;
  spend_work(
      {shape.batch, outputs, shape.channels, taps, (int64_t{1} << rank) + shape.filters / group});
  const DeformedTaps deformed(c, shape, offset_group);
  const std::vector<double> weight = elements<double>(w);
  const int64_t channels = shape.channels / group, filters = shape.filters / group;
  std::vector<int64_t> at(shape.axes.size());
  for (int64_t i = 0; i < shape.batch * outputs; ++i) {
    const int64_t batch = i / outputs, output = i % outputs;
    int64_t rest = output;
    for (size_t axis = at.size(); axis-- > 0; rest /= shape.axes[axis].output)
      at[axis] = rest % shape.axes[axis].output;
    std::vector<double> sums(static_cast<size_t>(shape.filters));
    for (size_t m = 0; c.has(kBias) && m < sums.size(); ++m)
      sums[m] = c.input(kBias).number(static_cast<int64_t>(m));
    for (int64_t channel = 0; channel < shape.channels; ++channel) {
      const std::vector<double> values = deformed.read(batch, channel, output, at);
      const int64_t first = channel / channels * filters;
      for (int64_t m = first; m < first + filters; ++m)
        for (int64_t tap = 0; tap < taps; ++tap)
          sums[static_cast<size_t>(m)] +=
              values[static_cast<size_t>(tap)] *
              weight[static_cast<size_t>((m * channels + channel % channels) * taps + tap)];
    }
    for (int64_t m = 0; m < shape.filters; ++m)
      y.set_number((batch * shape.filters + m) * outputs + output, sums[static_cast<size_t>(m)]);
  }
}

void register_deformable(OpRegistry& registry) { registry.add<DeformConv>(); }

}  // namespace hone
