#include "ops/unique.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::unique_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
using Strings = std::vector<std::string>;

TEST(Unique, OfTheFlattenedOperand) {
  const Tensor x = tensor(DType::f32, {2, 3}, {2, 1, 1, 3, 4, 3});
  const auto sorted = run_all(Unique{}, {x}, 4);
  EXPECT_EQ(numbers(sorted[0]), (Doubles{1, 2, 3, 4}));
  EXPECT_EQ(sorted[1].integers(), (Ints{1, 0, 3, 4}));
  EXPECT_EQ(sorted[2].integers(), (Ints{1, 0, 0, 2, 3, 2}));
  EXPECT_EQ(sorted[3].integers(), (Ints{2, 1, 2, 1}));
  const auto found = run_all(Unique{.sorted = false}, {x}, 4);
  EXPECT_EQ(numbers(found[0]), (Doubles{2, 1, 3, 4}));
  EXPECT_EQ(found[1].integers(), (Ints{0, 1, 3, 4}));
  EXPECT_EQ(found[2].integers(), (Ints{0, 1, 1, 2, 3, 2}));
  EXPECT_EQ(found[3].integers(), (Ints{1, 2, 2, 1}));
}

TEST(Unique, OfSlices) {
  const Tensor x = tensor(DType::i32, {3, 3}, {1, 0, 0, 1, 0, 0, 2, 3, 4});
  const auto rows = run_all(Unique{.axis = 0}, {x}, 4);
  EXPECT_EQ(rows[0].shape(), (Ints{2, 3}));
  EXPECT_EQ(rows[0].integers(), (Ints{1, 0, 0, 2, 3, 4}));
  EXPECT_EQ(rows[1].integers(), (Ints{0, 2}));
  EXPECT_EQ(rows[2].integers(), (Ints{0, 0, 1}));
  EXPECT_EQ(rows[3].integers(), (Ints{2, 1}));
  const auto columns = run_all(Unique{.axis = -1}, {x}, 2);
  EXPECT_EQ(columns[0].integers(), (Ints{0, 0, 1, 0, 0, 1, 3, 4, 2}));
  EXPECT_EQ(columns[1].integers(), (Ints{1, 2, 0}));
}

TEST(Unique, OrdersWhatIsNoPlainNumber) {
  const Tensor x = f32({NAN, -0.0, 0, NAN, -INFINITY});
  const auto found = run_all(Unique{}, {x}, 4);
  EXPECT_EQ(found[1].integers(), (Ints{4, 1, 0}));
  EXPECT_EQ(found[3].integers(), (Ints{1, 2, 2}));
  EXPECT_TRUE(std::signbit(found[0].at<float>(1)) && std::isnan(found[0].at<float>(2)));
  const auto words = run_all(Unique{}, {Tensor::of_strings({3}, {"b", "", "b"})}, 2);
  EXPECT_EQ(words[0].strings(), (Strings{"", "b"}));
  EXPECT_EQ(words[1].integers(), (Ints{1, 0}));
  EXPECT_EQ(run(Unique{}, {Tensor::ints({-1, 1}, DType::u64)}).integers(), (Ints{1, -1}));
  EXPECT_EQ(run(Unique{}, {tensor(DType::u4, {3}, {9, 1, 9})}).integers(), (Ints{1, 9}));
  Tensor complex(DType::c64, {3});
  for (int64_t i = 0; i < 6; ++i) complex.put(i, i == 3 ? 5.0f : 2.0f);  // 2+2i, 2+5i, 2+2i
  EXPECT_EQ(run_all(Unique{}, {complex}, 3)[2].integers(), (Ints{0, 1, 0}));
}

TEST(Unique, Edges) {
  EXPECT_EQ(run(Unique{}, {Tensor(DType::f32, {0, 3})}).shape(), (Ints{0}));
  EXPECT_EQ(run_all(Unique{.axis = 0}, {Tensor(DType::f32, {0, 3})}, 4)[0].shape(), (Ints{0, 3}));
  const auto none = run_all(Unique{.axis = 0}, {Tensor(DType::f32, {3, 0})}, 4);
  EXPECT_EQ(none[0].shape(), (Ints{1, 0}));  // three slices of nothing are equal
  EXPECT_EQ(none[3].integers(), (Ints{3}));
  EXPECT_EQ(run(Unique{}, {Tensor::scalar(DType::i64, 7)}).integers(), (Ints{7}));
  EXPECT_EQ(refusal_of([] { run(Unique{.axis = 1}, {f32({1})}); }),
            "invalid_model: axis 1 is out of range for rank 1 (Unique %y0)");
  const Type x = Type::tensor(DType::f16, {Dim::symbol("n"), 4});
  EXPECT_EQ(cat(type_of(Unique{}, {x})), "f16[y0_d0]");
  EXPECT_EQ(cat(type_of(Unique{.axis = 1}, {x})), "f16[n,y0_d1]");
  EXPECT_EQ(cat(type_of(Unique{.axis = 1}, {Type::unranked(DType::i8)})), "i8[*]");
}

