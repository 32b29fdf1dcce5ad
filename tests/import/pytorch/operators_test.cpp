// Operators of PyTorch by what programs of them make of an input.

#include <gtest/gtest.h>

#include "import/pytorch/program_case.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "support/refusal.hpp"
#include "support/text_case.hpp"

namespace hone::pytorch_operators_test {

using test::ProgramForm;

std::string graph_of(std::string_view given) {
  const Imported imported = test::import_archive(test::program_case(given).archive);
  verify(*imported.graph, "import");
  return print(*imported.graph);
}

std::string values_of(std::string_view given) { return test::values_of(test::program_case(given)); }

class PytorchOperators : public testing::TestWithParam<const char*> {};

TEST_P(PytorchOperators, GiveWhatPytorchComputes) {
  test::expect_text_cases(cat("import/pytorch/", GetParam(), ".test"), {{"values", values_of}});
}

INSTANTIATE_TEST_SUITE_P(Families, PytorchOperators,
                         testing::Values("activation", "arithmetic", "complex", "convolution",
                                         "create", "fourier", "index", "move", "normalization",
                                         "pooling", "product", "quantized", "recurrent",
                                         "reduction", "resize", "view", "vision"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Pytorch, ProgramsBecomeGraphs) {
  test::expect_text_cases("import/pytorch/programs.test",
                          {{"graph", graph_of}, {"values", values_of}});
}

TEST(Pytorch, ProblemsAreToldTogetherInNamesOfNodes) {
  test::expect_text_cases("import/pytorch/problems.test", {{"graph", graph_of}});
}

constexpr std::string_view kNet =
    "aten.linear.default y(input=x, weight=w, bias=b)\n"
    "@w w f32[2,3] 1 2 3 4 5 6\n"
    "@w b f32[2] 0.5 -0.5\n"
    "@in x f32[1,3] 1 10 100\n";

/// However the archive is laid out, the program is the same.
TEST(Pytorch, ArchivesOfAllLayouts) {
  for (const ProgramForm form : {ProgramForm::newest, ProgramForm::pickled, ProgramForm::oldest})
    EXPECT_EQ(test::values_of(test::program_case(kNet, form)), "y f32[1,2]: 321.5 653.5\n")
        << static_cast<int>(form);
}

TEST(Pytorch, TheVersionIsTold) {
  const Imported imported = test::import_archive(test::program_case(kNet).archive);
  EXPECT_EQ(imported.format, "pytorch");
  EXPECT_EQ(imported.version, "torch.export schema 8.17");
  EXPECT_EQ(imported.producer, "pytorch 2.11.0");
}

/// Large weights stay in the file, wherever in it they lie.
TEST(Pytorch, WeightsAreNotCopied) {
  const std::string_view net =
      "aten.linear.default y(input=x, weight=w)\n@w w f32[32,32] 1\n@in x f32[1,32] 1\n";
  for (const ProgramForm form : {ProgramForm::newest, ProgramForm::pickled, ProgramForm::oldest}) {
    const Imported imported = test::import_archive(test::program_case(net, form).archive);
    ASSERT_EQ(imported.graph->constants().size(), 1U);
    const std::string& source = imported.graph->constants()[0]->weight->source();
    EXPECT_NE(source.find("net.pt2+0x"), std::string::npos)
        << source << ", form " << static_cast<int>(form);
  }
}

}  // namespace hone::pytorch_operators_test
