#include "base/pattern.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "base/error.hpp"

namespace hone::pattern_test {

bool found(std::string_view expression, std::string_view text) {
  return Pattern(expression).found_in(text);
}

std::string refusal(std::string_view expression) {
  try {
    const Pattern made(expression);
  } catch (const Error& error) {
    return cat(name(error.code()), ": ", error.message());
  }
  return "nothing";
}

TEST(Pattern, FindsWhatItSays) {
  EXPECT_TRUE(found("attn", "/layer0/attn/q"));
  EXPECT_FALSE(found("^attn", "/layer0/attn/q"));
  EXPECT_TRUE(found("^/layer\\d+/(attn|mlp)/[qkv]$", "/layer12/mlp/v"));
  EXPECT_FALSE(found("^/layer\\d+/(attn|mlp)/[qkv]$", "/layer12/mlp/o"));
  EXPECT_TRUE(found("", ""));
  EXPECT_TRUE(found("a||b", "x"));
  EXPECT_TRUE(found("^a{2,3}$", "aaa"));
  EXPECT_FALSE(found("^a{2,3}$", "aaaa"));
  EXPECT_FALSE(found("^a{2,}$", "a"));
  EXPECT_TRUE(found("^(?:ab){2}c??$", "abab"));
  EXPECT_TRUE(found("^(a{2}){3}$", "aaaaaa"));
  EXPECT_FALSE(found("^(a{2}){3}$", "aaaaa"));
  EXPECT_TRUE(found("^a{0}b$", "b"));
  EXPECT_TRUE(found("[^a-c\\d]", "a1d"));
  EXPECT_FALSE(found("[^a-c\\d]", "a1c"));
  EXPECT_TRUE(found("^[a\\]-]+$", "-]a"));
  EXPECT_TRUE(found("\\bMul_1\\b", "/x/Mul_1/y"));
  EXPECT_FALSE(found("\\bMul_1\\b", "/x/Mul_12"));
  EXPECT_TRUE(found("a\\.b\\x41", "a.bA"));
  EXPECT_FALSE(found("^.$", "\n"));
  EXPECT_TRUE(found("^(a*)*$", "aaaa"));
}

// std::regex searches backwards and forwards; on short texts both must agree.
TEST(Pattern, AgreesWithTheStandardLibrary) {
  const std::string expressions[] = {"a*b",           "(a|b)*c", "a+?b?c{1,2}", "^(ab|a)(bc|c)?$",
                                     "[ab]{2}",       "a.c|b",   "\\bb",        "\\Bb",
                                     "(a|ab)(c|bcd)", "[^a]$",   "(a?b)+",      "((a|b)c?){2,3}$"};
  std::vector<std::string> texts{""};
  for (size_t i = 0; texts[i].size() < 5; ++i)
    for (const char c : {'a', 'b', 'c', 'd'}) texts.push_back(texts[i] + c);
  for (const std::string& expression : expressions) {
    const Pattern pattern(expression);
    const std::regex standard(expression);
    for (const std::string& text : texts)
      ASSERT_EQ(pattern.found_in(text), std::regex_search(text, standard))
          << expression << " on \"" << text << "\"";
  }
}

TEST(Pattern, TimeGrowsWithTheTextAlone) {
  std::string text(200'000, 'a');
  text.push_back('!');
  EXPECT_FALSE(found("^(a+)+$", text));
  EXPECT_FALSE(found("(a*)*b", text));
  EXPECT_FALSE(found("(.*)(.*)(.*)(.*)b", text));
  EXPECT_TRUE(found(".*!", text));
}

TEST(Pattern, SaysWhereItIsWrong) {
  EXPECT_EQ(refusal("a(b"), "usage: character 2 of \"a(b\": a ( without its )");
  EXPECT_EQ(refusal("ab)"), "usage: character 3 of \"ab)\": a ) without its (");
  EXPECT_EQ(refusal("a[b"), "usage: character 2 of \"a[b\": a [ without its ]");
  EXPECT_EQ(refusal("a[b\\"), "usage: character 4 of \"a[b\\\": a \\ at the end");
  EXPECT_EQ(refusal("*a"), "usage: character 1 of \"*a\": there is nothing to repeat");
  EXPECT_EQ(refusal("a|+"), "usage: character 3 of \"a|+\": there is nothing to repeat");
  EXPECT_EQ(refusal("a**"),
            "usage: character 3 of \"a**\": a repeat of a repeat; put the first into ( )");
  EXPECT_EQ(refusal("a{2"),
            "usage: character 2 of \"a{2\": a { that is none of {2}, {2,} and {2,5}");
  EXPECT_EQ(refusal("a{3,2}"),
            "usage: character 2 of \"a{3,2}\": the repeats end before they begin");
  EXPECT_EQ(refusal("a{9999}"), "usage: character 3 of \"a{9999}\": more than 1000 repeats");
  EXPECT_EQ(refusal("(?=a)"), "usage: character 1 of \"(?=a)\": (? is known in (?: only");
  EXPECT_EQ(refusal("(a)\\1"),
            "usage: character 4 of \"(a)\\1\": what a group matched cannot be referred to");
  EXPECT_EQ(refusal("\\q"), "usage: character 1 of \"\\q\": \\q is not known");
  EXPECT_EQ(refusal("[z-a]"), "usage: character 2 of \"[z-a]\": not a range of characters");
  EXPECT_NE(refusal("((a{1000}){1000}){1000}").find("has more than 10000 parts"),
            std::string::npos);
  EXPECT_NE(refusal("(((){1000}){1000}){1000}").find("has more than 10000 parts"),
            std::string::npos);
  EXPECT_NE(refusal(std::string(100'000, '(')).find("nested deeper than 100"), std::string::npos);
}

}  // namespace hone::pattern_test
