#pragma once
// Where a build is, for whoever waits for it.

#include <chrono>
#include <span>
#include <string>
#include <string_view>

#include "base/progress.hpp"

namespace hone::cli {

/// One line on standard error that is written over and over and is gone at the end. Where standard
/// error is no terminal, nothing; with HONE_LOG=note a line of the log for each stage instead.
class ProgressLine {
 public:
  /// `stages`: their names in order; those that never come are passed over.
  explicit ProgressLine(std::span<const std::string_view> stages);
  ~ProgressLine() { end(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void tell(std::string_view stage, int64_t done, int64_t total);
  /// What tell() is to those who do the work. The line outlives it.
  Progress progress();
  /// The line goes; nothing more is told.
  void end();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(int64_t done, int64_t total);

  std::span<const std::string_view> stages_;
  bool draws_ = false, logs_ = false, drawn_ = false;
  std::string stage_;
  Clock::time_point begin_, last_;  // of the stage; drawn last
};

/// "  12 of 160, about 3 s left", "  12 so far": of a stage that began so long ago.
std::string progress_text(int64_t done, int64_t total, double seconds);

}  // namespace hone::cli
