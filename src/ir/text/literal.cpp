// Literal constants and quoted text: exact to the bit, and legible.

#include <charconv>
#include <cmath>
#include <limits>

#include "base/printable.hpp"
#include "base/size.hpp"
#include "base/text.hpp"
#include "ir/fields.hpp"
#include "ir/text/scanner.hpp"

namespace hone {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The bits of element `index` of a float type of at least 8 bits, little-endian.
uint64_t float_bits(DType type, const std::byte* data, int64_t index) {
  const auto width = static_cast<size_t>(bits(type)) / 8;
  uint64_t value = 0;
  std::memcpy(&value, data + static_cast<size_t>(index) * width, width);
  return value;
}

void append_hex(std::string& out, uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  out.append(digits, end);
}

/// A NaN of the type's usual bits is "nan"; any other shows its bits.
void append_nan(std::string& out, DType type, const std::byte* data, int64_t index) {
  const uint64_t found = float_bits(type, data, index);
  std::byte usual[8] = {};
  store_double(type, usual, 0, kNaN, false);
  out += "nan";
  if (float_bits(type, usual, 0) == found) return;
  out += ":0x";
  append_hex(out, found);
}

/// The fewest digits that read back as the same element of a type narrower than f32; whole numbers
/// and those of packed types, which have few digits, in full.
void append_narrow(std::string& out, DType type, double value) {
  const bool whole = std::abs(value) < 1e6 && value == std::trunc(value);
  if (whole || bits(type) < 8) return append(out, value);
  std::byte wanted[8] = {}, got[8] = {};
  store_double(type, wanted, 0, value, false);
  for (int digits = 1; digits <= 9; ++digits) {
    char buffer[40];
    const auto end =
        std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, digits)
            .ptr;
    const auto read = parse_double(std::string_view(buffer, static_cast<size_t>(end - buffer)));
    if (!read) break;
    std::memset(got, 0, sizeof got);
    store_double(type, got, 0, *read, false);
    if (std::memcmp(got, wanted, sizeof got) == 0) return append(out, *read);
  }
  append(out, value);
}

void append_float(std::string& out, DType type, const std::byte* data, int64_t index) {
  const double value = load_double(type, data, index);
  if (std::isnan(value)) return append_nan(out, type, data, index);
  if (type == DType::f64) return append(out, value);
  if (type == DType::f32) return append(out, static_cast<float>(value));
  append_narrow(out, type, value);
}

bool read_float(std::string_view token, DType type, std::byte* data, int64_t index) {
  constexpr std::string_view kBits = "nan:0x";
  if (token.starts_with(kBits)) {
    if (bits(type) < 8) return false;
    token.remove_prefix(kBits.size());
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value, 16);
    const auto width = static_cast<size_t>(bits(type)) / 8;
    if (error != std::errc() || end != token.data() + token.size()) return false;
    if (width < 8 && (value >> (width * 8)) != 0) return false;
    std::memcpy(data + static_cast<size_t>(index) * width, &value, width);
    return std::isnan(load_double(type, data, index));
  }
  if (type == DType::f32) {
    const auto value = parse_float(token);
    if (!value) return false;
    const float plain = std::isnan(*value) ? std::numeric_limits<float>::quiet_NaN() : *value;
    std::memcpy(data + static_cast<size_t>(index) * sizeof plain, &plain, sizeof plain);
    return true;
  }
  const auto value = parse_double(token);
  if (!value) return false;
  store_double(type, data, index, std::isnan(*value) ? kNaN : *value, false);
  return std::isnan(*value) == std::isnan(load_double(type, data, index));
}

bool read_integer(std::string_view token, DType type, std::byte* data, int64_t index) {
  if (type == DType::u64) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc() || end != token.data() + token.size()) return false;
    store_int(type, data, index, static_cast<int64_t>(value));
    return true;
  }
  const auto value = parse_int(token);
  if (!value) return false;
  store_int(type, data, index, *value);
  return load_int(type, data, index) == *value;
}

/// A complex type's parts are two elements of this type.
DType part_of(DType type) { return type == DType::c64 ? DType::f32 : DType::f64; }

void append_element(std::string& out, const Tensor& tensor, int64_t i) {
  const DType type = tensor.dtype();
  const std::byte* data = tensor.bytes().data();
  if (type == DType::string) return append_quoted(out, tensor.strings()[static_cast<size_t>(i)]);
  if (type == DType::boolean) return append(out, tensor.integer(i) != 0);
  if (type == DType::u64) return append(out, static_cast<uint64_t>(tensor.integer(i)));
  if (is_complex(type)) {
    out += '(';
    append_float(out, part_of(type), data, 2 * i);
    out += ',';
    append_float(out, part_of(type), data, 2 * i + 1);
    out += ')';
    return;
  }
  if (is_float(type)) return append_float(out, type, data, i);
  append(out, tensor.integer(i));
}

