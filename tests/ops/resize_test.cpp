#include "ops/resize.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/common/complex.hpp"
#include "ops/one_node.hpp"

namespace hone::test::resize_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
using Coordinates = Resize::Coordinates;

const Tensor kNone;

Tensor row(const Doubles& values, DType dtype = DType::f32) {
  return tensor(dtype, {static_cast<int64_t>(values.size())}, values);
}

Doubles resized(const Resize& op, const Doubles& values, double scale) {
  return numbers(run(op, {row(values), kNone, f32({scale})}));
}

TEST(Resize, Nearest) {
  Resize op;
  EXPECT_EQ(resized(op, {1, 2}, 2), (Doubles{1, 1, 2, 2}));
  op.coordinate_transformation_mode = Coordinates::asymmetric;
  op.nearest_mode = Resize::Nearest::floor;
  EXPECT_EQ(resized(op, {1, 2, 3, 4, 5}, 0.6F), (Doubles{1, 2, 4}));
  op.nearest_mode = Resize::Nearest::ceil;
  EXPECT_EQ(resized(op, {1, 2}, 2), (Doubles{1, 2, 2, 2}));
  op.nearest_mode = Resize::Nearest::simple;
  EXPECT_EQ(resized(op, {1, 2}, 2), (Doubles{1, 1, 2, 2}));
  EXPECT_EQ(resized(op, {1, 2, 3, 4}, 0.6F), (Doubles{1, 3}));  // places 0 and 1.67
  op.nearest_mode = Resize::Nearest::round_prefer_floor;
  EXPECT_EQ(resized(op, {1, 2}, 2), (Doubles{1, 1, 2, 2}));  // 0.5 down, 1.5 down
  op.nearest_mode = Resize::Nearest::round_prefer_ceil;
  EXPECT_EQ(resized(op, {1, 2}, 2), (Doubles{1, 2, 2, 2}));
  const Tensor words = Tensor::of_strings({2}, {"a", "b"});
  EXPECT_EQ(run(Resize{.sizes = Dims{4}}, {words}).strings(),
            (std::vector<std::string>{"a", "a", "b", "b"}));
}

TEST(Resize, ComplexNumbers) {
  Tensor x(DType::c128, {2});
  set_complex(x, 0, {0, 8}), set_complex(x, 1, {4, 0});
  const auto resized = [&](const Resize& op) { return complex_elements(run(op, {x})); };
  EXPECT_EQ(resized({.sizes = Dims{4}}), (std::vector<Complex>{{0, 8}, {0, 8}, {4, 0}, {4, 0}}));
  EXPECT_EQ(resized({.sizes = Dims{4}, .mode = Resize::Mode::linear}),
            (std::vector<Complex>{{0, 8}, {1, 6}, {3, 2}, {4, 0}}));
}

TEST(Resize, Linear) {
  Resize op{.mode = Resize::Mode::linear};
  EXPECT_EQ(resized(op, {0, 4}, 2), (Doubles{0, 1, 3, 4}));
  op.coordinate_transformation_mode = Coordinates::align_corners;
  EXPECT_EQ(resized(op, {0, 3}, 2), (Doubles{0, 1, 2, 3}));
  op.coordinate_transformation_mode = Coordinates::asymmetric;
  EXPECT_EQ(resized(op, {0, 4}, 2), (Doubles{0, 2, 4, 4}));
  op.coordinate_transformation_mode = Coordinates::pytorch_half_pixel;
  EXPECT_EQ(resized(op, {7, 8, 9}, 1 / 3.0), (Doubles{7}));
  op.coordinate_transformation_mode = Coordinates::half_pixel;
  op.antialias = true;
  EXPECT_EQ(resized(op, {0, 4, 8, 12}, 0.5), (Doubles{2.5, 9.5}));  // edges repeated
  op.exclude_outside = true;
  const Doubles inside = resized(op, {0, 4, 8, 12}, 0.5);
  EXPECT_NEAR(inside[0], (3 * 0 + 3 * 4 + 1 * 8) / 7.0, 1e-6);
  Resize bytes{.sizes = Dims{4}, .mode = Resize::Mode::linear};
  EXPECT_EQ(numbers(run(bytes, {row({0, 255}, DType::u8)})), (Doubles{0, 63, 191, 255}));
}

