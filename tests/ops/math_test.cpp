#include "ops/math.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::math_test {

using Doubles = std::vector<double>;
const double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Math, SignsOfIntegersAndFloats) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(numbers(run(Abs{}, {f32({-1.5, 2, -0.0})})), (Doubles{1.5, 2, 0}));
  EXPECT_EQ(run(Abs{}, {i64({-3, 3, kLeast})}).integers(), (std::vector<int64_t>{3, 3, kLeast}));
  EXPECT_EQ(numbers(run(Abs{}, {tensor(DType::u8, {1}, {200})})), Doubles{200});
  EXPECT_EQ(run(Neg{}, {i64({3, kLeast})}).integers(), (std::vector<int64_t>{-3, kLeast}));
  EXPECT_EQ(numbers(run(Neg{}, {f32({1.5, -2})})), (Doubles{-1.5, 2}));
  EXPECT_EQ(numbers(run(Sign{}, {f32({-2, 0, 7})})), (Doubles{-1, 0, 1}));
  EXPECT_FALSE(std::signbit(run(Sign{}, {f32({-0.0})}).number(0)));
  EXPECT_EQ(numbers(run(Sign{}, {tensor(DType::u64, {2}, {0, 7})})), (Doubles{0, 1}));
  EXPECT_EQ(refusal_of([] { run(Neg{}, {tensor(DType::u8, {1}, {1})}); }),
            "invalid_model: operand 0 is u8, wanted a signed numeric type (Neg %y0)");
}

TEST(Math, Rounding) {
  const Tensor x = f32({-2.5, -1.5, -0.4, 0.5, 1.5, 2.5});
  EXPECT_EQ(numbers(run(Round{}, {x})), (Doubles{-2, -2, -0.0, 0, 2, 2}));
  EXPECT_EQ(numbers(run(Floor{}, {x})), (Doubles{-3, -2, -1, 0, 1, 2}));
  EXPECT_EQ(numbers(run(Ceil{}, {x})), (Doubles{-2, -1, -0.0, 1, 2, 3}));
  EXPECT_NE(refusal_of([] { run(Round{}, {i64({1})}); }).find("floating point"), std::string::npos);
}

TEST(Math, Functions) {
  const auto at = [](Op op, double x) { return run(std::move(op), {f32({x})}).at<float>(0); };
  EXPECT_FLOAT_EQ(at(Exp{}, 1), 2.71828183f);
  EXPECT_FLOAT_EQ(at(Log{}, 10), 2.30258509f);
  EXPECT_EQ(at(Sqrt{}, 2.25), 1.5f);
  EXPECT_EQ(at(Reciprocal{}, 4), 0.25f);
  EXPECT_FLOAT_EQ(at(Erf{}, 0.5), 0.520499878f);
  EXPECT_FLOAT_EQ(at(Sin{}, 1), 0.841470985f);
  EXPECT_FLOAT_EQ(at(Cos{}, 1), 0.540302306f);
  EXPECT_FLOAT_EQ(at(Tan{}, 1), 1.55740772f);
  EXPECT_FLOAT_EQ(at(Asin{}, 0.5), 0.523598776f);
  EXPECT_FLOAT_EQ(at(Acos{}, 0.5), 1.04719755f);
  EXPECT_FLOAT_EQ(at(Atan{}, 1), 0.785398163f);
  EXPECT_FLOAT_EQ(at(Sinh{}, 1), 1.17520119f);
  EXPECT_FLOAT_EQ(at(Cosh{}, 1), 1.54308063f);
  EXPECT_FLOAT_EQ(at(Tanh{}, 0.5), 0.462117157f);
  EXPECT_FLOAT_EQ(at(Asinh{}, 1), 0.881373587f);
  EXPECT_FLOAT_EQ(at(Acosh{}, 2), 1.31695790f);
  EXPECT_FLOAT_EQ(at(Atanh{}, 0.5), 0.549306144f);
}

TEST(Math, NarrowFloats) {
  EXPECT_EQ(run(Sqrt{}, {tensor(DType::f16, {1}, {2})}).number(0), 1.4140625);
  EXPECT_EQ(run(Exp{}, {tensor(DType::bf16, {1}, {1})}).number(0), 2.71875);
}

TEST(Math, FindsNaNAndInfinity) {
  const Tensor x = f32({kNaN, kInf, -kInf, 1});
  EXPECT_EQ(numbers(run(IsNaN{}, {x})), (Doubles{1, 0, 0, 0}));
  EXPECT_EQ(run(IsNaN{}, {x}).dtype(), DType::boolean);
  IsInf op;
  EXPECT_EQ(numbers(run(op, {x})), (Doubles{0, 1, 1, 0}));
  op.detect_negative = false;
  EXPECT_EQ(numbers(run(op, {x})), (Doubles{0, 1, 0, 0}));
  op.detect_positive = false;
  EXPECT_EQ(numbers(run(op, {x})), (Doubles{0, 0, 0, 0}));
}

TEST(Math, KeepsShapes) {
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(type_of(Exp{}, {Type::tensor(DType::f32, {n, 0})}), Type::tensor(DType::f32, {n, 0}));
  EXPECT_EQ(type_of(IsNaN{}, {Type::unranked(DType::f32)}), Type::unranked(DType::boolean));
  EXPECT_EQ(run(Exp{}, {Tensor(DType::f32, {2, 0})}).shape(), (std::vector<int64_t>{2, 0}));
}

TEST(Math, KnowsContents) {
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(known_of(Neg{}, {{DType::i64, {n, 3}}}), "[-n,-3]");
  EXPECT_EQ(known_of(Abs{}, {{DType::i64, {n, -3}}}), "[n,3]");
  EXPECT_EQ(known_of(Abs{}, {{DType::i64, {n - 3}}}), "?");
}

}  // namespace hone::test::math_test
