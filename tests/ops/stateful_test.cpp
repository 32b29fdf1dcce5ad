#include "ops/stateful.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::stateful_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
using Rule = LinearAttention::UpdateRule;

/// One sample of two tokens, `values.size() / 2` wide.
Tensor two(const Doubles& values) {
  return tensor(DType::f32, {1, 2, static_cast<int64_t>(values.size()) / 2}, values);
}

// One head of width 1: q = 1, k = 2, v = 3 then 5.
const Tensor kOnes = two({1, 1});
const Tensor kTwos = two({2, 2});
const Tensor kValues = two({3, 5});
const Tensor kHalving = two({-std::log(2.0), -std::log(2.0)});

TEST(LinearAttention, Rules) {
  const auto all = [](Rule rule, const Tensor& past, const Tensor& decay, const Tensor& beta) {
    return run_all(LinearAttention{.scale = 1, .update_rule = rule},
                   {kOnes, kTwos, kValues, past, decay, beta}, 2);
  };
  const Tensor past = tensor(DType::f32, {1, 1, 1, 1}, {4});
  expect_near(all(Rule::linear, {}, {}, {})[0], {6, 16});
  expect_near(all(Rule::linear, past, {}, {})[0], {10, 20});
  expect_near(all(Rule::gated, past, kHalving, {})[0], {8, 14});
  // state 4: 4 + 0.5 * 2 * (3 - 8) = -1, then -1 + 1 * 2 * (5 + 2) = 13.
  expect_near(all(Rule::delta, past, {}, two({0.5, 1}))[0], {-1, 13});
  // state 2: 2 + 2 * (3 - 4) = 0, then 0 + 2 * 5 = 10.
  const std::vector<Tensor> y = all(Rule::gated_delta, past, kHalving, two({1, 1}));
  expect_near(y[0], {0, 10});
  expect_near(y[1], {10});
}

TEST(LinearAttention, StatesAreKeysByValues) {
  const Tensor k = tensor(DType::f32, {1, 1, 2}, {1, 2}),
               v = tensor(DType::f32, {1, 1, 3}, {3, 4, 5});
  const std::vector<Tensor> y = run_all(LinearAttention{.update_rule = Rule::linear}, {k, k, v}, 2);
  EXPECT_EQ(y[1].shape(), (Ints{1, 1, 2, 3}));
  expect_near(y[1], {3, 4, 5, 6, 8, 10});
  const double scale = std::sqrt(0.5);  // the default: of keys of width 2
  expect_near(y[0], {15 * scale, 20 * scale, 25 * scale});
  // A decay for each row of the state, given by the key's width.
  const Tensor past = tensor(DType::f32, {1, 1, 2, 3}, {8, 8, 8, 8, 8, 8});
  const Tensor decay = tensor(DType::f32, {1, 1, 2}, {-std::log(2.0), -std::log(4.0)});
  expect_near(run_all(LinearAttention{.update_rule = Rule::gated}, {k, k, v, past, decay}, 2)[1],
              {7, 8, 9, 8, 10, 12});
}

TEST(LinearAttention, QueryHeadsShareStates) {
  const Tensor q = tensor(DType::f32, {1, 1, 4}, {1, 2, 3, 4});
  const Tensor k = tensor(DType::f32, {1, 1, 2}, {1, 10});
  const LinearAttention op{.q_num_heads = 4, .kv_num_heads = 2, .update_rule = Rule::linear};
  const std::vector<Tensor> y = run_all(op, {q, k, k}, 2);
  expect_near(y[0], {1, 2, 300, 400});
  EXPECT_EQ(y[1].shape(), (Ints{1, 2, 1, 1}));
  // A beta for all heads and one for each.
  LinearAttention delta = op;
  delta.update_rule = Rule::delta;
  const Tensor one = tensor(DType::f32, {1, 1, 1}, {0.5});
  const Tensor each = tensor(DType::f32, {1, 1, 2}, {0.5, 2});
  expect_near(run(delta, {q, k, k, {}, {}, one}), {0.5, 1, 150, 200});
  expect_near(run(delta, {q, k, k, {}, {}, each}), {0.5, 1, 600, 800});
}

TEST(LinearAttention, EmptyAndSymbolic) {
  const LinearAttention op{.update_rule = Rule::linear};
  const Tensor none(DType::f32, {1, 0, 1}), past = tensor(DType::f16, {1, 1, 1, 1}, {7});
  const std::vector<Tensor> y = run_all(op, {none, none, none, past}, 2);
  EXPECT_EQ(y[0].shape(), (Ints{1, 0, 1}));
  EXPECT_EQ(y[1].dtype(), DType::f16);
  EXPECT_EQ(numbers(y[1]), (Doubles{7}));
  const Tensor wide(DType::f32, {int64_t{1} << 31, int64_t{1} << 31, 0});
  EXPECT_EQ(run(op, {wide, wide, wide}).count(), 0);
  const Type x = Type::tensor(DType::f16, {Dim::symbol("b"), Dim::symbol("t"), 8});
  EXPECT_EQ(
      cat(type_of(LinearAttention{.q_num_heads = 4, .kv_num_heads = 4, .update_rule = Rule::linear},
                  {x, x, x})),
      "f16[b,t,8]");
  EXPECT_EQ(cat(type_of(op, {x, x, Type::unranked(DType::f16)})), "f16[*]");
}

