#include "ops/normalization.hpp"

#include <algorithm>
#include <cmath>

#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/lanes.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

// Mean and variance (of the population) of `count` numbers `step` apart.
struct Moments {
  double mean = 0, variance = 0;
};
Moments moments(const double* values, int64_t count, int64_t step = 1) {
  Moments result;
  for (int64_t i = 0; i < count; ++i) result.mean += values[i * step];
  result.mean /= static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i) {
    const double difference = values[i * step] - result.mean;
    result.variance += difference * difference;
  }
  result.variance /= static_cast<double>(count);
  return result;
}

// Operand 0 is [batch, channels, ...] of floats; its channels (one when there is no such axis).
std::optional<Dim> channels(Inference& c, int least_rank = 2) {
  float_operand(c, 0);
  const TensorType& input = c.tensor(0);
  if (!input.has_rank()) return std::nullopt;
  c.check(input.rank() >= least_rank, "input is ", input, ", wanted rank ", least_rank,
          " at least");
  return input.rank() >= 2 ? input.shape()[1] : Dim(1);
}

void infer_by_channel(Inference& c, int first, int last, int least_rank) {
  const std::optional<Dim> size = channels(c, least_rank);
  for (int i = first; i <= last; ++i) {
    float_operand(c, i);
    rank_is(c, i, 1);
    if (size) vector_of(c, i, *size);
  }
  c.set(0, c.tensor(0));
}

// An operand's elements repeated as broadcasting to `shape` does.
std::vector<double> broadcast(const Evaluation& c, int operand, const std::vector<int64_t>& shape) {
  const Tensor& tensor = c.input(operand);
  const std::vector<double> own = elements<double>(tensor);
  const size_t rank = shape.size(), lacking = rank - std::min(rank, tensor.shape().size());
  c.check(tensor.shape().size() <= rank, "operand ", operand, " ", shape_text(tensor.shape()),
          " does not broadcast to ", shape_text(shape));
  std::vector<int64_t> strides(rank, 0), at(rank, 0);
  int64_t stride = 1, offset = 0;
  for (size_t i = rank; i-- > lacking;) {
    const int64_t size = tensor.shape()[i - lacking];
    c.check(size == 1 || size == shape[i], "operand ", operand, " ", shape_text(tensor.shape()),
            " does not broadcast to ", shape_text(shape));
    if (size != 1) strides[i] = stride;
    stride *= size;
  }
  std::vector<double> result(static_cast<size_t>(element_count(shape)));
  for (double& value : result) {
    value = own[static_cast<size_t>(offset)];
    for (size_t i = rank; i-- > 0;) {
      offset += strides[i];
      if (++at[i] < shape[i]) break;
      offset -= strides[i] * shape[i];
      at[i] = 0;
    }
  }
  return result;
}

// Statistics have sizes of 1 from `axis` on.
template <class Shape>
Shape statistics_shape(Shape shape, int axis) {
  std::fill(shape.begin() + axis, shape.end(), typename Shape::value_type(1));
  return shape;
}

// A vector of one number a channel.
std::vector<double> by_channel(const Evaluation& c, int operand, int64_t channels) {
  c.check(c.input(operand).count() == channels, "operand ", operand, " has ",
          c.input(operand).count(), " elements for ", channels, " channels");
  return elements<double>(c.input(operand));
}

// [batch, channels, plane] of operand 0.
struct Planes {
  int64_t batch, channels, plane;
  explicit Planes(const std::vector<int64_t>& shape)
      : batch(shape.empty() ? 1 : shape[0]),
        channels(shape.size() >= 2 ? shape[1] : 1),
        plane(Lanes(shape, 0, std::min<size_t>(shape.size(), 2)).step) {}
};

}  // namespace

void BatchNormalization::infer(Inference& c) const { infer_by_channel(c, 1, 4, 1); }

