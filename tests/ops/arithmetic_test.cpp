#include "ops/arithmetic.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::arithmetic_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
const double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Arithmetic, Broadcasts) {
  const Tensor x = tensor(DType::f32, {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(numbers(run(Add{}, {x, f32({10, 20, 30})})), (Doubles{11, 22, 33, 14, 25, 36}));
  EXPECT_EQ(numbers(run(Sub{}, {x, tensor(DType::f32, {2, 1}, {10, 20})})),
            (Doubles{-9, -8, -7, -16, -15, -14}));
  EXPECT_EQ(numbers(run(Mul{}, {x, tensor(DType::f32, {}, {2})})), (Doubles{2, 4, 6, 8, 10, 12}));
  const Tensor both =
      run(Add{}, {tensor(DType::i32, {3, 1}, {1, 2, 3}), tensor(DType::i32, {1, 2}, {10, 20})});
  EXPECT_EQ(both.shape(), (Ints{3, 2}));
  EXPECT_EQ(numbers(both), (Doubles{11, 21, 12, 22, 13, 23}));
  // Axes that repeat between axes that do not.
  const Tensor inner = run(Add{}, {tensor(DType::f32, {2, 1, 2}, {1, 2, 3, 4}),
                                   tensor(DType::f32, {1, 2, 1}, {10, 20})});
  EXPECT_EQ(numbers(inner), (Doubles{11, 12, 21, 22, 13, 14, 23, 24}));
}

TEST(Arithmetic, EmptyAndLong) {
  EXPECT_EQ(run(Add{}, {Tensor(DType::f32, {0, 3}), f32({1, 2, 3})}).shape(), (Ints{0, 3}));
  EXPECT_EQ(run(Add{}, {Tensor(DType::f32, {0}), f32({1})}).shape(), (Ints{0}));
  Tensor x(DType::f32, {1300});
  for (int64_t i = 0; i < x.count(); ++i) x.set_number(i, static_cast<double>(i));
  const Tensor y = run(Mul{}, {x, x});
  for (int64_t i = 0; i < x.count(); ++i) ASSERT_EQ(y.number(i), static_cast<double>(i * i));
}

TEST(Arithmetic, RoundsOnce) {
  // 1 + 2^-24 lies halfway and rounds to even; f16 in its own width.
  EXPECT_EQ(run(Add{}, {f32({1}), f32({0x1p-24})}).number(0), 1);
  EXPECT_EQ(run(Add{}, {f32({1}), f32({0x1.8p-24})}).number(0), 1 + 0x1p-23);
  const Tensor a = tensor(DType::f16, {1}, {2048}), b = tensor(DType::f16, {1}, {3});
  EXPECT_EQ(run(Add{}, {a, b}).number(0), 2052);
  EXPECT_EQ(run(Div{}, {f32({1}), f32({3})}).at<float>(0), 1.0f / 3.0f);
}

TEST(Arithmetic, IntegersAreExactAndWrap) {
  EXPECT_EQ(run(Add{}, {i64({kMost}), i64({1})}).integers(), Ints{kLeast});
  EXPECT_EQ(run(Add{}, {i64({(1LL << 53) + 1}), i64({1})}).integers(), Ints{(1LL << 53) + 2});
  EXPECT_EQ(run(Sub{}, {i64({kLeast}), i64({1})}).integers(), Ints{kMost});
  EXPECT_EQ(run(Mul{}, {i64({kMost}), i64({2})}).integers(), Ints{-2});
  EXPECT_EQ(numbers(run(Add{}, {tensor(DType::u8, {1}, {250}), tensor(DType::u8, {1}, {10})})),
            Doubles{4});
  EXPECT_EQ(numbers(run(Sub{}, {tensor(DType::u8, {1}, {1}), tensor(DType::u8, {1}, {2})})),
            Doubles{255});
}

TEST(Arithmetic, IntegerDivision) {
  EXPECT_EQ(run(Div{}, {i64({7, -7, 7, -7, 5, kLeast}), i64({2, 2, -2, -2, 0, -1})}).integers(),
            (Ints{3, -3, -3, 3, 0, kLeast}));
  const Tensor large = Tensor::ints({-1}, DType::u64), two = Tensor::ints({2}, DType::u64);
  EXPECT_EQ(run(Div{}, {large, two}).integers(), Ints{kMost});
  EXPECT_EQ(run(Div{}, {two, large}).integers(), Ints{0});
}

TEST(Arithmetic, Mod) {
  const Tensor a = i64({-4, 7, 5, 4, -7, 8}), b = i64({2, -3, 8, -2, 3, 5});
  EXPECT_EQ(run(Mod{}, {a, b}).integers(), (Ints{0, -2, 5, 0, 2, 3}));
  Mod c_like;
  c_like.fmod = true;
  EXPECT_EQ(run(c_like, {a, b}).integers(), (Ints{0, 1, 5, 0, -1, 3}));
  EXPECT_EQ(run(Mod{}, {i64({5, kLeast}), i64({0, -1})}).integers(), (Ints{0, 0}));
  EXPECT_EQ(numbers(run(c_like, {f32({-4.5, 5.5}), f32({2, -3})})), (Doubles{-0.5, 2.5}));
  EXPECT_EQ(run(Mod{}, {Tensor::ints({-1}, DType::u64), Tensor::ints({10}, DType::u64)}).integers(),
            Ints{5});
  EXPECT_EQ(numbers(run(Mod{}, {f32({-4.5, 5.5}), f32({2, -3})})), (Doubles{1.5, -0.5}));
}

TEST(Arithmetic, Pow) {
  EXPECT_EQ(numbers(run(Pow{}, {f32({2, 3, 4}), f32({3, 2, 0.5})})), (Doubles{8, 9, 2}));
  EXPECT_EQ(run(Pow{}, {i64({3, -1, 2, 1, 2}), i64({39, -3, -1, -5, 64})}).integers(),
            (Ints{4052555153018976267, -1, 0, 1, 0}));
  EXPECT_EQ(numbers(run(Pow{}, {f32({2, 3}), i64({3, 2})})), (Doubles{8, 9}));
  const Tensor truncated = run(Pow{}, {tensor(DType::i32, {2}, {2, 10}), f32({0.5, 1.5})});
  EXPECT_EQ(truncated.dtype(), DType::i32);
  EXPECT_EQ(numbers(truncated), (Doubles{1, 31}));
}

TEST(Arithmetic, VariadicsTakeOneOrMore) {
  const Tensor a = f32({1, 5, 3}), b = tensor(DType::f32, {2, 1}, {2, 4}), c = f32({3});
  EXPECT_EQ(numbers(run(Max{}, {a, b, c})), (Doubles{3, 5, 3, 4, 5, 4}));
  EXPECT_EQ(numbers(run(Min{}, {a, b, c})), (Doubles{1, 2, 2, 1, 3, 3}));
  EXPECT_EQ(numbers(run(Sum{}, {a, b, c})), (Doubles{6, 10, 8, 8, 12, 10}));
  EXPECT_EQ(numbers(run(Mean{}, {a, b, c})),
            (Doubles{2, static_cast<double>(10.0f / 3), static_cast<double>(8.0f / 3),
                     static_cast<double>(8.0f / 3), 4, static_cast<double>(10.0f / 3)}));
  EXPECT_EQ(numbers(run(Sum{}, {a})), (Doubles{1, 5, 3}));
  const Doubles nan = numbers(run(Max{}, {f32({kNaN, 1}), f32({1, kNaN})}));
  EXPECT_TRUE(std::isnan(nan[0]) && std::isnan(nan[1]));
  EXPECT_EQ(run(Max{}, {Tensor::ints({-1}, DType::u64), Tensor::ints({5}, DType::u64)}).integers(),
            Ints{-1});
  EXPECT_EQ(run(Max{}, {i64({-1}), i64({5})}).integers(), Ints{5});
}

TEST(Arithmetic, PReluTakesSlopesOfItsInput) {
  const Tensor x = tensor(DType::f32, {2, 2}, {-1, 2, -3, -4});
  EXPECT_EQ(numbers(run(PRelu{}, {x, tensor(DType::f32, {2, 1}, {0.5, 0.25})})),
            (Doubles{-0.5, 2, -0.75, -1}));
  EXPECT_EQ(refusal_of([] {
              run(PRelu{}, {f32({1}), f32({1, 2})});
            }),
            "invalid_model: sizes 1 and 2 differ, wanted the same (PRelu %y0)");
  EXPECT_EQ(refusal_of([] {
              run(PRelu{}, {f32({1}), Tensor(DType::f32, {1, 1})});
            }),
            "invalid_model: slope f32[1,1] has more dimensions than f32[1] (PRelu %y0)");
}

TEST(Arithmetic, Types) {
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(type_of(Add{}, {Type::tensor(DType::f32, {n, 3}), Type::tensor(DType::f32, {3})}),
            Type::tensor(DType::f32, {n, 3}));
  EXPECT_EQ(type_of(Mul{}, {Type::unranked(DType::f16), Type::tensor(DType::f16, {3})}),
            Type::unranked(DType::f16));
  EXPECT_EQ(refusal_of([] {
              run(Add{}, {f32({1, 2}), f32({1, 2, 3})});
            }).substr(0, 26),
            "invalid_model: sizes 2 and");
  EXPECT_NE(refusal_of([] {
              run(Add{}, {f32({1}), i64({1})});
            }).find("f32 and i64"),
            std::string::npos);
  EXPECT_NE(refusal_of([] {
              const Tensor words = Tensor::of_strings({1}, {"a"});
              run(Add{}, {words, words});
            }).find("str, wanted a numeric type"),
            std::string::npos);
}

TEST(Arithmetic, KnowsContents) {
  const Dim n = Dim::symbol("n"), m = Dim::symbol("m");
  const DType type = DType::i64;
  EXPECT_EQ(known_of(Add{}, {{type, {n, 3}}, {type, {2, m}}}), "[n+2,m+3]");
  EXPECT_EQ(known_of(Sub{}, {{type, {n}}, {type, {n}}}), "[0]");
  EXPECT_EQ(known_of(Mul{}, {{type, {n, 4}}, {type, {2}}}), "[2*n,8]");
  EXPECT_EQ(known_of(Div{}, {{type, {n, 2 * n, -7}}, {type, {2}}}), "[floordiv(n,2),n,-3]");
  EXPECT_EQ(known_of(Div{}, {{type, {n - 5}}, {type, {2}}}), "?");
  EXPECT_EQ(known_of(Mod{}, {{type, {9, 2 * n}}, {type, {2}}}), "[1,0]");
  EXPECT_EQ(known_of(Max{}, {{type, {n, 2}}, {type, {1, 5}}}), "[max(n,1),5]");
  EXPECT_EQ(known_of(Min{}, {{type, {3}}, {type, {5}}}), "[3]");
  EXPECT_EQ(known_of(Add{}, {{DType::u8, {1}}, {DType::u8, {2}}}), "?");
}

TEST(Arithmetic, ContentsThatWrapAreNotKnown) {
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(run(Mul{}, {i64({most}), i64({3})}).integer(0), most - 2);
  EXPECT_EQ(run(Add{}, {i64({most}), i64({1})}).integer(0), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(known_of(Mul{}, {{DType::i32, {Dim(1 << 30)}}, {DType::i32, {Dim(4)}}}), "?");
  EXPECT_EQ(known_of(Mul{}, {{DType::i64, {Dim(1 << 30)}}, {DType::i64, {Dim(4)}}}),
            "[4294967296]");
}

}  // namespace hone::test::arithmetic_test
