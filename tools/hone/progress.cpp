#include "progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/log.hpp"
#include "output.hpp"

namespace hone::cli {
namespace {

/// One that understands what clears a line.
bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

void write_now(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

std::string time_left_text(double seconds) {
  if (seconds < 60) return cat(std::max(1.0, std::ceil(seconds)), " s");
  return cat(std::ceil(seconds / 60), " min");
}

}  // namespace

std::string progress_text(int64_t done, int64_t total, double seconds) {
  constexpr double kTelling = 1;  // before that long nothing can be said of the rest
  constexpr int64_t kMany = 100'000;
  if (total <= 0) return done <= 0 ? std::string() : cat("  ", done, " so far");
  std::string text = total <= kMany
                         ? cat("  ", done, " of ", total)
                         : cat("  ", done * 100 / total, " %");  // bytes: nobody counts them
  if (done > 0 && seconds >= kTelling) {
    const double left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
    text += cat(", about ", time_left_text(left), " left");
  }
  return text;
}

ProgressLine::ProgressLine(std::span<const std::string_view> stages)
    : stages_(stages), logs_(log_level() >= Level::note) {
  draws_ = !logs_ && is_terminal();
}

Progress ProgressLine::progress() {
  return [this](std::string_view stage, int64_t done, int64_t total) { tell(stage, done, total); };
}

void ProgressLine::tell(std::string_view stage, int64_t done, int64_t total) {
  constexpr auto kPause = std::chrono::milliseconds(100);
  if (!draws_ && !logs_) return;
  const auto now = Clock::now();
  const bool begins = stage != stage_;
  if (begins) {
    stage_ = stage;
    begin_ = now;
    if (logs_) log(Level::note, "build: ", stage);
  }
  if (!draws_ || (!begins && now - last_ < kPause)) return;
  last_ = now;
  draw(done, total);
}

void ProgressLine::draw(int64_t done, int64_t total) {
  const auto at = std::ranges::find(stages_, std::string_view(stage_));
  const double seconds = std::chrono::duration<double>(last_ - begin_).count();
  const std::string number =
      at == stages_.end() ? std::string() : cat(at - stages_.begin() + 1, "/", stages_.size(), " ");
  write_now(cat("\r\x1b[K", number, stage_, progress_text(done, total, seconds)));
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::end() {
  draws_ = logs_ = false;
  if (!drawn_) return;
  write_now("\r\x1b[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace hone::cli