bool read_element(std::string_view token, DType type, std::byte* data, int64_t index) {
  if (type == DType::boolean) {
    if (token != "true" && token != "false") return false;
    store_int(type, data, index, token == "true");
    return true;
  }
  if (is_complex(type)) return read_float(token, part_of(type), data, index);
  return is_float(type) ? read_float(token, type, data, index)
                        : read_integer(token, type, data, index);
}

std::optional<Tensor> read_strings(std::string_view& text, std::vector<int64_t> shape,
                                   int64_t count) {
  std::vector<std::string> strings;
  while (!take(text, '}')) {
    if (!strings.empty() && !take(text, ',')) return std::nullopt;
    skip_spaces(text);
    auto item = parse_quoted(text);
    if (!item) return std::nullopt;
    strings.push_back(std::move(*item));
  }
  if (std::ssize(strings) != count) return std::nullopt;
  return Tensor::of_strings(std::move(shape), std::move(strings));
}

/// The numbers between the braces; of a complex type both parts of each element.
std::optional<std::vector<std::string_view>> read_numbers(std::string_view& text, bool pairs) {
  std::vector<std::string_view> tokens;
  while (!take(text, '}')) {
    if (!tokens.empty() && !take(text, ',')) return std::nullopt;
    if (pairs && !take(text, '(')) return std::nullopt;
    tokens.push_back(take_token(text));
    if (tokens.back().empty()) return std::nullopt;
    if (!pairs) continue;
    if (!take(text, ',')) return std::nullopt;
    tokens.push_back(take_token(text));
    if (!take(text, ')')) return std::nullopt;
  }
  return tokens;
}

std::optional<std::vector<int64_t>> read_shape(std::string_view& text) {
  std::vector<int64_t> shape;
  if (!take(text, '[')) return shape;
  while (!take(text, ']')) {
    if (!shape.empty() && !take(text, ',')) return std::nullopt;
    const auto size = parse_int(take_token(text));
    if (!size || *size < 0) return std::nullopt;
    shape.push_back(*size);
  }
  return shape;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

void append_literal(std::string& out, const Tensor& tensor) {
  append(out, tensor.dtype());
  if (tensor.rank() > 0) {
    out += '[';
    out += join(tensor.shape(), ",");
    out += ']';
  }
  out += '{';
  for (int64_t i = 0; i < tensor.count(); ++i) {
    if (i > 0) out += ',';
    append_element(out, tensor, i);
  }
  out += '}';
}

std::optional<Tensor> parse_literal(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && ((text[length] >= 'a' && text[length] <= 'z') ||
                                  (text[length] >= '0' && text[length] <= '9')))
    ++length;
  const auto dtype = parse_dtype(text.substr(0, length));
  if (!dtype) return std::nullopt;
  text.remove_prefix(length);
  auto shape = read_shape(text);
  if (!shape || !take(text, '{')) return std::nullopt;
  const auto count = try_element_count(*shape);
  if (!count) return std::nullopt;
  if (*dtype == DType::string) return read_strings(text, std::move(*shape), *count);

  // As many elements as the text lists: its length bounds what is allocated.
  const auto tokens = read_numbers(text, is_complex(*dtype));
  if (!tokens) return std::nullopt;
  const auto listed = static_cast<int64_t>(tokens->size()) / (is_complex(*dtype) ? 2 : 1);
  if (listed != *count) return std::nullopt;
  Tensor tensor(*dtype, std::move(*shape));
  std::byte* data = tensor.mutable_bytes().data();
  for (size_t i = 0; i < tokens->size(); ++i)
    if (!read_element((*tokens)[i], *dtype, data, static_cast<int64_t>(i))) return std::nullopt;
  return tensor;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const auto byte = static_cast<unsigned char>(c);
    const size_t sequence = byte >= 0x80 ? printable_length(text) : 0;
    if (sequence > 0) {
      out += text.substr(0, sequence);
      text.remove_prefix(sequence);
      continue;
    }
    text.remove_prefix(1);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\x";
      out += "0123456789abcdef"[byte >> 4];
      out += "0123456789abcdef"[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::optional<std::string> parse_quoted(std::string_view& text) {
  if (!text.starts_with('"')) return std::nullopt;
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    if (c != '\\') {
      out += c;
      continue;
    }
    const char escape = ++i < text.size() ? text[i] : '\0';
    if (escape == '"' || escape == '\\') {
      out += escape;
    } else if (escape == 'n') {
      out += '\n';
    } else if (escape == 't') {
      out += '\t';
    } else if (escape == 'x' && i + 2 < text.size()) {
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace hone
