#include "ops/determinant.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::determinant_test {

using Doubles = std::vector<double>;

TEST(Det, Values) {
  EXPECT_EQ(numbers(run(Det{}, {tensor(DType::f32, {2, 2}, {1, 2, 3, 4})})), (Doubles{-2}));
  EXPECT_EQ(numbers(run(Det{}, {tensor(DType::f64, {2, 2, 2}, {0, 1, 1, 0, 2, 4, 1, 2})})),
            (Doubles{-1, 0}));
  EXPECT_EQ(numbers(run(Det{}, {tensor(DType::f32, {3, 3}, {0, 2, 0, 0, 0, 3, 4, 0, 0})})),
            (Doubles{24}));
  EXPECT_EQ(numbers(run(Det{}, {Tensor(DType::f32, {2, 0, 0})})), (Doubles{1, 1}));
  EXPECT_EQ(run(Det{}, {Tensor(DType::f32, {0, 3, 3})}).count(), 0);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(run(Det{}, {tensor(DType::f32, {2, 2}, {0, 1, nan, 1})}).number(0)));
}

TEST(Det, SizesAndErrors) {
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(cat(type_of(Det{}, {Type::tensor(DType::f16, {n, 4, n, n})})), "f16[n,4]");
  EXPECT_EQ(refusal_of([] {
              run(Det{}, {Tensor(DType::f32, {2, 3})});
            }),
            "invalid_model: sizes 2 and 3 differ, wanted the same (Det %y0)");
  EXPECT_EQ(refusal_of([] { run(Det{}, {f32({1})}); }),
            "invalid_model: the operand is f32[1], wanted square matrices (Det %y0)");
  EXPECT_EQ(refusal_of([] {
              run(Det{}, {Tensor(DType::i32, {2, 2})});
            }),
            "invalid_model: operand 0 is i32, wanted floats (Det %y0)");
}

}  // namespace hone::test::determinant_test
