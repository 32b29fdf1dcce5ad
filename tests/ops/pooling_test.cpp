#include "ops/pooling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::pooling_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

const Tensor kLine = tensor(DType::f32, {1, 1, 5}, {1, 5, 3, -4, 2});
const Tensor kSquare = tensor(DType::f32, {1, 1, 3, 3}, {1, 2, 3, 4, 9, 6, 7, 8, 5});

Window window(Ints kernel, Ints strides = {}, Ints pads = {}, Ints dilations = {}) {
  return {.kernel_shape = std::move(kernel),
          .strides = std::move(strides),
          .dilations = std::move(dilations),
          .pads = std::move(pads)};
}

TEST(Pooling, SymbolicSizes) {
  const Dim n = Dim::symbol("n"), h = Dim::symbol("h");
  const Type x = Type::tensor(DType::f32, {n, 8, h, 7});
  const auto type = [&](const Window& w, bool ceil) {
    return cat(type_of(MaxPool{.window = w, .ceil_mode = ceil}, {x}));
  };
  EXPECT_EQ(type(window({2, 2}, {2, 2}), false), "f32[n,8,floordiv(h,2),3]");
  EXPECT_EQ(type(window({2, 2}, {2, 2}), true),
            cat(Type::tensor(DType::f32, {n, 8, ceil_div(h, 2), 4})));
  EXPECT_EQ(type(window({3, 3}, {1, 1}, {1, 1, 1, 1}), true), "f32[n,8,h,7]");
  // The last window would start in the padding at the end.
  EXPECT_EQ(type(window({1, 1}, {2, 2}, {0, 0, 1, 1}), true),
            cat(Type::tensor(DType::f32, {n, 8, ceil_div(h, 2), 4})));
  const Type any = type_of(AveragePool{.window = window({2, 2})}, {Type::unranked(DType::f16)});
  EXPECT_EQ(any.tensor().rank(), 4);
  EXPECT_EQ(cat(type_of(GlobalAveragePool{}, {x})), "f32[n,8,1,1]");
  EXPECT_EQ(cat(type_of(GlobalMaxPool{}, {Type::unranked(DType::f32)})), "f32[*]");
}

TEST(Pooling, Errors) {
  const Type x = Type::tensor(DType::f32, {1, 8, 4, 4});
  const auto error = [&](const Op& op) { return refusal_of([&] { type_of(op, {x}); }); };
  EXPECT_NE(error(MaxPool{}).find("kernel_shape is missing"), std::string::npos);
  EXPECT_NE(error(MaxPool{.window = window({2})}).find("wanted rank 3"), std::string::npos);
  EXPECT_NE(error(MaxPool{.window = window({5, 5})}).find("does not fit"), std::string::npos);
  EXPECT_NE(error(MaxPool{.window = window({0, 2})}).find("kernel_shape=[0,2]"), std::string::npos);
  EXPECT_NE(error(LpPool{.window = window({2, 2}), .p = 0}).find("p=0"), std::string::npos);
  EXPECT_NE(error(MaxPool{.window = window({2, 2}), .storage_order = 2}).find("storage_order=2"),
            std::string::npos);
}

TEST(Pooling, Max) {
  const auto pool = [](const MaxPool& op) { return run_all(op, {kLine}, 2); };
  std::vector<Tensor> y = pool({.window = window({2}, {2})});
  EXPECT_EQ(numbers(y[0]), (Doubles{5, 3}));
  EXPECT_EQ(numbers(y[1]), (Doubles{1, 2}));
  y = pool({.window = window({2}, {2}), .ceil_mode = true});
  EXPECT_EQ(numbers(y[0]), (Doubles{5, 3, 2}));
  y = pool({.window = window({2}, {1}, {1, 1}, {2})});
  EXPECT_EQ(numbers(y[0]), (Doubles{5, 3, 5, 3, -4}));
  EXPECT_EQ(numbers(y[1]), (Doubles{1, 2, 1, 2, 3}));
}

