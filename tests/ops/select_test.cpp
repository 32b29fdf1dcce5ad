#include "ops/select.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::select_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

TEST(Select, NonZero) {
  const Tensor x = tensor(DType::f32, {2, 2}, {0, 0.5, NAN, 0});
  const Tensor y = run(NonZero{}, {x});
  EXPECT_EQ(y.shape(), (Ints{2, 2}));
  EXPECT_EQ(y.integers(), (Ints{0, 1, 1, 0}));
  EXPECT_EQ(run(NonZero{}, {Tensor(DType::i64, {0, 3})}).shape(), (Ints{2, 0}));
  EXPECT_EQ(run(NonZero{}, {Tensor::scalar(DType::i64, 1)}).shape(), (Ints{0, 1}));
  const Type image = Type::tensor(DType::boolean, {Dim::symbol("n"), 4});
  EXPECT_EQ(cat(type_of(NonZero{}, {image})), "i64[2,y0_d1]");
}

/// Every element type, gaps that go over several rows, and zeros with a sign.
TEST(Select, NonZeroOfManyAxes) {
  for (const DType dtype :
       {DType::boolean, DType::u8, DType::i8, DType::i16, DType::f16, DType::bf16, DType::f32,
        DType::i32, DType::f64, DType::i64, DType::u4}) {
    Tensor x(dtype, {3, 5, 1, 7});
    std::vector<Ints> wanted(4);
    for (int64_t i = 0; i < x.count(); ++i) {
      const bool found = i % 11 == 3 || i > 95 || (i > 40 && i < 44);
      if (is_float(dtype)) x.set_number(i, found ? -0.5 : -0.0);
      else x.set_integer(i, found ? 1 : 0);
      if (!found) continue;
      const int64_t index[] = {i / 35, i / 7 % 5, 0, i % 7};
      for (size_t d = 0; d < 4; ++d) wanted[d].push_back(index[d]);
    }
    Ints all;
    for (const Ints& axis : wanted) all.insert(all.end(), axis.begin(), axis.end());
    EXPECT_EQ(run(NonZero{}, {x}).integers(), all) << cat(dtype);
  }
}

TEST(Select, Compress) {
  const Tensor x = tensor(DType::u8, {2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor some = tensor(DType::boolean, {2}, {0, 1});
  EXPECT_EQ(run(Compress{.axis = -1}, {x, some}).integers(), (Ints{2, 5}));
  EXPECT_EQ(run(Compress{.axis = 0}, {x, some}).integers(), (Ints{4, 5, 6}));
  EXPECT_EQ(run(Compress{}, {x, some}).integers(), (Ints{2}));
  for (const DType dtype : {DType::f32, DType::i64, DType::u4, DType::f16}) {
    const Tensor same = tensor(dtype, {2, 3}, {1, 2, 3, 4, 5, 6});
    const Tensor ends = tensor(DType::boolean, {3}, {1, 0, 1});
    EXPECT_EQ(cat(run(Compress{.axis = 1}, {same, ends}).number(2)), "4") << cat(dtype);
    EXPECT_EQ(cat(run(Compress{.axis = 0}, {same, some}).number(1)), "5") << cat(dtype);
    EXPECT_EQ(cat(run(Compress{}, {same, ends}).number(1)), "3") << cat(dtype);
  }
  EXPECT_EQ(run(Compress{.axis = 1}, {x, Tensor(DType::boolean, {0})}).shape(), (Ints{2, 0}));
  EXPECT_EQ(refusal_of([&] {
              run(Compress{.axis = 0}, {x, Tensor(DType::boolean, {3})});
            }),
            "invalid_model: the condition has 3 elements, axis 0 of [2,3] fewer (Compress %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Compress{.axis = 0}, {x, i64({1, 1})});
            }),
            "invalid_model: the condition is i64[2], wanted bool (Compress %y0)");
}

TEST(Select, OneHot) {
  const Tensor values = f32({-1, 5}), depth = Tensor::scalar(DType::i64, 3);
  EXPECT_EQ(numbers(run(OneHot{}, {i64({0, -1, 7}), depth, values})),
            (Doubles{5, -1, -1, -1, -1, 5, -1, -1, -1}));
  EXPECT_EQ(numbers(run(OneHot{.axis = 0}, {i64({1, 2}), depth, values})),
            (Doubles{-1, -1, 5, -1, -1, 5}));
  EXPECT_EQ(run(OneHot{}, {Tensor(DType::i64, {0}), depth, values}).shape(), (Ints{0, 3}));
  EXPECT_EQ(refusal_of([&] {
              run(OneHot{.axis = 2}, {i64({0}), depth, values});
            }),
            "invalid_model: axis 2 is out of range for rank 2 (OneHot %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(OneHot{}, {i64({0}), i64({-1}), values});
            }),
            "invalid_model: the depth is -1 (OneHot %y0)");
}

TEST(Select, TopK) {
  const Tensor x = tensor(DType::f32, {2, 3}, {1, 3, 3, NAN, -1, 0});
  const auto most = run_all(TopK{.k = Dims{2}}, {x}, 2);
  EXPECT_EQ(most[0].at<float>(0), 3);
  EXPECT_EQ(most[1].integers(), (Ints{1, 2, 0, 2}));
  const auto least = run_all(TopK{.axis = 0, .largest = false}, {x, i64({1})}, 2);
  EXPECT_EQ(numbers(least[0]), (Doubles{1, -1, 0}));
  EXPECT_EQ(least[1].integers(), (Ints{0, 1, 1}));
  EXPECT_EQ(run_all(TopK{.k = Dims{0}}, {x}, 2)[1].shape(), (Ints{2, 0}));
  EXPECT_EQ(run(TopK{.k = Dims{1}}, {Tensor::ints({1, -1}, DType::u64)}).integer(0), -1);
  EXPECT_EQ(refusal_of([&] { run(TopK{.k = Dims{4}}, {x}); }),
            "invalid_model: size 4 is larger than 3 (TopK %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(TopK{}, {x, i64({1, 1})});
            }),
            "invalid_model: k has 2 numbers, wanted 1 (TopK %y0)");
}

TEST(Select, EyeLike) {
  const Tensor x(DType::i64, {2, 3});
  EXPECT_EQ(numbers(run(EyeLike{.k = 1}, {x})), (Doubles{0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(run(EyeLike{.k = -1, .dtype = DType::boolean}, {x}).integers(),
            (Ints{0, 0, 0, 1, 0, 0}));
  EXPECT_EQ(run(EyeLike{.k = std::numeric_limits<int64_t>::max()}, {x}).integers(),
            (Ints{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(refusal_of([&] { run(EyeLike{}, {Tensor(DType::f32, {2})}); }),
            "invalid_model: the operand is f32[2], wanted rank 2 (EyeLike %y0)");
}

}  // namespace hone::test::select_test
