#include "ops/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::attention_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
constexpr double kInf = std::numeric_limits<double>::infinity();

/// One sample, one head of width 1.
Tensor column(const Doubles& values) {
  return tensor(DType::f32, {1, 1, static_cast<int64_t>(values.size()), 1}, values);
}

// Queries of zero see all keys alike: the result is the mean of the values that are seen.
const Tensor kZeros = column({0, 0, 0});
const Tensor kValues = column({3, 6, 12});

TEST(Attention, WeighsBySoftmaxOfScaledProducts) {
  // Scores ln 1 and ln 3, so weights 1/4 and 3/4.
  const Tensor q = column({std::log(3.0)}), k = column({0, 1}), v = column({4, 8});
  expect_near(run(Attention{}, {q, k, v}), {7});
  expect_near(run(Attention{.scale = 0}, {q, k, v}), {6});
  // A head of 4 is scaled by 1/2.
  const Tensor wide = tensor(DType::f32, {1, 1, 1, 4}, {std::log(3.0), 0, std::log(3.0), 0});
  const Tensor keys = tensor(DType::f32, {1, 1, 2, 4}, {0, 0, 0, 0, 1, 1, 1, 1});
  expect_near(run(Attention{}, {wide, keys, v}), {7});
}

TEST(Attention, SoftcapComesBeforeTheMask) {
  const Tensor mask = tensor(DType::f32, {1, 2}, {std::log(3.0), -kInf});
  Attention op{.softcap = 2, .qk_matmul_output_mode = AttentionStage::scores};
  const auto stage = [&](AttentionStage at) {
    op.qk_matmul_output_mode = at;
    return numbers(run_all(op, {column({1}), column({4, 0}), column({1, 2}), mask}, 4)[3]);
  };
  EXPECT_EQ(stage(AttentionStage::scores), (Doubles{4, 0}));
  EXPECT_NEAR(stage(AttentionStage::capped)[0], 2 * std::tanh(2.0), 1e-6);
  EXPECT_NEAR(stage(AttentionStage::biased)[0], 2 * std::tanh(2.0) + std::log(3.0), 1e-6);
  EXPECT_EQ(stage(AttentionStage::biased)[1], -kInf);
  EXPECT_EQ(stage(AttentionStage::probabilities), (Doubles{1, 0}));
}

TEST(Attention, Windows) {
  expect_near(run(Attention{.is_causal = true}, {kZeros, kZeros, kValues}), {3, 4.5, 7});
  expect_near(run(Attention{.left_window_size = 0}, {kZeros, kZeros, kValues}), {7, 9, 12});
  expect_near(run(Attention{.right_window_size = 1}, {kZeros, kZeros, kValues}), {4.5, 7, 7});
  expect_near(run(Attention{.is_causal = true, .left_window_size = 0, .right_window_size = 2},
                  {kZeros, kZeros, kValues}),
              {3, 6, 12});
}

TEST(Attention, KeysThatArePaddingAreNotRead) {
  const Tensor values = column({3, 6, std::nan("")});
  const std::vector<Tensor> operands{kZeros, kZeros, values, {}, {}, {}, i64({2})};
  expect_near(run(Attention{}, operands), {4.5, 4.5, 4.5});
  // Query i stands at 2 - 3 + i, so that the first sees nothing.
  expect_near(run(Attention{.is_causal = true, .zero_unseen = true}, operands), {0, 3, 4.5});
  expect_near(run(Attention{.is_causal = true}, operands), {std::nan(""), 3, 4.5});
}

TEST(Attention, MasksOfBooleansAndNumbers) {
  const Tensor seen = tensor(DType::boolean, {3, 3}, {1, 0, 0, 0, 0, 0, 1, 1, 0});
  const std::vector<Tensor> operands{kZeros, kZeros, kValues, seen};
  expect_near(run(Attention{.zero_unseen = true}, operands), {3, 0, 4.5});
  expect_near(run(Attention{.is_causal = true, .zero_unseen = true}, operands), {3, 0, 4.5});
  const Tensor added = tensor(DType::f32, {1, 1, 3}, {std::log(2.0), 0, -kInf});
  expect_near(run(Attention{}, {kZeros, kZeros, kValues, added}), {4, 4, 4});
  // A mask that ends early hides the rest; one of a single column the rest, too.
  const Tensor early = tensor(DType::boolean, {1, 2}, {1, 1});
  expect_near(run(Attention{}, {kZeros, kZeros, kValues, early}), {4.5, 4.5, 4.5});
  const Tensor single = tensor(DType::boolean, {1, 1}, {1});
  expect_near(run(Attention{}, {kZeros, kZeros, kValues, single}), {3, 3, 3});
}