void BatchNormalization::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const Planes planes(x.shape());
  const std::vector<double> scale = by_channel(c, 1, planes.channels),
                            bias = by_channel(c, 2, planes.channels),
                            mean = by_channel(c, 3, planes.channels),
                            variance = by_channel(c, 4, planes.channels);
  std::vector<double> values = elements<double>(x);
  double* value = values.data();
  while (value != values.data() + values.size())
    for (size_t m = 0; m < scale.size(); ++m) {
      const double factor = scale[m] / std::sqrt(variance[m] + double{epsilon});
      for (int64_t i = 0; i < planes.plane; ++i, ++value)
        *value = (*value - mean[m]) * factor + bias[m];
    }
  store(c.output(0, x.dtype(), x.shape()), values);
}

void LayerNormalization::infer(Inference& c) const {
  float_operand(c, 0);
  float_operand(c, 1);
  if (c.has(2)) float_operand(c, 2);
  c.check(is_float(stash_type), "stash_type=", stash_type, ": wanted floats");
  const TensorType& input = c.tensor(0);
  c.set(0, input);
  if (!input.has_rank()) {
    c.set(1, Type::unranked(stash_type));
    return c.set(2, Type::unranked(stash_type));
  }
  const int first = c.axis(axis, input.rank());
  broadcasts_to(c, 1, input.shape());
  broadcasts_to(c, 2, input.shape());
  c.set(1, stash_type, statistics_shape(input.shape(), first));
  c.set(2, stash_type, statistics_shape(input.shape(), first));
}

void LayerNormalization::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const int first = c.axis(axis, x.rank());
  const Lanes lanes(x.shape(), static_cast<size_t>(first), x.shape().size());
  std::vector<double> values = elements<double>(x), means, factors;
  if (values.empty() && !c.wants(1) && !c.wants(2))
    return store(c.output(0, x.dtype(), x.shape()), values);
  means.reserve(static_cast<size_t>(lanes.outer));
  factors.reserve(static_cast<size_t>(lanes.outer));
  const std::vector<double> scale = broadcast(c, 1, x.shape());
  const std::vector<double> bias =
      c.has(2) ? broadcast(c, 2, x.shape()) : std::vector<double>(values.size());
  lanes.each([&](int64_t, int64_t at) {
    const Moments m = moments(values.data() + at, lanes.size);
    means.push_back(m.mean);
    factors.push_back(1 / std::sqrt(m.variance + double{epsilon}));
    for (size_t i = static_cast<size_t>(at); i < static_cast<size_t>(at + lanes.size); ++i)
      values[i] = (values[i] - m.mean) * factors.back() * scale[i] + bias[i];
  });
  store(c.output(0, x.dtype(), x.shape()), values);
  const std::vector<int64_t> statistics = statistics_shape(x.shape(), first);
  if (c.wants(1)) store(c.output(1, stash_type, statistics), means);
  if (c.wants(2)) store(c.output(2, stash_type, statistics), factors);
}

void RMSNormalization::infer(Inference& c) const {
  float_operand(c, 0);
  float_operand(c, 1);
  const TensorType& input = c.tensor(0);
  if (input.has_rank()) {
    c.axis(axis, input.rank());
    broadcasts_to(c, 1, input.shape());
  }
  c.set(0, input);
}

void RMSNormalization::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const auto first = static_cast<size_t>(c.axis(axis, x.rank()));
  const Lanes lanes(x.shape(), first, x.shape().size());
  std::vector<double> values = elements<double>(x);
  const std::vector<double> scale = broadcast(c, 1, x.shape());
  if (values.empty()) return store(c.output(0, x.dtype(), x.shape()), values);
  lanes.each([&](int64_t, int64_t at) {
    double squares = 0;
    const auto begin = static_cast<size_t>(at), end = static_cast<size_t>(at + lanes.size);
    for (size_t i = begin; i < end; ++i) squares += values[i] * values[i];
    const double mean = squares / static_cast<double>(lanes.size);
    const double factor = 1 / std::sqrt(mean + double{epsilon});
    for (size_t i = begin; i < end; ++i) values[i] *= factor * scale[i];
  });
  store(c.output(0, x.dtype(), x.shape()), values);
}

