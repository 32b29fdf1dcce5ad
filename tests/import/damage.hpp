#pragma once
// Files that are cut short or have a bit changed.

#include <string>
#include <vector>

#include "base/text.hpp"

namespace hone::test {

/// Calls f for the bytes cut at every `step`th place, and with a bit flipped there.
template <class F>
void each_damage(const std::string& bytes, size_t step, const F& f) {
  for (size_t at = 0; at < bytes.size(); at += step) {
    f(bytes.substr(0, at));
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    f(flipped);
  }
}

/// What is given of each case of a file of cases.
inline std::vector<std::string> given_of(const std::string& cases) {
  std::vector<std::string> found;
  bool inside = false;
  for (const std::string_view line : split(cases, '\n')) {
    if (line == "given") found.emplace_back(), inside = true;
    else if (!line.starts_with("  ")) inside = false;
    else if (inside) found.back() += cat(line.substr(2), "\n");
  }
  return found;
}

}  // namespace hone::test
