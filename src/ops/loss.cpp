#include "ops/loss.hpp"

#include <algorithm>
#include <cmath>

#include "ir/op_class.hpp"
#include "ops/common/lanes.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

void infer_loss(Inference& c, LossReduction reduction) {
  const DType dtype = float_operand(c, 0);
  const TensorType &scores = c.tensor(0), &labels = c.tensor(1);
  c.check(labels.dtype == DType::i64 || labels.dtype == DType::i32, "the labels are ", labels,
          ", wanted i64 or i32");
  same_dtype(c, 0, 2);
  if (scores.has_rank()) {
    c.check(scores.rank() >= 2, "operand 0 is ", scores, ", wanted rank 2 or more");
    vector_of(c, 2, scores.shape()[1]);
  }
  std::optional<Dims> samples = labels.dims;
  if (scores.has_rank()) {
    Dims expected = scores.shape();
    expected.erase(expected.begin() + 1);
    if (samples) {
      c.check(samples->size() == expected.size(), "the labels are ", labels, " for ", scores,
              ", wanted a rank of one less");
      for (size_t i = 0; i < expected.size(); ++i) expected[i] = c.same(expected[i], (*samples)[i]);
    }
    samples = std::move(expected);
  }
  if (reduction == LossReduction::none) c.set(0, TensorType{dtype, std::move(samples)});
  else c.set(0, dtype, {});
}

/// Losses of all samples from logarithms of probabilities, reduced into result 0.
void give_losses(Evaluation& c, const LossFields& fields, const std::vector<double>& logs) {
  const Tensor &scores = c.input(0), &labels = c.input(1);
  std::vector<int64_t> expected = scores.shape();
  expected.erase(expected.begin() + 1);
  c.check(labels.shape() == expected, "the labels have shape ", shape_text(labels.shape()),
          ", wanted ", shape_text(expected));
  const Lanes classes(scores.shape(), 1, 2);
  if (c.has(2))
    c.check(c.input(2).count() == classes.size, "there are ", c.input(2).count(), " weights for ",
            classes.size, " classes");
  const bool reduced = fields.reduction != LossReduction::none;
  Tensor& y = c.output(0, scores.dtype(), reduced ? std::vector<int64_t>{} : labels.shape());
  double sum = 0, total_weight = 0;
  for (int64_t i = 0; i < labels.count(); ++i) {
    const int64_t label = labels.integer(i);
    double loss = 0;
    if (!fields.ignore_index || label != *fields.ignore_index) {
      c.check(label >= 0 && label < classes.size, "label ", label, " is none of ", classes.size,
              " classes");
      const double weight = c.has(2) ? c.input(2).number(label) : 1;
      const int64_t at =
          (i / classes.step * classes.size + label) * classes.step + i % classes.step;
      loss = -logs[static_cast<size_t>(at)] * weight;
      total_weight += weight;
    }
    sum += loss;
    if (!reduced) y.set_number(i, loss);
  }
  if (reduced) y.set_number(0, fields.reduction == LossReduction::mean ? sum / total_weight : sum);
}

void check_rank(const Evaluation& c) {
  c.check(c.input(0).rank() >= 2, "operand 0 has rank ", c.input(0).rank(), ", wanted 2 or more");
}

}  // namespace

void NegativeLogLikelihoodLoss::infer(Inference& c) const { infer_loss(c, loss.reduction); }

void NegativeLogLikelihoodLoss::eval(Evaluation& c) const {
  check_rank(c);
  give_losses(c, loss, elements<double>(c.input(0)));
}

void SoftmaxCrossEntropyLoss::infer(Inference& c) const {
  infer_loss(c, loss.reduction);
  c.set(1, c.type(0));
}

void SoftmaxCrossEntropyLoss::eval(Evaluation& c) const {
  check_rank(c);
  const Tensor& scores = c.input(0);
  std::vector<double> logs = elements<double>(scores);
  const Lanes classes(scores.shape(), 1, 2);
  const auto each = [&](int64_t at, int64_t k) -> double& {
    return logs[static_cast<size_t>(at + k * classes.step)];
  };
  if (!logs.empty())
    classes.each([&](int64_t, int64_t at) {
      double greatest = each(at, 0), sum = 0;
      for (int64_t k = 1; k < classes.size; ++k) greatest = std::max(greatest, each(at, k));
      for (int64_t k = 0; k < classes.size; ++k) sum += std::exp(each(at, k) - greatest);
      const double log_sum = std::log(sum);
      for (int64_t k = 0; k < classes.size; ++k) each(at, k) = each(at, k) - greatest - log_sum;
    });
  give_losses(c, loss, logs);
  if (c.wants(1)) store(c.output(1, scores.dtype(), scores.shape()), logs);
}

void register_loss(OpRegistry& registry) {
  registry.add<NegativeLogLikelihoodLoss>();
  registry.add<SoftmaxCrossEntropyLoss>();
}

}  // namespace hone
