// Operators of TFLite by what models of them make of an input; damaged files.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/damage.hpp"
#include "import/tflite/model_case.hpp"
#include "import/tflite/reader.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "support/text_case.hpp"

namespace hone::tflite_operators_test {

std::string graph_of(std::string_view given) {
  const Imported imported = test::import_case(test::model_case(given));
  verify(*imported.graph, "import");
  return print(*imported.graph);
}

TEST(Tflite, OperatorsGiveWhatNumPyComputes) {
  test::expect_text_cases("import/tflite/operators.test",
                          {{"values", [](std::string_view given) {
                              return test::values_of(test::model_case(given));
                            }}});
}

TEST(Tflite, ModelsBecomeGraphsOrATellingError) {
  test::expect_text_cases("import/tflite/models.test", {{"graph", graph_of}});
}

void expect_sound(const std::string& file) {
  try {
    const auto copy = std::make_shared<const std::string>(file);
    const Imported imported =
        tflite::import_model({std::as_bytes(std::span(*copy)), copy, "net.tflite"}, {});
    verify(*imported.graph, "import");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::invalid_model || error.code() == Code::unsupported)
        << name(error.code()) << ": " << error.message();
    EXPECT_NE(error.message().find("net.tflite"), std::string::npos) << error.message();
  }
}

TEST(TfliteDamage, EndsInAnErrorOrAGraph) {
  const std::string cases = read_text(HONE_SOURCE_DIR "/tests/import/tflite/operators.test");
  const auto all = test::given_of(cases);
  ASSERT_GT(all.size(), 90U);
  for (const std::string& given : all)
    test::each_damage(test::model_case(given).file, 3, expect_sound);
}

}  // namespace hone::tflite_operators_test
