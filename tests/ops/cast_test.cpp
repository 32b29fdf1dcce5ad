#include "ops/cast.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::cast_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
using Strings = std::vector<std::string>;
const double kInf = std::numeric_limits<double>::infinity();

Tensor cast(const Tensor& x, DType to, bool saturate = true) {
  Cast op;
  op.to = to;
  op.saturate = saturate;
  return run(op, {x});
}

TEST(Cast, BetweenIntegersWraps) {
  EXPECT_EQ(cast(i64({-1, 256, 300}), DType::u8).integers(), (Ints{255, 0, 44}));
  EXPECT_EQ(cast(i64({-9, 7}), DType::i4).integers(), (Ints{7, 7}));
  EXPECT_EQ(cast(tensor(DType::u2, {5}, {0, 1, 2, 3, 1}), DType::i2).integers(),
            (Ints{0, 1, -2, -1, 1}));
  const int64_t wide = (1LL << 53) + 1;
  EXPECT_EQ(cast(i64({wide}), DType::u64).integers(), Ints{wide});
}

TEST(Cast, BetweenFloatsRoundsOnce) {
  EXPECT_EQ(numbers(cast(f32({1.0009765625, 65520, -1e-8}), DType::f16)),
            (Doubles{1.0009765625, kInf, -0.0}));
  EXPECT_EQ(numbers(cast(f32({1.00390625, 3}), DType::bf16)), (Doubles{1, 3}));
  EXPECT_EQ(cast(i64({(1LL << 53) + 1}), DType::f64).number(0), 0x1p53);
  EXPECT_EQ(cast(i64({0x1000001}), DType::f32).number(0), 0x1p24);
  EXPECT_EQ(numbers(cast(f32({0.4, 7, -100}), DType::f4e2m1)), (Doubles{0.5, 6, -6}));
  EXPECT_EQ(numbers(cast(f32({0.4, 7.8, -100, 2.0625, 1e-3}), DType::f6e2m3)),
            (Doubles{0.375, 7.5, -7.5, 2, 0}));
  EXPECT_EQ(numbers(cast(f32({0.4, 26, -kInf}), DType::f6e3m2, false)), (Doubles{0.375, 24, -28}));
  EXPECT_EQ(numbers(cast(cast(f32({1.5, -6, 0.5}), DType::f6e3m2), DType::f4e2m1)),
            (Doubles{1.5, -6, 0.5}));
}

TEST(Cast, NarrowFloatsSaturateOrNot) {
  const Tensor x = f32({500, -500, 1});
  EXPECT_EQ(numbers(cast(x, DType::f8e4m3fn)), (Doubles{448, -448, 1}));
  const Doubles open = numbers(cast(x, DType::f8e4m3fn, false));
  EXPECT_TRUE(std::isnan(open[0]) && std::isnan(open[1]));
  EXPECT_EQ(numbers(cast(f32({1e6}), DType::f8e5m2)), Doubles{57344});
  EXPECT_EQ(numbers(cast(f32({1e6}), DType::f8e5m2, false)), Doubles{kInf});
}

TEST(Cast, ScalesRoundToPowersOfTwo) {
  Cast op;
  op.to = DType::f8e8m0;
  const Tensor x = f32({2, 2.5, 3});
  EXPECT_EQ(numbers(run(op, {x})), (Doubles{2, 4, 4}));
  op.round_mode = Cast::RoundMode::down;
  EXPECT_EQ(numbers(run(op, {x})), (Doubles{2, 2, 2}));
  op.round_mode = Cast::RoundMode::nearest;
  EXPECT_EQ(numbers(run(op, {x})), (Doubles{2, 2, 4}));
}

TEST(Cast, FloatsTruncateAndBoolIsNotZero) {
  EXPECT_EQ(cast(f32({-1.9, 1.9, 0.5}), DType::i32).integers(), (Ints{-1, 1, 0}));
  EXPECT_EQ(cast(f32({0, 0.5, -0.0, std::nan("")}), DType::boolean).integers(), (Ints{0, 1, 0, 1}));
  EXPECT_EQ(cast(i64({256, 0}), DType::boolean).integers(), (Ints{1, 0}));
  EXPECT_EQ(numbers(cast(tensor(DType::boolean, {2}, {0, 1}), DType::f32)), (Doubles{0, 1}));
}

TEST(Cast, Strings) {
  const Tensor words = Tensor::of_strings({4}, {"1.5", "-inf", "NaN", " 7 "});
  const Doubles found = numbers(cast(words, DType::f32));
  EXPECT_EQ(found[0], 1.5);
  EXPECT_EQ(found[1], -kInf);
  EXPECT_TRUE(std::isnan(found[2]));
  EXPECT_EQ(found[3], 7);
  EXPECT_EQ(cast(Tensor::of_strings({1}, {"9007199254740993"}), DType::i64).integers(),
            Ints{9007199254740993});
  EXPECT_EQ(cast(f32({0.1, -kInf, std::nan("")}), DType::string).strings(),
            (Strings{"0.1", "-INF", "NaN"}));
  EXPECT_EQ(cast(Tensor::ints({-1}, DType::u64), DType::string).strings(),
            Strings{"18446744073709551615"});
  EXPECT_NE(
      refusal_of([] { cast(Tensor::of_strings({1}, {"x"}), DType::f32); }).find("is no number"),
      std::string::npos);
}

TEST(Cast, TypesAndContents) {
  const Dim n = Dim::symbol("n");
  Cast op;
  op.to = DType::i64;
  EXPECT_EQ(type_of(op, {Type::tensor(DType::f32, {n, 2})}), Type::tensor(DType::i64, {n, 2}));
  EXPECT_EQ(refusal_of([] { cast(Tensor(DType::c64, {1}), DType::f32); }),
            "invalid_model: cannot convert c64 to f32 (Cast %y0)");
  EXPECT_EQ(known_of(op, {{DType::i32, {n, 2}}}), "[n,2]");
  op.to = DType::boolean;
  EXPECT_EQ(known_of(op, {{DType::i64, {n + 1, 0}}}), "[1,0]");
  EXPECT_EQ(known_of(op, {{DType::i64, {n}}}), "?");
  op.to = DType::u8;
  EXPECT_EQ(known_of(op, {{DType::i64, {300}}}), "?");
}

TEST(BitCast, ReadsBitsAnew) {
  BitCast op;
  op.to = DType::i32;
  EXPECT_EQ(run(op, {f32({1, -0.0})}).integers(),
            (Ints{0x3f800000, std::numeric_limits<int32_t>::min()}));
  op.to = DType::i64;
  EXPECT_NE(refusal_of([&] { run(op, {f32({1})}); }).find("another width"), std::string::npos);
}

}  // namespace hone::test::cast_test
