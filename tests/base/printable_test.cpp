#include "base/printable.hpp"

#include <gtest/gtest.h>

namespace hone::printable_test {

TEST(Printable, LeavesTextOfAnyScriptAlone) {
  for (const std::string text :
       {"", "plain /a.b:0 \"x\" \\ %", "Größe", "模型", "\xf0\x9f\x98\x80", "عربي", "\xc2\xa0"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, EscapesWhatATerminalObeys) {
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x1b[2J\r\t\x7f"), "\\x1b[2J\\x0d\\x09\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");                                     // C1
  EXPECT_EQ(printable("\xe2\x80\xaetxt"), "\\xe2\\x80\\xaetxt");  // U+202E
  EXPECT_EQ(printable("\xe2\x81\xa6"), "\\xe2\\x81\\xa6");        // U+2066
  EXPECT_EQ(printable("\xe2\x80\xa8\xef\xbb\xbf"), "\\xe2\\x80\\xa8\\xef\\xbb\\xbf");
  EXPECT_EQ(printable("a\nproblems  none"), "a\\x0aproblems  none");
  EXPECT_EQ(printable("a\nb\r", true), "a\nb\\x0d");
}

TEST(Printable, EscapesWhatIsNoUtf8OrNoCharacter) {
  for (const std::string_view bytes :
       {"\xff\xfe", "\xc3\x28", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80", "\xc0\xaf",
        "\xe0\x80\xaf", "\xf4\x90\x80\x80", "\xe2\x82", "\xef\xbf\xbe", "\xef\xbf\xbf",
        "\xf0\x9f\xbf\xbe"}) {
    const std::string shown = printable(bytes);
    for (const char c : shown) EXPECT_TRUE(c >= ' ' && c < '\x7f') << shown;
    EXPECT_TRUE(shown.starts_with("\\x")) << shown;
  }
  EXPECT_EQ(printable("\xc3\x28"), "\\xc3(");
}

}  // namespace hone::printable_test
