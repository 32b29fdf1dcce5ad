#include "import/text_format.hpp"

#include <algorithm>
#include <charconv>

#include "base/error.hpp"
#include "import/report.hpp"

namespace hone {
namespace {

constexpr size_t kMostFields = 200'000;  // each takes eighty bytes, of a file's three

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char low = static_cast<char>(c | 32);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/// The text as it is read, character by character.
class Cursor {
 public:
  Cursor(std::string_view text, std::string_view what) : text_(text), what_(what) {}

  bool done() const { return at_ == text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  int line() const { return line_; }
  char take() {
    if (done()) fail("ends in the middle");
    line_ += text_[at_] == '\n' ? 1 : 0;
    return text_[at_++];
  }
  bool take_if(char c) {
    if (done() || peek() != c) return false;
    take();
    return true;
  }
  /// Blanks and comments.
  void skip() {
    while (!done()) {
      const char c = peek();
      if (c == '#') {
        while (!done() && peek() != '\n') take();
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v') {
        take();
      } else {
        return;
      }
    }
  }
  template <class Accept>
  std::string_view take_while(const Accept& accept) {
    const size_t from = at_;
    while (!done() && accept(peek())) take();
    return text_.substr(from, at_ - from);
  }
  [[noreturn]] void fail(std::string_view what) const {
    hone::fail(Code::invalid_model, what_, ":", line_, ": ", what);
  }
  [[noreturn]] void unexpected(std::string_view wanted) const {
    if (done()) hone::fail(Code::invalid_model, what_, ":", line_, ": ends, wanted ", wanted);
    hone::fail(Code::invalid_model, what_, ":", line_, ": found \"", shown(text_.substr(at_, 1)),
               "\", wanted ", wanted);
  }

 private:
  std::string_view text_, what_;
  size_t at_ = 0;
  int line_ = 1;
};

void append_utf8(std::string& out, uint32_t code) {
  const auto put = [&](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    put(0xe0 | code >> 12), put(0x80 | (code >> 6 & 63));
  } else {
    put(0xf0 | code >> 18), put(0x80 | (code >> 12 & 63)), put(0x80 | (code >> 6 & 63));
  }
  put(0x80 | (code & 63));
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view what, int depth)
      : cursor_(text, what), depth_(depth) {}

  std::vector<TextField> file() { return fields('\0', 0); }

 private:
  /// Up to the bracket that closes the message, or the end of the file.
  std::vector<TextField> fields(char close, int depth) {
    if (depth > depth_) cursor_.fail(cat("messages are nested deeper than ", depth_));
    std::vector<TextField> found;
    for (;;) {
      cursor_.skip();
      if (close == '\0' ? cursor_.done() : cursor_.take_if(close)) return found;
      if (close != '\0' && cursor_.done()) cursor_.unexpected(cat("\"", close, "\""));
      field(found, depth);
      cursor_.skip();
      if (!cursor_.take_if(',')) cursor_.take_if(';');
    }
  }

  /// `name: value`, `name { ... }`, `name: [value, ...]`: one field or several.
  void field(std::vector<TextField>& found, int depth) {
    const std::string_view name = field_name();
    cursor_.skip();
    const bool colon = cursor_.take_if(':');
    cursor_.skip();
    if (!cursor_.take_if('[')) return value(found, name, colon, depth);
    cursor_.skip();
    if (cursor_.take_if(']')) return;
    do {
      cursor_.skip();
      value(found, name, colon, depth);
      cursor_.skip();
    } while (cursor_.take_if(','));
    if (!cursor_.take_if(']')) cursor_.unexpected("\",\" or \"]\"");
  }

  std::string_view field_name() {
    if (cursor_.take_if('[')) {  // an extension's name or a type's URL
      const auto name = cursor_.take_while(
          [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '/' || c == '-'; });
      if (!cursor_.take_if(']')) cursor_.unexpected("\"]\"");
      return name;
    }
    const auto name = cursor_.take_while([](char c) { return is_letter(c) || is_digit(c); });
    if (name.empty() || is_digit(name.front())) cursor_.unexpected("the name of a field");
    return name;
  }

