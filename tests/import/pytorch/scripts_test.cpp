// Programs of TorchScript, and files that hold no program.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/damage.hpp"
#include "import/pytorch/pickle_bytes.hpp"
#include "import/pytorch/script_case.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "support/refusal.hpp"
#include "support/text_case.hpp"
#include "support/zip_bytes.hpp"

namespace hone::scripts_test {

std::string graph_of(std::string_view given) {
  const test::ScriptCase program = test::script_case(given);
  const Imported imported = test::import_archive(program.archive, program.options);
  verify(*imported.graph, "import");
  return print(*imported.graph);
}

TEST(Torchscript, ProgramsGiveWhatTheySay) {
  test::expect_text_cases("import/pytorch/scripts.test",
                          {{"graph", graph_of}, {"values", test::script_values_of}});
}

TEST(Torchscript, ProblemsAreTold) {
  test::expect_text_cases("import/pytorch/script_problems.test", {{"graph", graph_of}});
}

constexpr std::string_view kAdvice =
    "; load it into its network and export that: torch.export.save(torch.export.export("
    "network.eval(), (example,)), \"network.pt2\")";

/// Weights alone are no network: what to do is said.
TEST(Pytorch, FilesThatHoldNoNetwork) {
  const auto error = [](const std::string& bytes) {
    return test::refusal_of([&] { test::import_archive(bytes); });
  };
  EXPECT_EQ(error(test::saved_tensors({{"w", Tensor::ints({1, 2})}})),
            cat("unsupported: net.pt2 holds weights and no network (a state dict)", kAdvice));
  EXPECT_EQ(error("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."),
            cat("unsupported: net.pt2 is a file of PyTorch before 1.6 that holds weights and no "
                "network",
                kAdvice));
  const std::string header = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  std::string size(8, '\0');
  size[0] = static_cast<char>(header.size());
  EXPECT_EQ(error(size + header + "1234"),
            cat("unsupported: net.pt2 is a file of safetensors, which holds weights and no network",
                kAdvice));
  EXPECT_EQ(error(test::zip_of({{"a.txt", "a"}})),
            "unsupported: net.pt2 is a zip archive that holds no program of PyTorch");
}

/// A pickle says what would be called; nothing is.
TEST(Pytorch, PicklesCallNothing) {
  std::string pickle = "\x80\x02}(";
  test::put_text(pickle, "w");
  pickle += "cos\nsystem\n(";
  test::put_text(pickle, "ls");
  const std::string bytes = test::zip_of({{"net/data.pkl", pickle + "tRu."},
                                          {"net/constants.pkl", "\x80\x02)."},
                                          {"net/code/__torch__.py", ""}});
  EXPECT_EQ(test::refusal_of([&] { test::import_archive(bytes); }),
            "unsupported: 1 problem (net.pt2):\n  1x  forward  an object of os.system");
}

void expect_sound(const std::string& bytes, const ImportOptions& options) {
  try {
    verify(*test::import_archive(bytes, options).graph, "import");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::invalid_model || error.code() == Code::unsupported)
        << name(error.code()) << ": " << error.message();
    EXPECT_NE(error.message().find("net.pt2"), std::string::npos) << error.message();
  }
}

TEST(PytorchDamage, EndsInAnErrorOrAGraph) {
  for (const std::string file : {"programs", "problems", "view", "recurrent"}) {
    const std::string cases =
        read_text(cat(HONE_SOURCE_DIR "/tests/import/pytorch/", file, ".test"));
    for (const std::string& given : test::given_of(cases))
      test::each_damage(test::program_case(given, test::ProgramForm::oldest).archive, 61,
                        [&](const std::string& bytes) { expect_sound(bytes, {}); });
  }
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/pytorch/scripts.test");
  for (const std::string& given : test::given_of(cases)) {
    const test::ScriptCase program = test::script_case(given);
    test::each_damage(program.archive, 5,
                      [&](const std::string& bytes) { expect_sound(bytes, program.options); });
  }
}

}  // namespace hone::scripts_test
