#include "ops/group_query.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::group_query_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

/// One sample of heads of width 1.
Tensor row(const Doubles& values, int64_t heads = 1) {
  return tensor(DType::f32, {1, static_cast<int64_t>(values.size()) / heads, heads}, values);
}
Tensor cache(const Doubles& values) {
  return tensor(DType::f32, {1, 1, static_cast<int64_t>(values.size()), 1}, values);
}
Tensor total(int64_t value) { return Tensor::ints({value}, DType::i32).reshaped({}); }

// Queries of zero see all keys alike: the result is the mean of the values that are seen.

TEST(GroupQuery, PromptsAreCausal) {
  const Tensor zeros = row({0, 0, 0}), values = row({3, 6, 12});
  const std::vector<Tensor> operands{zeros, zeros, values, {}, {}, i64({2}), total(3)};
  expect_near(run(GroupQueryAttention{}, operands), {3, 4.5, 7});
  expect_near(run(GroupQueryAttention{.causal = false}, operands), {7, 7, 7});
  expect_near(run(GroupQueryAttention{.local_window_size = 2}, operands), {3, 4.5, 9});
  // Sinks of 0 weigh as one more key without a value.
  expect_near(run(GroupQueryAttention{.smooth_softmax = true}, operands), {1.5, 3, 5.25});
  std::vector<Tensor> sunk = operands;
  sunk.resize(12);
  sunk[11] = f32({std::log(3.0)});
  expect_near(run(GroupQueryAttention{}, sunk), {0.75, 1.8, 3.5});
}

TEST(GroupQuery, NewKeysGoAfterThoseOfEachSample) {
  const Tensor q(DType::f32, {2, 1, 1}), v = tensor(DType::f32, {2, 1, 1}, {10, 20});
  const Tensor past = tensor(DType::f32, {2, 1, 3, 1}, {1, 2, 99, 4, 99, 99});
  const std::vector<Tensor> y =
      run_all(GroupQueryAttention{}, {q, q, v, past, past, i64({2, 1}), total(3)}, 3);
  expect_near(y[0], {13.0 / 3, 12});
  EXPECT_EQ(y[2].shape(), (Ints{2, 1, 3, 1}));
  expect_near(y[2], {1, 2, 10, 4, 20, 99});
  // A past without room grows.
  const std::vector<Tensor> grown =
      run_all(GroupQueryAttention{},
              {row({0}), row({0}), row({9}), cache({0, 0}), cache({3, 3}), i64({2}), total(3)}, 3);
  expect_near(grown[0], {5});
  expect_near(grown[2], {3, 3, 9});
}

TEST(GroupQuery, ShorterSamplesOfAPromptAreFollowedByPadding) {
  const Tensor zeros(DType::f32, {2, 2, 1}), v = tensor(DType::f32, {2, 2, 1}, {2, 4, 6, 100});
  const Tensor y =
      run(GroupQueryAttention{.causal = false}, {zeros, zeros, v, {}, {}, i64({1, 0}), total(2)});
  expect_near(y, {3, 3, 6, 6});
}

TEST(GroupQuery, TurnsQueriesAndKeysByTheirPlace) {
  const Tensor x = tensor(DType::f32, {1, 1, 2}, {1, 2});
  const Tensor past(DType::f32, {1, 1, 1, 2});
  const Tensor cosine = tensor(DType::f32, {2, 1}, {1, 0}),
               sine = tensor(DType::f32, {2, 1}, {0, 1});
  const GroupQueryAttention op{.do_rotary = true};
  const std::vector<Tensor> y =
      run_all(op, {x, x, x, past, past, i64({1}), total(2), cosine, sine}, 3);
  expect_near(y[1], {0, 0, -2, 1});
  const Tensor ids = i64({0}).reshaped({1, 1});
  expect_near(run_all(op, {x, x, x, past, past, i64({1}), total(2), cosine, sine, ids}, 3)[1],
              {0, 0, 1, 2});
  EXPECT_NE(
      refusal_of([&] {
        run(op, {x, x, x, past, past, i64({1}), total(2), cosine, sine, i64({2}).reshaped({1, 1})});
      }).find("position 2"),
      std::string::npos);
}

TEST(GroupQuery, ScoresOfAllKeysThatCount) {
  const GroupQueryAttention op{.scale = 1, .qk_output = AttentionStage::probabilities};
  const Tensor bias = tensor(DType::f32, {1, 1, 1, 2}, {std::log(3.0), 0});
  const std::vector<Tensor> y = run_all(op,
                                        {row({0}),
                                         row({0}),
                                         row({4}),
                                         cache({0, 0, 0}),
                                         cache({8, 0, 0}),
                                         i64({1}),
                                         total(2),
                                         {},
                                         {},
                                         {},
                                         bias},
                                        4);
  EXPECT_EQ(y[3].shape(), (Ints{1, 1, 1, 2}));
  expect_near(y[3], {0.75, 0.25});
  expect_near(y[0], {7});
}

TEST(GroupQuery, Types) {
  const Dim b = Dim::symbol("b"), s = Dim::symbol("s"), p = Dim::symbol("p");
  const Type q = Type::tensor(DType::f16, {b, s, 64}), k = Type::tensor(DType::f16, {b, s, 32});
  const Type past = Type::tensor(DType::f16, {b, 2, p, 16});
  const Type lengths = Type::tensor(DType::i32, {b}), one = Type::tensor(DType::i32, {});
  const GroupQueryAttention op{.num_heads = 4, .kv_num_heads = 2};
  EXPECT_EQ(cat(type_of(op, {q, k, k, past, past, lengths, one})), "f16[b,s,64]");
  EXPECT_EQ(
      refusal_of([&] {
        type_of(GroupQueryAttention{.num_heads = 3, .kv_num_heads = 2},
                {q, k, k, past, past, lengths, one});
      }),
      "invalid_model: num_heads=3 kv_num_heads=2, wanted a multiple (GroupQueryAttention %y0)");
  EXPECT_EQ(refusal_of([&] {
              type_of(op, {q, k, k, past, {}, lengths, one});
            }),
            "invalid_model: past_key and past_value go together (GroupQueryAttention %y0)");
}

TEST(GroupQuery, Refuses) {
  const auto error = [](int64_t length, int64_t all, const Tensor& past = cache({0})) {
    return refusal_of([&] {
      run(GroupQueryAttention{},
          {row({0}), row({0}), row({0}), past, past, i64({length}), total(all)});
    });
  };
  EXPECT_EQ(error(1, 2), "");
  EXPECT_NE(error(2, 2).find("seqlens_k has 2"), std::string::npos);
  EXPECT_EQ(error(-1, 2),
            "invalid_model: seqlens_k has -1 with a total_sequence_length of 2 "
            "(GroupQueryAttention %y0)");
  EXPECT_NE(error(0, 0).find("total_sequence_length"), std::string::npos);
  EXPECT_EQ(error(2, INT64_MAX),
            "invalid_model: total_sequence_length is -1 with 1 new keys (GroupQueryAttention %y0)");
  EXPECT_EQ(error(3, 4),
            "invalid_model: total_sequence_length is 4 with 1 keys of the past and 1 new ones "
            "(GroupQueryAttention %y0)");
  EXPECT_EQ(error(1, 2, tensor(DType::f32, {1, 2, 1, 1}, {0, 0})),
            "invalid_model: operand 3 is [1,2,1,1], wanted [1,1,1,1] (GroupQueryAttention %y0)");
}

}  // namespace hone::test::group_query_test
