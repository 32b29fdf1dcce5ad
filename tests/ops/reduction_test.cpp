#include "ops/reduction.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::reduction_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const Dim kN = Dim::symbol("n");

TEST(Reduction, Types) {
  const Type x = Type::tensor(DType::f32, {kN, 3, 4, 5});
  EXPECT_EQ(cat(type_of(ReduceMean{.axes = Dims{2, -1}, .keepdims = false}, {x})), "f32[n,3]");
  EXPECT_EQ(cat(type_of(ReduceSum{.axes = Dims{1}}, {x})), "f32[n,1,4,5]");
  EXPECT_EQ(cat(type_of(ReduceSum{.keepdims = false}, {x})), "f32[]");
  EXPECT_EQ(cat(type_of(ReduceSum{.axes = Dims{}, .noop_with_empty_axes = true}, {x})),
            "f32[n,3,4,5]");
  // Axes that only running tells.
  const Type axes = Type::tensor(DType::i64, {2});
  EXPECT_EQ(type_of(ReduceMax{}, {x, axes}).tensor().rank(), 4);
  EXPECT_EQ(cat(type_of(ReduceMax{.keepdims = false}, {x, axes})), "f32[*]");
  EXPECT_EQ(cat(type_of(ReduceMax{.axes = Dims{0}}, {Type::unranked(DType::u8)})), "u8[*]");
  EXPECT_NE(refusal_of([&] { type_of(ReduceMax{.axes = Dims{4}}, {x}); }).find("axis 4"),
            std::string::npos);
  EXPECT_EQ(refusal_of([&] { type_of(ReduceSum{}, {Type::tensor(DType::boolean, {2})}); }),
            "invalid_model: operand 0 is bool, wanted floats or integers (ReduceSum %y0)");
}

TEST(Reduction, KnownContents) {
  const auto known = [](const Op& op) { return known_of(op, {{DType::i64, {kN, 3, 4}}}); };
  EXPECT_EQ(known(ReduceProd{.axes = Dims{0}}), "[12*n]");
  EXPECT_EQ(known(ReduceSum{}), "[n+7]");
  EXPECT_EQ(known(ReduceMin{}), "[min(n,3)]");
  EXPECT_EQ(known(ReduceMax{.axes = Dims{}, .noop_with_empty_axes = true}), "[n,3,4]");
  EXPECT_EQ(known(ReduceMean{}), "?");
}

TEST(Reduction, Axes) {
  const Tensor x = tensor(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(numbers(run(ReduceSum{.axes = Dims{0}}, {x})), (Doubles{5, 7, 9}));
  EXPECT_EQ(numbers(run(ReduceSum{.axes = Dims{-1}}, {x})), (Doubles{6, 15}));
  EXPECT_EQ(numbers(run(ReduceSum{}, {x, i64({1})})), (Doubles{6, 15}));
  EXPECT_EQ(numbers(run(ReduceSum{}, {x})), (Doubles{21}));
  EXPECT_EQ(run(ReduceSum{.keepdims = false}, {x}).shape(), Ints{});
  EXPECT_EQ(numbers(run(ReduceSumSquare{.axes = Dims{}, .noop_with_empty_axes = true}, {x})),
            (Doubles{1, 4, 9, 16, 25, 36}));
  Tensor cube(DType::f32, {2, 2, 2});
  for (int64_t i = 0; i < 8; ++i) cube.set_number(i, static_cast<double>(i));
  EXPECT_EQ(numbers(run(ReduceSum{.axes = Dims{0, 2}}, {cube})), (Doubles{10, 18}));
}

TEST(Reduction, Folds) {
  const Tensor x = f32({3, -4});
  EXPECT_EQ(run(ReduceMean{}, {x}).number(0), -0.5);
  EXPECT_EQ(run(ReduceMax{}, {x}).number(0), 3);
  EXPECT_EQ(run(ReduceMin{}, {x}).number(0), -4);
  EXPECT_EQ(run(ReduceProd{}, {x}).number(0), -12);
  EXPECT_EQ(run(ReduceL1{}, {x}).number(0), 7);
  EXPECT_EQ(run(ReduceL2{}, {x}).number(0), 5);
  EXPECT_EQ(run(ReduceSumSquare{}, {x}).number(0), 25);
  EXPECT_EQ(run(ReduceLogSum{}, {f32({0.5, 0.5})}).number(0), 0);
  // exp(1000) alone overflows.
  EXPECT_FLOAT_EQ(run(ReduceLogSumExp{}, {f32({1000, 1000})}).at<float>(0),
                  static_cast<float>(1000 + std::log(2)));
  EXPECT_EQ(run(ReduceLogSumExp{}, {f32({kInfinity, 0})}).number(0), kInfinity);
}

TEST(Reduction, Empty) {
  const Tensor none(DType::f32, {2, 0});
  const auto first = [&](const Op& op) { return run(op, {none}).number(0); };
  EXPECT_EQ(numbers(run(ReduceSum{.axes = Dims{1}}, {none})), (Doubles{0, 0}));
  EXPECT_EQ(first(ReduceProd{.axes = Dims{1}}), 1);
  EXPECT_EQ(first(ReduceMax{.axes = Dims{1}}), -kInfinity);
  EXPECT_EQ(first(ReduceMin{.axes = Dims{1}}), kInfinity);
  EXPECT_EQ(first(ReduceL2{.axes = Dims{1}}), 0);
  EXPECT_EQ(first(ReduceLogSum{.axes = Dims{1}}), -kInfinity);
  EXPECT_EQ(first(ReduceLogSumExp{.axes = Dims{1}}), -kInfinity);
  EXPECT_TRUE(std::isnan(first(ReduceMean{.axes = Dims{1}})));
  EXPECT_EQ(run(ReduceSum{.axes = Dims{0}}, {none}).shape(), (Ints{1, 0}));
  const Tensor no_bytes(DType::i8, {0});
  EXPECT_EQ(run(ReduceMax{}, {no_bytes}).integer(0), -128);
  EXPECT_EQ(run(ReduceMin{}, {no_bytes}).integer(0), 127);
}

TEST(Reduction, IntegersAndBools) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(run(ReduceMax{}, {i64({most - 1, most})}).integer(0), most);
  EXPECT_EQ(run(ReduceSum{}, {i64({most, 1})}).integer(0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(run(ReduceMean{}, {i64({-1, -2})}).integer(0), -1);
  Tensor large(DType::u64, {2});
  large.set_integer(0, -1);
  EXPECT_EQ(run(ReduceMax{}, {large}).integer(0), -1);  // 2^64 - 1
  EXPECT_EQ(run(ReduceMin{}, {large}).integer(0), 0);
  const Tensor flags = tensor(DType::boolean, {2, 2}, {1, 0, 1, 1});
  EXPECT_EQ(numbers(run(ReduceMin{.axes = Dims{1}}, {flags})), (Doubles{0, 1}));
  EXPECT_EQ(numbers(run(ReduceMax{.axes = Dims{1}}, {flags})), (Doubles{1, 1}));
}

TEST(Reduction, RoundsOnce) {
  const Tensor x = tensor(DType::f16, {3}, {60000, 60000, -60000});
  EXPECT_EQ(run(ReduceSum{}, {x}).number(0), 60000);
}

TEST(Reduction, RefusesAnAxisGivenTwice) {
  const Tensor x = tensor(DType::f32, {2, 2}, {1, 2, 3, 4});
  EXPECT_NE(refusal_of([&] {
              run(ReduceSum{}, {x, i64({1, -1})});
            }).find("twice"),
            std::string::npos);
}

}  // namespace hone::test::reduction_test
