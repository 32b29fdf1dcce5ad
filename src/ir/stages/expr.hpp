#pragma once
// Expr: the closed scalar language in which ops tell what they compute. What crosses into a code
// generator is made of these; the set of ops stays open.
//
// An Expr is the value of one element, in terms of loop variables. Integers wrap to their dtype
// after every call. Floats have no width of their own within an Expr: they are computed at least as
// wide as their dtype, and only a cast and the result of a stage round. Text:
// add(%x[$i.0], f32{2}).

#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/dtype.hpp"
#include "ir/dim/dim.hpp"

namespace hone {

class Scanner;
struct Value;
struct Stage;

/// Scalar functions; a comparison gives bool, select(condition, a, b) what a is. min and max give
/// NaN where any is NaN; of integers, division by zero gives 0 and everything else wraps; shifts by
/// the width or more give 0.
enum class Function : uint8_t {
  add,
  sub,
  mul,
  div,            // integers truncate
  truncated_mod,  // the sign of a
  floor_mod,      // the sign of b
  power,
  min,
  max,
  equal,
  less,
  less_equal,
  bit_and,
  bit_or,
  bit_xor,
  shift_left,
  shift_right,
  select,
  negate,
  absolute,
  bit_not,
  floor,
  ceil,
  round,  // halves to even
  exp,
  expm1,
  log,
  log1p,
  sqrt,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  tanh,
  asinh,
  acosh,
  atanh,
  erf,
};
std::string_view name(Function function);
int arity(Function function);
std::optional<Function> parse_function(std::string_view name);

/// A loop of a reduction.
struct Axis {
  Dim variable;  // one variable: $r.0 ...
  Dim extent;
};

/// What a load in a nest (ir/nest) reads: one of the nest's buffers.
struct BufferName {
  std::string text;
  auto operator<=>(const BufferName&) const = default;
};

/// A small tree. Equality and hash are structural: floats by bits, values and stages by identity.
class Expr {
 public:
  enum class Kind : uint8_t {
    number,  ///< a constant
    index,   ///< an integer polynomial over loop variables and symbols, as i64
    load,    ///< an element of a value or of another stage
    call,
    cast,    ///< as the op Cast: saturating where the dtype saturates
    reduce,  ///< of `operands()[0]` over `axes()`, by an associative function; of nothing: identity
  };
  /// What a load reads: a value of the graph, a stage of the same node that is no value, or a
  /// buffer.
  using Source = std::variant<const Value*, std::shared_ptr<const Stage>, BufferName>;

  Expr(double value, DType dtype);  // NOLINT(google-explicit-constructor): two arguments
  static Expr integer(int64_t value, DType dtype = DType::i64);
  static Expr index(Dim dim);
  /// `outside`: the value where an index lies outside the source (padding); absent: none does.
  static Expr load(Source source, DType dtype, std::vector<Expr> indices,
                   std::optional<double> outside = std::nullopt);
  static Expr call(Function function, std::vector<Expr> operands);
  static Expr cast(DType dtype, Expr operand);
  /// `function`: add, mul, min, max, bit_and or bit_or.
  static Expr reduce(Function function, std::vector<Axis> axes, Expr operand);

  Kind kind() const;
  DType dtype() const;
  double number() const;    // of a number
  int64_t integer() const;  // of a number of integer dtype
  const Dim& dim() const;   // of an index
  const Source& source() const;
  const std::optional<double>& outside() const;
  Function function() const;                  // of a call or reduction
  const std::vector<Axis>& axes() const;      // of a reduction
  const std::vector<Expr>& operands() const;  // of a call, cast, reduction; indices of a load

  /// Whether it is the variable of loop `axis` and nothing else.
  bool is_loop(int axis) const;

  friend bool operator==(const Expr& a, const Expr& b);
  size_t hash() const;

 private:
  struct Form;
  static std::shared_ptr<const Form> made(Form form);  // with its hash
  explicit Expr(std::shared_ptr<const Form> form) : form_(std::move(form)) {}
  std::shared_ptr<const Form> form_;
};

Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);
Expr operator/(const Expr& a, const Expr& b);
Expr min(const Expr& a, const Expr& b);
Expr max(const Expr& a, const Expr& b);
Expr select(const Expr& condition, const Expr& a, const Expr& b);
Expr call(Function function, const Expr& a);
Expr call(Function function, const Expr& a, const Expr& b);
/// A number of x's dtype.
Expr like(const Expr& x, double value);

/// The variable of a stage's loop number `axis`: $i.0 ...
Dim loop(int axis);

/// Calls `visit` for the expression and everything in it.
void visit(const Expr& expr, const std::function<void(const Expr&)>& visit);

/// The expression with every one in it that `replacement` gives something for replaced by that,
/// outermost first; what was put in is not looked into.
Expr replace(const Expr& expr, const std::function<std::optional<Expr>(const Expr&)>& replacement);

/// A number says its dtype, f32{2}; a cast names it, f32(x). An index is a Dim where a load is,
/// x[$i+1], and i64($i+1) elsewhere.
void append(std::string& out, const Expr& expr);
/// The dtype of the buffer of a name; nullopt: there is none.
using BufferTypes = std::function<std::optional<DType>(std::string_view name)>;
/// Reads what append wrote of an Expr without reductions whose loads are of buffers.
/// Error(invalid_model) "line 3: ...".
Expr parse_expr(Scanner& scanner, const BufferTypes& buffers);

}  // namespace hone
