#include "ops/tree.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "ir/op_class.hpp"
#include "ops/common/elementwise.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

/// The operands widened once, and what is asked of them.
struct Forest {
  explicit Forest(const Evaluation& evaluation)
      : c(evaluation),
        roots(elements<int64_t>(c.input(1))),
        nodes(elements<int64_t>(c.input(2))),
        leaves(elements<int64_t>(c.input(4))),
        targets(elements<int64_t>(c.input(5))),
        splits(elements<double>(c.input(3))),
        weights(elements<double>(c.input(6))) {
    if (c.has(7)) members = elements<double>(c.input(7));
    c.check(nodes.size() == splits.size() * TreeEnsemble::kColumns, "there are ", splits.size(),
            " splits for nodes of ", shape_text(c.input(2).shape()));
    c.check(leaves.size() % 2 == 0, "leaves have shape ", shape_text(c.input(4).shape()));
    c.check(targets.size() == weights.size(), "there are ", targets.size(), " targets for ",
            weights.size(), " weights");
  }

  /// The votes of the leaf that a row of `count` features ends in: begin and end.
  std::pair<size_t, size_t> descend(int64_t root, const double* row, int64_t count) const {
    int64_t at = root;
    for (size_t steps = 0; at >= 0; ++steps) {
      c.check(steps <= splits.size(), "a tree goes in a circle");
      c.check(at < static_cast<int64_t>(splits.size()), "there is no node ", at);
      const int64_t* node = nodes.data() + at * TreeEnsemble::kColumns;
      c.check(node[0] >= 0 && node[0] < count, "node ", at, " asks for feature ", node[0], " of ",
              count);
      const double value = row[node[0]];
      const bool taken = holds(node, value, splits[static_cast<size_t>(at)]) ||
                         (std::isnan(value) && node[2] != 0);
      at = node[taken ? 3 : 4];
    }
    const int64_t leaf = -1 - at;
    c.check(leaf < static_cast<int64_t>(leaves.size() / 2), "there is no leaf ", leaf);
    return range(leaves.data() + 2 * leaf, targets.size(), "votes");
  }

  std::pair<size_t, size_t> range(const int64_t* ends, size_t count, std::string_view what) const {
    c.check(ends[0] >= 0 && ends[0] <= ends[1] && ends[1] <= static_cast<int64_t>(count), what, " ",
            ends[0], " to ", ends[1], " of ", count);
    return {static_cast<size_t>(ends[0]), static_cast<size_t>(ends[1])};
  }

  bool holds(const int64_t* node, double value, double split) const {
    switch (node[1]) {
      case TreeEnsemble::leq: return value <= split;
      case TreeEnsemble::lt: return value < split;
      case TreeEnsemble::gte: return value >= split;
      case TreeEnsemble::gt: return value > split;
      case TreeEnsemble::eq: return value == split;
      case TreeEnsemble::neq: return value != split;
      case TreeEnsemble::member: break;
      default: c.fail("branch mode ", node[1], " is not known");
    }
    const auto [begin, end] = range(node + 5, members.size(), "members");
    for (size_t i = begin; i < end; ++i)
      if (members[i] == value) return true;
    return false;
  }

  const Evaluation& c;
  std::vector<int64_t> roots, nodes, leaves, targets;
  std::vector<double> splits, weights, members;
};

/// One target's score while trees vote.
struct Score {
  double value = 0;
  bool voted = false;

  void add(double vote, TreeEnsemble::Aggregate how) {
    if (!voted) value = vote;
    else if (how == TreeEnsemble::Aggregate::min) value = std::min(value, vote);
    else if (how == TreeEnsemble::Aggregate::max) value = std::max(value, vote);
    else value += vote;
    voted = true;
  }
};

}  // namespace

