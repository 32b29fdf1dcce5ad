#include "ops/sampling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/common/complex.hpp"
#include "ops/one_node.hpp"

namespace hone::test::sampling_test {

using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;
using Mode = GridSample::Mode;
using Padding = GridSample::Padding;

/// 1 2 3 4 along one axis, sampled at places between -1 and 1.
Doubles sample(const GridSample& op, const Doubles& places) {
  const Tensor x = tensor(DType::f64, {1, 1, 4}, {1, 2, 3, 4});
  return numbers(
      run(op, {x, tensor(DType::f64, {1, static_cast<int64_t>(places.size()), 1}, places)}));
}

TEST(GridSample, Places) {
  // With aligned corners -1 is element 0 and 1 is element 3; else these are the outer edges.
  EXPECT_EQ(sample({.align_corners = true}, {-1, 0, 1}), (Doubles{1, 2.5, 4}));
  EXPECT_EQ(sample({}, {-0.75, -0.25, 0, 0.75}), (Doubles{1, 2, 2.5, 4}));
  EXPECT_EQ(sample({}, {-1, 1, -3}), (Doubles{0.5, 2, 0}));
  // Element 0.5 and 2.5: to even.
  EXPECT_EQ(sample({.mode = Mode::nearest}, {-0.5, 0.5, -2}), (Doubles{1, 3, 0}));
}

TEST(GridSample, Padding) {
  EXPECT_EQ(sample({.padding_mode = Padding::border}, {-1, 1, -9, 9}), (Doubles{1, 4, 1, 4}));
  // Elements -1.5 and 4.5 mirrored at -0.5 and 3.5 are 0.5 and 2.5.
  EXPECT_EQ(sample({.padding_mode = Padding::reflection}, {-1.5, 1.5}), (Doubles{1.5, 3.5}));
  // Elements -1.5 and 7.5 mirrored at 0 and 3 are 1.5 and (at 3, then at 0) 1.5.
  const GridSample aligned{.padding_mode = Padding::reflection, .align_corners = true};
  EXPECT_EQ(sample(aligned, {-2, 4}), (Doubles{2.5, 2.5}));
}

TEST(GridSample, OfStringsAndComplexNumbers) {
  const Tensor places = tensor(DType::f64, {1, 3, 1}, {-0.5, 0, -3});
  const Tensor words = Tensor::of_strings({1, 1, 4}, {"a", "b", "c", "d"});
  EXPECT_EQ(
      run(GridSample{.mode = Mode::nearest, .align_corners = true}, {words, places}).strings(),
      (std::vector<std::string>{"b", "c", ""}));
  EXPECT_NE(refusal_of([&] {
              run(GridSample{}, {words, places});
            }).find("cannot interpolate str"),
            std::string::npos);
  Tensor x(DType::c64, {1, 1, 4});
  for (int64_t i = 0; i < 4; ++i)
    set_complex(x, i, {static_cast<double>(i), 8.0 - 2.0 * static_cast<double>(i)});
  const Tensor near = run(GridSample{.mode = Mode::nearest, .align_corners = true}, {x, places});
  EXPECT_EQ(complex_elements(near), (std::vector<Complex>{{1, 6}, {2, 4}, {0, 0}}));
  const Tensor between = run(GridSample{.align_corners = true}, {x, places});
  EXPECT_EQ(complex_elements(between), (std::vector<Complex>{{0.75, 6.5}, {1.5, 5}, {0, 0}}));
}

TEST(GridSample, Cubic) {
  // Weights at a half: -0.09375 0.59375 0.59375 -0.09375.
  EXPECT_EQ(sample({.mode = Mode::cubic}, {0}), (Doubles{2.5}));
  EXPECT_EQ(sample({.mode = Mode::cubic}, {-1}), (Doubles{0.59375 - 2 * 0.09375}));
  EXPECT_EQ(sample({.mode = Mode::cubic, .padding_mode = Padding::border}, {-0.5}),
            (Doubles{-0.09375 + 0.59375 * 3 - 3 * 0.09375}));
  // Past the border the place stays where it is and each of its four taps is the nearest element.
  EXPECT_EQ(sample({.mode = Mode::cubic, .padding_mode = Padding::border}, {-1, -1.5, 1, 1.5}),
            (Doubles{0.90625, 1, 4.09375, 4}));
  EXPECT_EQ(sample({.mode = Mode::cubic, .padding_mode = Padding::border}, {-9, 9}),
            (Doubles{1, 4}));
  // Mirrored, a place outside is as good as its mirror image inside.
  const GridSample mirrored{.mode = Mode::cubic, .padding_mode = Padding::reflection};
  EXPECT_EQ(sample(mirrored, {-1.5, 1.5, -2}), sample(mirrored, {-0.5, 0.5, 0}));
}

TEST(GridSample, NoPlace) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = 1 / 0.0;
  for (const Mode mode : {Mode::linear, Mode::nearest, Mode::cubic}) {
    EXPECT_EQ(sample({.mode = mode}, {nan, inf, -inf, 1e300}), (Doubles{0, 0, 0, 0}));
    EXPECT_EQ(sample({.mode = mode, .padding_mode = Padding::border}, {nan, inf, -inf}),
              (Doubles{1, 4, 1}));
    EXPECT_EQ(sample({.mode = Mode::nearest, .padding_mode = Padding::reflection}, {nan, inf}),
              (Doubles{1, 1}));
  }
}

