#pragma once
// Text as NumPy's files hold it: every element as wide as the longest, filled up with NULs.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// "<U5": five code points of four bytes; "|S5": five bytes.
struct NpyText {
  bool wide = false;  // U
  int64_t width = 0;  // code points, bytes
  int64_t bytes_each() const { return wide ? 4 * width : width; }
};

/// nullopt: no text, or none whose bytes come in this order and can be counted.
std::optional<NpyText> npy_text_of(std::string_view descr);
/// UTF-8 of U, bytes of S as they are; `data` is a whole number of elements. nullopt: a number that
/// is no code point.
std::optional<std::vector<std::string>> read_npy_text(std::span<const std::byte> data,
                                                      const NpyText& text);

/// Elements as they are written: as U, or as S where some are no UTF-8.
struct WrittenText {
  std::string descr;
  std::vector<std::byte> data;
};
WrittenText write_npy_text(std::span<const std::string> strings);

}  // namespace hone
