#include "import/pytorch/script/lexer.hpp"

#include "base/error.hpp"

namespace hone::pytorch {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Lexer {
 public:
  Lexer(std::string_view source, const std::string& file) : source_(source), file_(file) {}

  std::vector<Token> read() {
    while (at_ < source_.size()) {
      if (begins_line_ && brackets_ == 0 && !read_indent()) continue;
      begins_line_ = false;
      step();
    }
    add(Token::Kind::new_line, "");
    while (indents_.size() > 1) {
      indents_.pop_back();
      add(Token::Kind::dedent, "");
    }
    add(Token::Kind::end, "");
    return std::move(tokens_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    fail(Code::invalid_model, file_, ", line ", line_, ": ", parts...);
  }
  char peek(size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }
  void add(Token::Kind kind, std::string text) {
    if (tokens_.size() > 4'000'000) wrong("the program is too long");
    tokens_.push_back({kind, std::move(text), line_});
  }

  /// False: the line is empty.
  bool read_indent() {
    size_t width = 0;
    while (peek() == ' ' || peek() == '\t') ++at_, ++width;
    if (peek() == '#')
      while (at_ < source_.size() && peek() != '\n') ++at_;
    if (peek() == '\r') ++at_;
    if (peek() == '\n') {
      ++at_, ++line_;
      return false;
    }
    if (at_ >= source_.size()) return false;
    if (width > indents_.back()) {
      if (indents_.size() > 200) wrong("blocks are nested too deep");
      indents_.push_back(width);
      add(Token::Kind::indent, "");
    }
    while (width < indents_.back()) {
      indents_.pop_back();
      add(Token::Kind::dedent, "");
    }
    if (width != indents_.back()) wrong("an indent that fits no block");
    return true;
  }

  void step() {
    const char c = peek();
    if (c == '\n') {
      if (brackets_ == 0) add(Token::Kind::new_line, ""), begins_line_ = true;
      ++at_, ++line_;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      ++at_;
    } else if (c == '#') {
      while (at_ < source_.size() && peek() != '\n') ++at_;
    } else if (is_letter(c)) {
      read_name();
    } else if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      read_number();
    } else if (c == '"' || c == '\'') {
      read_text(c);
    } else {
      read_sign();
    }
  }

  void read_name() {
    const size_t start = at_;
    while (is_letter(peek()) || is_digit(peek())) ++at_;
    add(Token::Kind::name, std::string(source_.substr(start, at_ - start)));
  }

  void read_number() {
    const size_t start = at_;
    const auto is_part = [&](char c) {
      const bool after_e = at_ > start && (source_[at_ - 1] == 'e' || source_[at_ - 1] == 'E');
      return is_digit(c) || c == '.' || c == 'e' || c == 'E' || ((c == '+' || c == '-') && after_e);
    };
    while (is_part(peek())) ++at_;
    add(Token::Kind::number, std::string(source_.substr(start, at_ - start)));
  }

  void read_text(char quote) {
    std::string text;
    for (++at_; peek() != quote; ++at_) {
      if (at_ >= source_.size() || peek() == '\n') wrong("a text without an end");
      if (peek() != '\\') {
        text += peek();
        continue;
      }
      ++at_;
      const char c = peek();
      if (is_digit(c)) {  // \ooo
        int code = 0;
        for (int i = 0; i < 3 && is_digit(peek()); ++i, ++at_) code = code * 8 + (peek() - '0');
        --at_;
        text += static_cast<char>(code);
      } else {
        text += c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
      }
    }
    ++at_;
    add(Token::Kind::text, std::move(text));
  }

  void read_sign() {
    constexpr std::string_view kTwo[] = {"->", "==", "!=", "<=", ">=", "//", "**", "<<", ">>"};
    const std::string_view rest = source_.substr(at_);
    for (const std::string_view sign : kTwo)
      if (rest.starts_with(sign)) {
        at_ += 2;
        return add(Token::Kind::sign, std::string(sign));
      }
    const char c = peek();
    if (std::string_view("()[]{},:=+-*/%<>.&|^~@").find(c) == std::string_view::npos)
      wrong("the character ", static_cast<int64_t>(static_cast<unsigned char>(c)));
    if (c == '(' || c == '[' || c == '{') ++brackets_;
    if (c == ')' || c == ']' || c == '}') --brackets_;
    if (brackets_ < 0) wrong("a bracket too many");
    ++at_;
    add(Token::Kind::sign, std::string(1, c));
  }

  std::string_view source_;
  const std::string& file_;
  size_t at_ = 0;
  int line_ = 1, brackets_ = 0;
  bool begins_line_ = true;
  std::vector<size_t> indents_{0};
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokens_of(std::string_view source, const std::string& file) {
  return Lexer(source, file).read();
}

}  // namespace hone::pytorch
