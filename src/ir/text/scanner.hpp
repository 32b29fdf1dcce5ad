#pragma once
// Reading our text forms: small steps on the front of a string_view, and a line that knows its
// number.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace hone {

inline void skip_spaces(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
}
/// Skips spaces, then takes `c` if it stands there.
inline bool take(std::string_view& text, char c) {
  skip_spaces(text);
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}
/// Skips spaces, then takes everything up to a space, a comma or a closing bracket.
inline std::string_view take_token(std::string_view& text) {
  skip_spaces(text);
  const auto token = text.substr(0, text.find_first_of(" ,])}"));
  text.remove_prefix(token.size());
  return token;
}

/// Characters that a name may have without quotes: [A-Za-z0-9_./|:-].
inline bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '/' || c == '|' || c == ':' || c == '-';
}
/// Appends a name, quoted where it must be: empty, another character in it, or ':' at its end.
void append_name(std::string& out, std::string_view name);

/// One line of a text that is read line by line.
struct Line {
  int number = 0;         // from 1
  int indent = 0;         // spaces before the text
  std::string_view text;  // without indentation and trailing spaces
};
/// The lines that hold something: empty ones and those that begin with # are left out.
/// Error(invalid_model) for a tab in the indentation.
std::vector<Line> lines_of(std::string_view text);

/// Reads one line from left to right. What is not as wanted throws Error(invalid_model)
/// "line 3: found ..., wanted ...".
class Scanner {
 public:
  explicit Scanner(const Line& line) : rest_(line.text), number_(line.number) {}

  bool done() { return skip_spaces(rest_), rest_.empty(); }
  bool at(char c) { return skip_spaces(rest_), rest_.starts_with(c); }
  bool take(char c) { return hone::take(rest_, c); }
  /// Takes `word` when it stands there whole: no name character follows.
  bool take_word(std::string_view word);
  void want(char c);
  void want_text(std::string_view text);  // such as "->"
  /// Between the items of a list: true at `close`, which is taken; else wants a comma, but not
  /// before the first item.
  bool ends(char close, bool first);
  /// A run of letters, digits, '_', '.' and "::"; empty: none here.
  std::string_view identifier();
  /// A name as append_name wrote it.
  std::string name(std::string_view wanted);
  /// What is left, for readers that advance a string_view.
  std::string_view& rest() { return rest_; }
  std::string_view next() { return skip_spaces(rest_), rest_; }

  int line() const { return number_; }
  [[noreturn]] void wrong(std::string_view wanted);
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    hone::fail(Code::invalid_model, "line ", number_, ": ", parts...);
  }

 private:
  std::string_view rest_;
  int number_;
};

}  // namespace hone
