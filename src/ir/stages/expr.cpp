#include "ir/stages/expr.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "base/error.hpp"
#include "base/text.hpp"
#include "ir/stages/stages.hpp"

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

std::optional<Function> parse_function(std::string_view text) {
  for (size_t i = 0; i < kFunctions.size(); ++i)
    if (kFunctions[i].name == text) return static_cast<Function>(i);
  return std::nullopt;
}

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
  size_t hash = 0;
};

namespace {

size_t mixed(size_t hash, size_t value) {
  return (hash ^ (value + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2))) * 0x2545f4914f6cdd1d;
}
size_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }
size_t hash_of(const Dim& dim) { return hash_of(cat(dim)); }
uint64_t bits_of(double number) { return std::bit_cast<uint64_t>(number); }

size_t hash_of(const Expr::Source& source) {
  if (const auto* value = std::get_if<const Value*>(&source))
    return std::hash<const void*>()(*value);
  if (const auto* stage = std::get_if<std::shared_ptr<const Stage>>(&source))
    return std::hash<const void*>()(stage->get());
  return hash_of(std::get<BufferName>(source).text);
}

bool same_number(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a || bits_of(*a) == bits_of(*b));
}

}  // namespace

std::shared_ptr<const Expr::Form> Expr::made(Form form) {
  size_t hash = mixed(static_cast<size_t>(form.kind), static_cast<size_t>(form.dtype));
  hash = mixed(hash, static_cast<size_t>(form.function));
  hash = mixed(hash,
               is_float(form.dtype) ? bits_of(form.number) : static_cast<uint64_t>(form.integer));
  if (form.kind == Kind::index) hash = mixed(hash, hash_of(form.dim));
  if (form.kind == Kind::load) hash = mixed(hash, hash_of(form.source));
  if (form.outside) hash = mixed(hash, bits_of(*form.outside));
  for (const Axis& axis : form.axes)
    hash = mixed(mixed(hash, hash_of(axis.variable)), hash_of(axis.extent));
  for (const Expr& operand : form.operands) hash = mixed(hash, operand.hash());
  form.hash = hash;
  return std::make_shared<const Form>(std::move(form));
}

Expr::Expr(double value, DType dtype)
    : form_(made({.dtype = dtype,
                  .number = value,
                  .integer = is_float(dtype) ? 0 : static_cast<int64_t>(value)})) {}

Expr Expr::integer(int64_t value, DType dtype) {
  return Expr(made({.dtype = dtype, .number = static_cast<double>(value), .integer = value}));
}

Expr Expr::index(Dim dim) { return Expr(made({.kind = Kind::index, .dim = std::move(dim)})); }

Expr Expr::load(Source source, DType dtype, std::vector<Expr> indices,
                std::optional<double> outside) {
  return Expr(made({.kind = Kind::load,
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
  return Expr(made(
      {.kind = Kind::call, .dtype = dtype, .function = function, .operands = std::move(operands)}));
}

Expr Expr::cast(DType dtype, Expr operand) {
  if (operand.dtype() == dtype && !is_float(dtype)) return operand;
  return Expr(made({.kind = Kind::cast, .dtype = dtype, .operands = {std::move(operand)}}));
}

Expr Expr::reduce(Function function, std::vector<Axis> axes, Expr operand) {
  const DType dtype = operand.dtype();
  return Expr(made({.kind = Kind::reduce,
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

size_t Expr::hash() const { return form_->hash; }

bool operator==(const Expr& a, const Expr& b) {
  if (a.form_ == b.form_) return true;
  const Expr::Form &x = *a.form_, &y = *b.form_;
  return x.hash == y.hash && x.kind == y.kind && x.dtype == y.dtype && x.function == y.function &&
         x.integer == y.integer && bits_of(x.number) == bits_of(y.number) && x.dim == y.dim &&
         x.source == y.source && same_number(x.outside, y.outside) &&
         std::equal(x.axes.begin(), x.axes.end(), y.axes.begin(), y.axes.end(),
                    [](const Axis& one, const Axis& other) {
                      return one.variable == other.variable && one.extent == other.extent;
                    }) &&
         x.operands == y.operands;
}

Dim loop(int axis) { return Dim::variable(cat("i.", axis)); }

void visit(const Expr& expr, const std::function<void(const Expr&)>& visit_one) {
  visit_one(expr);
  for (const Expr& operand : expr.operands()) visit(operand, visit_one);
}

Expr replace(const Expr& expr, const std::function<std::optional<Expr>(const Expr&)>& replacement) {
  if (std::optional<Expr> found = replacement(expr)) return *std::move(found);
  std::vector<Expr> operands;
  for (const Expr& operand : expr.operands()) operands.push_back(replace(operand, replacement));
  if (operands == expr.operands()) return expr;
  switch (expr.kind()) {
    case Expr::Kind::load:
      return Expr::load(expr.source(), expr.dtype(), std::move(operands), expr.outside());
    case Expr::Kind::call: return Expr::call(expr.function(), std::move(operands));
    case Expr::Kind::cast: return Expr::cast(expr.dtype(), std::move(operands[0]));
    case Expr::Kind::reduce:
      return Expr::reduce(expr.function(), expr.axes(), std::move(operands[0]));
    default: return expr;
  }
}

}  // namespace hone