TEST(GridSample, InnermostAxisFirst) {
  const Tensor x = tensor(DType::f32, {1, 2, 1, 2}, {1, 2, 3, 4});
  const Tensor grid = tensor(DType::f32, {1, 1, 1, 2}, {0.5, 0});  // x 1, y 0
  EXPECT_EQ(numbers(run(GridSample{}, {x, grid})), (Doubles{2, 4}));
  // Integers are cut to whole numbers at the end.
  const Tensor bytes = tensor(DType::u8, {1, 1, 1, 2}, {1, 4});
  EXPECT_EQ(numbers(run(GridSample{}, {bytes, tensor(DType::f32, {1, 1, 1, 2}, {0, 0})})),
            (Doubles{2}));
  Tensor volume(DType::f32, {1, 1, 2, 2, 2});
  for (int64_t i = 0; i < 8; ++i) volume.set_number(i, static_cast<double>(i));
  const Tensor place = tensor(DType::f32, {1, 1, 1, 1, 3}, {-1, 1, 0});
  EXPECT_EQ(numbers(run(GridSample{.align_corners = true}, {volume, place})), (Doubles{4}));
}

TEST(GridSample, SizesAndErrors) {
  const Dim n = Dim::symbol("n"), h = Dim::symbol("h");
  const Type x = Type::tensor(DType::f16, {n, 3, 8, 8});
  EXPECT_EQ(cat(type_of(GridSample{}, {x, Type::tensor(DType::f32, {n, h, 5, 2})})),
            "f16[n,3,h,5]");
  EXPECT_EQ(refusal_of([&] {
              type_of(GridSample{}, {x, Type::tensor(DType::f32, {n, 5, 5, 3})});
            }),
            "invalid_model: sizes 3 and 2 differ, wanted the same (GridSample %y0)");
  const Tensor empty(DType::f32, {1, 1, 0}), grid(DType::f32, {1, 2, 1});
  EXPECT_EQ(numbers(run(GridSample{}, {empty, grid})), (Doubles{0, 0}));
  EXPECT_EQ(refusal_of([&] {
              run(GridSample{.padding_mode = Padding::border}, {empty, grid});
            }),
            "invalid_model: there is nothing to repeat in [1,1,0] (GridSample %y0)");
  EXPECT_EQ(
      run(GridSample{}, {Tensor(DType::f32, {0, 1, 4}), Tensor(DType::f32, {0, 2, 1})}).shape(),
      (Ints{0, 1, 2}));
}

TEST(AffineGrid, MovesAndScales) {
  const Tensor theta = tensor(DType::f32, {1, 2, 3}, {2, 0, 1, 0, 1, -1});
  const AffineGrid op{.size = Dims{1, 1, 1, 2}, .align_corners = false};
  // x of -0.5 and 0.5, y of 0: x' = 2 x + 1, y' = y - 1.
  EXPECT_EQ(numbers(run(op, {theta})), (Doubles{0, -1, 2, -1}));
  const AffineGrid aligned{.align_corners = true};
  EXPECT_EQ(numbers(run(aligned, {theta, i64({1, 1, 2, 2})})),
            (Doubles{-1, -2, 3, -2, -1, 0, 3, 0}));
}

TEST(AffineGrid, SizesAndErrors) {
  const Dim n = Dim::symbol("n");
  const Type theta = Type::tensor(DType::f32, {n, 3, 4});
  EXPECT_EQ(cat(type_of(AffineGrid{.size = Dims{n, 1, 4, n, 6}}, {theta})), "f32[n,4,n,6,3]");
  EXPECT_EQ(type_of(AffineGrid{}, {theta, Type::tensor(DType::i64, {5})}).tensor().rank(), 5);
  EXPECT_EQ(refusal_of([&] {
              type_of(AffineGrid{.size = Dims{n, 1, 4, 4}}, {theta});
            }),
            "invalid_model: sizes 3 and 2 differ, wanted the same (AffineGrid %y0)");
  EXPECT_EQ(refusal_of([&] { type_of(AffineGrid{}, {theta}); }),
            "invalid_model: the size is missing (AffineGrid %y0)");
  const Tensor none(DType::f32, {0, 2, 3});
  EXPECT_EQ(run(AffineGrid{.size = Dims{0, 1, 2, 2}}, {none}).shape(), (Ints{0, 2, 2, 2}));
}

}  // namespace hone::test::sampling_test