void InstanceNormalization::infer(Inference& c) const { infer_by_channel(c, 1, 2, 2); }

void InstanceNormalization::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const Planes planes(x.shape());
  const std::vector<double> scale = by_channel(c, 1, planes.channels),
                            bias = by_channel(c, 2, planes.channels);
  std::vector<double> values = elements<double>(x);
  double* value = values.data();
  while (value != values.data() + values.size())
    for (size_t channel = 0; channel < scale.size(); ++channel) {
      const Moments m = moments(value, planes.plane);
      const double factor = scale[channel] / std::sqrt(m.variance + double{epsilon});
      for (int64_t i = 0; i < planes.plane; ++i, ++value)
        *value = (*value - m.mean) * factor + bias[channel];
    }
  store(c.output(0, x.dtype(), x.shape()), values);
}

void GroupNormalization::infer(Inference& c) const {
  const std::optional<Dim> size = channels(c);
  c.check(num_groups >= 1, "num_groups=", num_groups, ": wanted at least 1");
  if (const auto count = size ? size->constant() : std::nullopt)
    c.check(*count % num_groups == 0, *count, " channels do not divide into ", num_groups,
            " groups");
  for (int i = 1; i <= 2; ++i) {
    float_operand(c, i);
    rank_is(c, i, 1);
    // One number a group as opset 18 has it, else one a channel.
    if (size && c.tensor(i).has_rank() && !c.tensor(i).shape()[0].is(num_groups))
      vector_of(c, i, *size);
  }
  c.set(0, c.tensor(0));
}

void GroupNormalization::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const Planes planes(x.shape());
  c.check(num_groups >= 1 && planes.channels % num_groups == 0, planes.channels,
          " channels do not divide into ", num_groups, " groups");
  if (x.count() == 0) return store(c.output(0, x.dtype(), x.shape()), std::vector<double>());
  const int64_t in_group = planes.channels / num_groups;
  std::vector<double> affine[2];
  for (int i = 0; i < 2; ++i) {
    const bool grouped = c.input(i + 1).count() == num_groups;
    const std::vector<double> own = by_channel(c, i + 1, grouped ? num_groups : planes.channels);
    for (int64_t m = 0; m < planes.channels; ++m)
      affine[i].push_back(own[static_cast<size_t>(grouped ? m / in_group : m)]);
  }
  std::vector<double> values = elements<double>(x);
  double* value = values.data();
  while (value != values.data() + values.size())
    for (int64_t group = 0; group < num_groups; ++group) {
      const Moments m = moments(value, in_group * planes.plane);
      const double factor = 1 / std::sqrt(m.variance + double{epsilon});
      for (int64_t i = 0; i < in_group * planes.plane; ++i, ++value) {
        const auto channel = static_cast<size_t>(group * in_group + i / planes.plane);
        *value = (*value - m.mean) * factor * affine[0][channel] + affine[1][channel];
      }
    }
  store(c.output(0, x.dtype(), x.shape()), values);
}

void LRN::infer(Inference& c) const {
  channels(c);
  c.check(size >= 1, "size=", size, ": wanted at least 1");
  c.set(0, c.tensor(0));
}

void LRN::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const Planes planes(x.shape());
  const std::vector<double> in = elements<double>(x);
  std::vector<double> result(in.size());
  const int64_t before = (size - 1) / 2, after = size / 2, stride = planes.plane;
  spend_work({x.count(), std::min(size, planes.channels)});
  size_t at = 0;
  while (at < in.size())
    for (int64_t channel = 0; channel < planes.channels; ++channel)
      for (int64_t i = 0; i < stride; ++i, ++at) {
        double squares = 0;
        const int64_t first = -std::min(before, channel);
        const int64_t last = std::min(after, planes.channels - 1 - channel);
        for (int64_t other = first; other <= last; ++other) {
          const double value = in[at + static_cast<size_t>(other * stride)];
          squares += value * value;
        }
        result[at] =
            in[at] / std::pow(bias + double{alpha} / static_cast<double>(size) * squares, beta);
      }
  store(c.output(0, x.dtype(), x.shape()), result);
}

