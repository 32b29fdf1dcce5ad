// Elementwise ops of two operands of one type.

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
  add<Div, Arithmetic>(ops, 4), add<PRelu, Arithmetic>(ops, 2), add<Mod, Arithmetic>(ops, 40);
  add<Max, Joining>(ops), add<Min, Joining>(ops), add<Sum, Joining>(ops), add<Mean, Joining>(ops);
  add<Greater, Comparing>(ops), add<GreaterOrEqual, Comparing>(ops);
  add<Less, Comparing>(ops), add<LessOrEqual, Comparing>(ops);
  ops[&op_class<Equal>()] = {equal_function, 1};
}

}  // namespace hone::cpu