void TreeEnsemble::infer(Inference& c) const {
  number_operand(c, 0);
  c.check(is_float(dtype), "scores are floats, not ", dtype);
  c.check(n_targets >= 1, "n_targets is ", n_targets);
  for (const int i : {1, 2, 4, 5})
    c.check(c.dtype(i) == DType::i64, "operand ", i, " is ", c.tensor(i), ", wanted i64");
  for (const int i : {3, 6}) float_operand(c, i);
  for (const int i : {7, 8})
    if (c.has(i)) float_operand(c, i);
  const TensorType& x = c.tensor(0);
  c.check(!x.has_rank() || x.rank() == 1 || x.rank() == 2, "operand 0 is ", x,
          ", wanted rank 1 or 2");
  const Dim rows = !x.has_rank() ? c.fresh(0, 0) : x.rank() == 1 ? Dim(1) : x.shape()[0];
  c.set(0, dtype, {rows, n_targets});
}

void TreeEnsemble::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() == 1 || x.rank() == 2, "operand 0 has rank ", x.rank(), ", wanted 1 or 2");
  const int64_t rows = x.rank() == 1 ? 1 : x.dim(0), features = x.dim(x.rank() - 1);
  const Forest forest(c);
  const std::vector<double> values = elements<double>(x);
  c.check(!c.has(8) || c.input(8).count() == n_targets, "there are ",
          c.has(8) ? c.input(8).count() : 0, " base values for ", n_targets, " targets");
  Tensor& y = c.output(0, dtype, {rows, n_targets});
  if (y.count() == 0) return;
  std::vector<Score> scores(static_cast<size_t>(n_targets));
  const auto trees = static_cast<double>(forest.roots.size());
  for (int64_t row = 0; row < rows; ++row) {
    std::fill(scores.begin(), scores.end(), Score{});
    for (const int64_t root : forest.roots) {
      const auto [begin, end] = forest.descend(root, values.data() + row * features, features);
      for (size_t vote = begin; vote < end; ++vote) {
        const int64_t target = forest.targets[vote];
        c.check(target >= 0 && target < n_targets, "there is no target ", target);
        scores[static_cast<size_t>(target)].add(forest.weights[vote], aggregate_function);
      }
    }
    for (int64_t k = 0; k < n_targets; ++k) {
      double score = scores[static_cast<size_t>(k)].value;
      if (aggregate_function == Aggregate::average && trees > 0) score /= trees;
      y.set_number(row * n_targets + k, score + (c.has(8) ? c.input(8).number(k) : 0));
    }
  }
}

void SoftmaxZero::infer(Inference& c) const {
  float_operand(c, 0);
  c.check(!c.tensor(0).has_rank() || c.tensor(0).rank() >= 1, "the operand is a scalar");
  c.set(0, c.type(0));
}

void SoftmaxZero::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() >= 1, "the operand is a scalar");
  Tensor& y = c.output(0, x.dtype(), x.shape());
  const int64_t size = x.dim(x.rank() - 1);
  for (int64_t row = 0; size > 0 && row < x.count() / size; ++row) {
    double greatest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = row * size; i < (row + 1) * size; ++i)
      if (x.number(i) != 0) greatest = std::max(greatest, x.number(i));
    for (int64_t i = row * size; i < (row + 1) * size; ++i)
      if (x.number(i) != 0) sum += std::exp(x.number(i) - greatest);
    for (int64_t i = row * size; i < (row + 1) * size; ++i)
      y.set_number(i, x.number(i) != 0 ? std::exp(x.number(i) - greatest) / sum : 0);
  }
}

namespace {

/// Where the normal distribution's cumulative function is p: Newton's method, in the half where the
/// complementary error function keeps its digits.
double normal_quantile(double p) {
  if (!(p >= 0 && p <= 1)) return std::numeric_limits<double>::quiet_NaN();
  if (p == 0 || p == 1) return p == 0 ? -HUGE_VAL : HUGE_VAL;
  if (p > 0.5) return -normal_quantile(1 - p);
  double x =
      p > 0.02 ? 0 : -std::sqrt(-2 * std::log(p));  // left of the solution, where it is convex
  for (int i = 0; i < 100; ++i) {
    const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
    const double slope = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
    const double step = error / slope;
    x -= step;
    if (std::fabs(step) <= 1e-15 * std::fabs(x)) break;
  }
  return x;
}

}  // namespace