void LpNormalization::infer(Inference& c) const {
  float_operand(c, 0);
  c.check(p == 1 || p == 2, "p=", p, ": wanted 1 or 2");
  if (c.tensor(0).has_rank()) c.axis(axis, c.tensor(0).rank());
  c.set(0, c.tensor(0));
}

void LpNormalization::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const auto place = static_cast<size_t>(c.axis(axis, x.rank()));
  const Lanes lanes(x.shape(), place, place + 1);
  std::vector<double> values = elements<double>(x);
  if (values.empty()) return store(c.output(0, x.dtype(), x.shape()), values);
  lanes.each([&](int64_t, int64_t at) {
    double* lane = values.data() + at;
    double norm = 0;
    for (int64_t i = 0; i < lanes.size; ++i) {
      const double value = lane[i * lanes.step];
      norm += p == 1 ? std::abs(value) : value * value;
    }
    if (p == 2) norm = std::sqrt(norm);
    for (int64_t i = 0; i < lanes.size; ++i)
      if (norm != 0) lane[i * lanes.step] /= norm;
  });
  store(c.output(0, x.dtype(), x.shape()), values);
}

void MeanVarianceNormalization::infer(Inference& c) const {
  float_operand(c, 0);
  if (c.tensor(0).has_rank()) {
    std::set<int> seen;
    for (const int64_t axis : axes)
      c.check(seen.insert(c.axis(axis, c.tensor(0).rank())).second, "axis ", axis,
              " is given twice");
  }
  c.set(0, c.tensor(0));
}

void MeanVarianceNormalization::eval(Evaluation& c) const {
  constexpr double kEpsilon = 1e-9;  // beside the deviation, as ONNX defines the function
  const Tensor& x = c.input(0);
  const size_t rank = x.shape().size();
  std::vector<bool> gone(rank, false);
  for (const int64_t axis : axes) {
    const auto place = static_cast<size_t>(c.axis(axis, x.rank()));
    c.check(!gone[place], "axis ", axis, " is given twice");
    gone[place] = true;
  }
  std::vector<int64_t> stride(rank, 0);
  int64_t groups = 1;
  for (size_t i = rank; i-- > 0;)
    if (!gone[i]) {
      stride[i] = groups;
      groups = checked_mul(groups, x.shape()[i]);
    }
  std::vector<double> values = elements<double>(x);
  std::vector<size_t> group(values.size());  // which statistics an element takes part in
  std::vector<int64_t> at(rank, 0);
  int64_t current = 0;
  for (size_t& place : group) {
    place = static_cast<size_t>(current);
    for (size_t i = rank; i-- > 0;) {
      current += stride[i];
      if (++at[i] < x.shape()[i]) break;
      current -= stride[i] * x.shape()[i];
      at[i] = 0;
    }
  }
  Tensor& out = c.output(0, x.dtype(), x.shape());
  if (values.empty()) return;
  std::vector<double> means(static_cast<size_t>(groups)), variances(means.size());
  const double count = static_cast<double>(values.size() / means.size());
  for (size_t i = 0; i < values.size(); ++i) means[group[i]] += values[i] / count;
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] -= means[group[i]];
    variances[group[i]] += values[i] * values[i] / count;
  }
  for (size_t i = 0; i < values.size(); ++i) values[i] /= std::sqrt(variances[group[i]]) + kEpsilon;
  store(out, values);
}

void register_normalization(OpRegistry& registry) {
  registry.add<BatchNormalization>();
  registry.add<LayerNormalization>();
  registry.add<RMSNormalization>();
  registry.add<InstanceNormalization>();
  registry.add<GroupNormalization>();
  registry.add<LRN>();
  registry.add<LpNormalization>();
  registry.add<MeanVarianceNormalization>();
}

}  // namespace hone
