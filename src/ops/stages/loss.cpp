// Losses in closed terms: of each sample the element that its label tells.

#include "ops/loss.hpp"

#include <functional>

#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

DType computed_in(const Expression& e) {
  const DType dtype = e.type(0).dtype;
  return bits(dtype) < 32 ? DType::f32 : dtype;
}

/// The score of a class for the sample at `place`.
Expr score_at(const Expression& e, const Dims& place, const Expr& label) {
  std::vector<Expr> indices;
  for (const Dim& each : place) indices.push_back(Expr::index(each));
  indices.insert(indices.begin() + 1, label);
  return Expr::cast(computed_in(e), e.at(0, std::move(indices)));
}

/// The logarithm of the probability of a class for the sample at `place`.
using LogAt = std::function<Expr(const Dims& place, const Expr& label)>;

struct Sample {
  Expr loss, weight;  // 0 of one that is ignored
};
Sample sample_at(const Expression& e, const LossFields& fields, const Dims& place,
                 const LogAt& log_at) {
  const Expr label = Expr::cast(DType::i64, e.at(1, place));
  const Expr zero(0.0, computed_in(e));
  const Expr weight =
      e.has(2) ? Expr::cast(computed_in(e), e.at(2, std::vector<Expr>{label})) : like(zero, 1);
  const Expr loss = zero - log_at(place, label) * weight;
  if (!fields.ignore_index) return {loss, weight};
  const Expr ignored = call(Function::equal, label, Expr::integer(*fields.ignore_index));
  return {select(ignored, zero, loss), select(ignored, zero, weight)};
}

void set_losses(Expression& e, const LossFields& fields, const LogAt& log_at) {
  const Dims& samples = e.shape(1);
  if (fields.reduction == LossReduction::none)
    return e.set(0, sample_at(e, fields, loops(e.rank(1)), log_at).loss);
  const auto sum_of = [&](Expr Sample::*part) {
    std::vector<Axis> axes;
    Dims place;
    for (const Dim& size : samples) {
      axes.push_back(e.axis(size));
      place.push_back(axes.back().variable);
    }
    return Expr::reduce(Function::add, axes, sample_at(e, fields, place, log_at).*part);
  };
  const Expr sum = sum_of(&Sample::loss);
  e.set(0, fields.reduction == LossReduction::mean ? sum / sum_of(&Sample::weight) : sum);
}

}  // namespace

void NegativeLogLikelihoodLoss::express(Expression& e) const {
  if (e.rank(0) < 2) return e.decline("no classes");
  set_losses(e, loss,
             [&](const Dims& place, const Expr& label) { return score_at(e, place, label); });
}

void SoftmaxCrossEntropyLoss::express(Expression& e) const {
  if (e.rank(0) < 2) return e.decline("no classes");
  const Dims& samples = e.shape(1);
  const Dims here = loops(e.rank(1));
  const auto folded = [&](Function function, const std::function<Expr(const Expr&)>& element) {
    const Axis classes = e.axis(e.shape(0)[1]);
    const Expr score = score_at(e, here, Expr::index(classes.variable));
    return e.stage(computed_in(e), samples, Expr::reduce(function, {classes}, element(score)));
  };
  const auto greatest = folded(Function::max, [](const Expr& score) { return score; });
  const auto sum = folded(Function::add, [&](const Expr& score) {
    return call(Function::exp, score - Expression::at(greatest, here));
  });
  const LogAt log_at = [&](const Dims& place, const Expr& label) {
    return score_at(e, place, label) - Expression::at(greatest, place) -
           call(Function::log, Expression::at(sum, place));
  };
  set_losses(e, loss, log_at);
  Dims place = loops(e.rank(0));
  const Expr label = Expr::index(place[1]);
  place.erase(place.begin() + 1);
  e.set(1, log_at(place, label));
}

}  // namespace hone
