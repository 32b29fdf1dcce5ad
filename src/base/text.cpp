#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>
#include <numeric>
#include <type_traits>

namespace hone {
namespace {

template <class Float>
using BitsOf = std::conditional_t<sizeof(Float) == 4, uint32_t, uint64_t>;

template <class Float>
constexpr BitsOf<Float> kMantissa = (BitsOf<Float>{1} << (std::numeric_limits<Float>::digits - 1)) -
                                    1;
template <class Float>
constexpr BitsOf<Float> kQuietOnly = (kMantissa<Float> >> 1) + 1;

/// "nan" is the quiet NaN without payload; any other writes its mantissa: "nan_200001".
template <class Float>
void append_nan(std::string& out, Float value) {
  const auto bits = std::bit_cast<BitsOf<Float>>(value);
  if (bits >> (sizeof(bits) * 8 - 1)) out += '-';
  out += "nan";
  const auto payload = bits & kMantissa<Float>;
  if (payload == kQuietOnly<Float>) return;
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), payload, 16).ptr;
  out += '_';
  out.append(digits.data(), end);
}

template <class Float>
void append_float(std::string& out, Float value) {
  if (value != value) return append_nan(out, value);
  std::array<char, 40> digits;
  const char* const begin = digits.data();
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  const char* exponent = std::find(begin, end, 'e');
  out.append(begin, exponent);
  if (exponent == end) return;
  // "1e-05" -> "1e-5", "1e+20" -> "1e20": still what strtod and from_chars read.
  out += *exponent++;
  if (*exponent == '-') out += '-';
  ++exponent;
  while (exponent + 1 < end && *exponent == '0') ++exponent;
  out.append(exponent, end);
}

template <class Float>
std::optional<Float> parse_special(std::string_view text, bool negative) {
  constexpr auto kSign = BitsOf<Float>{1} << (sizeof(Float) * 8 - 1);
  constexpr auto kInfinity = std::bit_cast<BitsOf<Float>>(std::numeric_limits<Float>::infinity());
  BitsOf<Float> mantissa = 0;
  if (text == "nan") {
    mantissa = kQuietOnly<Float>;
  } else if (text.starts_with("nan_")) {
    const auto [end, error] =
        std::from_chars(text.data() + 4, text.data() + text.size(), mantissa, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (mantissa == 0 || mantissa > kMantissa<Float>) return std::nullopt;
  } else if (text != "inf") {
    return std::nullopt;
  }
  return std::bit_cast<Float>(
      static_cast<BitsOf<Float>>((negative ? kSign : 0) | kInfinity | mantissa));
}

template <class Float>
std::optional<Float> parse_floating(std::string_view text) {
  std::string_view magnitude = text;
  const bool negative = text.starts_with('-');
  if (negative) magnitude.remove_prefix(1);
  if (magnitude.empty()) return std::nullopt;
  const bool digit = magnitude[0] >= '0' && magnitude[0] <= '9';
  if (!digit && magnitude[0] != '.') return parse_special<Float>(magnitude, negative);
  Float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Integer>
void append_integer(std::string& out, Integer value) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

void append(std::string& out, std::string_view text) { out.append(text); }
void append(std::string& out, char c) { out += c; }
void append(std::string& out, int64_t value) { append_integer(out, value); }
void append(std::string& out, uint64_t value) { append_integer(out, value); }
void append(std::string& out, float value) { append_float(out, value); }
void append(std::string& out, double value) { append_float(out, value); }

std::string with_commas(uint64_t value) {
  const std::string digits = cat(value);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::optional<int64_t> parse_int(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_double(std::string_view text) { return parse_floating<double>(text); }
std::optional<float> parse_float(std::string_view text) { return parse_floating<float>(text); }

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const size_t end = text.find(at);
    pieces.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::optional<std::string_view> closest(std::string_view word,
                                        std::span<const std::string_view> known) {
  constexpr size_t kMostEdits = 2, kLongestWord = 100;
  if (word.size() > kLongestWord) return std::nullopt;
  // Fewer edits than half the word: otherwise "Or" would be close to "Add".
  size_t best = std::min(kMostEdits, (word.size() - (word.empty() ? 0 : 1)) / 2) + 1;
  std::optional<std::string_view> found;
  for (const std::string_view candidate : known) {
    if (std::max(word.size(), candidate.size()) - std::min(word.size(), candidate.size()) >= best)
      continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace hone