TEST(Trilu, KeepsATriangle) {
  const Tensor x = tensor(DType::i64, {2, 3}, {1, 2, 3, 4, 5, 6});
  const auto of = [&](std::optional<int64_t> k, bool upper) {
    Trilu op{.upper = upper};
    if (k) op.k = Dims{Dim(*k)};
    return run(op, {x}).integers();
  };
  EXPECT_EQ(of({}, true), (Ints{1, 2, 3, 0, 5, 6}));
  EXPECT_EQ(of(1, true), (Ints{0, 2, 3, 0, 0, 6}));
  EXPECT_EQ(of(-1, true), (Ints{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(of({}, false), (Ints{1, 0, 0, 4, 5, 0}));
  EXPECT_EQ(of(1, false), (Ints{1, 2, 0, 4, 5, 6}));
  EXPECT_EQ(of(-1, false), (Ints{0, 0, 0, 4, 0, 0}));
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(of(kFar, true), Ints(6, 0));
  EXPECT_EQ(of(-kFar - 1, true), x.integers());
  EXPECT_EQ(of(kFar, false), x.integers());
  EXPECT_EQ(of(-kFar - 1, false), Ints(6, 0));
}

TEST(Trilu, Edges) {
  const Tensor batch = tensor(DType::boolean, {2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_EQ(run(Trilu{}, {batch, Tensor::scalar(DType::i64, 0)}).integers(),
            (Ints{1, 1, 0, 1, 1, 1, 0, 1}));
  EXPECT_EQ(run(Trilu{}, {Tensor::of_strings({2, 1}, {"a", "b"})}).strings(), (Strings{"a", ""}));
  EXPECT_EQ(run(Trilu{}, {Tensor(DType::f32, {3, 0})}).shape(), (Ints{3, 0}));
  EXPECT_EQ(run(Trilu{}, {Tensor(DType::f32, {0, 2, 2})}).count(), 0);
  EXPECT_EQ(refusal_of([] { run(Trilu{}, {f32({1})}); }),
            "invalid_model: the operand is f32[1], wanted rank 2 or more (Trilu %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Trilu{}, {batch, i64({0, 1})});
            }),
            "invalid_model: k has 2 numbers, wanted 1 (Trilu %y0)");
}

TEST(ReverseSequence, TurnsTheFirstOfEach) {
  const Tensor x = tensor(DType::f32, {2, 4}, {0, 1, 2, 3, 4, 5, 6, 7});
  const ReverseSequence rows{.batch_axis = 0, .time_axis = 1};
  EXPECT_EQ(numbers(run(rows, {x, i64({3, 0})})), (Doubles{2, 1, 0, 3, 4, 5, 6, 7}));
  EXPECT_EQ(numbers(run(ReverseSequence{}, {x, i64({2, 1, 2, 1})})),
            (Doubles{4, 1, 6, 3, 0, 5, 2, 7}));
  const Tensor deep = tensor(DType::u4, {2, 1, 2}, {1, 2, 3, 4});
  EXPECT_EQ(run(ReverseSequence{}, {deep, i64({2})}).integers(), (Ints{3, 4, 1, 2}));
  EXPECT_EQ(run(rows, {Tensor(DType::f32, {2, 0}), i64({0, 0})}).shape(), (Ints{2, 0}));
}

TEST(ReverseSequence, RefusesWhatDoesNotFit) {
  const Tensor x = tensor(DType::f32, {2, 2}, {0, 1, 2, 3});
  const auto refused = [&](const Tensor& lengths, const std::string& why) {
    EXPECT_EQ(refusal_of([&] {
                run(ReverseSequence{}, {x, lengths});
              }),
              cat("invalid_model: ", why, " (ReverseSequence %y0)"));
  };
  refused(i64({3, 0}), "sequence_lens has 3, wanted 0 to 2");
  refused(i64({-1, 0}), "sequence_lens has -1, wanted 0 to 2");
  refused(i64({1}), "sizes 2 and 1 differ, wanted the same");
  refused(f32({1, 1}), "sequence_lens is f32[2], wanted i64");
  EXPECT_EQ(refusal_of([&] {
              run(ReverseSequence{.batch_axis = 0}, {x, i64({1, 1})});
            }),
            "invalid_model: batch_axis is 0 and time_axis 0, wanted 0 and 1 or 1 and 0 "
            "(ReverseSequence %y0)");
  EXPECT_EQ(refusal_of([] {
              run(ReverseSequence{}, {f32({1}), i64({1})});
            }),
            "invalid_model: the operand is f32[1], wanted rank 2 or more (ReverseSequence %y0)");
}

}  // namespace hone::test::unique_test
