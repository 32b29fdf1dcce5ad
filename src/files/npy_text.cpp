#include "files/npy_text.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace hone {
namespace {

bool is_code_point(uint32_t code) { return code < 0x110000 && (code < 0xd800 || code > 0xdfff); }

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6), tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12), tail(6), tail(0);
  } else {
    out += static_cast<char>(0xf0 | code >> 18), tail(12), tail(6), tail(0);
  }
}

/// nullopt: not UTF-8.
std::optional<std::vector<uint32_t>> code_points(std::string_view text) {
  std::vector<uint32_t> codes;
  for (size_t at = 0; at < text.size();) {
    const auto byte = [&](size_t i) {
      return static_cast<uint32_t>(static_cast<uint8_t>(text[i]));
    };
    const uint32_t first = byte(at);
    const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || text.size() - at < length)
      return std::nullopt;
    uint32_t code = length == 1 ? first : first & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
      if ((byte(at + i) & 0xc0) != 0x80) return std::nullopt;
      code = code << 6 | (byte(at + i) & 0x3f);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};  // less: longer than need be
    if (code < kLeast[length] || !is_code_point(code)) return std::nullopt;
    codes.push_back(code);
    at += length;
  }
  return codes;
}

}  // namespace

std::optional<NpyText> npy_text_of(std::string_view descr) {
  if (descr.size() < 3 || (descr[1] != 'U' && descr[1] != 'S')) return std::nullopt;
  const bool wide = descr[1] == 'U';
  if (wide ? descr[0] != '<' : descr[0] == '>') return std::nullopt;
  const auto width = parse_int(descr.substr(2));
  constexpr int64_t kMost = int64_t{1} << 40;
  if (!width || *width < 1 || *width > kMost) return std::nullopt;
  return NpyText{wide, *width};
}

std::optional<std::vector<std::string>> read_npy_text(std::span<const std::byte> data,
                                                      const NpyText& text) {
  const auto each = static_cast<size_t>(text.bytes_each());
  std::vector<std::string> strings;
  strings.reserve(data.size() / each);
  for (size_t at = 0; at < data.size(); at += each) {
    std::string_view element(reinterpret_cast<const char*>(data.data()) + at, each);
    element = element.substr(0, element.find_last_not_of('\0') + 1);
    std::string& out = strings.emplace_back();
    if (!text.wide) {
      out = element;
      continue;
    }
    for (size_t i = 0; i < element.size(); i += 4) {
      uint32_t code = 0;
      for (size_t k = 0; k < 4 && i + k < element.size(); ++k)
        code |= static_cast<uint32_t>(static_cast<uint8_t>(element[i + k])) << (8 * k);
      if (!is_code_point(code)) return std::nullopt;
      append_utf8(out, code);
    }
  }
  return strings;
}

WrittenText write_npy_text(std::span<const std::string> strings) {
  std::vector<std::vector<uint32_t>> codes;
  size_t longest = 1, bytes = 1;  // a width of 0 is written by nobody
  for (const std::string& each : strings) {
    bytes = std::max(bytes, each.size());
    auto points = code_points(each);
    if (!points || codes.size() < static_cast<size_t>(&each - strings.data())) continue;
    longest = std::max(longest, points->size());
    codes.push_back(std::move(*points));
  }
  WrittenText written;
  if (codes.size() < strings.size()) {
    written.descr = cat("|S", bytes);
    written.data.resize(bytes * strings.size());
    for (size_t i = 0; i < strings.size(); ++i)
      std::transform(strings[i].begin(), strings[i].end(),
                     written.data.begin() + static_cast<ptrdiff_t>(i * bytes),
                     [](char c) { return static_cast<std::byte>(c); });
    return written;
  }
  written.descr = cat("<U", longest);
  written.data.resize(4 * longest * strings.size());
  for (size_t i = 0; i < strings.size(); ++i)
    for (size_t k = 0; k < codes[i].size(); ++k)
      for (size_t b = 0; b < 4; ++b)
        written.data[4 * (i * longest + k) + b] = static_cast<std::byte>(codes[i][k] >> (8 * b));
  return written;
}

}  // namespace hone
