#include "ops/softmax.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::softmax_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

const Tensor kX = tensor(DType::f32, {2, 2, 2}, {1, 4, 3, 2, 7, 7, 5, 8});

TEST(Softmax, Types) {
  const Type x = Type::tensor(DType::f16, {Dim::symbol("n"), 10});
  EXPECT_EQ(cat(type_of(Softmax{}, {x})), "f16[n,10]");
  EXPECT_EQ(cat(type_of(LogSoftmax{}, {Type::unranked(DType::f32)})), "f32[*]");
  EXPECT_EQ(cat(type_of(ArgMax{.axis = -1}, {x})), "i64[n,1]");
  EXPECT_EQ(cat(type_of(ArgMin{.axis = 1, .keepdims = false}, {x})), "i64[n]");
  EXPECT_NE(refusal_of([&] { type_of(Softmax{.axis = 2}, {x}); }).find("axis 2"),
            std::string::npos);
  EXPECT_NE(refusal_of([&] {
              type_of(ArgMax{}, {Type::tensor(DType::f32, {0, 2})});
            }).find("nothing to choose"),
            std::string::npos);
}

TEST(Softmax, ALaneWithoutANumberIsNaNOrZero) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const double nan = std::nan("");
  const Tensor x = tensor(DType::f32, {3, 2}, {-kInf, -kInf, 1, 1, nan, 1});
  expect_near(run(Softmax{}, {x}), {nan, nan, 0.5, 0.5, nan, nan});
  expect_near(run(Softmax{.zero_nan = true}, {x}), {0, 0, 0.5, 0.5, 0, 0});
}

TEST(Softmax, AlongOneAxisOrTheRest) {
  const auto sums = [](const Tensor& y, Ints lane) {
    double sum = 0;
    for (const int64_t i : lane) sum += y.number(i);
    return sum;
  };
  const Tensor last = run(Softmax{}, {kX});
  EXPECT_FLOAT_EQ(last.at<float>(1), static_cast<float>(1 / (1 + std::exp(-3.0))));
  EXPECT_EQ(last.number(4), 0.5);
  EXPECT_NEAR(sums(run(Softmax{.axis = 0}, {kX}), {1, 5}), 1, 1e-6);
  EXPECT_NEAR(sums(run(Softmax{.axis = 1, .flatten = true}, {kX}), {4, 5, 6, 7}), 1, 1e-6);
  EXPECT_NEAR(sums(run(Softmax{.axis = 1}, {kX}), {4, 6}), 1, 1e-6);
  // Large numbers do not overflow, in the logarithm neither.
  EXPECT_EQ(numbers(run(Softmax{}, {f32({1000, 1000})})), (Doubles{0.5, 0.5}));
  EXPECT_EQ(numbers(run(LogSoftmax{}, {f32({0, -1000})})), (Doubles{0, -1000}));
}

TEST(Softmax, Hardmax) {
  EXPECT_EQ(numbers(run(Hardmax{}, {kX})), (Doubles{0, 1, 1, 0, 1, 0, 0, 1}));
  EXPECT_EQ(numbers(run(Hardmax{.axis = 1, .flatten = true}, {kX})),
            (Doubles{0, 1, 0, 0, 0, 0, 0, 1}));
}

TEST(Softmax, Empty) {
  EXPECT_EQ(run(Softmax{}, {Tensor(DType::f32, {3, 0})}).shape(), (Ints{3, 0}));
  EXPECT_EQ(run(Softmax{}, {Tensor(DType::f32, {0, 3})}).shape(), (Ints{0, 3}));
  EXPECT_EQ(run(Softmax{}, {Tensor::scalar(DType::f32, 3)}).number(0), 1);
  EXPECT_EQ(run(ArgMax{.axis = 1}, {Tensor(DType::f32, {0, 3})}).shape(), (Ints{0, 1}));
}

TEST(ArgMax, FirstOrLast) {
  EXPECT_EQ(numbers(run(ArgMax{.axis = 2}, {kX})), (Doubles{1, 0, 0, 1}));
  EXPECT_EQ(numbers(run(ArgMax{.axis = 2, .select_last_index = true}, {kX})),
            (Doubles{1, 0, 1, 1}));
  EXPECT_EQ(numbers(run(ArgMin{.axis = 0}, {kX})), (Doubles{0, 0, 0, 0}));
  EXPECT_EQ(numbers(run(ArgMin{.axis = 1, .keepdims = false}, {kX})), (Doubles{0, 1, 1, 0}));
  Tensor large(DType::u64, {2});
  large.set_integer(1, -1);
  EXPECT_EQ(run(ArgMax{}, {large}).integer(0), 1);
}

TEST(CumSum, Directions) {
  const Tensor x = f32({1, 2, 3});
  const auto sums = [&](const CumSum& op) { return numbers(run(op, {x})); };
  EXPECT_EQ(sums({.axis = Dims{0}}), (Doubles{1, 3, 6}));
  EXPECT_EQ(sums({.axis = Dims{-1}, .exclusive = true}), (Doubles{0, 1, 3}));
  EXPECT_EQ(sums({.axis = Dims{0}, .reverse = true}), (Doubles{6, 5, 3}));
  EXPECT_EQ(sums({.axis = Dims{0}, .exclusive = true, .reverse = true}), (Doubles{5, 3, 0}));
  const Tensor grid = tensor(DType::i32, {2, 2}, {1, 2, 3, 4});
  const Tensor axis = tensor(DType::i32, {}, {0});
  EXPECT_EQ(numbers(run(CumSum{}, {grid, axis})), (Doubles{1, 2, 4, 6}));
  EXPECT_NE(refusal_of([&] { run(CumSum{}, {x}); }).find("axis is missing"), std::string::npos);
}

TEST(CumProd, Directions) {
  const Tensor x = tensor(DType::i32, {4}, {2, 3, 4, 5}), axis = i64({0});
  const auto products = [&](const CumProd& op) { return numbers(run(op, {x, axis})); };
  EXPECT_EQ(products({}), (Doubles{2, 6, 24, 120}));
  EXPECT_EQ(products({.exclusive = true}), (Doubles{1, 2, 6, 24}));
  EXPECT_EQ(products({.reverse = true}), (Doubles{120, 60, 20, 5}));
  EXPECT_EQ(products({.exclusive = true, .reverse = true}), (Doubles{60, 20, 5, 1}));
  const Tensor grid = tensor(DType::bf16, {2, 2}, {1, 2, 3, 0.5});
  EXPECT_EQ(numbers(run(CumProd{.axis = Dims{-2}}, {grid})), (Doubles{1, 2, 3, 1}));
  const Tensor large = Tensor::ints({int64_t{1} << 62, 2, 2});
  EXPECT_EQ(run(CumProd{.axis = Dims{0}}, {large}).integer(1), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(run(CumProd{.axis = Dims{0}}, {large}).integer(2), 0);  // wraps
  EXPECT_EQ(run(CumProd{.axis = Dims{1}}, {Tensor(DType::f32, {3, 0})}).count(), 0);
  EXPECT_EQ(refusal_of([&] { run(CumProd{.axis = Dims{1}}, {x}); }),
            "invalid_model: axis 1 is out of range for rank 1 (CumProd %y0)");
}

}  // namespace hone::test::softmax_test
