#include "base/log.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace hone::log_test {

TEST(Log, DropsLinesAboveTheLevelAndReplacesTheSink) {
  const Level before = log_level();
  std::vector<std::string> lines;
  set_log_sink([&](Level level, std::string_view text) {
    lines.push_back(cat(static_cast<int>(level), " ", text));
  });
  set_log_level(Level::note);
  log(Level::warning, "x is ", 3);
  log(Level::detail, "dropped");
  set_log_level(Level::quiet);
  log(Level::warning, "dropped");
  set_log_sink({});
  set_log_level(Level::warning);
  testing::internal::CaptureStderr();
  log(Level::warning, "to stderr");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "hone: warning: to stderr\n");
  set_log_level(before);
  EXPECT_EQ(lines, std::vector<std::string>{"1 x is 3"});
}

TEST(Log, NamesForgeNoLinesAndMoveNoCursor) {
  std::vector<std::string> lines;
  set_log_sink([&](Level, std::string_view text) { lines.emplace_back(text); });
  log(Level::warning, "cpu\x1b]0;owned\x07\nhone: warning: forged");
  set_log_sink({});
  testing::internal::CaptureStderr();
  log(Level::warning, "\xe2\x80\xae\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "hone: warning: \\xe2\\x80\\xae\\x0a\n");
  EXPECT_EQ(lines, std::vector<std::string>{"cpu\\x1b]0;owned\\x07\\x0ahone: warning: forged"});
}

}  // namespace hone::log_test
