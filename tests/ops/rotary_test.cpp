#include "ops/rotary.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

namespace hone::test::rotary_test {

using Doubles = std::vector<double>;

// Row 0 turns by nothing, row 1 by a quarter, row 2 by a half.
const Tensor kCos = tensor(DType::f32, {3, 1}, {1, 0, -1});
const Tensor kSin = tensor(DType::f32, {3, 1}, {0, 1, 0});
const Tensor kSix = tensor(DType::f32, {1, 3, 2}, {1, 2, 3, 4, 5, 6});

TEST(Rotary, TurnsByPosition) {
  const Tensor ids = i64({0, 1, 2}).reshaped({1, 3});
  EXPECT_EQ(numbers(run(RotaryEmbedding{.num_heads = 1}, {kSix, kCos, kSin, ids})),
            (Doubles{1, 2, -4, 3, -5, -6}));
  // The heads' width from the cosines, the first position from a vector of one.
  EXPECT_EQ(numbers(run(RotaryEmbedding{}, {kSix, kCos, kSin, i64({0})})),
            (Doubles{1, 2, -4, 3, -5, -6}));
  const Tensor direct = run(RotaryEmbedding{.num_heads = 1},
                            {kSix, kCos.reshaped({1, 3, 1}), kSin.reshaped({1, 3, 1})});
  EXPECT_EQ(numbers(direct), (Doubles{1, 2, -4, 3, -5, -6}));
}

TEST(Rotary, HeadsLieOutsideTheSequenceInRankFour) {
  const Tensor x = tensor(DType::f16, {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor cosine = tensor(DType::f16, {1, 2, 1}, {1, 0});
  const Tensor sine = tensor(DType::f16, {1, 2, 1}, {0, 1});
  EXPECT_EQ(numbers(run(RotaryEmbedding{}, {x, cosine, sine})),
            (Doubles{1, 2, -4, 3, 5, 6, -8, 7}));
}

TEST(Rotary, PairsAreHalvesOrNeighbours) {
  const Tensor x = tensor(DType::f32, {1, 1, 5}, {1, 2, 3, 4, 5});
  const Tensor cosine = tensor(DType::f32, {1, 1, 2}, {0, 1});
  const Tensor sine = tensor(DType::f32, {1, 1, 2}, {1, 0});
  RotaryEmbedding op{.num_heads = 1, .rotary_embedding_dim = 4};
  EXPECT_EQ(numbers(run(op, {x, cosine, sine})), (Doubles{-3, 2, 1, 4, 5}));
  op.interleaved = true;
  EXPECT_EQ(numbers(run(op, {x, cosine, sine})), (Doubles{-2, 1, 3, 4, 5}));
}

TEST(Rotary, Empty) {
  const Tensor none(DType::f32, {2, 0, 2});
  EXPECT_EQ(run(RotaryEmbedding{}, {none, kCos, kSin, i64({0})}).shape(),
            (std::vector<int64_t>{2, 0, 2}));
}

TEST(Rotary, Refuses) {
  const auto error = [](const RotaryEmbedding& op, const std::vector<Tensor>& operands) {
    return refusal_of([&] { run(op, operands); });
  };
  const Tensor far = i64({0, 1, 3}).reshaped({1, 3});
  EXPECT_NE(error({}, {kSix, kCos, kSin, far}).find("position 3"), std::string::npos);
  EXPECT_NE(error({}, {kSix, kCos, kSin, i64({1})}).find("position 1 + 2"), std::string::npos);
  EXPECT_EQ(error({}, {kSix, kCos, kSin, i64({-1})}),
            "invalid_model: position -1 + 0 is out of range for 3 positions (RotaryEmbedding %y0)");
  EXPECT_EQ(error({}, {kSix, kCos, kSin, i64({INT64_MAX})}),
            "invalid_model: position 9223372036854775807 + 0 is out of range for 3 positions "
            "(RotaryEmbedding %y0)");
  EXPECT_EQ(error({}, {kSix, kCos, kSin}),
            "invalid_model: operand 1 is f32[3,1], wanted rank 3 (RotaryEmbedding %y0)");
  EXPECT_NE(error({.num_heads = 3}, {kSix, kCos, kSin, i64({0})}).find("3 heads"),
            std::string::npos);
  EXPECT_EQ(
      error({.num_heads = 1, .rotary_embedding_dim = 4}, {kSix, kCos, kSin, i64({0})}),
      "invalid_model: the cosines are [3,1] for 4 elements of heads of 2 (RotaryEmbedding %y0)");
  EXPECT_EQ(error({.rotary_embedding_dim = 3}, {kSix, kCos, kSin, i64({0})}),
            "invalid_model: rotary_embedding_dim=3: wanted an even number, 0 or more "
            "(RotaryEmbedding %y0)");
  EXPECT_EQ(error({}, {kSix, kCos, kCos.reshaped({1, 3}), i64({0})}),
            "invalid_model: the cosines are [3,1], the sines [1,3] (RotaryEmbedding %y0)");
}

}  // namespace hone::test::rotary_test