TEST(Resize, CubicKeepsConstantsAndFitsBytes) {
  Resize op{.sizes = Dims{7}, .mode = Resize::Mode::cubic};
  for (const double value : numbers(run(op, {row({3, 3, 3, 3})}))) EXPECT_NEAR(value, 3, 1e-6);
  // The kernel overshoots: limited to what a byte holds.
  const Doubles bytes = numbers(run(op, {row({0, 255, 255, 0}, DType::u8)}));
  EXPECT_EQ(bytes[3], 255);
}

TEST(Resize, CropsRegions) {
  Resize op{.sizes = Dims{3}, .mode = Resize::Mode::linear};
  op.coordinate_transformation_mode = Coordinates::tf_crop_and_resize;
  op.extrapolation_value = 9;
  const Tensor x = row({0, 1, 2, 3, 4});
  EXPECT_EQ(numbers(run(op, {x, f32({0.25, 0.75})})), (Doubles{1, 2, 3}));
  EXPECT_EQ(numbers(run(op, {x, f32({0.5, 1.5})})), (Doubles{2, 4, 9}));
  op.mode = Resize::Mode::nearest;
  EXPECT_EQ(numbers(run(op, {x, f32({0.5, 1.5})})), (Doubles{2, 4, 9}));
  EXPECT_EQ(refusal_of([&] { run(op, {x}); }),
            "invalid_model: tf_crop_and_resize wants a roi of 2 numbers (Resize %y0)");
}

TEST(Resize, SizesAndPolicies) {
  const Tensor x(DType::f32, {1, 4, 8});
  Resize op{.sizes = Dims{8, 8}, .axes = {1, -1}};
  EXPECT_EQ(run(op, {x}).shape(), (Ints{1, 8, 8}));
  op.keep_aspect_ratio_policy = Resize::Aspect::not_larger;
  EXPECT_EQ(run(op, {x}).shape(), (Ints{1, 4, 8}));
  op.keep_aspect_ratio_policy = Resize::Aspect::not_smaller;
  EXPECT_EQ(run(op, {x}).shape(), (Ints{1, 8, 16}));
  EXPECT_EQ(run(Resize{}, {x, kNone, Tensor(DType::f32, {0}), i64({1, 2, 0})}).shape(),
            (Ints{1, 2, 0}));
}

TEST(Resize, RefusesContradictions) {
  const Tensor x(DType::f32, {2, 2});
  EXPECT_EQ(refusal_of([&] { run(Resize{}, {x}); }),
            "invalid_model: wanted either scales or sizes, given neither (Resize %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Resize{.sizes = Dims{1, 1}}, {x, kNone, f32({1, 1})});
            }),
            "invalid_model: wanted either scales or sizes, given both (Resize %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Resize{}, {x, kNone, f32({1})});
            }),
            "invalid_model: there are 2 axes and 1 scales (Resize %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Resize{}, {x, kNone, f32({1, 0})});
            }),
            "invalid_model: scale 1 is 0 (Resize %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Resize{}, {x, kNone, f32({1, NAN})});
            }),
            "invalid_model: scale 1 is nan (Resize %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Resize{}, {x, kNone, f32({1, -2})});
            }),
            "invalid_model: scale 1 is -2 (Resize %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Resize{.sizes = Dims{2, -1}}, {x});
            }),
            "invalid_model: size 0 is larger than -1 (Resize %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(Resize{.sizes = Dims{2, 2}}, {Tensor(DType::f32, {0, 2})});
            }),
            "invalid_model: axis 0 has nothing to make 2 elements of (Resize %y0)");
  const Tensor flags(DType::boolean, {2});
  EXPECT_EQ(
      refusal_of([&] { run(Resize{.sizes = Dims{4}, .mode = Resize::Mode::linear}, {flags}); }),
      "invalid_model: cannot interpolate bool (Resize %y0)");
}

}  // namespace hone::test::resize_test
