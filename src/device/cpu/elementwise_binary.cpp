// Elementwise ops of two operands of one type.

#include <cmath>

#include "device/cpu/elementwise.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"

namespace hone::cpu {
namespace {

using Types = std::vector<DType>;

/// kPick<T, D>: the row function of elements T computed in D.
template <template <class, class> class Pick>
RowFunction by_type(const Types& types) {
  if (types.size() != 2 || types[0] != types[1]) return nullptr;
  switch (types[0]) {
    case DType::f32: return Pick<float, float>::map;
    case DType::f64: return Pick<double, double>::map;
    case DType::i64: return Pick<int64_t, int64_t>::map;
    case DType::i32: return Pick<int32_t, int64_t>::map;
    case DType::i16: return Pick<int16_t, int64_t>::map;
    case DType::i8: return Pick<int8_t, int64_t>::map;
    case DType::u64: return Pick<uint64_t, uint64_t>::map;
    case DType::u32: return Pick<uint32_t, int64_t>::map;
    case DType::u16: return Pick<uint16_t, int64_t>::map;
    case DType::u8: return Pick<uint8_t, int64_t>::map;
    default: return nullptr;
  }
}

/// The op's own of(a, b).
template <class Op>
struct Arithmetic {
  template <class T, class D>
  struct Pick {
    static void map(const void* op, const RowFunctions&, const Row& row) {
      const Op& scalar = *static_cast<const Op*>(op);
      map_pair<T, T>(row, [&scalar](T a, T b) {
        return static_cast<T>(scalar.of(static_cast<D>(a), static_cast<D>(b)));
      });
    }
  };
};

/// Its static of(a, b), which tells a truth.
template <class Op>
struct Comparing {
  template <class T, class D>
  struct Pick {
    static void map(const void*, const RowFunctions&, const Row& row) {
      map_pair<T, uint8_t>(
          row, [](T a, T b) -> uint8_t { return Op::of(static_cast<D>(a), static_cast<D>(b)); });
    }
  };
};

struct Same {
  template <class D>
  static bool of(D a, D b) {
    return a == b;
  }
};

/// Of two operands of the ops that take any number.
template <class Op>
struct Joining {
  template <class T, class D>
  struct Pick {
    static void map(const void*, const RowFunctions&, const Row& row) {
      map_pair<T, T>(row, [](T a, T b) {
        const D joined = Op::join(static_cast<D>(a), static_cast<D>(b));
        if constexpr (requires { Op::finish(0.0, 2); })
          return static_cast<T>(Op::finish(static_cast<double>(joined), 2));
        else return static_cast<T>(joined);
      });
    }
  };
};

constexpr int64_t kPairs = 8;

/// std::fmod of eight pairs, from its definition: a whole quotient below 2^29 times a float is
/// exact in double, and so is what it leaves. A quotient that was rounded up to a whole number is
/// one too large. false: some quotient is larger, or no number.
bool few_rests(const float* a, const float* b, int64_t step_a, int64_t step_b, float* rests) {
  constexpr double kMost = 0x1p29;
  bool exact = true;
  for (int64_t i = 0; i < kPairs; ++i) {
    const float first = a[i * step_a];
    const double x = std::fabs(first), y = std::fabs(b[i * step_b]);
    const double quotient = x / y;
    exact &= (quotient < kMost) & (y < INFINITY);
    const auto whole = static_cast<int32_t>(quotient < kMost ? quotient : 0);
    const double left = x - whole * y;
    rests[i] = std::copysign(static_cast<float>(left < 0 ? left + y : left), first);
  }
  return exact;
}

/// What Mod makes of what std::fmod gives.
float signed_rest(const Mod& mod, float rest, float b) {
  if (mod.fmod || std::isnan(rest)) return rest;
  if (rest == 0) return std::copysign(rest, b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}

void float_rests(const void* op, const RowFunctions&, const Row& row) {
  const Mod& mod = *static_cast<const Mod*>(op);
  const float *a = row.in<float>(0), *b = row.in<float>(1);
  const int64_t step_a = row.step[0] != 0 ? 1 : 0, step_b = row.step[1] != 0 ? 1 : 0;
  float* to = row.out<float>();
  int64_t i = 0;
  for (; i + kPairs <= row.count; i += kPairs) {
    const float *left = a + i * step_a, *right = b + i * step_b;
    float rests[kPairs];
    if (!few_rests(left, right, step_a, step_b, rests))
      for (int64_t k = 0; k < kPairs; ++k)
        rests[k] = std::fmod(left[k * step_a], right[k * step_b]);
    for (int64_t k = 0; k < kPairs; ++k) to[i + k] = signed_rest(mod, rests[k], right[k * step_b]);
  }
  for (; i < row.count; ++i) to[i] = mod.of(a[i * step_a], b[i * step_b]);
}

RowFunction mod_function(const void*, const Types& types, DType) {
  if (types == Types{DType::f32, DType::f32}) return float_rests;
  return by_type<Arithmetic<Mod>::Pick>(types);
}

RowFunction equal_function(const void*, const Types& types, DType) {
  if (types[0] == DType::boolean)  // a truth is 0 or 1
    return [](const void*, const RowFunctions&, const Row& row) {
      map_pair<uint8_t, uint8_t>(row, [](uint8_t a, uint8_t b) -> uint8_t { return a == b; });
    };
  return by_type<Comparing<Same>::Pick>(types);
}

template <class Op, template <class> class Family>
void add(ElementwiseOps& ops, double operations = 1) {
  ops[&op_class<Op>()] = {[](const void*, const Types& types, DType) -> RowFunction {
                            return by_type<Family<Op>::template Pick>(types);
                          },
                          operations};
}

}  // namespace

void add_binary(ElementwiseOps& ops) {
  add<Add, Arithmetic>(ops), add<Sub, Arithmetic>(ops), add<Mul, Arithmetic>(ops);
  add<Div, Arithmetic>(ops, 4), add<PRelu, Arithmetic>(ops, 2);
  ops[&op_class<Mod>()] = {mod_function, 8};
  add<Max, Joining>(ops), add<Min, Joining>(ops), add<Sum, Joining>(ops), add<Mean, Joining>(ops);
  add<Greater, Comparing>(ops), add<GreaterOrEqual, Comparing>(ops);
  add<Less, Comparing>(ops), add<LessOrEqual, Comparing>(ops);
  ops[&op_class<Equal>()] = {equal_function, 1};
}

}  // namespace hone::cpu