void Probit::infer(Inference& c) const {
  float_operand(c, 0);
  c.set(0, c.type(0));
}

void Probit::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  map_elements<double>(c.output(0, x.dtype(), x.shape()), x, normal_quantile);
}

namespace {

constexpr int64_t kMostClasses = 4096;  // a dense system is solved for each row

/// Of classes whose pairwise probabilities are pair(i, j): the p that sum to 1 and make the sum
/// over i != j of (pair(j, i) p_i - pair(i, j) p_j)^2 small. Algorithm 2 of the paper, which takes
/// one p after the other to where the sum is least and scales all to sum to 1. It stops where
/// LIBSVM does, which is to be seen in the third digit.
template <class Pair>
std::vector<double> coupled(size_t classes, const Pair& pair) {
  std::vector<double> square(classes * classes, 0.0);  // the quadratic form
  for (size_t i = 0; i < classes; ++i)
    for (size_t j = 0; j < classes; ++j) {
      if (i == j) continue;
      square[i * classes + i] += pair(j, i) * pair(j, i);
      square[i * classes + j] = -pair(j, i) * pair(i, j);
    }
  const double enough = 0.005 / static_cast<double>(classes);
  std::vector<double> p(classes, 1 / static_cast<double>(classes)), slope(classes);
  for (size_t turn = 0; turn < std::max<size_t>(100, classes); ++turn) {
    double sum = 0, worst = 0;
    for (size_t i = 0; i < classes; ++i) {
      slope[i] = 0;
      for (size_t j = 0; j < classes; ++j) slope[i] += square[i * classes + j] * p[j];
      sum += p[i] * slope[i];
    }
    for (const double each : slope) worst = std::max(worst, std::fabs(each - sum));
    if (!(worst >= enough)) break;
    for (size_t i = 0; i < classes; ++i) {
      const double *row = square.data() + i * classes, more = (sum - slope[i]) / row[i];
      const double scale = 1 + more;
      sum = (sum + more * (more * row[i] + 2 * slope[i])) / (scale * scale);
      p[i] += more;
      for (size_t j = 0; j < classes; ++j) {
        slope[j] = (slope[j] + more * row[j]) / scale;
        p[j] /= scale;
      }
    }
  }
  return p;
}

}  // namespace

void PairwiseCoupling::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  c.check(classes >= 2 && classes <= kMostClasses, "classes is ", classes);
  rank_is(c, 0, 2);
  const TensorType& x = c.tensor(0);
  if (x.has_rank()) c.require_equal(x.shape()[1], classes * (classes - 1) / 2);
  c.set(0, dtype, {x.has_rank() ? x.shape()[0] : c.fresh(0, 0), classes});
}

void PairwiseCoupling::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const int64_t pairs = classes * (classes - 1) / 2;
  c.check(x.rank() == 2 && x.dim(1) == pairs, "the pairs have shape ", shape_text(x.shape()),
          ", wanted ", pairs, " columns");
  Tensor& y = c.output(0, x.dtype(), {x.dim(0), classes});
  const auto n = static_cast<size_t>(classes);
  for (int64_t row = 0; row < x.dim(0); ++row) {
    const auto pair = [&](size_t i, size_t j) {
      const size_t low = std::min(i, j), high = std::max(i, j);
      const size_t place = low * (2 * n - low - 1) / 2 + (high - low - 1);
      // Of 0 and 1 there is no way back.
      const double value =
          std::clamp(x.number(row * pairs + static_cast<int64_t>(place)), 1e-7, 1 - 1e-7);
      return i < j ? value : 1 - value;
    };
    const std::vector<double> result = coupled(n, pair);
    for (size_t i = 0; i < n; ++i) y.set_number(row * classes + static_cast<int64_t>(i), result[i]);
  }
}

void register_tree(OpRegistry& registry) {
  registry.add<PairwiseCoupling>();
  registry.add<TreeEnsemble>();
  registry.add<SoftmaxZero>();
  registry.add<Probit>();
}

}  // namespace hone
