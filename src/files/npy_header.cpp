#include "files/npy_header.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace hone {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// The Python literal that a header is: {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string_view name) : rest_(text), name_(name) {}

  NpyHeader parse() {
    NpyHeader header;
    int seen = 0;  // a bit per key
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      int bit = 0;
      if (key == "descr") {
        bit = 1;
        skip_blank();
        if (rest_.starts_with('[')) refuse_npy(name_, "holds structures, wanted plain numbers");
        header.descr = quoted();
      } else if (key == "fortran_order") {
        bit = 2;
        header.fortran_order = boolean();
      } else if (key == "shape") {
        bit = 4;
        header.shape = dims();
      }
      if (bit == 0 || (seen & bit) != 0) damaged();
      seen |= bit;
      if (accept(',')) continue;
      expect('}');
      break;
    }
    skip_blank();
    if (seen != 7 || !rest_.empty()) damaged();
    return header;
  }

 private:
  [[noreturn]] void damaged() const { refuse_npy(name_, "its npy header is damaged"); }
  void skip_blank() {
    const size_t blank = std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size());
    rest_.remove_prefix(blank);
  }
  bool accept(char c) {
    skip_blank();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) damaged();
  }
  std::string quoted() {
    skip_blank();
    if (rest_.empty() || (rest_[0] != '\'' && rest_[0] != '"')) damaged();
    const size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) damaged();
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  bool boolean() {
    skip_blank();
    const bool value = rest_.starts_with("True");
    if (!value && !rest_.starts_with("False")) damaged();
    rest_.remove_prefix(value ? 4 : 5);
    return value;
  }
  std::vector<int64_t> dims() {
    std::vector<int64_t> dims;
    expect('(');
    while (!accept(')')) {
      skip_blank();
      const size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
      const auto dim = parse_int(rest_.substr(0, digits));
      if (!dim) damaged();
      rest_.remove_prefix(digits);
      dims.push_back(*dim);
      if (dims.size() > kMostNpyDims) refuse_npy(name_, "more than ", kMostNpyDims, " dimensions");
      if (rest_.starts_with('L')) rest_.remove_prefix(1);  // Python 2 wrote 3L
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return dims;
  }

  std::string_view rest_, name_;
};

/// The header's text, and where the data begin.
std::pair<std::string_view, size_t> split_header(std::string_view file, std::string_view name) {
  if (!file.starts_with(kMagic) || file.size() < 12) refuse_npy(name, "is no npy file");
  const auto byte = [&](size_t at) { return static_cast<size_t>(static_cast<uint8_t>(file[at])); };
  const size_t version = byte(6);
  if (version < 1 || version > 3) refuse_npy(name, "npy version ", version, ", wanted 1 to 3");
  const size_t start = version == 1 ? 10 : 12;
  size_t size = byte(8) | byte(9) << 8;
  if (version > 1) size |= byte(10) << 16 | byte(11) << 24;
  if (size > kLongestNpyHeader - 12 || size > file.size() - start)
    refuse_npy(name, "its npy header of ", size, " bytes is cut off or too long");
  return {file.substr(start, size), start + size};
}

}  // namespace

NpyHeader read_npy_header(std::string_view file, std::string_view name) {
  const auto [text, start] = split_header(file, name);
  NpyHeader header = HeaderParser(text, name).parse();
  header.size = start;
  return header;
}

std::string npy_header(std::string_view descr, const std::vector<int64_t>& shape) {
  std::string text = cat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (",
                         join(shape, ", "), shape.size() == 1 ? ",), }" : "), }");
  constexpr size_t kBefore = 10, kAlignment = 64;
  text.resize((kBefore + text.size() + kAlignment) / kAlignment * kAlignment - kBefore - 1, ' ');
  text += '\n';
  std::string out = cat(kMagic, '\x01', '\x00');
  out += static_cast<char>(text.size() & 0xFF);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

}  // namespace hone