TEST(LinearAttention, Refuses) {
  const auto error = [](const LinearAttention& op, const std::vector<Tensor>& operands) {
    return refusal_of([&] { run(op, operands); });
  };
  EXPECT_NE(error({}, {kOnes, kTwos, kValues}).find("needs decay"), std::string::npos);
  EXPECT_NE(error({.update_rule = Rule::linear}, {kOnes, kTwos, kValues, {}, kHalving})
                .find("takes no decay"),
            std::string::npos);
  EXPECT_EQ(error({.q_num_heads = 3, .kv_num_heads = 2, .update_rule = Rule::linear},
                  {kOnes, kTwos, kValues}),
            "invalid_model: q_num_heads=3 kv_num_heads=2, wanted a multiple (LinearAttention %y0)");
  EXPECT_EQ(error({.q_num_heads = 0, .kv_num_heads = 0, .update_rule = Rule::linear},
                  {kOnes, kTwos, kValues}),
            "invalid_model: q_num_heads=0 kv_num_heads=0, wanted a multiple (LinearAttention %y0)");
  EXPECT_EQ(error({.update_rule = Rule::gated}, {kOnes, kTwos, kValues, {}, two({1, 2, 3, 4})}),
            "invalid_model: operand 4 is f32[1,2,2], wanted a last dimension of 1 or 1 "
            "(LinearAttention %y0)");
}

TEST(CausalConv, SeesThePositionsUpToEach) {
  const Tensor x = tensor(DType::f32, {1, 2, 3}, {1, 2, 3, 1, 0, 0});
  const Tensor weight = tensor(DType::f32, {2, 1, 2}, {10, 1, 5, 2});
  const std::vector<Tensor> y = run_all(CausalConvWithState{}, {x, weight, f32({0, 100})}, 2);
  EXPECT_EQ(numbers(y[0]), (Doubles{1, 12, 23, 102, 105, 100}));
  EXPECT_EQ(numbers(y[1]), (Doubles{3, 0}));
  const Tensor past = tensor(DType::f32, {1, 2, 1}, {7, 0});
  EXPECT_EQ(numbers(run(CausalConvWithState{}, {x, weight, {}, past})),
            (Doubles{71, 12, 23, 2, 5, 0}));
  const CausalConvWithState silu{.activation = CausalConvWithState::Activation::silu};
  expect_near(run(silu, {tensor(DType::f32, {1, 1, 1}, {1}), tensor(DType::f32, {1, 1, 1}, {2})}),
              {2 / (1 + std::exp(-2.0))});
}

TEST(CausalConv, StatesKeepWhatAShortInputLeaves) {
  const Tensor x = tensor(DType::f32, {1, 1, 1}, {9}), kernel = Tensor(DType::f32, {1, 1, 4});
  const Tensor past = tensor(DType::f32, {1, 1, 3}, {1, 2, 3});
  EXPECT_EQ(numbers(run_all(CausalConvWithState{}, {x, kernel, {}, past}, 2)[1]),
            (Doubles{2, 3, 9}));
  EXPECT_EQ(numbers(run_all(CausalConvWithState{}, {x, kernel}, 2)[1]), (Doubles{0, 0, 9}));
  const Tensor none(DType::f32, {1, 1, 0});
  EXPECT_EQ(numbers(run_all(CausalConvWithState{}, {none, kernel, {}, past}, 2)[1]),
            (Doubles{1, 2, 3}));
}

TEST(CausalConv, Refuses) {
  const auto error = [](const std::vector<Tensor>& operands) {
    return refusal_of([&] { run(CausalConvWithState{}, operands); });
  };
  const Tensor x(DType::f32, {1, 2, 3}), weight(DType::f32, {2, 1, 2});
  EXPECT_EQ(error({x, Tensor(DType::f32, {3, 1, 2})}),
            "invalid_model: sizes 3 and 2 differ, wanted the same (CausalConvWithState %y0)");
  EXPECT_EQ(error({x, Tensor(DType::f32, {2, 2, 2})}),
            "invalid_model: sizes 2 and 1 differ, wanted the same (CausalConvWithState %y0)");
  EXPECT_EQ(error({x, Tensor(DType::f32, {2, 1, 0})}),
            "invalid_model: size 1 is larger than 0 (CausalConvWithState %y0)");
  EXPECT_EQ(error({x, weight, {}, x}),
            "invalid_model: sizes 3 and 1 differ, wanted the same (CausalConvWithState %y0)");
  EXPECT_EQ(error({x, weight, f32({1})}),
            "invalid_model: operand 2 is f32[1], wanted 2 elements (CausalConvWithState %y0)");
}

}  // namespace hone::test::stateful_test
