#include "ops/normalization.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::normalization_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

TEST(Normalization, Types) {
  const Type x = Type::tensor(DType::f16, {Dim::symbol("n"), Dim::symbol("s"), 8});
  const Type scale = Type::tensor(DType::f16, {8}), five = Type::tensor(DType::f16, {5});
  EXPECT_EQ(cat(type_of(LayerNormalization{}, {x, scale})), "f16[n,s,8]");
  EXPECT_EQ(cat(type_of(RMSNormalization{}, {x, scale})), "f16[n,s,8]");
  EXPECT_NE(refusal_of([&] {
              type_of(LayerNormalization{}, {x, five});
            }).find("[n,s,8]"),
            std::string::npos);
  const Type image = Type::tensor(DType::f16, {1, 8, 4});
  EXPECT_NE(refusal_of([&] {
              type_of(InstanceNormalization{}, {image, five, five});
            }).find("wanted 8 elements"),
            std::string::npos);
  EXPECT_NE(refusal_of([&] {
              type_of(GroupNormalization{.num_groups = 3}, {image, scale, scale});
            }).find("8 channels"),
            std::string::npos);
  EXPECT_NE(refusal_of([&] { type_of(LRN{.size = 0}, {image}); }).find("size=0"),
            std::string::npos);
  EXPECT_NE(refusal_of([&] { type_of(LpNormalization{.p = 3}, {image}); }).find("p=3"),
            std::string::npos);
  EXPECT_EQ(cat(type_of(LpNormalization{}, {Type::unranked(DType::f32)})), "f32[*]");
}

TEST(Normalization, Batch) {
  const Tensor x = tensor(DType::f32, {1, 2, 2}, {1, 2, 3, 4});
  const Tensor y = run(BatchNormalization{.epsilon = 0},
                       {x, f32({2, 1}), f32({0, 10}), f32({1, 3}), f32({4, 0.25})});
  EXPECT_EQ(numbers(y), (Doubles{0, 1, 10, 12}));
  const Tensor one =
      run(BatchNormalization{.epsilon = 0}, {f32({5, 7}), f32({1}), f32({0}), f32({5}), f32({1})});
  EXPECT_EQ(numbers(one), (Doubles{0, 2}));
  EXPECT_EQ(run(BatchNormalization{},
                {Tensor(DType::f32, {0, 1, 2}), f32({1}), f32({0}), f32({0}), f32({1})})
                .shape(),
            (Ints{0, 1, 2}));
}

TEST(Normalization, Layer) {
  const Tensor x = tensor(DType::f32, {2, 2}, {1, 3, 10, 20});
  const LayerNormalization op{.epsilon = 0};
  const std::vector<Tensor> y = run_all(op, {x, f32({1, 2}), f32({0, 1})}, 3);
  expect_near(y[0], {-1, 3, -1, 3});
  EXPECT_EQ(y[1].shape(), (Ints{2, 1}));
  expect_near(y[1], {2, 15});
  expect_near(y[2], {1, 0.2});
  const LayerNormalization whole{.axis = 0, .epsilon = 0};
  const Tensor z = run(whole, {tensor(DType::f32, {2, 2}, {1, 1, -1, -1}), f32({1, 1})});
  expect_near(z, {1, 1, -1, -1});
  // Statistics of f16 operands are f32 unless asked otherwise.
  const Tensor half = tensor(DType::f16, {1, 2}, {1, 3});
  EXPECT_EQ(run_all(op, {half, tensor(DType::f16, {2}, {1, 1})}, 3)[1].dtype(), DType::f32);
}

TEST(Normalization, RootMeanSquare) {
  const Tensor x = tensor(DType::f32, {1, 2}, {1, 7});
  expect_near(run(RMSNormalization{.epsilon = 0}, {x, f32({1, 10})}), {0.2, 14});
}

TEST(Normalization, InstancesAndGroups) {
  const Tensor x = tensor(DType::f32, {1, 2, 2}, {1, 3, 10, 20});
  expect_near(run(InstanceNormalization{.epsilon = 0}, {x, f32({1, 2}), f32({0, 5})}),
              {-1, 1, 3, 7});
  const GroupNormalization op{.num_groups = 1, .epsilon = 0};
  const Tensor grouped = tensor(DType::f32, {1, 2, 2}, {-1, -1, 1, 1});
  expect_near(run(op, {grouped, f32({1, 2}), f32({0, 5})}), {-1, -1, 7, 7});
  expect_near(run(op, {grouped, f32({3}), f32({1})}), {-2, -2, 4, 4});
}

TEST(Normalization, LocalResponse) {
  const Tensor x = tensor(DType::f32, {1, 3, 1}, {1, 2, 3});
  const LRN op{.alpha = 2, .beta = 1, .bias = 1, .size = 2};  // a channel and the one after it
  expect_near(run(op, {x}), {1.0 / 6, 2.0 / 14, 3.0 / 10});
  const LRN wide{.alpha = 3, .beta = 1, .bias = 1, .size = 3};
  expect_near(run(wide, {x}), {1.0 / 6, 2.0 / 15, 3.0 / 14});
}

TEST(Normalization, NormsAndVariance) {
  const Tensor x = tensor(DType::f32, {2, 2}, {3, -4, 0, 0});
  expect_near(run(LpNormalization{}, {x}), {0.6, -0.8, 0, 0});
  expect_near(run(LpNormalization{.axis = 1, .p = 1}, {x}), {3.0 / 7, -4.0 / 7, 0, 0});
  const Tensor y =
      run(MeanVarianceNormalization{.axes = {0}}, {tensor(DType::f32, {2, 2}, {1, 10, 3, 30})});
  expect_near(y, {-1, -1, 1, 1});
}

}  // namespace hone::test::normalization_test
