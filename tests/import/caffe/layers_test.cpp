// Layers of Caffe by what nets of them make of an input.

#include <gtest/gtest.h>

#include "import/caffe/net_case.hpp"
#include "ir/text.hpp"
#include "ir/verify.hpp"
#include "support/text_case.hpp"

namespace hone {
namespace {

std::string graph_of(std::string_view given) {
  const Imported imported = test::import_case(test::net_case(given));
  verify(*imported.graph, "import");
  return print(*imported.graph);
}

TEST(Caffe, LayersGiveWhatNumPyComputes) {
  test::expect_text_cases(
      "import/caffe/layers.test",
      {{"values", [](std::string_view given) { return test::values_of(test::net_case(given)); }}});
}

TEST(Caffe, NetsBecomeGraphs) {
  test::expect_text_cases("import/caffe/nets.test", {{"graph", graph_of}});
}

TEST(Caffe, ProblemsAreToldTogetherInNamesOfLayers) {
  test::expect_text_cases("import/caffe/problems.test", {{"graph", graph_of}});
}

/// However old the file is, its weights are the same.
TEST(Caffe, WeightsOfAllGenerationsOfFiles) {
  constexpr std::string_view kNet =
      "input: \"x\" input_dim: 1 input_dim: 3 input_dim: 1 input_dim: 1\n"
      "layer { name: \"fc\" type: \"InnerProduct\" bottom: \"x\" top: \"y\"\n"
      "  inner_product_param { num_output: 2 } }\n"
      "@blob fc [2,3] 1 2 3 4 5 6\n"
      "@blob fc [2] 0.5 -0.5\n"
      "@in x 1 10 100\n";
  using test::StoredAs;
  for (const StoredAs stored :
       {StoredAs::v2, StoredAs::v1, StoredAs::v0, StoredAs::four_sizes, StoredAs::doubles})
    EXPECT_EQ(test::values_of(test::net_case(kNet, stored)), "y f32[1,2]: 321.5 653.5\n")
        << static_cast<int>(stored);
}

}  // namespace
}  // namespace hone
