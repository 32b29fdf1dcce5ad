#include "ops/detection.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::detection_test {

using Ints = std::vector<int64_t>;
using Doubles = std::vector<double>;

const Tensor kImage = tensor(DType::f32, {1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8});
const double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor regions(const Doubles& corners) {
  return tensor(DType::f32, {static_cast<int64_t>(corners.size()) / 4, 4}, corners);
}

TEST(RoiAlign, SamplesBins) {
  RoiAlign op{.coordinate_transformation_mode = RoiAlign::Coordinates::output_half_pixel,
              .output_height = 1,
              .output_width = 2,
              .sampling_ratio = 1};
  const auto align = [&](const Doubles& corners) {
    return numbers(run(op, {kImage, regions(corners), i64({0})}));
  };
  // Bins of 1 x 2; their middles are (0.5, 1) and (1.5, 1): the image is x + 3 y.
  EXPECT_EQ(align({0, 0, 2, 2}), (Doubles{3.5, 4.5}));
  EXPECT_EQ(align({1, 1, 1, 1}), (Doubles{5.75, 6.25}));  // at least 1 x 1
  EXPECT_EQ(align({10, 10, 12, 12}), (Doubles{0, 0}));    // outside
  op.spatial_scale = 0.5;
  EXPECT_EQ(align({0, 0, 4, 4}), (Doubles{3.5, 4.5}));
  op.spatial_scale = 1;
  op.coordinate_transformation_mode = RoiAlign::Coordinates::half_pixel;
  EXPECT_EQ(align({0.5, 0.5, 2.5, 2.5}), (Doubles{3.5, 4.5}));
  op.sampling_ratio = 0;  // ceil(2 / 1) points down, ceil(2 / 2) across: the same mean
  EXPECT_EQ(align({0.5, 0.5, 2.5, 2.5}), (Doubles{3.5, 4.5}));
  EXPECT_EQ(align({2, 2, 1, 1}), (Doubles{0, 0}));  // no points
  EXPECT_EQ(align({kNaN, 0, 1, 1}), (Doubles{0, 0}));
  EXPECT_EQ(refusal_of([&] {
              align({0, 0, 1e30, 1});
            }),
            "invalid_model: a region from 0 to 1.0000000150474662e30 would be sampled at "
            "5.000000075237331e29 points a bin, allowed are 65536 (RoiAlign %y0)");
}

TEST(RoiAlign, LargestOfWeightedPixels) {
  const RoiAlign op{.mode = RoiAlign::Mode::max, .sampling_ratio = 1};
  // The middle is at (1, 1) less half a pixel: a quarter of each of 0, 1, 3, 4.
  EXPECT_EQ(numbers(run(op, {kImage, regions({0, 0, 2, 2}), i64({0})})), (Doubles{1}));
}

TEST(RoiAlign, EmptyAndWrong) {
  const Tensor none(DType::f32, {0, 4}), no_image(DType::f32, {1, 2, 0, 0});
  EXPECT_EQ(run(RoiAlign{.output_width = 2}, {kImage, none, i64({})}).shape(), (Ints{0, 1, 1, 2}));
  const Tensor one = regions({0, 0, 1, 1});
  EXPECT_EQ(numbers(run(RoiAlign{}, {no_image, one, i64({0})})), (Doubles{0, 0}));
  EXPECT_EQ(refusal_of([&] {
              run(RoiAlign{}, {kImage, one, i64({1})});
            }),
            "invalid_model: region 0 is of image 1 of 1 (RoiAlign %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(RoiAlign{}, {kImage, one, i64({-1})});
            }),
            "invalid_model: region 0 is of image -1 of 1 (RoiAlign %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(RoiAlign{}, {kImage, one, i64({0, 0})});
            }),
            "invalid_model: operand 2 is i64[2], wanted 1 elements (RoiAlign %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(RoiAlign{.output_height = 0}, {kImage, one, i64({0})});
            }),
            "invalid_model: wanted at least 1 x 1 bins, given 0 x 1 (RoiAlign %y0)");
  const Dim r = Dim::symbol("r"), c = Dim::symbol("c");
  const Type x = Type::tensor(DType::f32, {1, c, 8, 8}), rois = Type::tensor(DType::f32, {r, 4});
  EXPECT_EQ(cat(type_of(RoiAlign{.output_height = 7, .output_width = 7},
                        {x, rois, Type::tensor(DType::i64, {r})})),
            "f32[r,c,7,7]");
}

