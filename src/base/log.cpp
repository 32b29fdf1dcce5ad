#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "base/printable.hpp"

namespace hone {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"quiet", "warning", "note", "detail"};

Level level_from_environment() {
  const char* text = std::getenv("HONE_LOG");
  if (text == nullptr) return Level::warning;
  const auto found = std::find(kNames.begin(), kNames.end(), std::string_view(text));
  return found == kNames.end() ? Level::warning : static_cast<Level>(found - kNames.begin());
}

std::atomic<Level>& current_level() {
  static std::atomic<Level> level = level_from_environment();
  return level;
}

using Sink = std::function<void(Level, std::string_view)>;

struct Sinks {
  std::mutex mutex;
  std::shared_ptr<const Sink> sink;  // null: stderr
};

Sinks& sinks() {
  // Never destroyed: threads may log while the program exits.
  static auto* sinks = new Sinks;
  return *sinks;
}

}  // namespace

void set_log_level(Level level) { current_level().store(level, std::memory_order_relaxed); }
Level log_level() { return current_level().load(std::memory_order_relaxed); }

void set_log_sink(std::function<void(Level, std::string_view)> sink) {
  auto next = sink ? std::make_shared<const Sink>(std::move(sink)) : nullptr;
  const std::lock_guard lock(sinks().mutex);
  sinks().sink.swap(next);
}

void log_line(Level level, std::string_view text) {
  std::shared_ptr<const Sink> sink;
  {
    const std::lock_guard lock(sinks().mutex);
    sink = sinks().sink;
  }
  const std::string shown = printable(text);
  // Called without the lock: a sink may log, or replace itself.
  if (sink) return (*sink)(level, shown);
  const auto index = static_cast<size_t>(level);
  const std::string_view label = index < kNames.size() ? kNames[index] : "note";
  const std::string line = cat("hone: ", label, ": ", shown, "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace hone
