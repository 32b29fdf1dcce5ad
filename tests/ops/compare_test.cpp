#include "ops/compare.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::compare_test {

using Doubles = std::vector<double>;

TEST(Compare, Numbers) {
  const Tensor a = f32({1, 2, 3}), b = tensor(DType::f32, {}, {2});
  EXPECT_EQ(numbers(run(Equal{}, {a, b})), (Doubles{0, 1, 0}));
  EXPECT_EQ(numbers(run(Greater{}, {a, b})), (Doubles{0, 0, 1}));
  EXPECT_EQ(numbers(run(GreaterOrEqual{}, {a, b})), (Doubles{0, 1, 1}));
  EXPECT_EQ(numbers(run(Less{}, {a, b})), (Doubles{1, 0, 0}));
  EXPECT_EQ(numbers(run(LessOrEqual{}, {a, b})), (Doubles{1, 1, 0}));
  EXPECT_EQ(run(Equal{}, {a, b}).dtype(), DType::boolean);
  const Tensor nan = f32({std::nan("")});
  EXPECT_EQ(numbers(run(Equal{}, {nan, nan})), Doubles{0});
  EXPECT_EQ(numbers(run(LessOrEqual{}, {nan, nan})), Doubles{0});
}

TEST(Compare, WideIntegers) {
  // Neighbours that are one double; the largest u64 is no negative number.
  const int64_t wide = (1LL << 53) + 1;
  EXPECT_EQ(numbers(run(Equal{}, {i64({wide}), i64({wide - 1})})), Doubles{0});
  EXPECT_EQ(numbers(run(Less{}, {i64({wide - 1}), i64({wide})})), Doubles{1});
  EXPECT_EQ(
      numbers(run(Greater{}, {Tensor::ints({-1}, DType::u64), Tensor::ints({1}, DType::u64)})),
      Doubles{1});
}

TEST(Compare, BooleansAndStrings) {
  const Tensor t = tensor(DType::boolean, {2}, {0, 1});
  EXPECT_EQ(numbers(run(Equal{}, {t, tensor(DType::boolean, {1}, {1})})), (Doubles{0, 1}));
  const Tensor words = Tensor::of_strings({2}, {"a", "b"}), word = Tensor::of_strings({}, {"b"});
  EXPECT_EQ(numbers(run(Equal{}, {words, word})), (Doubles{0, 1}));
  EXPECT_EQ(refusal_of([&] {
              run(Less{}, {t, t});
            }),
            "invalid_model: operand 0 is bool, wanted a numeric type (Less %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Equal{}, {t, f32({1})});
            }),
            "invalid_model: operands are bool and f32, wanted one type (Equal %y0)");
}

TEST(Compare, Where) {
  const Tensor condition = tensor(DType::boolean, {2, 1}, {1, 0});
  const Tensor chosen = run(Where{}, {condition, f32({1, 2}), f32({10})});
  EXPECT_EQ(chosen.shape(), (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(numbers(chosen), (Doubles{1, 2, 10, 10}));
  const Tensor i4 = run(Where{}, {tensor(DType::boolean, {3}, {1, 0, 1}),
                                  tensor(DType::i4, {3}, {-8, 1, 2}), tensor(DType::i4, {1}, {7})});
  EXPECT_EQ(numbers(i4), (Doubles{-8, 7, 2}));
  Tensor complex(DType::c64, {1});
  complex.mutable_bytes()[7] = std::byte{0x40};
  EXPECT_TRUE(same_bits(
      run(Where{}, {tensor(DType::boolean, {1}, {1}), complex, Tensor(DType::c64, {1})}), complex));
  const Tensor words =
      run(Where{}, {tensor(DType::boolean, {2}, {0, 1}), Tensor::of_strings({1}, {"x"}),
                    Tensor::of_strings({2}, {"a", "b"})});
  EXPECT_EQ(words.strings(), (std::vector<std::string>{"a", "x"}));
  EXPECT_EQ(refusal_of([] {
              run(Where{}, {i64({1}), f32({1}), f32({1})});
            }),
            "invalid_model: the condition is i64, wanted bool (Where %y0)");
}

TEST(Compare, KnowsContents) {
  const Dim n = Dim::symbol("n");
  const DType type = DType::i64, boolean = DType::boolean;
  EXPECT_EQ(known_of(Equal{}, {{type, {n, 3, n}}, {type, {-1, 3, n}}}), "[0,1,1]");
  EXPECT_EQ(known_of(Equal{}, {{type, {n}}, {type, {3}}}), "?");
  EXPECT_EQ(known_of(Less{}, {{type, {n, n}}, {type, {n + 1, n}}}), "[1,0]");
  EXPECT_EQ(known_of(LessOrEqual{}, {{type, {n, 3}}, {type, {n, 2}}}), "[1,0]");
  EXPECT_EQ(known_of(Greater{}, {{type, {n, n}}, {type, {-1, n}}}), "[1,0]");
  EXPECT_EQ(known_of(GreaterOrEqual{}, {{type, {n}}, {type, {0}}}), "[1]");
  EXPECT_EQ(known_of(Where{}, {{boolean, {1, 0}}, {type, {n}}, {type, {4}}}), "[n,4]");
  EXPECT_EQ(known_of(Where{}, {{boolean, {n}}, {type, {2}}, {type, {2}}}), "[2]");
  EXPECT_EQ(known_of(Where{}, {{boolean, {n}}, {type, {2}}, {type, {3}}}), "?");
}

}  // namespace hone::test::compare_test
