#include "ops/logic.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

namespace hone::test::logic_test {

using Doubles = std::vector<double>;

TEST(Logic, Booleans) {
  const Tensor a = tensor(DType::boolean, {4}, {0, 0, 1, 1});
  const Tensor b = tensor(DType::boolean, {4}, {0, 1, 0, 1});
  EXPECT_EQ(numbers(run(And{}, {a, b})), (Doubles{0, 0, 0, 1}));
  EXPECT_EQ(numbers(run(Or{}, {a, b})), (Doubles{0, 1, 1, 1}));
  EXPECT_EQ(numbers(run(Xor{}, {a, b})), (Doubles{0, 1, 1, 0}));
  EXPECT_EQ(numbers(run(Not{}, {a})), (Doubles{1, 1, 0, 0}));
  EXPECT_NE(refusal_of([] { run(Not{}, {i64({1})}); }).find("wanted a bool type"),
            std::string::npos);
}

TEST(Logic, Bits) {
  const Tensor a = tensor(DType::u8, {2}, {12, 255}), b = tensor(DType::u8, {2}, {10, 1});
  EXPECT_EQ(numbers(run(BitwiseAnd{}, {a, b})), (Doubles{8, 1}));
  EXPECT_EQ(numbers(run(BitwiseOr{}, {a, b})), (Doubles{14, 255}));
  EXPECT_EQ(numbers(run(BitwiseXor{}, {a, b})), (Doubles{6, 254}));
  EXPECT_EQ(numbers(run(BitwiseNot{}, {a})), (Doubles{243, 0}));
  EXPECT_EQ(numbers(run(BitwiseNot{}, {i64({5})})), (Doubles{-6}));
}

TEST(Logic, Shifts) {
  BitShift left, right;
  right.direction = BitShift::Direction::right;
  const Tensor x = tensor(DType::u8, {3}, {16, 129, 1}), by = tensor(DType::u8, {3}, {1, 1, 8});
  EXPECT_EQ(numbers(run(left, {x, by})), (Doubles{32, 2, 0}));
  EXPECT_EQ(numbers(run(right, {x, by})), (Doubles{8, 64, 0}));
  EXPECT_EQ(run(right, {Tensor::ints({-1}, DType::u64), Tensor::ints({63}, DType::u64)}).integer(0),
            1);
  EXPECT_EQ(run(right, {i64({-8, -8}), i64({1, 64})}).integers(), (std::vector<int64_t>{-4, -1}));
}

TEST(Logic, KnowsContents) {
  const DType type = DType::boolean;
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(known_of(And{}, {{type, {1, 0}}, {type, {1, 1}}}), "[1,0]");
  EXPECT_EQ(known_of(Or{}, {{type, {1, 0}}, {type, {0, 0}}}), "[1,0]");
  EXPECT_EQ(known_of(Xor{}, {{type, {1}}, {type, {1}}}), "[0]");
  EXPECT_EQ(known_of(Not{}, {{type, {1, 0}}}), "[0,1]");
  EXPECT_EQ(known_of(Not{}, {{type, {n}}}), "?");
}

}  // namespace hone::test::logic_test
