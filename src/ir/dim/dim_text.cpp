#include <algorithm>
#include <array>
#include <utility>

#include "base/printable.hpp"
#include "base/text.hpp"
#include "ir/dim/dim.hpp"
#include "ir/dim/dim_terms.hpp"

namespace hone {
namespace {

constexpr int kParseDepth = 64;

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool continues_name(char c) { return starts_name(c) || is_digit(c) || c == '.'; }

bool plain_name(std::string_view name) {
  return !name.empty() && starts_name(name[0]) &&
         std::all_of(name.begin(), name.end(), continues_name);
}

void append_quoted(std::string& out, std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '\'' || c == '\\') escaped += '\\';
    escaped += c;
  }
  out += '\'';
  out += printable(escaped);
  out += '\'';
}

void append_atom(std::string& out, const DimAtom& atom) {
  if (atom.kind == DimAtom::Kind::symbol) {
    if (plain_name(atom.name)) out += atom.name;
    else append_quoted(out, atom.name);
    return;
  }
  if (atom.kind == DimAtom::Kind::variable) {
    out += '$';
    out += atom.name;
    return;
  }
  out += atom.kind == DimAtom::Kind::floordiv    ? "floordiv("
         : atom.kind == DimAtom::Kind::broadcast ? "broadcast("
         : atom.kind == DimAtom::Kind::min       ? "min("
                                                 : "max(";
  for (size_t i = 0; i < atom.args.size(); ++i) {
    if (i > 0) out += ',';
    append(out, atom.args[i]);
  }
  out += ')';
}

/// Reads from the front of `text`; every function returns nullopt where its part is not there.
class DimParser {
 public:
  DimParser(std::string_view& text, bool variables) : text_(text), variables_(variables) {}

  std::optional<Dim> sum() {
    if (++depth_ > kParseDepth) return std::nullopt;
    skip_spaces();
    auto result = product(take('-'));
    for (skip_spaces(); result && (at('+') || at('-')); skip_spaces()) {
      const bool negative = take('-') || !take('+');
      const auto next = product(negative);
      if (!next) return std::nullopt;
      result = *result + *next;
    }
    --depth_;
    return result;
  }

 private:
  bool at(char c) const { return !text_.empty() && text_[0] == c; }

  bool take(char c) {
    if (!at(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  /// Only between brackets: behind a dimension a space ends it.
  void skip_spaces() {
    while (depth_ > 1 && take(' ')) continue;
  }

  std::optional<Dim> product(bool negative) {
    skip_spaces();
    const bool number = !text_.empty() && is_digit(text_[0]);
    auto result = number ? integer(negative) : factor();
    if (result && negative && !number) result = Dim(0) - *result;
    for (skip_spaces(); result && take('*'); skip_spaces()) {
      skip_spaces();
      const auto next = factor();
      if (!next) return std::nullopt;
      result = *result * *next;
    }
    return result;
  }

  std::optional<Dim> integer(bool negative) {
    const auto end = std::find_if_not(text_.begin(), text_.end(), is_digit);
    const auto length = static_cast<size_t>(end - text_.begin());
    const auto value = parse_int(cat(negative ? "-" : "", text_.substr(0, length)));
    text_.remove_prefix(length);
    if (!value) return std::nullopt;
    return Dim(*value);
  }

  std::optional<Dim> factor() {
    if (text_.empty()) return std::nullopt;
    if (is_digit(text_[0])) return integer(false);
    if (take('(')) {
      auto inner = sum();
      if (!inner || !take(')')) return std::nullopt;
      return inner;
    }
    if (take('\'')) return quoted();
    const bool variable = variables_ && take('$');
    if (text_.empty() || !starts_name(text_[0])) return std::nullopt;
    const auto end = std::find_if_not(text_.begin(), text_.end(), continues_name);
    const auto name = text_.substr(0, static_cast<size_t>(end - text_.begin()));
    text_.remove_prefix(name.size());
    if (variable) return Dim::variable(name);
    return take('(') ? call(name) : Dim::symbol(name);
  }

  std::optional<Dim> call(std::string_view function) {
    std::vector<Dim> args;
    do {
      auto arg = sum();
      if (!arg || args.size() >= kDimArgs) return std::nullopt;
      args.push_back(*std::move(arg));
    } while (take(','));
    if (!take(')')) return std::nullopt;
    if (function == "min") return extremum(DimAtom::Kind::min, std::move(args));
    if (function == "max") return extremum(DimAtom::Kind::max, std::move(args));
    if (function == "broadcast") return broadcast(args);
    if (args.size() != 2) return std::nullopt;
    if (function == "floordiv") return floor_div(args[0], args[1]);
    if (function == "ceildiv") return ceil_div(args[0], args[1]);
    if (function == "mod") return mod(args[0], args[1]);
    return std::nullopt;
  }

  std::optional<Dim> quoted() {
    std::string name;
    while (!text_.empty()) {
      const char c = text_[0];
      text_.remove_prefix(1);
      if (c == '\'') return Dim::symbol(name);
      if (c != '\\') name += c;
      else if (!escape(name)) return std::nullopt;
    }
    return std::nullopt;
  }

  bool escape(std::string& name) {
    if (!take('x')) {
      if (!at('\'') && !at('\\')) return false;
      name += text_[0];
      text_.remove_prefix(1);
      return true;
    }
    int value = 0;
    for (int digit = 0; digit < 2; ++digit) {
      if (text_.empty()) return false;
      const char c = text_[0];
      if (!is_digit(c) && (c < 'a' || c > 'f')) return false;
      value = value * 16 + (is_digit(c) ? c - '0' : c - 'a' + 10);
      text_.remove_prefix(1);
    }
    name += static_cast<char>(value);
    return true;
  }

  std::string_view& text_;
  bool variables_ = false;  // "$i" is a dimension here
  int depth_ = 0;
};

std::optional<Dim> parse_one(std::string_view& text, bool variables) {
  try {
    const auto dim = DimParser(text, variables).sum();
    return dim && dim->is_too_long() ? std::nullopt : dim;
  } catch (const Error&) {  // overflow, division by zero
    return std::nullopt;
  }
}

}  // namespace

void append(std::string& out, const Dim& dim) {
  if (dim.is_too_long()) {
    out += "(too long to write)";
    return;
  }
  bool first = true;
  for (const DimTerm& term : DimAccess::terms(dim)) {
    if (term.coefficient == -1) {
      out += '-';
    } else {
      if (term.coefficient > 0 && !first) out += '+';
      if (term.coefficient != 1) {
        append(out, term.coefficient);
        out += '*';
      }
    }
    for (size_t i = 0; i < term.factors.size(); ++i) {
      if (i > 0) out += '*';
      append_atom(out, *term.factors[i]);
    }
    first = false;
  }
  const int64_t constant = DimAccess::offset(dim);
  if (constant > 0 && !first) out += '+';
  if (constant != 0 || first) append(out, constant);
}

std::optional<Dim> parse_dim(std::string_view& text) { return parse_one(text, false); }
std::optional<Dim> parse_place(std::string_view& text) { return parse_one(text, true); }

}  // namespace hone
