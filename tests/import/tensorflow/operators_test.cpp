// Operators of TensorFlow by what graphs of them make of an input; what is said of others; damage.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/damage.hpp"
#include "import/tensorflow/graph_case.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "support/refusal.hpp"
#include "support/text_case.hpp"

namespace hone::tensorflow_operators_test {

std::string graph_of(std::string_view given) {
  const Imported imported = test::import_case(test::graph_case(given));
  verify(*imported.graph, "import");
  return print(*imported.graph);
}

TEST(Tensorflow, OperatorsGiveWhatTensorFlowComputes) {
  test::expect_text_cases("import/tensorflow/operators.test",
                          {{"values", [](std::string_view given) {
                              return test::values_of(test::graph_case(given));
                            }}});
}

TEST(Tensorflow, ControlFlowGivesWhatTensorFlowComputes) {
  test::expect_text_cases(
      "import/tensorflow/control.test",
      {{"values", [](std::string_view given) { return test::values_of(test::graph_case(given)); }},
       {"graph", graph_of}});
}

TEST(Tensorflow, GraphsBecomeGraphs) {
  test::expect_text_cases("import/tensorflow/graphs.test", {{"graph", graph_of}});
}

TEST(Tensorflow, ProblemsAreToldTogetherInNamesOfNodes) {
  test::expect_text_cases("import/tensorflow/problems.test", {{"graph", graph_of}});
}

void expect_sound(const test::GraphCase& graph) {
  try {
    verify(*test::import_case(graph).graph, "import");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::invalid_model || error.code() == Code::unsupported ||
                error.code() == Code::usage)
        << name(error.code()) << ": " << error.message();
    EXPECT_NE(error.message().find("net.pb"), std::string::npos) << error.message();
  }
}

TEST(TensorflowDamage, EndsInAnErrorOrAGraph) {
  for (const char* file : {"operators.test", "control.test"}) {
    const std::string cases = read_text(cat(HONE_SOURCE_DIR "/tests/import/tensorflow/", file));
    const auto all = test::given_of(cases);
    ASSERT_FALSE(all.empty());
    for (const std::string& given : all) {
      test::GraphCase graph = test::graph_case(given);
      const std::string whole = graph.file;
      test::each_damage(whole, 23, [&](std::string bytes) {
        graph.file = std::move(bytes);
        expect_sound(graph);
      });
    }
  }
}

}  // namespace hone::tensorflow_operators_test
