#include "base/printable.hpp"

#include <algorithm>
#include <array>

namespace hone {
namespace {

struct Span {
  char32_t first, last;
};

/// Valid characters that nobody should meet in a name.
constexpr std::array<Span, 11> kHidden = {{
    {0x00, 0x1f},        // C0
    {0x7f, 0x9f},        // DEL, C1
    {0x61c, 0x61c},      // the Arabic letter mark
    {0x200b, 0x200b},    // a space without width
    {0x200e, 0x200f},    // marks of direction
    {0x2028, 0x202e},    // separators of lines and paragraphs, overrides of direction
    {0x2060, 0x206f},    // joiners that nobody sees, isolates of direction
    {0xfdd0, 0xfdef},    // no characters
    {0xfeff, 0xfeff},    // the byte order mark
    {0xfff9, 0xfffb},    // annotations
    {0xe0000, 0xe0fff},  // tags
}};

bool is_shown(char32_t code) {
  if ((code & 0xfffe) == 0xfffe) return false;  // no characters, in every plane
  return std::none_of(kHidden.begin(), kHidden.end(),
                      [&](const Span& span) { return span.first <= code && code <= span.last; });
}

}  // namespace

size_t printable_length(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return is_shown(first) ? 1 : 0;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  auto code = static_cast<char32_t>(first & (0xff >> (length + 1)));
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (at(i) & 0x3fu);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = code >= kLeast[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return valid && is_shown(code) ? length : 0;
}

std::string printable(std::string_view text, bool newlines) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string made;
  made.reserve(text.size());
  while (!text.empty()) {
    const size_t length = newlines && text.front() == '\n' ? 1 : printable_length(text);
    if (length > 0) {
      made += text.substr(0, length);
    } else {
      const auto byte = static_cast<unsigned char>(text.front());
      made += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return made;
}

}  // namespace hone
