#include "ops/gather.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "ops/one_node.hpp"
#include "ops/slice.hpp"

namespace hone::test::gather_test {

using Ints = std::vector<int64_t>;
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

Tensor counting(DType dtype, std::vector<int64_t> shape) {
  Tensor result(dtype, std::move(shape));
  for (int64_t i = 0; i < result.count(); ++i) result.set_integer(i, i);
  return result;
}

Ints sliced(int64_t size, int64_t start, int64_t end, int64_t step) {
  return run(Slice{},
             {counting(DType::i32, {size}), i64({start}), i64({end}), i64({0}), i64({step})})
      .integers();
}

TEST(Slice, ClampsAndSteps) {
  EXPECT_EQ(sliced(5, 1, 3, 1), (Ints{1, 2}));
  EXPECT_EQ(sliced(5, -2, kMost, 1), (Ints{3, 4}));
  EXPECT_EQ(sliced(5, 0, -1, 2), (Ints{0, 2}));
  EXPECT_EQ(sliced(5, 7, 9, 1), (Ints{}));
  EXPECT_EQ(sliced(5, 3, 1, 1), (Ints{}));
  EXPECT_EQ(sliced(5, -9, 2, 1), (Ints{0, 1}));
  EXPECT_EQ(sliced(5, -1, kLeast, -1), (Ints{4, 3, 2, 1, 0}));
  EXPECT_EQ(sliced(5, kMost, kLeast, -2), (Ints{4, 2, 0}));
  EXPECT_EQ(sliced(5, 3, 0, -2), (Ints{3, 1}));
  EXPECT_EQ(sliced(5, 4, kLeast, kLeast), (Ints{4}));
  EXPECT_EQ(sliced(5, 0, kMost, kMost), (Ints{0}));
  EXPECT_EQ(sliced(0, -1, kLeast, -1), (Ints{}));
  EXPECT_EQ(refusal_of([] { sliced(5, 0, 5, 0); }),
            "invalid_model: the step of axis 0 is 0 (Slice %y0)");
}

TEST(Slice, FieldsAndAxes) {
  const Tensor x = counting(DType::u4, {3, 4});
  EXPECT_EQ(run(Slice{.starts = Dims{1}, .ends = Dims{3}, .axes = Dims{-1}}, {x}).integers(),
            (Ints{1, 2, 5, 6, 9, 10}));
  EXPECT_EQ(run(Slice{.starts = Dims{2, 3}, .ends = Dims{9, 9}}, {x}).integers(), (Ints{11}));
  const Slice backwards{.starts = Dims{-1}, .ends = Dims{-9}, .axes = Dims{1}, .steps = Dims{-3}};
  EXPECT_EQ(run(backwards, {x}).integers(), (Ints{3, 0, 7, 4, 11, 8}));
  EXPECT_EQ(refusal_of([&] {
              run(Slice{.starts = Dims{0, 0}, .ends = Dims{1}}, {x});
            }),
            "invalid_model: there are 2 axes, but starts, ends or steps has 1 (Slice %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Slice{.starts = Dims{0, 0}, .ends = Dims{1, 1}, .axes = Dims{1, -1}}, {x});
            }),
            "invalid_model: axis -1 is given twice (Slice %y0)");
}

/// The size of a dimension `size` cut by start, end, step.
std::string cut(const Dim& size, const Dim& start, const Dim& end, int64_t step = 1) {
  const Type type = type_of(Slice{.starts = Dims{start}, .ends = Dims{end}, .steps = Dims{step}},
                            {Type::tensor(DType::f32, {size})});
  return cat(type.tensor().shape()[0]);
}

TEST(Slice, Symbols) {
  const Dim n = Dim::symbol("n"), m = Dim::symbol("m");
  EXPECT_EQ(cut(n, 0, kMost), "n");
  EXPECT_EQ(cut(n, 0, std::numeric_limits<int32_t>::max()), "n");
  EXPECT_EQ(cut(n, 0, n), "n");
  EXPECT_EQ(cut(n + 3, 3, kMost), "n");
  EXPECT_EQ(cut(n + 3, 0, -3), "n");
  EXPECT_EQ(cut(n + 3, -3, kMost), "3");
  EXPECT_EQ(cut(n, 0, 2), "min(n,2)");
  EXPECT_EQ(cut(n + 2, 0, 2), "2");
  EXPECT_EQ(cut(n, -1, kMost), "min(n,1)");
  EXPECT_EQ(cut(512, 0, n), "min(n,512)");
  EXPECT_EQ(cut(n * 2, 0, kMost, 2), "n");
  EXPECT_EQ(cut(n, -1, kLeast, -1), "n");
  EXPECT_EQ(cut(n * 2, n, kMost), "n");
  EXPECT_EQ(cut(n, kMost, -4), "0");
  EXPECT_EQ(cut(n, kLeast, -4), "max(n,4)-4");
  EXPECT_EQ(cut(n, -2, kMost, -1), "0");
  EXPECT_EQ(cut(n, kLeast, 3), "min(n,3)");
  EXPECT_EQ(cut(n, 0, 3, kMost), "min(n,1)");
  EXPECT_EQ(cut(n, 2, kMost, kMost), "min(max(n,2),3)-2");
  EXPECT_EQ(cut(n, -1, kLeast, kLeast), "min(n,1)");
  EXPECT_EQ(cut(n, n - 1 - m, kMost), "y0_d0");  // before the front or not: only running tells
}

