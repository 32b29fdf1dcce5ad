// What ops say of their algebra holds of their reference evaluation.

#include <gtest/gtest.h>

#include <cmath>

#include "ops/common/registry.hpp"
#include "ops/one_node.hpp"

namespace hone::test::algebra_test {

Tensor operand(DType dtype, int which) {
  const std::vector<double> values[] = {{3, -2, 7, 1}, {5, 4, -6, 9}, {-8, 2, 1, 11}};
  return tensor(dtype, {4}, values[which]);
}

/// The dtypes of two operands that the op takes.
std::vector<DType> dtypes_of(const Op& op) {
  std::vector<DType> found;
  for (const DType dtype : {DType::f64, DType::f32, DType::i32, DType::boolean})
    if (refusal_of([&] { run(op, {operand(dtype, 0), operand(dtype, 1)}); }).empty())
      found.push_back(dtype);
  return found;
}

std::vector<Op> ops_that(bool (*says)(const Algebra&)) {
  std::vector<Op> found;
  for (const OpClass* op : all_ops().all())
    if (says(op->algebra)) found.push_back(Op::of(*op, op->copy(nullptr)));
  return found;
}

TEST(Algebra, OperandsInAnyOrder) {
  const auto ops = ops_that([](const Algebra& algebra) { return algebra.commutes; });
  EXPECT_GE(ops.size(), 13u);
  for (const Op& op : ops) {
    const auto dtypes = dtypes_of(op);
    EXPECT_FALSE(dtypes.empty()) << op.name();
    for (const DType dtype : dtypes) {
      const Tensor a = operand(dtype, 0), b = operand(dtype, 1);
      EXPECT_TRUE(same_bits(run(op, {a, b}), run(op, {b, a})))
          << op.name() << " of " << name(dtype);
    }
  }
}

TEST(Algebra, ChainsInAnyAssociation) {
  const auto ops = ops_that([](const Algebra& algebra) { return algebra.associates; });
  EXPECT_GE(ops.size(), 11u);
  for (const Op& op : ops)
    for (const DType dtype : dtypes_of(op)) {
      const Tensor a = operand(dtype, 0), b = operand(dtype, 1), c = operand(dtype, 2);
      EXPECT_TRUE(same_bits(run(op, {run(op, {a, b}), c}), run(op, {a, run(op, {b, c})})))
          << op.name() << " of " << name(dtype);
    }
}

TEST(Algebra, InversesAreTheOtherOpOnTheInverse) {
  const auto ops = ops_that([](const Algebra& algebra) { return !algebra.inverse_of.empty(); });
  EXPECT_EQ(ops.size(), 2u);
  for (const Op& op : ops) {
    const Algebra& algebra = op.op_class().algebra;
    const OpClass* other = all_ops().find(algebra.inverse_of);
    ASSERT_NE(other, nullptr) << op.name();
    const Op inverse = Op::of(*other, other->copy(nullptr));
    const Tensor a = operand(DType::f64, 0);
    for (const double c : {0.25, -3.0, 1e6}) {
      const auto left = numbers(run(op, {a, tensor(DType::f64, {1}, {c})}));
      const auto right = numbers(run(inverse, {a, tensor(DType::f64, {1}, {algebra.invert(c)})}));
      for (size_t i = 0; i < left.size(); ++i)
        EXPECT_NEAR(left[i], right[i], 1e-15 * std::fabs(left[i])) << op.name();
    }
  }
}

}  // namespace hone::test::algebra_test