  void value(std::vector<TextField>& found, std::string_view name, bool colon, int depth) {
    if (++count_ > kMostFields) cursor_.fail(cat("more than ", kMostFields, " fields"));
    TextField made;
    made.name = name;
    made.line = cursor_.line();
    if (cursor_.take_if('{')) {
      made.kind = TextField::Kind::message;
      made.fields = fields('}', depth + 1);
    } else if (cursor_.take_if('<')) {
      made.kind = TextField::Kind::message;
      made.fields = fields('>', depth + 1);
    } else {
      if (!colon) cursor_.unexpected(cat("\":\" or \"{\" after ", shown(name)));
      scalar(made);
    }
    found.push_back(std::move(made));
  }

  void scalar(TextField& made) {
    const char c = cursor_.peek();
    if (c == '"' || c == '\'') {
      made.kind = TextField::Kind::text;
      for (; cursor_.peek() == '"' || cursor_.peek() == '\''; cursor_.skip()) piece(made.value);
      return;
    }
    if (cursor_.take_if('-')) {
      made.value = "-";
      cursor_.skip();
    }
    char last = '\0';
    bool hex = false;
    const auto word = cursor_.take_while([&](char at) {
      const bool sign_of_exponent = (at == '-' || at == '+') && (last | 32) == 'e' && !hex;
      hex = hex || ((at | 32) == 'x' && last == '0');
      last = at;
      return is_letter(at) || is_digit(at) || at == '.' || sign_of_exponent;
    });
    if (word.empty()) cursor_.unexpected("a value");
    const bool number = is_digit(word.front()) || word.front() == '.';
    made.kind = number ? TextField::Kind::number : TextField::Kind::word;
    made.value += word;
    if (number && !hex && (made.value.back() | 32) == 'f') made.value.pop_back();
  }

  /// One string between quotes.
  void piece(std::string& out) {
    const char quote = cursor_.take();
    for (;;) {
      if (cursor_.done() || cursor_.peek() == '\n') cursor_.fail("a string without an end");
      const char c = cursor_.take();
      if (c == quote) return;
      if (c == '\\') escape(out);
      else out += c;
    }
  }

  void escape(std::string& out) {
    static constexpr std::string_view kNames = "abfnrtv", kCodes = "\a\b\f\n\r\t\v";
    const char c = cursor_.take();
    if (const size_t at = kNames.find(c); at != std::string_view::npos) {
      out += kCodes[at];
    } else if (c == 'x' || c == 'X') {
      out += static_cast<char>(digits(16, 1, 2));
    } else if (c == 'u' || c == 'U') {
      const uint32_t code = digits(16, c == 'u' ? 4 : 8, c == 'u' ? 4 : 8);
      if (code > 0x10ffff) cursor_.fail("no character has the code of an escape");
      append_utf8(out, code);
    } else if (c >= '0' && c <= '7') {
      out += static_cast<char>(octal(static_cast<uint32_t>(c - '0')));
    } else if (c == '\\' || c == '\'' || c == '"' || c == '?') {
      out += c;
    } else {
      cursor_.fail("an escape that does not exist");
    }
  }

  uint32_t digits(uint32_t base, int least, int most) {
    uint32_t code = 0;
    int taken = 0;
    for (; taken < most && hex_digit(cursor_.peek()) >= 0; ++taken)
      code = code * base + static_cast<uint32_t>(hex_digit(cursor_.take()));
    if (taken < least) cursor_.fail("an escape without digits");
    return code;
  }

  /// Up to two more octal digits after the first one.
  uint32_t octal(uint32_t code) {
    for (int i = 0; i < 2 && cursor_.peek() >= '0' && cursor_.peek() <= '7'; ++i)
      code = code * 8 + static_cast<uint32_t>(cursor_.take() - '0');
    return code & 255;
  }

  Cursor cursor_;
  int depth_;
  size_t count_ = 0;
};

}  // namespace

std::optional<int64_t> whole_number(const TextField& field) {
  if (field.kind != TextField::Kind::number) return std::nullopt;
  std::string_view digits = field.value;
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) base = 16, digits.remove_prefix(2);
  else if (digits.size() > 1 && digits.starts_with('0')) base = 8;
  int64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, value, base);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return negative ? -value : value;
}

std::vector<TextField> parse_text_format(std::string_view text, std::string_view what, int depth) {
  return Parser(text, what, depth).file();
}

bool begins_with_field(std::string_view text, const std::vector<std::string_view>& names) {
  Cursor cursor(text, "");
  cursor.skip();
  const auto name = cursor.take_while([](char c) { return is_letter(c) || is_digit(c); });
  cursor.skip();
  const char next = cursor.peek();
  return (next == ':' || next == '{' || next == '<') &&
         std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace hone
