#pragma once
// Text building without stream or format headers in our own headers.

#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

void append(std::string& out, std::string_view text);
void append(std::string& out, char c);
void append(std::string& out, int64_t value);
void append(std::string& out, uint64_t value);
/// Shortest text that reads back the same bits: 1, 0.5, 1e-5, inf, nan. A NaN that is not the plain
/// quiet one carries its mantissa in hex: nan_200001.
void append(std::string& out, float value);
void append(std::string& out, double value);
inline void append(std::string& out, const char* text) { append(out, std::string_view(text)); }
inline void append(std::string& out, const std::string& text) {
  append(out, std::string_view(text));
}
/// true, false. A template, so that no pointer turns into a bool.
template <std::same_as<bool> T>
void append(std::string& out, T value) {
  append(out, std::string_view(value ? "true" : "false"));
}
template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char>) void append(std::string& out, T value) {
  if constexpr (std::signed_integral<T>) append(out, static_cast<int64_t>(value));
  else append(out, static_cast<uint64_t>(value));
}

/// The parts, one after the other. A type of ours takes part by an `append(std::string&, const T&)`
/// found beside it.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

/// The items with `between` between them: join({1,2,3}, ",") is "1,2,3".
template <class Range>
std::string join(const Range& items, std::string_view between) {
  std::string out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += between;
    first = false;
    append(out, item);
  }
  return out;
}

/// 1234567 -> "1,234,567".
std::string with_commas(uint64_t value);

/// Whole-string parses; nullopt for anything else than exactly one number in the form append()
/// writes (no leading '+' or blanks; exponents in any form), or one out of range.
std::optional<int64_t> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);
std::optional<float> parse_float(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char at);
std::string_view trim(std::string_view text);

/// "Sqeeze" -> "Squeeze" when one of `known` is close (edit distance <= 2 and under half the word),
/// for error messages. The first of the closest.
std::optional<std::string_view> closest(std::string_view word,
                                        std::span<const std::string_view> known);

}  // namespace hone