TEST(Slice, KnowsContents) {
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(known_of(Slice{.starts = Dims{-2}, .ends = Dims{kMost}}, {{DType::i64, {n, 2, n + 1}}}),
            "[2,n+1]");
  const Slice reverse{.starts = Dims{-1}, .ends = Dims{kLeast}, .steps = Dims{-1}};
  EXPECT_EQ(known_of(reverse, {{DType::i64, {n, 2, 3}}}), "[3,2,n]");
}

TEST(Gather, PicksSlices) {
  const Tensor x = counting(DType::i2, {2, 2});
  EXPECT_EQ(run(Gather{}, {counting(DType::f32, {3, 2}), i64({2, -3})}).integers(),
            (Ints{4, 5, 0, 1}));
  EXPECT_EQ(run(Gather{.axis = 1}, {x, Tensor::scalar(DType::i32, -1)}).integers(), (Ints{1, -1}));
  EXPECT_EQ(run(Gather{.axis = 1}, {x, Tensor::scalar(DType::i32, -1)}).shape(), (Ints{2}));
  EXPECT_EQ(run(Gather{}, {x, Tensor(DType::i64, {0, 3})}).shape(), (Ints{0, 3, 2}));
  EXPECT_EQ(refusal_of([&] {
              run(Gather{}, {x, i64({2})});
            }),
            "invalid_model: index 2 is out of range for size 2 (Gather %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Gather{}, {x, i64({-3})});
            }),
            "invalid_model: index -3 is out of range for size 2 (Gather %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Gather{}, {x, Tensor(DType::f32, {1})});
            }),
            "invalid_model: the indices are f32, wanted i64 or i32 (Gather %y0)");
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(known_of(Gather{}, {{DType::i64, {n, 5}}, {DType::i64, {-2, 1}}}), "[n,5]");
  EXPECT_EQ(cat(type_of(Gather{.axis = 1},
                        {Type::tensor(DType::f32, {n, 4, 5}), Type::tensor(DType::i64, {n, 2})})),
            "f32[n,n,2,5]");
}

TEST(Gather, PicksElements) {
  const Tensor x = counting(DType::i32, {2, 3});
  const Tensor indices = Tensor::ints({0, -1, 1, 1}).reshaped({2, 2});
  EXPECT_EQ(run(GatherElements{.axis = 1}, {x, indices}).integers(), (Ints{0, 2, 4, 4}));
  EXPECT_EQ(run(GatherElements{}, {x, Tensor::ints({1, 0, -1}).reshaped({1, 3})}).integers(),
            (Ints{3, 1, 5}));
  EXPECT_EQ(refusal_of([&] {
              run(GatherElements{}, {x, i64({0})});
            }),
            "invalid_model: the data is i32[2,3], the indices are i64[1], wanted the same rank "
            "(GatherElements %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(GatherElements{}, {x, Tensor(DType::i64, {1, 4})});
            }),
            "invalid_model: the indices have shape [1,4], too large for data of [2,3] "
            "(GatherElements %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(GatherElements{}, {x, Tensor::ints({2}).reshaped({1, 1})});
            }),
            "invalid_model: index 2 is out of range for size 2 (GatherElements %y0)");
}

TEST(Gather, PicksCoordinates) {
  const Tensor x = counting(DType::u8, {2, 2, 2});
  const Tensor two = Tensor::ints({0, 1, 1, -1}).reshaped({2, 2});
  EXPECT_EQ(run(GatherND{}, {x, two}).integers(), (Ints{2, 3, 6, 7}));
  const Tensor one = Tensor::ints({1, 0}).reshaped({2, 1});
  EXPECT_EQ(run(GatherND{.batch_dims = 1}, {x, one}).integers(), (Ints{2, 3, 4, 5}));
  EXPECT_EQ(run(GatherND{}, {x, i64({1, 1, 1})}).shape(), (Ints{}));
  EXPECT_EQ(refusal_of([&] {
              run(GatherND{}, {x, i64({2, 0})});
            }),
            "invalid_model: index 2 is out of range for size 2 (GatherND %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(GatherND{}, {x, i64({0, 0, 0, 0})});
            }),
            "invalid_model: coordinates of 4 numbers for data of rank 3 with batch_dims 0 "
            "(GatherND %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(GatherND{.batch_dims = 2}, {x, two});
            }),
            "invalid_model: batch_dims is 2, the ranks are 3 and 2 (GatherND %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(GatherND{}, {x, Tensor(DType::i64, {})});
            }),
            "invalid_model: the indices are a scalar (GatherND %y0)");
}

}  // namespace hone::test::gather_test
