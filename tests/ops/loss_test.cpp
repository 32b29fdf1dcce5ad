#include "ops/loss.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::loss_test {

using Doubles = std::vector<double>;
using Nll = NegativeLogLikelihoodLoss;
using Sce = SoftmaxCrossEntropyLoss;

// The example of the standard.
const Tensor kLogs = tensor(DType::f32, {2, 3, 2}, {1, 2, 2, 2, 3, 2, 0, 1, 2, 2, 1, 2});
const Tensor kLabels = tensor(DType::i64, {2, 2}, {2, 1, 0, 2});
const Tensor kWeights = tensor(DType::f32, {3}, {0.2f, 0.3f, 0.1f});

TEST(Loss, EveryReduction) {
  EXPECT_EQ(numbers(run(Nll{.loss = {.reduction = LossReduction::none}}, {kLogs, kLabels})),
            (Doubles{-3, -2, 0, -2}));
  EXPECT_EQ(numbers(run(Nll{.loss = {.reduction = LossReduction::sum}}, {kLogs, kLabels})),
            (Doubles{-7}));
  EXPECT_EQ(numbers(run(Nll{}, {kLogs, kLabels})), (Doubles{-1.75}));
  // weights 0.1, 0.3, 0.2, 0.1 of the samples
  EXPECT_NEAR(
      run(Nll{.loss = {.reduction = LossReduction::sum}}, {kLogs, kLabels, kWeights}).number(0),
      -1.1, 1e-6);
  EXPECT_NEAR(run(Nll{}, {kLogs, kLabels, kWeights}).number(0), -1.1 / 0.7, 1e-6);
}

TEST(Loss, IgnoredSamplesWeighNothing) {
  const Tensor labels = tensor(DType::i32, {2, 2}, {2, -9, 0, -9});
  EXPECT_EQ(numbers(run(Nll{.loss = {.reduction = LossReduction::none, .ignore_index = -9}},
                        {kLogs, labels})),
            (Doubles{-3, 0, 0, 0}));
  EXPECT_EQ(run(Nll{.loss = {.ignore_index = -9}}, {kLogs, labels}).number(0), -1.5);
  EXPECT_NEAR(run(Nll{.loss = {.ignore_index = -9}}, {kLogs, labels, kWeights}).number(0), -1,
              1e-6);
  EXPECT_EQ(run(Nll{.loss = {.ignore_index = 2}}, {kLogs, kLabels}).number(0),
            -1);  // a class is ignored
  const Tensor all = tensor(DType::i64, {2, 2}, {7, 7, 7, 7});
  EXPECT_TRUE(std::isnan(run(Nll{.loss = {.ignore_index = 7}}, {kLogs, all}).number(0)));
}

TEST(Loss, OfScores) {
  const Tensor scores = tensor(DType::f64, {2, 2}, {0, std::log(3), 1000, 1000});
  const auto found =
      run_all(Sce{.loss = {.reduction = LossReduction::none}}, {scores, i64({1, 0})}, 2);
  EXPECT_NEAR(found[0].number(0), std::log(4.0 / 3), 1e-15);
  EXPECT_NEAR(found[0].number(1), std::log(2), 1e-15);
  const Doubles logs = numbers(found[1]);
  EXPECT_NEAR(logs[0], -std::log(4), 1e-15);
  EXPECT_NEAR(logs[3], -std::log(2), 1e-15);
  EXPECT_NEAR(run(Sce{}, {scores, i64({1, 0})}).number(0), std::log(8.0 / 3) / 2, 1e-15);
}

TEST(Loss, Edges) {
  const Tensor none = Tensor(DType::f32, {0, 3});
  EXPECT_TRUE(std::isnan(run(Sce{}, {none, Tensor(DType::i64, {0})}).number(0)));
  EXPECT_EQ(run(Sce{.loss = {.reduction = LossReduction::sum}}, {none, Tensor(DType::i64, {0})})
                .number(0),
            0);
  const auto refused = [](const Tensor& labels, const std::string& why) {
    const Tensor logs = tensor(DType::f32, {2, 3}, Doubles(6));
    EXPECT_EQ(refusal_of([&] {
                run(Nll{}, {logs, labels});
              }),
              cat("invalid_model: ", why, " (NegativeLogLikelihoodLoss %y0)"));
  };
  refused(i64({3, 0}), "label 3 is none of 3 classes");
  refused(i64({-1, 0}), "label -1 is none of 3 classes");
  refused(i64({0}), "sizes 2 and 1 differ, wanted the same");
  refused(f32({0, 0}), "the labels are f32[2], wanted i64 or i32");
  EXPECT_EQ(
      refusal_of([&] {
        run(Nll{}, {kLogs, kLabels, f32({1})});
      }),
      "invalid_model: operand 2 is f32[1], wanted 3 elements (NegativeLogLikelihoodLoss %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Nll{}, {Tensor(DType::f32, {2, 0}), i64({0, 0})});
            }),
            "invalid_model: label 0 is none of 0 classes (NegativeLogLikelihoodLoss %y0)");
  const Dim n = Dim::symbol("n"), d = Dim::symbol("d");
  const Op each = Nll{.loss = {.reduction = LossReduction::none}};
  const Type labels = Type::tensor(DType::i64, {n, d});
  EXPECT_EQ(cat(type_of(each, {Type::tensor(DType::f16, {n, 5, d}), labels})), "f16[n,d]");
  EXPECT_EQ(cat(type_of(each, {Type::unranked(DType::f16), labels})), "f16[n,d]");
  EXPECT_EQ(cat(type_of(Nll{}, {Type::unranked(DType::bf16), labels})), "bf16[]");
}

}  // namespace hone::test::loss_test
