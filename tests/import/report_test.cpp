#include "import/report.hpp"

#include <gtest/gtest.h>

namespace hone::report_test {

ModelProblem of(std::string node, std::string op, std::string what, std::string suggestion,
                Code code = Code::unsupported) {
  return {std::move(node), std::move(op), std::move(what), std::move(suggestion), code};
}

const Report::Model kModel{"exotic.onnx", "opset 17", "acme-export 2.1", 412};

TEST(Report, ReadsAsTheDesignSaysItShould) {
  Report report;
  const std::string custom = "a custom operator", advice = "export it as others";
  report.add(of("/text/TfIdf", "ai.onnx::TfIdfVectorizer",
                "text operators are outside Hone's scope", "run it before the network"));
  report.add(of("/neck/Swizzle", "acme::Swizzle v1", custom, advice));
  report.add(of("/neck/Swizzle_1", "acme::Swizzle v1", custom, advice));
  const Error error = report.error(kModel);
  EXPECT_EQ(error.code(), Code::unsupported);
  EXPECT_EQ(error.message(),
            "3 of 412 nodes cannot be run (exotic.onnx, opset 17, made by acme-export 2.1):\n"
            "  2x  acme::Swizzle v1          first: /neck/Swizzle  a custom operator: export it as "
            "others\n"
            "  1x  ai.onnx::TfIdfVectorizer  /text/TfIdf           text operators are outside "
            "Hone's scope: run it before the network");
}

TEST(Report, AnInvalidPartMakesTheWholeModelInvalid) {
  Report report;
  report.add(of("/a", "acme::A v1", "a custom operator", ""));
  report.add(of("initializer \"w\"", "", "a dimension of -1", "", Code::invalid_model));
  const Error error = report.error(kModel);
  EXPECT_EQ(error.code(), Code::invalid_model);
  EXPECT_EQ(error.message().substr(0, 12), "2 problems (");
}

TEST(Report, KeepsBoundedMemoryAndSaysHowManyMore) {
  Report report;
  for (int i = 0; i < 100'000; ++i)
    report.add(of(cat("/n", i), "acme::A v1", cat("reason ", i), ""));
  EXPECT_EQ(report.total(), 100'000);
  EXPECT_EQ(report.groups().size(), Report::kGroups);
  EXPECT_TRUE(report.error(kModel).message().ends_with("and 99980 more"));
}

TEST(Report, ShowsNamesWithoutControlCharacters) {
  EXPECT_EQ(shown("a\x1b[2J\r\n"), "a\\x1b[2J\\x0d\\x0a");
  EXPECT_EQ(shown(std::string(500, 'n')).size(), 123U);
}

}  // namespace hone::report_test
