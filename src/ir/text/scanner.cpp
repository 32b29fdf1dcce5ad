#include "ir/text/scanner.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/fields.hpp"

namespace hone {

void append_name(std::string& out, std::string_view name) {
  const bool plain =
      !name.empty() && name.back() != ':' && std::all_of(name.begin(), name.end(), is_name_char);
  if (plain) out += name;
  else append_quoted(out, name);
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(indent);
    while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    check(line.front() != '\t', Code::invalid_model, "line ", number,
          ": found a tab, wanted spaces as indentation");
    check(indent <= 100000, Code::invalid_model, "line ", number, ": found ", indent,
          " spaces of indentation, wanted at most 100000");
    lines.push_back({number, static_cast<int>(indent), line});
  }
  return lines;
}

bool Scanner::take_word(std::string_view word) {
  skip_spaces(rest_);
  if (!rest_.starts_with(word)) return false;
  if (rest_.size() > word.size() && is_name_char(rest_[word.size()])) return false;
  rest_.remove_prefix(word.size());
  return true;
}

void Scanner::want(char c) {
  if (!take(c)) wrong(cat("\"", c, "\""));
}

void Scanner::want_text(std::string_view text) {
  skip_spaces(rest_);
  if (!rest_.starts_with(text)) wrong(cat("\"", text, "\""));
  rest_.remove_prefix(text.size());
}

bool Scanner::ends(char close, bool first) {
  if (take(close)) return true;
  if (!first && !take(',')) wrong(cat("\",\" or \"", close, "\""));
  return false;
}

std::string_view Scanner::identifier() {
  skip_spaces(rest_);
  size_t length = 0;
  for (; length < rest_.size(); ++length) {
    const char c = rest_[length];
    if (!is_name_char(c) || c == '/' || c == '|' || c == '-') break;
    if (c == ':' && rest_.substr(length, 2) != "::" && (length == 0 || rest_[length - 1] != ':'))
      break;
  }
  const auto found = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return found;
}

std::string Scanner::name(std::string_view wanted) {
  if (rest_.starts_with('"')) {
    auto quoted = parse_quoted(rest_);
    if (!quoted)
      fail("found a quoted name without its end or with an unknown escape, wanted ", wanted);
    if (quoted->empty()) fail("found an empty name, wanted ", wanted);
    return std::move(*quoted);
  }
  size_t length = 0;
  while (length < rest_.size() && is_name_char(rest_[length])) ++length;
  while (length > 0 && rest_[length - 1] == ':') --length;
  if (length == 0) wrong(wanted);
  std::string found(rest_.substr(0, length));
  rest_.remove_prefix(length);
  return found;
}

void Scanner::wrong(std::string_view wanted) {
  skip_spaces(rest_);
  if (rest_.empty()) fail("found the end of the line, wanted ", wanted);
  constexpr size_t kShown = 40;
  const size_t length =
      is_name_char(rest_.front()) ? std::min(rest_.find(' '), rest_.size()) : size_t{1};
  std::string found;
  append_quoted(found, rest_.substr(0, std::min(length, kShown)));
  if (length > kShown) found += "...";
  fail("found ", found, ", wanted ", wanted);
}

}  // namespace hone