TEST(Attention, AQueryThatSeesNothingGivesZerosWhateverItsScores) {
  const Tensor none = tensor(DType::boolean, {1, 2}, {0, 0});
  const std::vector<Tensor> y = run_all(
      Attention{.qk_matmul_output_mode = AttentionStage::probabilities, .zero_unseen = true},
      {column({kInf}), column({1, 2}), column({1, 2}), none}, 4);
  EXPECT_EQ(numbers(y[0]), (Doubles{0}));
  EXPECT_EQ(numbers(y[3]), (Doubles{0, 0}));
}

TEST(Attention, AQueryThatSeesNothingGivesWhatSoftmaxDoesUnlessToldOtherwise) {
  const Tensor first = tensor(DType::f32, {2, 2}, {0, -kInf, -kInf, -kInf});
  const Tensor q = column({1, 1}), k = column({1, 2}), v = column({3, 6});
  expect_near(run(Attention{}, {q, k, v, first}), {3, std::nan("")});
  expect_near(run(Attention{.zero_unseen = true}, {q, k, v, first}), {3, 0});
  expect_near(run(Attention{.zero_nan = true}, {q, k, v, first}), {3, 0});
  // Only the guard makes something of a query that is no number.
  const Tensor nan = column({1, std::nan("")});
  expect_near(run(Attention{.zero_unseen = true}, {nan, k, v}), {5.193176, std::nan("")});
  expect_near(run(Attention{.zero_nan = true}, {nan, k, v}), {5.193176, 0});
}

TEST(Attention, BooleansChooseBetweenScoreAndFill) {
  const Tensor seen = tensor(DType::boolean, {2, 2}, {1, 0, 0, 0});
  const Tensor q = column({40, 40}), k = column({1, 2}), v = column({3, 6});
  // All hidden alike: the mean. Added to scores beyond 32, -1e9 would keep a difference.
  expect_near(run(Attention{.fill = -1e9F}, {q, k, v, seen}), {3, 4.5});
  // No score is so low that a fill hides its key for certain.
  expect_near(run(Attention{.fill = 40}, {q, k, v, seen}), {4.5, 4.5});
}

TEST(Attention, NumbersSwallowScoresAsInTheTypeOfQueries) {
  const auto hidden = [](DType dtype, double number) {
    const auto of = [&](const Doubles& values) {
      return tensor(dtype, {1, 1, static_cast<int64_t>(values.size()), 1}, values);
    };
    const Tensor mask = tensor(dtype, {1, 2}, {number, number});
    return run(Attention{}, {of({4}), of({1, 2}), of({4, 8}), mask});
  };
  expect_near(hidden(DType::f32, -1e9), {6});
  expect_near(hidden(DType::f16, -65504), {6});
  expect_near(hidden(DType::f64, -1e9), {7.928055});
}

TEST(Attention, PastComesFirst) {
  const std::vector<Tensor> y =
      run_all(Attention{.is_causal = true},
              {column({0}), column({5}), column({9}), {}, column({1, 2}), column({3, 6})}, 3);
  expect_near(y[0], {6});
  EXPECT_EQ(numbers(y[1]), (Doubles{1, 2, 5}));
  EXPECT_EQ(numbers(y[2]), (Doubles{3, 6, 9}));
}

TEST(Attention, HeadsShareKeysInGroups) {
  // Rank 3: four query heads of width 1, two heads of keys, values of width 2.
  const Tensor q = tensor(DType::f16, {1, 1, 4}, {0, 0, 0, 0});
  const Tensor k = tensor(DType::f16, {1, 2, 2}, {0, 0, 0, 0});
  const Tensor v = tensor(DType::f16, {1, 2, 4}, {1, 2, 3, 4, 3, 4, 5, 6});
  const Attention op{.q_num_heads = 4, .kv_num_heads = 2};
  const std::vector<Tensor> y = run_all(op, {q, k, v}, 3);
  EXPECT_EQ(y[0].shape(), (Ints{1, 1, 8}));
  EXPECT_EQ(numbers(y[0]), (Doubles{2, 3, 2, 3, 4, 5, 4, 5}));
  EXPECT_EQ(y[2].shape(), (Ints{1, 2, 2, 2}));
  EXPECT_EQ(numbers(y[2]), (Doubles{1, 2, 3, 4, 3, 4, 5, 6}));
}

