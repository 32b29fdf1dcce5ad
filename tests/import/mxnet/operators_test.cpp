// Operators of MXNet by what networks of them make of an input.

#include <gtest/gtest.h>

#include "import/mxnet/network_case.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "support/refusal.hpp"
#include "support/text_case.hpp"

namespace hone::mxnet_operators_test {

using test::MxnetForm;

std::string graph_of(std::string_view given) {
  const Imported imported = test::import_case(test::network_case(given));
  verify(*imported.graph, "import");
  return print(*imported.graph);
}

TEST(Mxnet, OperatorsGiveWhatNumPyComputes) {
  const auto values = [](std::string_view given) {
    return test::values_of(test::network_case(given));
  };
  test::expect_text_cases("import/mxnet/operators.test", {{"values", values}});
}

TEST(Mxnet, NetworksBecomeGraphs) {
  test::expect_text_cases("import/mxnet/networks.test", {{"graph", graph_of}});
}

TEST(Mxnet, ProblemsAreToldTogetherInNamesOfNodes) {
  test::expect_text_cases("import/mxnet/problems.test", {{"graph", graph_of}});
}

constexpr std::string_view kNet =
    "FullyConnected fc(x, w, b) num_hidden=2\n"
    "@w w [2,3] 1 2 3 4 5 6\n"
    "@w b [2] 0.5 -0.5\n"
    "@in x [1,3] 1 10 100\n";

/// However old the files are, the network is the same.
TEST(Mxnet, FilesOfAllGenerations) {
  for (const MxnetForm form :
       {MxnetForm::newest, MxnetForm::middle, MxnetForm::oldest, MxnetForm::numpy})
    EXPECT_EQ(test::values_of(test::network_case(kNet, form)), "fc f32[1,2]: 321.5 653.5\n")
        << static_cast<int>(form);
}

TEST(Mxnet, TheVersionIsTold) {
  EXPECT_EQ(test::import_case(test::network_case(kNet)).producer, "mxnet 1.7.0");
  EXPECT_EQ(test::import_case(test::network_case(kNet, MxnetForm::oldest)).producer, "");
}

/// Nothing in the format keeps two nodes from having one name.
TEST(Mxnet, OutputsOfOneName) {
  const auto outputs = [](const std::string& heads) {
    test::NetworkCase network = test::network_case("");
    network.symbol = cat(R"({"nodes": [{"op": "null", "name": "x", "inputs": []},
      {"op": "relu", "name": "y", "inputs": [[0, 0, 0]]},
      {"op": "exp", "name": "y", "inputs": [[0, 0, 0]]}], "heads": )",
                         heads, "}");
    const Imported imported = test::import_case(network);
    verify(*imported.graph, "import");
    std::vector<std::string> names;
    for (const auto& output : imported.graph->outputs()) names.push_back(output.name);
    return join(names, " ");
  };
  EXPECT_EQ(outputs("[[1, 0, 0], [2, 0, 0]]"), "y y.1");
  EXPECT_EQ(outputs("[[1, 0, 0], [1, 0, 0]]"), "y");
}

TEST(Mxnet, SparseTensorsAreRefused) {
  test::NetworkCase network = test::network_case(kNet);
  network.weights[28] = 1;  // how the first tensor is stored
  EXPECT_EQ(test::refusal_of([&] { test::import_case(network); }),
            "unsupported: net-0000.params stores a tensor as rows alone (row_sparse): Hone reads "
            "dense ones; save it after tostype('default') (net-symbol.json)");
  network.weights[28] = 2;
  EXPECT_EQ(test::refusal_of([&] { test::import_case(network); }),
            "unsupported: net-0000.params stores a tensor as a sparse matrix (csr): Hone reads "
            "dense ones; save it after tostype('default') (net-symbol.json)");
}

TEST(Mxnet, ADescriptionThatIsNone) {
  const auto error = [](std::string symbol) {
    test::NetworkCase network = test::network_case(kNet);
    network.symbol = std::move(symbol);
    return test::refusal_of([&] { test::import_case(network); });
  };
  EXPECT_EQ(error("{\"nodes\": ["),
            "invalid_model: net-symbol.json is no JSON: it breaks at byte 12");
  EXPECT_EQ(error("{\"nodes\": 1, \"heads\": []}"),
            "invalid_model: net-symbol.json describes no network: nodes is no list");
  EXPECT_EQ(error("{\"nodes\": [{\"op\": \"relu\", \"name\": \"r\", \"inputs\": [[0, 0, 0]]}], "
                  "\"heads\": [[0, 0, 0]]}"),
            "invalid_model: net-symbol.json describes no network: node 0 refers to node 0, which "
            "is not before it");
  EXPECT_EQ(error(cat("{\"nodes\": ", std::string(100, '['), std::string(100, ']'), "}")),
            "invalid_model: net-symbol.json describes no network: lists within lists, more than 16 "
            "deep");
}

}  // namespace hone::mxnet_operators_test
