#include "build/compare_values.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::compare_values_test {

std::string pairs(std::string_view a, std::string_view b) {
  const auto first = parse(a, all_ops()), second = parse(b, all_ops());
  infer(*first), infer(*second);
  std::vector<std::string> told;
  for (const ValuePair& pair : common_values(*first, *second))
    told.push_back(cat(pair.a->name, "=", pair.b->name));
  return join(told, " ");
}

TEST(CommonValues, AreOfOneNameOrOfOneLayerAndOutputsByTheirPlace) {
  EXPECT_EQ(pairs("graph g(%x: f32[4]) -> (%z)\n"
                  "  %a = Neg(%x)\n"
                  "  %b = Exp(%a)  # /exp\n"
                  "  %z = Tanh(%b)\n",
                  "graph g(%x: f32[4]) -> (%out)\n"
                  "  %a = Neg(%x)\n"
                  "  %other = Exp(%a)  # /scale /exp\n"
                  "  %out = Tanh(%other)\n"),
            "a=a b=other z=out");
}

TEST(CommonValues, AreNotWhatKeptItsNameAndMeansAnother) {
  EXPECT_EQ(pairs("graph g(%x: f32[4]) -> (%z)\n"
                  "  %conv = Neg(%x)  # /conv /norm\n"
                  "  %z = Tanh(%conv)\n",
                  "graph g(%x: f32[4]) -> (%z)\n"
                  "  %conv = Neg(%x)  # /conv\n"
                  "  %norm = Exp(%conv)  # /norm\n"
                  "  %z = Tanh(%norm)\n"),
            "conv=norm z=z");
}

TEST(CommonValues, LeaveOutWhatIsAmbiguousOrCannotBeTheSame) {
  EXPECT_EQ(pairs("graph g(%x: f32[4,2]) -> (%z)\n"
                  "  %a = Transpose(%x) perm=[1,0]\n"
                  "  %b = Exp(%a)  # /layer\n"
                  "  %z = Tanh(%b)  # /layer\n",
                  "graph g(%x: f32[4,2]) -> (%z)\n"
                  "  %a = Neg(%x)\n"
                  "  %c = Exp(%a)  # /layer\n"
                  "  %z = Transpose(%c) perm=[1,0]\n"),
            "z=z");
}

TEST(Distance, IsAShareOfTheLargestMagnitude) {
  const Tensor a = Tensor::ints({1, -8, 3}), b = Tensor::ints({1, -6, 4});
  const Distance apart = distance(a, b);
  EXPECT_EQ(apart.share, 0.25);
  EXPECT_EQ(apart.largest, 8);
  EXPECT_EQ(apart.at, 1);
  EXPECT_EQ(distance(a, a).share, 0);
  EXPECT_EQ(distance(a, a).at, -1);
}

TEST(Distance, OfWhatIsNoNumberOrOfAnotherShapeIsInfinite) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor one = Tensor::scalar(DType::f32, 1), none = Tensor::scalar(DType::f32, nan);
  EXPECT_EQ(distance(none, none).share, 0);
  EXPECT_TRUE(std::isinf(distance(one, none).share));
  EXPECT_TRUE(std::isinf(distance(none, one).share));
  const Distance shapes = distance(one, one.reshaped({1}));
  EXPECT_TRUE(std::isinf(shapes.share));
  EXPECT_EQ(shapes.incomparable, "f32[] and f32[1]");
}

}  // namespace hone::test::compare_values_test