TEST(Attention, Empty) {
  const Tensor none(DType::f32, {1, 1, 0, 1});
  EXPECT_EQ(run(Attention{}, {none, kZeros, kValues}).shape(), (Ints{1, 1, 0, 1}));
  EXPECT_EQ(numbers(run(Attention{}, {column({1}), none, none})), (Doubles{0}));
  const Tensor wide(DType::f32, {int64_t{1} << 31, int64_t{1} << 31, 1, 0});
  EXPECT_EQ(run(Attention{}, {wide, wide, wide}).count(), 0);
}

TEST(Attention, Types) {
  const Dim b = Dim::symbol("b"), s = Dim::symbol("s"), p = Dim::symbol("p");
  const Type q = Type::tensor(DType::f16, {b, s, 64}), k = Type::tensor(DType::f16, {b, s, 32});
  const Type past = Type::tensor(DType::f16, {b, 2, p, 16});
  const Attention op{.q_num_heads = 4, .kv_num_heads = 2};
  EXPECT_EQ(cat(type_of(op, {q, k, k})), "f16[b,s,64]");
  EXPECT_EQ(cat(type_of(op, {q, k, k, Type::tensor(DType::boolean, {s, p + s}), past, past})),
            "f16[b,s,64]");
  EXPECT_EQ(cat(type_of(op, {q, k, Type::unranked(DType::f16)})), "f16[*]");
  const Type other = Type::tensor(DType::f16, {b, 2, p, 8});
  const auto error = [&](const Attention& each, const std::vector<Type>& operands) {
    return refusal_of([&] { type_of(each, operands); });
  };
  EXPECT_EQ(error(op, {q, k, k, {}, other, past}),
            "invalid_model: sizes 8 and 16 differ, wanted the same (Attention %y0)");
  EXPECT_NE(error({.q_num_heads = 5, .kv_num_heads = 2}, {q, k, k}).find("5 heads"),
            std::string::npos);
  EXPECT_NE(error({}, {q, k, k}).find("q_num_heads"), std::string::npos);
  EXPECT_EQ(error({.q_num_heads = 4, .kv_num_heads = 4}, {q, k, k}),
            "invalid_model: sizes 16 and 8 differ, wanted the same (Attention %y0)");
}

TEST(Attention, Refuses) {
  const auto error = [](const Attention& op, const std::vector<Tensor>& operands) {
    return refusal_of([&] { run(op, operands); });
  };
  EXPECT_NE(error({}, {kZeros, kZeros, kValues, {}, {}, {}, i64({4})}).find("4 for 3 keys"),
            std::string::npos);
  EXPECT_EQ(error({}, {kZeros, kZeros, kValues, {}, {}, {}, i64({-1})}),
            "invalid_model: nonpad_kv_seqlen has -1 for 3 keys (Attention %y0)");
  EXPECT_EQ(error({}, {kZeros, kZeros, kValues, {}, {}, {}, i64({1, 1})}),
            "invalid_model: operand 6 is i64[2], wanted 1 elements (Attention %y0)");
  EXPECT_NE(error({}, {kZeros, kZeros, kValues, {}, kZeros}).find("go together"),
            std::string::npos);
  EXPECT_EQ(error({.left_window_size = -2}, {kZeros, kZeros, kValues}),
            "invalid_model: windows are -2 and -1, wanted -1 or more (Attention %y0)");
  EXPECT_EQ(error({}, {kZeros, kZeros, kValues, tensor(DType::f32, {2, 3}, {0, 0, 0, 0, 0, 0})}),
            "invalid_model: sizes 3 and 2 differ, wanted the same (Attention %y0)");
  const Tensor two(DType::f32, {1, 2, 3, 1}), three(DType::f32, {1, 3, 3, 1});
  EXPECT_NE(error({}, {three, two, two}).find("3 query heads for 2"), std::string::npos);
}

}  // namespace hone::test::attention_test
