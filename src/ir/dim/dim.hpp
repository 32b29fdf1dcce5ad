#pragma once
// A dimension: an integer polynomial over symbols, floor divisions, minima and maxima, kept in one
// canonical form, so that equal expressions are equal objects. A symbol is known by its name within
// a graph, stands for an integer >= 0 and has one definition there. A place in a loop also has
// variables in it: loops' counters, >= 0, a kind of their own with names of their own, so that no
// name of a model's sizes is one of theirs. Types, fields and requirements have none. Building one
// throws Error(invalid_model) on overflow and on division by the constant 0; beyond the limits of
// ir/dim/dim_terms.hpp the result is too_long(). A quotient is undefined where its divisor is 0:
// n*m/m is n.

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// Values of symbols, by name.
using Bindings = std::map<std::string, int64_t, std::less<>>;

/// Inclusive bounds; kUnbounded stands for "no upper bound known", -kUnbounded for no lower one.
struct Interval {
  static constexpr int64_t kUnbounded = std::numeric_limits<int64_t>::max();
  int64_t low = 0, high = kUnbounded;
};
/// Known bounds of symbols; a symbol that is absent lies in [0, unbounded].
using Ranges = std::map<std::string, Interval, std::less<>>;

class Dim {
 public:
  /// From a name to what stands in its place; nullopt: it stays.
  using Replacement = std::function<std::optional<Dim>(std::string_view name)>;

  Dim() = default;                          // 0
  Dim(int64_t value) : constant_(value) {}  // NOLINT: a number is a dimension
  static Dim symbol(std::string_view name);
  /// The counter of a loop.
  static Dim variable(std::string_view name);
  /// A size beyond the limits, of which nothing is known: what is computed of it is too long, too
  /// (but for 0 times it), it is equal to nothing, has no value and no bounds. No type, field or
  /// requirement has one: inference puts a symbol in its place, which running tells.
  static Dim too_long();

  bool is_too_long() const;
  bool is_constant() const { return poly_ == nullptr; }
  /// The number, when there is no symbol in it.
  std::optional<int64_t> constant() const;
  bool is(int64_t value) const { return is_constant() && constant_ == value; }
  /// The name, when the dimension is exactly one symbol.
  std::optional<std::string_view> as_symbol() const;
  std::optional<std::string_view> as_variable() const;  // the same of a variable
  /// All names that occur.
  void collect_symbols(std::set<std::string, std::less<>>& names) const;
  void collect_variables(std::set<std::string, std::less<>>& names) const;

  /// The value when every symbol and variable is bound; nullopt when one is not, on overflow and on
  /// division by zero.
  std::optional<int64_t> evaluate(const Bindings& symbols, const Bindings& variables = {}) const;
  /// Every symbol for which `replacement` gives a dimension replaced by it, then canonical again.
  Dim substitute(const Replacement& replacement) const;
  Dim substitute_variables(const Replacement& replacement) const;  // the same of variables
  /// Bounds that hold for all values of the symbols within `ranges` and of the variables within
  /// `variables` (sound, not always tight).
  Interval bounds(const Ranges& ranges = {}, const Ranges& variables = {}) const;
  /// How simple to read: number of terms and atoms; a constant is 0. Picks the nicer of two equals.
  int complexity() const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  /// Structural equality of canonical forms, and a total order for canonical sorting (not numeric).
  friend bool operator==(const Dim& a, const Dim& b);
  friend std::strong_ordering operator<=>(const Dim& a, const Dim& b);

 private:
  struct Poly;
  friend struct Poly;
  friend struct DimAccess;
  int64_t constant_ = 0;
  std::shared_ptr<const Poly> poly_;  // null: the constant
};

/// floor(a / b); b a nonzero constant or any symbolic dimension. Exact division simplifies:
/// floor_div(2*n, 2) == n, nested divisions by constants flatten.
Dim floor_div(const Dim& a, const Dim& b);
Dim ceil_div(const Dim& a, const Dim& b);  // -floor_div(-a, b)
Dim mod(const Dim& a, const Dim& b);       // a - b * floor_div(a, b)
Dim min(const Dim& a, const Dim& b);
Dim max(const Dim& a, const Dim& b);
/// What sizes broadcast to: the one that is not 1, which all others are equal to or 1. Undefined
/// where two that are not 1 differ; of two such numbers it is the larger.
Dim broadcast(const std::vector<Dim>& dims);
/// a / b when b divides a for all values of the symbols (term by term), else nullopt. Zero b:
/// nullopt. Nor does what is too long.
std::optional<Dim> exact_div(const Dim& a, const Dim& b);
/// The product of all (1 when empty).
Dim product(const std::vector<Dim>& dims);

/// Provable for all values of the symbols in `ranges`; nullopt: cannot be decided.
std::optional<bool> provably_equal(const Dim& a, const Dim& b, const Ranges& ranges = {},
                                   const Ranges& variables = {});
std::optional<bool> provably_less_equal(const Dim& a, const Dim& b, const Ranges& ranges = {},
                                        const Ranges& variables = {});

/// Text: "3", "n", "2*n+1", "m*n", "floordiv(n,2)", "min(n,4)", "broadcast(m,n)". Terms in
/// canonical order (higher degree and names first, the constant last). A symbol whose name is not
/// [A-Za-z_][A-Za-z0-9_.]* is printed in single quotes with \ escapes. A variable: "$i".
void append(std::string& out, const Dim& dim);
/// Reads what append wrote (and any sum, difference, product, floordiv, ceildiv, mod, min, max,
/// broadcast of such) from the front of `text`, advancing it; spaces only between brackets.
/// nullopt: no dimension there, a variable in it, or one beyond the limits (text is then
/// unspecified).
std::optional<Dim> parse_dim(std::string_view& text);
/// The same with variables.
std::optional<Dim> parse_place(std::string_view& text);

}  // namespace hone
