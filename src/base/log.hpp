#pragma once
// Log lines for people: one line each on stderr, or to a sink of the application. Data never goes
// here.

#include <functional>
#include <string>
#include <string_view>

#include "base/text.hpp"

namespace hone {

enum class Level : int {
  quiet = 0,
  warning = 1,
  note = 2,
  detail = 3
};

/// Lines above this level are dropped. Default: warning; HONE_LOG=quiet|warning|note|detail sets
/// it.
void set_log_level(Level level);
Level log_level();
/// Replaces the sink (default: "hone: warning: TEXT" on stderr). Thread-safe; an empty function
/// restores it.
void set_log_sink(std::function<void(Level, std::string_view)> sink);
/// What `text` holds of control characters and newlines is escaped.
void log_line(Level level, std::string_view text);

template <class... Parts>
void log(Level level, const Parts&... parts) {
  if (level <= log_level()) log_line(level, cat(parts...));
}

}  // namespace hone