TEST(MaxRoiPool, LargestOfBins) {
  const MaxRoiPool op{.pooled_shape = {2, 2}};
  const auto pool = [&](const Doubles& region) {
    return numbers(run(op, {kImage, tensor(DType::f32, {1, 5}, region)}));
  };
  EXPECT_EQ(pool({0, 0, 0, 2, 2}), (Doubles{4, 5, 7, 8}));  // bins of 1.5 pixels overlap
  EXPECT_EQ(pool({0, 0, 0, 1, 1}), (Doubles{0, 1, 3, 4}));
  EXPECT_EQ(pool({0, 5, 5, 6, 6}), (Doubles{0, 0, 0, 0}));  // outside
  EXPECT_EQ(pool({0, 2, 2, 0, 0}), (Doubles{8, 8, 8, 8}));  // turned round: one pixel
  EXPECT_EQ(refusal_of([&] {
              pool({1, 0, 0, 1, 1});
            }),
            "invalid_model: region 0 is of image 1 of 1 (MaxRoiPool %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(MaxRoiPool{.pooled_shape = {2}}, {kImage, f32({1})});
            }),
            "invalid_model: pooled_shape has 1 numbers, wanted height and width (MaxRoiPool %y0)");
}

// Two far boxes, the second twice.
const Tensor kBoxes = tensor(DType::f32, {1, 3, 4}, {0, 0, 1, 1, 5, 5, 7, 7, 7, 7, 5, 5});
const Tensor kScores = tensor(DType::f32, {1, 1, 3}, {0.5, 0.8, 0.9});

TEST(NonMaxSuppression, DropsWhatOverlaps) {
  const auto number = [](double value) { return Tensor::scalar(DType::f32, value); };
  const auto most = [](int64_t count) { return Tensor::ints({count}); };
  const NonMaxSuppression op;
  EXPECT_EQ(numbers(run(op, {kBoxes, kScores, most(9)})), (Doubles{0, 0, 2, 0, 0, 0}));
  EXPECT_EQ(numbers(run(op, {kBoxes, kScores, most(1)})), (Doubles{0, 0, 2}));
  EXPECT_EQ(run(op, {kBoxes, kScores}).shape(), (Ints{0, 3}));
  EXPECT_EQ(run(op, {kBoxes, kScores, most(-4)}).shape(), (Ints{0, 3}));
  // An overlap of exactly the threshold stays.
  EXPECT_EQ(numbers(run(op, {kBoxes, kScores, most(9), number(1)})),
            (Doubles{0, 0, 2, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(numbers(run(op, {kBoxes, kScores, most(9), number(0), number(0.5)})),
            (Doubles{0, 0, 2}));
  const Tensor unsure = tensor(DType::f32, {1, 1, 3}, {kNaN, 0.8, kNaN});
  EXPECT_EQ(numbers(run(op, {kBoxes, unsure, most(9)})), (Doubles{0, 0, 1, 0, 0, 0}));
}

TEST(NonMaxSuppression, CentersBatchesAndClasses) {
  // Side by side as centers, one over the other as corners.
  const Tensor boxes = tensor(DType::f32, {2, 2, 4},
                              {1, 1, 2, 2, 3, 1, 2, 2,  //
                               1, 1, 2, 2, 1, 1, 2, 2});
  const Tensor scores = tensor(DType::f32, {2, 2, 2}, {1, 1, 1, 2, 2, 1, 1, 2});
  const NonMaxSuppression op{.max_output_boxes_per_class = Dims{5}, .center_point_box = true};
  EXPECT_EQ(numbers(run(op, {boxes, scores})), (Doubles{0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 1, 0,  //
                                                        1, 0, 0, 1, 1, 1}));
}

TEST(NonMaxSuppression, SizesAndErrors) {
  const NonMaxSuppression op{.max_output_boxes_per_class = Dims{5}};
  const Dim n = Dim::symbol("n");
  Graph graph;
  Value* boxes = graph.add_input("boxes", Type::tensor(DType::f32, {2, n, 4}));
  Value* scores = graph.add_input("scores", Type::tensor(DType::f32, {2, 3, n}));
  const Node* node = graph.add_node(op, {boxes, scores}, {"y"});
  infer(graph);
  const Dims& dims = node->output()->type.tensor().shape();
  ASSERT_TRUE(dims[0].as_symbol());
  EXPECT_TRUE(provably_less_equal(dims[0], 30, graph.ranges()).value_or(false));
  bool bounded = false;
  for (const Require& require : graph.requirements())
    bounded = bounded || (require.a == dims[0] && require.b == n * 6);
  EXPECT_TRUE(bounded);
  EXPECT_EQ(run(op, {Tensor(DType::f32, {0, 3, 4}), Tensor(DType::f32, {0, 1, 3})}).shape(),
            (Ints{0, 3}));
  EXPECT_EQ(refusal_of([&] {
              run(op, {kBoxes, Tensor(DType::f32, {1, 1, 2})});
            }),
            "invalid_model: sizes 3 and 2 differ, wanted the same (NonMaxSuppression %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(op, {kBoxes, kScores, Tensor(), f32({1, 2})});
            }),
            "invalid_model: operand 3 is no scalar (NonMaxSuppression %y0)");
}

}  // namespace hone::test::detection_test
