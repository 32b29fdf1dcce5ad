#include "ops/tree.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::tree_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

Tensor matrix(int64_t columns, const Ints& values) {
  const auto rows = static_cast<int64_t>(values.size()) / columns;
  return Tensor::ints(values).reshaped({rows, columns});
}

/// x[0] <= 1 ? (x[1] > 5 ? leaf 0 : leaf 1) : leaf 2, and a tree that is leaf 3 alone.
std::vector<Tensor> two_trees(const Tensor& x) {
  return {x,
          i64({0, -4}),
          matrix(7, {0, TreeEnsemble::leq, 0, 1, -3, 0, 0,  //
                     1, TreeEnsemble::gt, 1, -1, -2, 0, 0}),
          f32({1, 5}),
          matrix(2, {0, 1, 1, 2, 2, 4, 4, 5}),
          i64({0, 1, 0, 1, 1}),
          f32({10, 20, 30, 40, 1})};
}

TEST(TreeEnsemble, DescendsAndAdds) {
  const Tensor x = tensor(DType::f32, {4, 2}, {0, 6, 1, 5, 2, 0, NAN, 0});
  const std::vector<Tensor> operands = two_trees(x);
  EXPECT_EQ(numbers(run(TreeEnsemble{.n_targets = 2}, operands)),
            (Doubles{10, 1, 0, 21, 30, 41, 30, 41}));
  using Aggregate = TreeEnsemble::Aggregate;
  const auto by = [&](Aggregate how) {
    return numbers(run(TreeEnsemble{.n_targets = 2, .aggregate_function = how}, operands));
  };
  EXPECT_EQ(by(Aggregate::average), (Doubles{5, 0.5, 0, 10.5, 15, 20.5, 15, 20.5}));
  EXPECT_EQ(by(Aggregate::min), (Doubles{10, 1, 0, 1, 30, 1, 30, 1}));
  EXPECT_EQ(by(Aggregate::max), (Doubles{10, 1, 0, 20, 30, 40, 30, 40}));
}

TEST(TreeEnsemble, MissingValuesAndBase) {
  std::vector<Tensor> operands = two_trees(f32({0, NAN}));  // a vector is one row
  operands.push_back({});
  operands.push_back(f32({100, 200}));
  EXPECT_EQ(numbers(run(TreeEnsemble{.n_targets = 2}, operands)), (Doubles{110, 201}));
}

TEST(TreeEnsemble, EveryComparison) {
  const Tensor x = tensor(DType::i64, {3, 1}, {1, 2, 3});
  const auto of = [&](int64_t mode) {
    return run(TreeEnsemble{}, {x, i64({0}), matrix(7, {0, mode, 0, -1, -2, 1, 3}), f32({2}),
                                matrix(2, {0, 1, 1, 1}), i64({0}), f32({1}), f32({1, 3, 1})})
        .integers();
  };
  EXPECT_EQ(of(TreeEnsemble::leq), (Ints{1, 1, 0}));
  EXPECT_EQ(of(TreeEnsemble::lt), (Ints{1, 0, 0}));
  EXPECT_EQ(of(TreeEnsemble::gte), (Ints{0, 1, 1}));
  EXPECT_EQ(of(TreeEnsemble::gt), (Ints{0, 0, 1}));
  EXPECT_EQ(of(TreeEnsemble::eq), (Ints{0, 1, 0}));
  EXPECT_EQ(of(TreeEnsemble::neq), (Ints{1, 0, 1}));
  EXPECT_EQ(of(TreeEnsemble::member), (Ints{1, 0, 1}));
  EXPECT_EQ(refusal_of([&] { of(7); }),
            "invalid_model: branch mode 7 is not known (TreeEnsemble %y0)");
}

