#pragma once
// Everything that can be told of an engine, by kind.

#include <cstdint>
#include <string>

namespace hone {
class Engine;
}

namespace hone::report {

/// As hone.h has them, which says what each is.
enum class Kind : uint8_t {
  summary,
  steps,
  explanation,
  plan,
  graph,
  json,
  dot,
  arena
};

std::string report_of(const Engine& engine, Kind kind);

}  // namespace hone::report
