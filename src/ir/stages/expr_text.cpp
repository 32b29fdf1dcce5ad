// The text form of an Expr: printed for all of them, read back for those of a nest, whose loads are
// of buffers.

#include "base/text.hpp"
#include "ir/fields.hpp"
#include "ir/graph.hpp"
#include "ir/stages/expr.hpp"
#include "ir/stages/stages.hpp"
#include "ir/text/scanner.hpp"

namespace hone {
namespace {

void append_list(std::string& out, const std::vector<Expr>& list) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ", ";
    append(out, list[i]);
  }
  out += ')';
}

void append_places(std::string& out, const std::vector<Expr>& places) {
  out += '[';
  for (size_t i = 0; i < places.size(); ++i) {
    if (i > 0) out += ", ";
    if (places[i].kind() == Expr::Kind::index) append(out, places[i].dim());
    else append(out, places[i]);
  }
  out += ']';
}

void append_load(std::string& out, const Expr& expr) {
  if (const auto* value = std::get_if<const Value*>(&expr.source())) {
    out += (*value)->is_constant() ? '@' : '%';
    append_name(out, (*value)->name);
  } else if (const auto* stage = std::get_if<std::shared_ptr<const Stage>>(&expr.source())) {
    out += (*stage)->name;
  } else {
    append_name(out, std::get<BufferName>(expr.source()).text);
  }
  append_places(out, expr.operands());
  if (expr.outside()) out += cat(" else ", *expr.outside());
}

class ExprParser {
 public:
  ExprParser(Scanner& scanner, const BufferTypes& buffers) : s_(scanner), buffers_(buffers) {}

  Expr expression() {
    if (++depth_ > kExprDepth) s_.fail("an expression is nested deeper than ", kExprDepth);
    s_.next();
    std::string name = s_.name("an expression");
    Expr made = s_.take('[')   ? load(std::move(name))
                : s_.take('{') ? number(name)
                : s_.take('(') ? call(name)
                               : wrong(name);
    --depth_;
    return made;
  }

 private:
  Expr wrong(const std::string& name) { s_.fail("found \"", name, "\", wanted an expression"); }

  DType dtype(const std::string& name) {
    const auto found = parse_dtype(name);
    if (!found) s_.fail("found \"", name, "\", wanted a dtype");
    return *found;
  }

  Expr number(const std::string& name) {
    const DType type = dtype(name);
    const std::string_view text = take_token(s_.rest());
    s_.want('}');
    if (is_float(type)) {
      if (const auto value = parse_double(text)) return {*value, type};
    } else if (const auto value = parse_int(text)) {
      return Expr::integer(*value, type);
    }
    s_.fail("found \"", text, "\", wanted a number");
  }

  Expr load(std::string name) {
    const auto type = buffers_(name);
    if (!type) s_.fail("there is no buffer ", name, " here");
    std::vector<Expr> places;
    while (!s_.ends(']', places.empty())) {
      std::string_view ahead = s_.next();
      const auto place = parse_place(ahead);
      if (place && (ahead.starts_with(',') || ahead.starts_with(']'))) {
        s_.rest() = ahead;
        places.push_back(Expr::index(*place));
      } else {
        places.push_back(expression());
      }
    }
    std::optional<double> outside;
    if (s_.take_word("else")) {
      outside = parse_double(take_token(s_.rest()));
      if (!outside) s_.wrong("a number");
    }
    return Expr::load(BufferName{std::move(name)}, *type, std::move(places), outside);
  }

  Expr call(const std::string& name) {
    const auto function = parse_function(name);
    if (!function) {  // i64($i+1) is an index, any other one a cast
      const DType type = dtype(name);
      if (type == DType::i64) {
        std::string_view ahead = s_.next();
        const auto place = parse_place(ahead);
        if (place && ahead.starts_with(')')) {
          s_.rest() = ahead.substr(1);
          return Expr::index(*place);
        }
      }
      Expr operand = expression();
      s_.want(')');
      return Expr::cast(type, std::move(operand));
    }
    std::vector<Expr> operands;
    while (!s_.ends(')', operands.empty())) operands.push_back(expression());
    if (static_cast<int>(operands.size()) != arity(*function))
      s_.fail(name, " takes ", arity(*function), " operands, found ", operands.size());
    return Expr::call(*function, std::move(operands));
  }

  static constexpr int kExprDepth = 256;
  Scanner& s_;
  const BufferTypes& buffers_;
  int depth_ = 0;
};

}  // namespace

void append(std::string& out, const Expr& expr) {
  switch (expr.kind()) {
    case Expr::Kind::number:
      out += cat(expr.dtype(), "{");
      if (is_float(expr.dtype())) out += cat(expr.number());
      else out += cat(expr.integer());
      out += '}';
      return;
    case Expr::Kind::index: out += cat("i64(", expr.dim(), ")"); return;
    case Expr::Kind::load: return append_load(out, expr);
    case Expr::Kind::call:
      out += cat(name(expr.function()), "(");
      return append_list(out, expr.operands());
    case Expr::Kind::cast: out += cat(expr.dtype(), "("); return append_list(out, expr.operands());
    case Expr::Kind::reduce: break;
  }
  out += cat(expr.function() == Function::add ? "sum" : name(expr.function()), "(");
  for (size_t i = 0; i < expr.axes().size(); ++i) {
    if (i > 0) out += ", ";
    append(out, expr.axes()[i].variable);
    out += " < ";
    append(out, expr.axes()[i].extent);
  }
  out += ": ";
  append_list(out, expr.operands());
}

Expr parse_expr(Scanner& scanner, const BufferTypes& buffers) {
  return ExprParser(scanner, buffers).expression();
}

}  // namespace hone
