#include <gtest/gtest.h>

#include "ops/one_node.hpp"
#include "ops/shape.hpp"

namespace hone::test::ensure_shape_test {

TEST(EnsureShape, PassesOnWhatHasTheSizes) {
  const Tensor x = tensor(DType::f32, {2, 1}, {3, 4});
  EXPECT_EQ(numbers(run(EnsureShape{.shape = Dims{2, 1}}, {x})), (std::vector<double>{3, 4}));
  EXPECT_EQ(numbers(run(EnsureShape{.shape = Dims{-1, 1}}, {x})), (std::vector<double>{3, 4}));
  EXPECT_EQ(numbers(run(EnsureShape{}, {x})), (std::vector<double>{3, 4}));
  EXPECT_EQ(run(EnsureShape{.shape = Dims{0}}, {tensor(DType::i8, {0}, {})}).count(), 0);
  EXPECT_EQ(run(EnsureShape{.shape = Dims{}}, {tensor(DType::i8, {}, {7})}).integer(0), 7);
}

TEST(EnsureShape, RefusesOtherSizes) {
  const Tensor x = tensor(DType::f32, {2, 1}, {3, 4});
  const auto refused = [&](const Dims& stated, const std::string& why) {
    EXPECT_EQ(refusal_of([&] { run(EnsureShape{.shape = stated}, {x}); }),
              cat("invalid_model: ", why, " (EnsureShape %y0)"));
  };
  refused({1, 2}, "sizes 1 and 2 differ, wanted the same");
  refused({2}, "operand is f32[2,1], stated to have 1 dimensions");
  refused({2, 1, 1}, "operand is f32[2,1], stated to have 3 dimensions");
  refused({-1, 2}, "sizes 2 and 1 differ, wanted the same");
}

TEST(EnsureShape, TellsTheTypeOfAnOperandWithoutRank) {
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(cat(type_of(EnsureShape{.shape = Dims{n, 2}}, {Type::unranked(DType::i64)})),
            "i64[n,2]");
  const Type open = type_of(EnsureShape{.shape = Dims{-1, 2}}, {Type::unranked(DType::f32)});
  EXPECT_EQ(open.tensor().rank(), 2);
  EXPECT_TRUE(open.tensor().shape()[0].as_symbol().has_value());
}

}  // namespace hone::test::ensure_shape_test
