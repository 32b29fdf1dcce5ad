#include "support/text_case.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"

namespace hone::test::text_case_test {

const Verbs kVerbs{
    {"copy", [](std::string_view given) { return std::string(given); }},
    {"double", [](std::string_view given) { return std::string(given) + std::string(given); }},
    {"fail", [](std::string_view) -> std::string { fail(Code::usage, "no such thing"); }},
};

constexpr std::string_view kGood =
    "# about\n"
    "\n"
    "case one\n"
    "given\n"
    "  a\n"
    "\n"
    "    b\n"
    "expect copy unchanged\n"
    "expect double\n"
    "  a\n"
    "\n"
    "    b\n"
    "  a\n"
    "\n"
    "    b\n"
    "\n"
    "case two\n"
    "given\n"
    "  a\n"
    "expect error fail\n"
    "  no such thing\n";

TEST(TextCase, GoodFileStaysAsItIs) {
  const TextCaseResult result = run_text_cases(kGood, kVerbs);
  EXPECT_EQ(result.cases, 2);
  EXPECT_EQ(result.failures, std::vector<std::string>());
  EXPECT_EQ(result.blessed, kGood);
}

TEST(TextCase, TellsAndBlessesWhatDiffers) {
  constexpr std::string_view kBad =
      "case one\ngiven\n  a\nexpect copy\n  b\nexpect double unchanged\nexpect fail\n  c\n";
  const TextCaseResult result = run_text_cases(kBad, kVerbs);
  ASSERT_EQ(result.failures.size(), 3u);
  EXPECT_EQ(result.failures[0], "4: case one, expect copy: line 1\n  wanted b\n  got    a");
  EXPECT_EQ(result.failures[1],
            "6: case one, expect double unchanged: line 2\n  wanted \n  got    a");
  EXPECT_EQ(result.failures[2],
            "7: case one, expect fail: error; line 1\n  wanted c\n  got    no such thing");
  EXPECT_EQ(result.blessed,
            "case one\ngiven\n  a\nexpect copy unchanged\nexpect double\n  a\n  a\n"
            "expect error fail\n  no such thing\n");
  EXPECT_TRUE(run_text_cases(result.blessed, kVerbs).failures.empty());
}

TEST(TextCase, RefusesWhatIsNoCase) {
  for (const std::string_view bad :
       {"case one\ngiven\n  a\n", "expect copy\n  a\n", "case one\ngiven\n  a\nexpect paint\n  a\n",
        "case one\ngiven\n  a\nexpect\n  a\n", "nonsense\n", "case one\n  a\n"}) {
    const TextCaseResult result = run_text_cases(bad, kVerbs);
    EXPECT_FALSE(result.failures.empty()) << bad;
    EXPECT_EQ(result.blessed, bad);
  }
}

}  // namespace hone::test::text_case_test
