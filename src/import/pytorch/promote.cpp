#include "import/pytorch/promote.hpp"

#include <algorithm>

namespace hone::pytorch {
namespace {

enum Category : uint8_t {
  kBool,
  kInteger,
  kFloat,
  kComplex
};

Category category(DType dtype) {
  if (is_complex(dtype)) return kComplex;
  if (is_float(dtype)) return kFloat;
  return dtype == DType::boolean ? kBool : kInteger;
}

int64_t width(DType dtype) { return bits(dtype); }

/// The operands of one priority.
struct Operands {
  std::optional<DType> dtype;

  void add(DType next) { dtype = dtype ? joined(*dtype, next) : next; }
};

/// A type that counts less than `first` unless it is of a higher category.
std::optional<DType> before(std::optional<DType> first, std::optional<DType> second) {
  if (!first) return second;
  if (!second || category(*second) <= category(*first)) return first;
  return second;
}

}  // namespace

DType joined(DType a, DType b) {
  if (a == b) return a;
  const Category ca = category(a), cb = category(b);
  if (ca != cb) {
    const DType high = ca > cb ? a : b, low = ca > cb ? b : a;
    return high == DType::c64 && low == DType::f64 ? DType::c128 : high;
  }
  if (ca == kFloat && width(a) == width(b)) return DType::f32;  // f16 and bf16
  if (ca != kInteger) return width(a) > width(b) ? a : b;
  if (is_signed(a) == is_signed(b)) return width(a) > width(b) ? a : b;
  const DType with_sign = is_signed(a) ? a : b, without = is_signed(a) ? b : a;
  if (width(with_sign) > width(without)) return with_sign;
  return width(without) == 8 ? DType::i16 : width(without) == 16 ? DType::i32 : DType::i64;
}

DType promoted(Call& call, const std::vector<Item>& operands) {
  Operands with_axes, without, numbers;
  for (const Item& item : operands) {
    if (const auto* tensor = item.as<TensorRef>()) {
      const Value* value = call.caller().read(*tensor);
      const DType dtype = Call::dtype(value);
      const bool has_axes = !value->type.tensor().has_rank() || Call::rank(value) > 0;
      (has_axes ? with_axes : without).add(dtype);
    } else if (const auto* late = item.as<LateNumber>()) {
      const Category kind = category(Call::dtype(late->value));
      numbers.add(kind == kFloat ? DType::f32 : kind == kInteger ? DType::i64 : DType::boolean);
    } else if (item.as<double>() != nullptr) {
      numbers.add(DType::f32);
    } else if (item.as<Dim>() != nullptr) {
      numbers.add(DType::i64);
    } else {
      call.check(item.as<bool>() != nullptr, "computes with ", kind_of(item));
      numbers.add(DType::boolean);
    }
  }
  const auto found = before(before(with_axes.dtype, without.dtype), numbers.dtype);
  call.check(found.has_value(), "computes with nothing");
  return *found;
}

DType promoted(Call& call, std::initializer_list<std::string_view> names) {
  std::vector<Item> operands;
  for (const std::string_view name : names)
    if (call.has(name)) operands.push_back(call.argument(name));
  return promoted(call, operands);
}

DType promoted_float(Call& call, std::initializer_list<std::string_view> names) {
  const DType dtype = promoted(call, names);
  return category(dtype) < kFloat ? DType::f32 : dtype;
}

Value* as_floats(Call& call, std::string_view name) {
  Value* value = call.tensor(name);
  const DType dtype = Call::dtype(value);
  return category(dtype) < kFloat ? call.cast(value, DType::f32, "real") : value;
}

}  // namespace hone::pytorch
