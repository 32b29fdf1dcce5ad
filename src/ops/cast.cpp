#include "ops/cast.hpp"

#include "ir/op_class.hpp"
#include "ir/stages/stages.hpp"

#include <cctype>
#include <cmath>
#include <cstring>

#include "base/text.hpp"

namespace hone {
namespace {

/// What ONNX writes for a number.
std::string text_of(const Tensor& tensor, int64_t i) {
  const DType type = tensor.dtype();
  if (type == DType::u64) return cat(static_cast<uint64_t>(tensor.integer(i)));
  if (!is_float(type)) return cat(tensor.integer(i));
  const double value = tensor.number(i);
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-INF" : "INF";
  return type == DType::f64 ? cat(value) : cat(static_cast<float>(value));
}

/// A decimal number, NaN, INF, +INF or -INF in any case.
std::optional<double> number_of(std::string_view text) {
  std::string lower(trim(text));
  for (char& each : lower) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
  std::string_view rest = lower;
  if (rest.starts_with('+')) rest.remove_prefix(1);
  return parse_double(rest);
}

void from_strings(Evaluation& c, const Tensor& x, Tensor& y) {
  for (int64_t i = 0; i < x.count(); ++i) {
    const std::string& text = x.strings()[static_cast<size_t>(i)];
    if (const auto whole = parse_int(trim(text)); whole && is_integer(y.dtype())) {
      y.set_integer(i, *whole);
      continue;
    }
    const std::optional<double> value = number_of(text);
    c.check(value.has_value(), "\"", text, "\" is no number");
    y.set_number(i, *value);
  }
}

void to_scale(const Tensor& x, Tensor& y, bool saturate, Cast::RoundMode mode) {
  constexpr ScaleRounding kModes[] = {ScaleRounding::up, ScaleRounding::down,
                                      ScaleRounding::nearest};
  for (int64_t i = 0; i < x.count(); ++i)
    y.put(i, to_f8e8m0(x.number(i), saturate, kModes[static_cast<size_t>(mode)]));
}

}  // namespace

void Cast::infer(Inference& c) const {
  const DType from = c.dtype(0);
  c.check(from == to || (!is_complex(from) && !is_complex(to)), "cannot convert ", from, " to ",
          to);
  c.set(0, TensorType{to, c.tensor(0).dims});
}

void Cast::dims(Inference& c) const {
  const Dims* known = c.known(0);
  if (known == nullptr || !(to == DType::i64 || to == DType::i32 || to == DType::boolean)) return;
  Dims result = *known;
  for (Dim& dim : result) {
    if (to != DType::boolean) continue;
    const auto zero = provably_equal(dim, 0, c.ranges());
    if (!zero) return;
    dim = Dim(!*zero);
  }
  c.set_known(0, std::move(result));
}

void Cast::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  if (x.dtype() == to) return c.give(0, x);
  if (to == DType::string) {
    std::vector<std::string> texts;
    for (int64_t i = 0; i < x.count(); ++i) texts.push_back(text_of(x, i));
    return c.give(0, Tensor::of_strings(x.shape(), std::move(texts)));
  }
  Tensor& y = c.output(0, to, x.shape());
  if (x.dtype() == DType::string) return from_strings(c, x, y);
  if (to == DType::f8e8m0) return to_scale(x, y, saturate, round_mode);
  convert(x.dtype(), x.bytes().data(), x.count(), to, y.mutable_bytes().data(), saturate);
}

void BitCast::infer(Inference& c) const {
  const DType from = c.dtype(0);
  c.check(from != DType::string && bits(from) == bits(to), "operand 0 is ", from, ", and ", to,
          " has another width");
  c.set(0, TensorType{to, c.tensor(0).dims});
}

void BitCast::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  Tensor& y = c.output(0, to, x.shape());
  if (!x.bytes().empty()) std::memcpy(y.mutable_bytes().data(), x.bytes().data(), x.bytes().size());
}

namespace {

/// The least magnitude that rounds to more than the largest of a format that has no infinity, and
/// whether it is one of those that do not yet.
struct Overflow {
  double magnitude;
  bool rounds_down;
};
std::optional<Overflow> overflow_of(DType f8) {
  switch (f8) {
    case DType::f8e4m3fn: return Overflow{464, true};
    case DType::f8e4m3fnuz: return Overflow{248, false};
    case DType::f8e5m2fnuz: return Overflow{61440, false};
    default: return std::nullopt;
  }
}

}  // namespace

void Cast::express(Expression& e) const {
  // An Expr's cast is to the nearest element, and to the largest where there is none.
  if (to == DType::f8e8m0) return e.decline("Cast to powers of two, which it may round up or down");
  const Expr x = e.here();
  if (!is_float(to) || bits(to) != 8 || saturate) return e.set(0, Expr::cast(to, x));
  const auto overflow = overflow_of(to);
  if (!overflow || !is_float(x.dtype())) return e.decline("Cast to f8 that does not saturate");
  const Expr size = call(Function::absolute, x), most = like(x, overflow->magnitude);
  const Function below = overflow->rounds_down ? Function::less_equal : Function::less;
  e.set(0, Expr::cast(to, select(call(below, size, most), x, like(x, std::nan("")))));
}

void register_cast(OpRegistry& registry) { registry.add<Cast>(), registry.add<BitCast>(); }

}  // namespace hone
