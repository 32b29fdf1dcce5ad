#include "ir/expr.hpp"

#include <array>

#include "base/error.hpp"
#include "base/text.hpp"
#include "ir/fields.hpp"
#include "ir/graph.hpp"
#include "ir/scanner.hpp"
#include "ir/stages.hpp"

namespace hone {
namespace {

struct FunctionRow {
  std::string_view name;
  int arity;
};
constexpr std::array<FunctionRow, static_cast<size_t>(Function::erf) + 1> kFunctions = {{
    {"add", 2},        {"sub", 2},         {"mul", 2},     {"div", 2},    {"truncated_mod", 2},
    {"floor_mod", 2},  {"power", 2},       {"min", 2},     {"max", 2},    {"equal", 2},
    {"less", 2},       {"less_equal", 2},  {"bit_and", 2}, {"bit_or", 2}, {"bit_xor", 2},
    {"shift_left", 2}, {"shift_right", 2}, {"select", 3},  {"negate", 1}, {"absolute", 1},
    {"bit_not", 1},    {"floor", 1},       {"ceil", 1},    {"round", 1},  {"exp", 1},
    {"expm1", 1},      {"log", 1},         {"log1p", 1},   {"sqrt", 1},   {"sin", 1},
    {"cos", 1},        {"tan", 1},         {"asin", 1},    {"acos", 1},   {"atan", 1},
    {"sinh", 1},       {"cosh", 1},        {"tanh", 1},    {"asinh", 1},  {"acosh", 1},
    {"atanh", 1},      {"erf", 1},
}};

}  // namespace

std::string_view name(Function function) { return kFunctions[static_cast<size_t>(function)].name; }
int arity(Function function) { return kFunctions[static_cast<size_t>(function)].arity; }

struct Expr::Form {
  Kind kind = Kind::number;
  DType dtype = DType::i64;
  Function function = Function::add;
  double number = 0;
  int64_t integer = 0;
  Dim dim = {};
  Source source = {};
  std::optional<double> outside = {};
  std::vector<Axis> axes = {};
  std::vector<Expr> operands = {};
};

Expr::Expr(double value, DType dtype)
    : form_(std::make_shared<Form>(
          Form{.dtype = dtype,
               .number = value,
               .integer = is_float(dtype) ? 0 : static_cast<int64_t>(value)})) {}

Expr Expr::integer(int64_t value, DType dtype) {
  return Expr(std::make_shared<Form>(
      Form{.dtype = dtype, .number = static_cast<double>(value), .integer = value}));
}

Expr Expr::index(Dim dim) {
  return Expr(std::make_shared<Form>(Form{.kind = Kind::index, .dim = std::move(dim)}));
}

Expr Expr::load(Source source, DType dtype, std::vector<Expr> indices,
                std::optional<double> outside) {
  return Expr(std::make_shared<Form>(Form{.kind = Kind::load,
                                          .dtype = dtype,
                                          .source = std::move(source),
                                          .outside = outside,
                                          .operands = std::move(indices)}));
}

Expr Expr::call(Function function, std::vector<Expr> operands) {
  check(static_cast<int>(operands.size()) == arity(function), Code::internal, name(function),
        " takes ", arity(function), " operands, given ", operands.size());
  const bool compares =
      function == Function::equal || function == Function::less || function == Function::less_equal;
  const DType dtype = compares                       ? DType::boolean
                      : function == Function::select ? operands[1].dtype()
                                                     : operands[0].dtype();
  return Expr(std::make_shared<Form>(Form{
      .kind = Kind::call, .dtype = dtype, .function = function, .operands = std::move(operands)}));
}

Expr Expr::cast(DType dtype, Expr operand) {
  if (operand.dtype() == dtype && !is_float(dtype)) return operand;
  return Expr(std::make_shared<Form>(
      Form{.kind = Kind::cast, .dtype = dtype, .operands = {std::move(operand)}}));
}

Expr Expr::reduce(Function function, std::vector<Axis> axes, Expr operand) {
  const DType dtype = operand.dtype();
  return Expr(std::make_shared<Form>(Form{.kind = Kind::reduce,
                                          .dtype = dtype,
                                          .function = function,
                                          .axes = std::move(axes),
                                          .operands = {std::move(operand)}}));
}

Expr::Kind Expr::kind() const { return form_->kind; }
DType Expr::dtype() const { return form_->dtype; }
double Expr::number() const { return form_->number; }
int64_t Expr::integer() const { return form_->integer; }
const Dim& Expr::dim() const { return form_->dim; }
const Expr::Source& Expr::source() const { return form_->source; }
const std::optional<double>& Expr::outside() const { return form_->outside; }
Function Expr::function() const { return form_->function; }
const std::vector<Axis>& Expr::axes() const { return form_->axes; }
const std::vector<Expr>& Expr::operands() const { return form_->operands; }

bool Expr::is_loop(int axis) const { return kind() == Kind::index && dim() == loop(axis); }

Expr operator+(const Expr& a, const Expr& b) { return Expr::call(Function::add, {a, b}); }
Expr operator-(const Expr& a, const Expr& b) { return Expr::call(Function::sub, {a, b}); }
Expr operator*(const Expr& a, const Expr& b) { return Expr::call(Function::mul, {a, b}); }
Expr operator/(const Expr& a, const Expr& b) { return Expr::call(Function::div, {a, b}); }
Expr min(const Expr& a, const Expr& b) { return Expr::call(Function::min, {a, b}); }
Expr max(const Expr& a, const Expr& b) { return Expr::call(Function::max, {a, b}); }
Expr select(const Expr& condition, const Expr& a, const Expr& b) {
  return Expr::call(Function::select, {condition, a, b});
}
Expr call(Function function, const Expr& a) { return Expr::call(function, {a}); }
Expr call(Function function, const Expr& a, const Expr& b) { return Expr::call(function, {a, b}); }
Expr like(const Expr& x, double value) { return {value, x.dtype()}; }

Dim loop(int axis) { return Dim::symbol(cat("i.", axis)); }

void visit(const Expr& expr, const std::function<void(const Expr&)>& visit_one) {
  visit_one(expr);
  for (const Expr& operand : expr.operands()) visit(operand, visit_one);
}

namespace {

void append_list(std::string& out, const std::vector<Expr>& list, std::string_view close) {
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ", ";
    append(out, list[i]);
  }
  out += close;
}

void append_load(std::string& out, const Expr& expr) {
  if (const auto* value = std::get_if<const Value*>(&expr.source())) {
    out += (*value)->is_constant() ? '@' : '%';
    append_name(out, (*value)->name);
  } else {
    out += std::get<std::shared_ptr<const Stage>>(expr.source())->name;
  }
  out += '[';
  append_list(out, expr.operands(), "]");
  if (expr.outside()) out += cat(" else ", *expr.outside());
}

}  // namespace

void append(std::string& out, const Expr& expr) {
  switch (expr.kind()) {
    case Expr::Kind::number:
      if (is_float(expr.dtype())) out += cat(expr.number());
      else out += cat(expr.integer());
      return;
    case Expr::Kind::index: return append(out, expr.dim());
    case Expr::Kind::load: return append_load(out, expr);
    case Expr::Kind::call:
      out += cat(name(expr.function()), "(");
      return append_list(out, expr.operands(), ")");
    case Expr::Kind::cast:
      out += cat(expr.dtype(), "(");
      return append_list(out, expr.operands(), ")");
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
  append_list(out, expr.operands(), ")");
}

}  // namespace hone