TEST(Pooling, MaxOffsets) {
  const MaxPool rows{.window = window({2, 2})};
  const MaxPool columns{.window = window({2, 2}), .storage_order = 1};
  Tensor two(DType::f32, {1, 2, 2, 3});
  for (int64_t i = 0; i < 12; ++i) two.set_number(i, static_cast<double>(i));
  EXPECT_EQ(numbers(run_all(rows, {two}, 2)[1]), (Doubles{4, 5, 10, 11}));
  EXPECT_EQ(numbers(run_all(columns, {two}, 2)[1]), (Doubles{3, 5, 9, 11}));
}

TEST(Pooling, MaxOfIntegersAndNaN) {
  const Tensor bytes = tensor(DType::i8, {1, 1, 3}, {-128, -3, -7});
  EXPECT_EQ(numbers(run(MaxPool{.window = window({2})}, {bytes})), (Doubles{-3, -3}));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = tensor(DType::f32, {1, 1, 3}, {1, nan, 2});
  EXPECT_TRUE(std::isnan(run(MaxPool{.window = window({3})}, {x}).number(0)));
}

TEST(Pooling, Average) {
  const auto pool = [](const AveragePool& op) { return numbers(run(op, {kSquare})); };
  EXPECT_EQ(pool({.window = window({2, 2})}), (Doubles{4, 5, 7, 7}));
  const Window padded = window({2, 2}, {2, 2}, {1, 1, 0, 0});
  EXPECT_EQ(pool({.window = padded}), (Doubles{1, 2.5, 5.5, 7}));
  EXPECT_EQ(pool({.window = padded, .count_include_pad = true}), (Doubles{0.25, 1.25, 2.75, 7}));
  // What hangs over the end is neither input nor padding asked for.
  const Window over = window({2, 2}, {2, 2});
  EXPECT_EQ(pool({.window = over, .ceil_mode = true, .count_include_pad = true}),
            (Doubles{4, 4.5, 7.5, 5}));
  EXPECT_EQ(pool({.window = window({2, 2}, {}, {}, {2, 2})}), (Doubles{4}));
}

TEST(Pooling, Norms) {
  const Tensor x = tensor(DType::f32, {1, 1, 3}, {3, -4, 0});
  EXPECT_EQ(numbers(run(LpPool{.window = window({2})}, {x})), (Doubles{5, 4}));
  EXPECT_EQ(numbers(run(LpPool{.window = window({2}), .p = 1}, {x})), (Doubles{7, 4}));
  EXPECT_FLOAT_EQ(run(LpPool{.window = window({2}), .p = 3}, {x}).at<float>(0),
                  static_cast<float>(std::cbrt(91.0)));
}

TEST(Pooling, Global) {
  const Tensor x = tensor(DType::f32, {1, 2, 2, 1}, {1, 3, -5, -7});
  EXPECT_EQ(numbers(run(GlobalAveragePool{}, {x})), (Doubles{2, -6}));
  EXPECT_EQ(numbers(run(GlobalMaxPool{}, {x})), (Doubles{3, -5}));
  EXPECT_EQ(numbers(run(GlobalLpPool{.p = 1}, {x})), (Doubles{4, 12}));
  EXPECT_EQ(run(GlobalMaxPool{}, {x}).shape(), (Ints{1, 2, 1, 1}));
}

TEST(Pooling, Empty) {
  const Tensor none(DType::f32, {0, 3, 4, 4});
  EXPECT_EQ(run(MaxPool{.window = window({2, 2})}, {none}).shape(), (Ints{0, 3, 3, 3}));
  EXPECT_EQ(run(GlobalAveragePool{}, {none}).shape(), (Ints{0, 3, 1, 1}));
}

TEST(Pooling, WindowsOfPaddingAloneHaveNoIndex) {
  MaxPool pool;
  pool.window.kernel_shape = {1, 1};
  pool.window.pads = {1, 0, 0, 0};
  pool.storage_order = 1;
  const std::vector<Tensor> results = run_all(pool, {tensor(DType::f32, {1, 1, 0, 1}, {})}, 2);
  EXPECT_EQ(results[1].integers(), (std::vector<int64_t>{-1}));
}

}  // namespace hone::test::pooling_test