TEST(TreeEnsemble, HostileTrees) {
  const auto error = [](size_t operand, const Tensor& instead) {
    std::vector<Tensor> operands = two_trees(tensor(DType::f32, {1, 2}, {0, 6}));
    operands[operand] = instead;
    return refusal_of([&] { run(TreeEnsemble{.n_targets = 2}, operands); });
  };
  EXPECT_EQ(error(1, i64({2})), "invalid_model: there is no node 2 (TreeEnsemble %y0)");
  EXPECT_EQ(error(1, i64({-5})), "invalid_model: there is no leaf 4 (TreeEnsemble %y0)");
  EXPECT_EQ(error(1, i64({std::numeric_limits<int64_t>::min()})),
            "invalid_model: there is no leaf 9223372036854775807 (TreeEnsemble %y0)");
  EXPECT_EQ(error(2, matrix(7, {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})),
            "invalid_model: a tree goes in a circle (TreeEnsemble %y0)");  // a circle
  EXPECT_EQ(error(2, matrix(7, {2, 0, 0, -1, -1, 0, 0, 1, 0, 0, 0, 0, 0, 0})),
            "invalid_model: node 0 asks for feature 2 of 2 (TreeEnsemble %y0)");  // feature 2
  EXPECT_EQ(error(2, matrix(7, {0, 6, 0, -1, -1, 0, 9, 1, 0, 0, 0, 0, 0, 0})),
            "invalid_model: members 0 to 9 of 0 (TreeEnsemble %y0)");  // members
  EXPECT_EQ(error(2, matrix(7, {0, 0, 0, 1, -3, 0, 0})),
            "invalid_model: there are 2 splits for nodes of [1,7] (TreeEnsemble %y0)");
  EXPECT_EQ(error(4, matrix(2, {0, 9, 1, 2, 2, 4, 4, 5})),
            "invalid_model: votes 0 to 9 of 5 (TreeEnsemble %y0)");
  EXPECT_EQ(error(4, matrix(2, {1, 0, 1, 2, 2, 4, 4, 5})),
            "invalid_model: votes 1 to 0 of 5 (TreeEnsemble %y0)");
  EXPECT_EQ(error(5, i64({2, 1, 0, 1, 1})),
            "invalid_model: there is no target 2 (TreeEnsemble %y0)");
  EXPECT_EQ(error(5, i64({0})),
            "invalid_model: there are 1 targets for 5 weights (TreeEnsemble %y0)");
  EXPECT_EQ(run(TreeEnsemble{.n_targets = 2}, two_trees(Tensor(DType::f32, {0, 2}))).shape(),
            (Ints{0, 2}));
}

TEST(Scores, SoftmaxOfWhatIsNotZero) {
  const Doubles y = numbers(run(SoftmaxZero{}, {tensor(DType::f64, {2, 3}, {0, 1, 1, 0, 0, 0})}));
  EXPECT_EQ(y, (Doubles{0, 0.5, 0.5, 0, 0, 0}));
  EXPECT_EQ(run(SoftmaxZero{}, {Tensor(DType::f32, {2, 0})}).count(), 0);
}

TEST(Scores, CoupledPairs) {
  // Pairs that agree: p_i / (p_i + p_j) of 0.5, 0.3, 0.2. Where LIBSVM stops, they are not found
  // exactly; the numbers are those of its iteration, written down in NumPy.
  const Tensor pairs = tensor(DType::f64, {1, 3}, {0.5 / 0.8, 0.5 / 0.7, 0.3 / 0.5});
  const Doubles found = numbers(run(PairwiseCoupling{.classes = 3}, {pairs}));
  const Doubles agreed{0.50090056, 0.29912091, 0.19997853};
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(found[i], agreed[i], 1e-8);
  const Doubles two = numbers(run(PairwiseCoupling{}, {tensor(DType::f64, {1, 1}, {0.25})}));
  EXPECT_NEAR(two[0], 0.24999569, 1e-8);
  // Pairs that contradict one another; and pairs that are certain, which are taken for almost so.
  const Tensor pairs2 = tensor(DType::f64, {2, 3}, {0.9, 0.2, 0.6, 1, 1, 1});
  const Doubles rest = numbers(run(PairwiseCoupling{.classes = 3}, {pairs2}));
  const Doubles wanted{0.28764234, 0.23512047, 0.47723718, 0.99999985, 1e-7, 5e-8};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(rest[i], wanted[i], 1e-8);
  EXPECT_EQ(run(PairwiseCoupling{}, {Tensor(DType::f32, {0, 1})}).shape(), (Ints{0, 2}));
  EXPECT_EQ(refusal_of([] {
              run(PairwiseCoupling{}, {Tensor(DType::f32, {1, 2})});
            }),
            "invalid_model: sizes 2 and 1 differ, wanted the same (PairwiseCoupling %y0)");
  EXPECT_EQ(refusal_of([] {
              run(PairwiseCoupling{.classes = 1}, {Tensor(DType::f32, {1, 0})});
            }),
            "invalid_model: classes is 1 (PairwiseCoupling %y0)");
}

TEST(Scores, ProbitUndoesTheNormalDistribution) {
  for (const double x : {-37.0, -10.0, -2.5, -0.3, 0.0, 1e-9, 0.7, 3.0, 5.0}) {
    const double p = 0.5 * std::erfc(-x / std::sqrt(2));
    EXPECT_NEAR(run(Probit{}, {Tensor::scalar(DType::f64, p)}).number(0), x,
                x > 3 ? 1e-9 : 1e-13 * std::max(1.0, std::fabs(x)))
        << x;
  }
  const Doubles y = numbers(run(Probit{}, {f32({0, 1, 0.5, -0.1f, 1.5, NAN})}));
  EXPECT_EQ(y[0], -INFINITY);
  EXPECT_EQ(y[1], INFINITY);
  EXPECT_EQ(y[2], 0);
  EXPECT_TRUE(std::isnan(y[3]) && std::isnan(y[4]) && std::isnan(y[5]));
}

}  // namespace hone::test::tree_test
