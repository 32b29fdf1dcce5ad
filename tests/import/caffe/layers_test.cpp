// Layers of Caffe by what nets of them make of an input.

#include <gtest/gtest.h>

#include "import/caffe/net_case.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "support/refusal.hpp"
#include "support/text_case.hpp"

namespace hone::layers_test {

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

/// The file's sizes are those that a net begins with, not the only ones.
TEST(Caffe, InputsOfOtherSizes) {
  constexpr std::string_view kNet =
      "input: \"x\" input_dim: 1 input_dim: 3 input_dim: 12 input_dim: 12\n"
      "layer { name: \"p\" type: \"Pooling\" bottom: \"x\" top: \"y\"\n"
      "  pooling_param { kernel_size: 2 stride: 2 } }\n";
  ImportOptions options;
  options.shapes["x"] = {2, 3, 5, 7};
  const Imported by_name = test::import_case(test::net_case(kNet), options);
  EXPECT_EQ(cat(by_name.graph->outputs()[0].value->type), "f32[2,3,3,4]");
  options.shapes = {{"", {1, 3, 8, 8}}};
  const Imported only = test::import_case(test::net_case(kNet), options);
  EXPECT_EQ(cat(only.graph->outputs()[0].value->type), "f32[1,3,4,4]");
  options.shapes = {{"x", {1, 3}}};
  EXPECT_EQ(test::refusal_of([&] { test::import_case(test::net_case(kNet), options); }),
            "usage: 1 problem (net.prototxt, V2 layers):\n"
            "  1x  input \"x\"  it has 4 dimensions, the shape given for it 2");
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

}  // namespace hone::layers_test
