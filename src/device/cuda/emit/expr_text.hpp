#pragma once
// Exprs as statements of CUDA C++.

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "device/cuda/emit/dim_text.hpp"
#include "device/cuda/emit/quantized_text.hpp"
#include "ir/nest/nest.hpp"
#include "ir/tensor.hpp"

namespace hone::cuda::emitter {

/// How an element of a dtype is kept in memory, and what it is computed in: "unsigned short" and
/// "float" of f16. Null: the emitter has none.
const char* stored_type(DType dtype);
const char* computed_type(DType dtype);
/// Of less than 16 bits, and no integer of 8: what is done with them is in texts/small.cu.
bool is_small(DType dtype);
/// Several elements are in one byte.
bool is_packed(DType dtype);
/// A number as a literal of the computed type.
std::string number_text(double real, int64_t integer, DType dtype);
std::string number_text(const Expr& number);
/// `value` of the computed type as an element in memory.
std::string stored(const std::string& value, DType dtype);
/// An element in memory as a value.
std::string loaded(const std::string& element, DType dtype);
/// Two values of the dtype's computed type put together by a function with two operands.
std::string combined(Function function, const std::string& a, const std::string& b, DType dtype);

/// A buffer in the text.
struct Place {
  std::string name;  // a pointer; of a register: the variable
  DType dtype = DType::f32;
  Dims shape, strides;
  bool is_register = false;
  bool is_bits = false;   // floats as the integers that their bits are
  bool is_loose = false;  // its address may be no multiple of 16
  bool in_word = false;   // of a register: one of four bytes of a word (texts/integers.cu)
};
using Places = std::map<std::string, Place, std::less<>>;

/// The contents of a buffer as an array of the text; `place` is where they are then.
std::string table_text(Place& place, const Tensor& contents);

/// Writes what expressions compute into lines; equal parts once. Nothing is computed that a select
/// does not choose: an element that lies outside may stand there.
class ExprText {
 public:
  /// Where f32 does not tell what f64 rounds to, f64 does: at once, or the variable `near` is set
  /// for others to see to it, or f64 always does.
  enum class Rounding : uint8_t {
    at_once,
    told,
    exact
  };

  ExprText(const Places& places, DimText& dims, std::string& out, int indent)
      : places_(places), dims_(dims), out_(out), indent_(indent), known_(1), in_range_(1) {}

  /// The name of a variable, or a literal, of computed_type(expr.dtype()).
  std::string value(const Expr& expr);
  /// The same, of what f32 computes.
  std::string value(const ProvenSum& sum);
  /// Where the element of a load lies in its buffer; the condition that it does, where it may not.
  struct Element {
    std::string offset, inside;
  };
  Element element(const Expr& load);
  /// Where an element lies in its buffer.
  std::string offset(const Place& place, const Dims& at);
  void line(const std::string& text);
  /// A block begins with this line, ends with that.
  void open(const std::string& text);
  void close(const std::string& text = "}");
  /// Halves are not rounded on the way from f32 to f32: what they are computed in has more digits.
  void keep_digits() { keeps_digits_ = true; }
  void round(Rounding rounding) { rounding_ = rounding; }
  /// What was computed is not known any more: contents have changed.
  void forget() {
    for (Known& scope : known_) scope.clear();
    for (Known& scope : in_range_) scope.clear();
  }

 private:
  struct Hash {
    size_t operator()(const Expr& expr) const { return expr.hash(); }
  };
  using Known = std::unordered_map<Expr, std::string, Hash>;

  std::string compute(const Expr& expr);
  std::string load(const Expr& expr);
  std::string select(const Expr& expr);
  std::optional<std::string> quantized(const Expr& clamped);
  std::string call(const Expr& expr);
  std::string cast(const Expr& expr);
  std::string index(const Expr& expr, const Dim& size, bool clamp);
  std::string assigned(const Expr& expr, const std::string& text);

  const Places& places_;
  DimText& dims_;
  std::string& out_;
  int indent_;
  std::vector<Known> known_;
  std::vector<Known> in_range_;  // of what quantized() found
  bool keeps_digits_ = false;
  Rounding rounding_ = Rounding::at_once;
  int temporaries_ = 0;
};

}  // namespace hone::cuda::emitter
