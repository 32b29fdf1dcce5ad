// Views as strides, compared by hand.

#include "device/strided_view.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::test::strided_view_test {

std::string text_of(const std::optional<StridedView>& view) {
  if (!view) return "none";
  std::vector<std::string> strides;
  for (const Dim& stride : view->strides) strides.push_back(cat(stride));
  return cat("%", view->of->name, " + ", view->offset, " [", join(strides, ","), "]");
}

/// Where %y lies in what it is a view of.
std::string view(std::string_view inputs, std::string_view nodes) {
  const auto graph = parse(cat("graph g(", inputs, ") -> (%y)\n", nodes), all_ops());
  infer(*graph);
  return text_of(view_of(*graph->find("y")));
}

TEST(StridedView, FollowsViewsToWhatTheyAreOf) {
  EXPECT_EQ(view("%x: f32[n,4,8]", "  %y = Transpose(%x) perm=[1,0,2]\n"), "%x + 0 [8,32,1]");
  EXPECT_EQ(view("%x: f32[n,96]", "  %y = Slice(%x) starts=[32] ends=[64] axes=[1]\n"),
            "%x + 32 [96,1]");
  EXPECT_EQ(view("%x: f32[n,8]", "  %y = Slice(%x) starts=[6] ends=[0] axes=[1] steps=[-2]\n"),
            "%x + 6 [8,-2]");
  EXPECT_EQ(view("%x: f32[b,n,96]",
                 "  %p, %q = Split(%x) axis=2 split=[32,64]\n  %r = Reshape(%q) shape=[b,n,8,8]\n"
                 "  %y = Transpose(%r) perm=[0,2,1,3]\n"),
            "%x + 32 [96*n,8,96,1]");
  EXPECT_EQ(view("%x: f32[1,4]", "  %y = Expand(%x, i64[2]{3,4})\n"), "%x + 0 [0,1]");
  EXPECT_EQ(view("%x: f32[n,4]", "  %a = Relu(%x)\n  %y = Transpose(%a)\n"), "%a + 0 [1,4]");
}

TEST(StridedView, JoinsAxesWhereOneFollowsTheOther) {
  EXPECT_EQ(
      view("%x: f32[b,n,4,8]",
           "  %s = Slice(%x) starts=[1] ends=[3] axes=[2]\n  %y = Reshape(%s) shape=[b*n,16]\n"),
      "%x + 8 [32,1]");
  EXPECT_EQ(view("%x: f32[b,n,4,8]",
                 "  %t = Transpose(%x) perm=[0,2,1,3]\n  %y = Reshape(%t) shape=[4*b,n,8]\n"),
            "none");
}

TEST(StridedView, TellsWhereAResultArrives) {
  const auto place = [](std::string_view nodes) {
    const auto graph =
        parse(cat("graph g(%x: f32[b,4,n,8]) -> (%y)\n  %a = Relu(%x)\n", nodes), all_ops());
    infer(*graph);
    return text_of(place_in(*graph->find("a"), *graph->find("y")));
  };
  EXPECT_EQ(place("  %t = Transpose(%a) perm=[0,2,1,3]\n  %y = Reshape(%t) shape=[b,n,32]\n"),
            "%y + 0 [32*n,8,32,1]");
  EXPECT_EQ(place("  %t = Transpose(%a) perm=[2,0,1,3]\n  %y = Reshape(%t) shape=[b*n,32]\n"),
            "%y + 0 [32,8,32*b,1]");
  EXPECT_EQ(place("  %y = Slice(%a) starts=[0] ends=[2] axes=[1]\n"), "none");
  EXPECT_EQ(place("  %y = Sigmoid(%a)\n"), "none");
  EXPECT_EQ(place("  %t = Transpose(%a) perm=[0,2,1,3]\n  %y = Add(%t, %t)\n"), "none");
}

}  // namespace hone::test::strided_view_test
