#include "ops/inverse.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::inverse_test {

TEST(Inverse, EachMatrix) {
  const Tensor x = tensor(DType::f32, {2, 2, 2}, {2, 1, 1, 1, 0, 4, .5, 0});
  EXPECT_EQ(numbers(run(Inverse{}, {x})), (std::vector<double>{1, -1, -1, 2, 0, 2, .25, 0}));
  EXPECT_EQ(run(Inverse{}, {tensor(DType::f16, {0, 3, 3}, {})}).shape(),
            (std::vector<int64_t>{0, 3, 3}));
  EXPECT_EQ(run(Inverse{}, {tensor(DType::f64, {2, 0, 0}, {})}).count(), 0);
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(type_of(Inverse{}, {Type::tensor(DType::f32, {n, 2, 2})}),
            Type::tensor(DType::f32, {n, 2, 2}));
}

TEST(Inverse, WithoutOneNothingIsFinite) {
  for (const double each : numbers(run(Inverse{}, {tensor(DType::f32, {2, 2}, {1, 2, 2, 4})})))
    EXPECT_FALSE(std::isfinite(each)) << each;
  EXPECT_EQ(refusal_of([] {
              run(Inverse{}, {tensor(DType::f32, {1, 2}, {1, 2})});
            }),
            "invalid_model: sizes 2 and 1 differ, wanted the same (Inverse %y0)");
  EXPECT_EQ(refusal_of([] { run(Inverse{}, {f32({1})}); }),
            "invalid_model: operand is f32[1], wanted matrices (Inverse %y0)");
}

}  // namespace hone::test::inverse_test
