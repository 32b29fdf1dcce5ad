// Elementwise ops of integers and truths, and conversions, by device/cpu/element_loops.hpp.

#include "device/cpu/element_rows.hpp"
#include "device/cpu/half.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"

namespace hone::cpu {
namespace {

using Types = std::vector<DType>;
using Loops = ElementLoops;

bool are_two_of(const Types& types, bool wanted) {
  return wanted && types.size() == 2 && types[0] == types[1];
}

/// By the width of integers.
template <auto kLoops>
RowFunction bits_pair(const void*, const Types& types, DType) {
  if (!are_two_of(types, is_integer(types[0]))) return nullptr;
  return for_width(types[0], []<int kWidth>() -> RowFunction {
    return pair_row<kLoops, kWidth, kWidth, BitsOfWidth<kWidth>, false>;
  });
}
RowFunction equal_pair(const void*, const Types& types, DType) {
  if (!are_two_of(types, is_integer(types[0]))) return nullptr;
  return for_width(types[0], []<int kWidth>() -> RowFunction {
    return pair_row<&Loops::equal, kWidth, kWidth, uint8_t, false>;
  });
}
template <auto kLoops>
RowFunction whole_pair(const void*, const Types& types, DType) {
  if (!are_two_of(types, true)) return nullptr;
  return for_whole(types[0], []<int kNumber>() -> RowFunction {
    return pair_row<kLoops, kNumber, kNumber / 2, BitsOfWidth<kNumber / 2>, false>;
  });
}
template <int kNumber>
void quotient_row(const void* op, const RowFunctions& functions, const Row& row) {
  using T = BitsOfWidth<kNumber / 2>;
  if (row.step[0] != 0 && row.step[1] == 0)
    return element_loops().divide_by[kNumber](row.count, row.at[0], row.at[1], row.to);
  pair_row<&Loops::divide, kNumber, kNumber / 2, T, false>(op, functions, row);
}
RowFunction quotient(const void*, const Types& types, DType) {
  if (!are_two_of(types, bits(types[0]) < 64)) return nullptr;
  return for_whole(types[0], []<int kNumber>() -> RowFunction { return quotient_row<kNumber>; });
}
template <auto kLoops, bool kSwapped>
RowFunction comparison(const void*, const Types& types, DType) {
  if (!are_two_of(types, true)) return nullptr;
  return for_whole(types[0], []<int kNumber>() -> RowFunction {
    return pair_row<kLoops, kNumber, kNumber / 2, uint8_t, kSwapped>;
  });
}

template <int kWidth, auto kLoop>
void bytes_pair_row(const void*, const RowFunctions&, const Row& row) {
  const Loops::Pair loop = element_loops().*kLoop;
  run_pair<BitsOfWidth<kWidth>, BitsOfWidth<kWidth>>(
      row, 0, [loop](int64_t count, int64_t, const void* a, const void* b, void* to) {
        loop(count << kWidth, a, b, to);
      });
}
template <auto kLoop>
RowFunction bytes_pair(const void*, const Types& types, DType) {
  if (!are_two_of(types, is_integer(types[0]))) return nullptr;
  return for_width(types[0],
                   []<int kWidth>() -> RowFunction { return bytes_pair_row<kWidth, kLoop>; });
}

template <auto kLoop>
void truths_row(const void*, const RowFunctions&, const Row& row) {
  const Loops::Pair loop = element_loops().*kLoop;
  run_pair<uint8_t, uint8_t>(
      row, 0, [loop](int64_t count, int64_t, const void* a, const void* b, void* to) {
        loop(count, a, b, to);
      });
}
template <auto kLoop>
RowFunction truths(const void*, const Types& types, DType) {
  return are_two_of(types, types[0] == DType::boolean) ? truths_row<kLoop> : nullptr;
}

RowFunction shift(const void* op, const Types& types, DType) {
  if (!are_two_of(types, is_integer(types[0]) && !is_signed(types[0]))) return nullptr;
  const bool left = static_cast<const BitShift*>(op)->direction == BitShift::Direction::left;
  return for_width(types[0], [left]<int kWidth>() -> RowFunction {
    using Bits = BitsOfWidth<kWidth>;
    return left ? pair_row<&Loops::shift_left, kWidth, kWidth, Bits, false>
                : pair_row<&Loops::shift_right, kWidth, kWidth, Bits, false>;
  });
}

template <auto kLoops, bool kOfSigned>
RowFunction whole_single(const void*, const Types& types, DType) {
  if (kOfSigned && !is_signed(types[0])) return nullptr;
  return for_whole(types[0],
                   []<int kNumber>() -> RowFunction { return single_row<kLoops, kNumber>; });
}
RowFunction negation(const void*, const Types& types, DType) {
  if (!is_integer(types[0])) return nullptr;
  return for_width(types[0],
                   []<int kWidth>() -> RowFunction { return single_row<&Loops::negate, kWidth>; });
}
template <int kWidth>
void complement_row(const void*, const RowFunctions&, const Row& row) {
  element_loops().complement(row.count << kWidth, row.at[0], row.to);
}
RowFunction complement(const void*, const Types& types, DType) {
  if (!is_integer(types[0])) return nullptr;
  return for_width(types[0], []<int kWidth>() -> RowFunction { return complement_row<kWidth>; });
}

/// Not below the least, then not above the most: a bound that is absent bounds nothing.
template <int kNumber>
void whole_clip_row(const void*, const RowFunctions&, const Row& row) {
  using T = BitsOfWidth<kNumber / 2>;
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  const Loops& loops = element_loops();
  const auto spread = [&](size_t k) {
    return Spread<T>(row.at[k], row.at[k] == nullptr ? 0 : row.count);
  };
  const Spread<T> least = spread(1), most = spread(2);
  for (int64_t done = 0; done < row.count; done += Spread<T>::kPiece) {
    const int64_t count = std::min(Spread<T>::kPiece, row.count - done);
    const std::byte* from = row.at[0] + done * kSize;
    std::byte* to = row.to + done * kSize;
    if (row.at[1] != nullptr) {
      loops.most[kNumber](count, from, least.elements.data(), to);
      from = to;
    }
    if (row.at[2] != nullptr) loops.least[kNumber](count, from, most.elements.data(), to);
    else if (from != to) std::copy_n(from, count * kSize, to);
  }
}
RowFunction clip(const void*, const Types& types, DType) {
  return for_whole(types[0], []<int kNumber>() -> RowFunction { return whole_clip_row<kNumber>; });
}

/// A condition that does not step chooses for the whole row.
template <int kWidth>
void choice_row(const void* op, const RowFunctions& functions, const Row& row) {
  if (row.step[0] == 0) {
    const size_t k = *row.in<uint8_t>(0) != 0 ? 1 : 2;
    Row copied = row;
    copied.at[0] = copied.at[1] = row.at[k];
    copied.step[0] = copied.step[1] = row.step[k];
    return bytes_pair_row<kWidth, &Loops::bit_and>(op, functions, copied);  // x & x
  }
  const auto* condition = row.in<uint8_t>(0);
  const Loops::Choice loop = element_loops().choose[kWidth];
  using T = BitsOfWidth<kWidth>;
  run_pair<T, T>(row, 1, [=](int64_t count, int64_t done, const void* x, const void* y, void* to) {
    loop(count, condition + done, x, y, to);
  });
}
RowFunction choice(const void*, const Types&, DType result) {
  return for_width(result, []<int kWidth>() -> RowFunction { return choice_row<kWidth>; });
}

/// Of floats, of which most fit the integers: blocks with others go the slow way.
template <int kFloat, int kTo>
void float_cast_row(const void* op, const RowFunctions&, const Row& row) {
  constexpr DType kFrom = kFloat == 0 ? DType::f32 : DType::f64;
  constexpr int64_t kBlock = 256, kSize = kFloat == 0 ? 4 : 8, kMade = 1 << kTo / 2;
  const Cast& cast = *static_cast<const Cast*>(op);
  const auto loop = element_loops().whole[kFloat][kTo];
  for (int64_t done = 0; done < row.count; done += kBlock) {
    const int64_t count = std::min(kBlock, row.count - done);
    const std::byte* from = row.at[0] + done * kSize;
    std::byte* to = row.to + done * kMade;
    if (!loop(count, from, to)) convert(kFrom, from, count, cast.to, to, cast.saturate);
  }
}

template <int kFrom, int kTo>
void loop_cast_row(const void*, const RowFunctions&, const Row& row) {
  element_loops().cast[kFrom][kTo](row.count, row.at[0], row.to);
}

/// By way of f32, a piece at a time: exact where it holds all numbers of one of both types.
template <RowFunction kCast, DType kHalf, int64_t kMade>
void from_half_row(const void* op, const RowFunctions& functions, const Row& row) {
  constexpr int64_t kPiece = 256;
  float values[kPiece];
  for (int64_t done = 0; done < row.count; done += kPiece) {
    Row piece = row;
    piece.count = std::min(kPiece, row.count - done);
    widen_halves(kHalf, row.at[0] + 2 * done, piece.count, values);
    piece.at[0] = reinterpret_cast<const std::byte*>(values);
    piece.to = row.to + done * kMade;
    kCast(op, functions, piece);
  }
}
template <int kFrom, DType kHalf>
void to_half_row(const void*, const RowFunctions&, const Row& row) {
  constexpr int64_t kPiece = 256, kSize = 1 << kFrom / 2;
  float values[kPiece];
  for (int64_t done = 0; done < row.count; done += kPiece) {
    const int64_t count = std::min(kPiece, row.count - done);
    element_loops().cast[kFrom][Loops::f32](count, row.at[0] + done * kSize, values);
    narrow_to_halves(values, count, kHalf, row.to + 2 * done);
  }
}

template <DType kHalf>
void double_to_half_row(const void*, const RowFunctions&, const Row& row) {
  constexpr int64_t kPiece = 256;
  float values[kPiece];
  for (int64_t done = 0; done < row.count; done += kPiece) {
    const int64_t count = std::min(kPiece, row.count - done);
    element_loops().odd_float(count, row.in<double>(0) + done, values);
    narrow_to_halves(values, count, kHalf, row.to + 2 * done);
  }
}

RowFunction to_truth(DType from) {
  if (from == DType::f32) return single_row<&Loops::float_not_zero, 0>;
  if (from == DType::f64) return single_row<&Loops::float_not_zero, 1>;
  if (!is_integer(from)) return nullptr;
  return for_width(
      from, []<int kWidth>() -> RowFunction { return single_row<&Loops::not_zero, kWidth>; });
}

template <int kFloat>
RowFunction whole_of_float(DType result) {
  return for_whole(result, []<int kTo>() -> RowFunction {
    if constexpr (kTo == Loops::u64) return nullptr;
    else return float_cast_row<kFloat, kTo>;
  });
}

template <DType kHalf>
RowFunction cast_of_half(DType result) {
  if (result == DType::f64) return from_half_row<loop_cast_row<Loops::f32, Loops::f64>, kHalf, 8>;
  if (result == DType::boolean)
    return from_half_row<single_row<&Loops::float_not_zero, 0>, kHalf, 1>;
  return for_whole(result, []<int kTo>() -> RowFunction {
    if constexpr (kTo == Loops::u64) return nullptr;
    else return from_half_row<float_cast_row<0, kTo>, kHalf, 1 << kTo / 2>;
  });
}

/// Of truths, of which any but 0 is 1.
template <int kTo>
void loop_truth_row(const void*, const RowFunctions&, const Row& row) {
  constexpr int64_t kPiece = 256, kMade = kTo == Loops::f32   ? 4
                                          : kTo == Loops::f64 ? 8
                                                              : 1 << kTo / 2;
  uint8_t truths[kPiece];
  const Loops& loops = element_loops();
  for (int64_t done = 0; done < row.count; done += kPiece) {
    const int64_t count = std::min(kPiece, row.count - done);
    std::byte* to = row.to + done * kMade;
    if constexpr (kTo == Loops::u8 || kTo == Loops::i8) {
      loops.not_zero[0](count, row.at[0] + done, to);
    } else {
      loops.not_zero[0](count, row.at[0] + done, truths);
      loops.cast[Loops::u8][kTo](count, truths, to);
    }
  }
}
template <DType kHalf>
void half_of_truth_row(const void*, const RowFunctions&, const Row& row) {
  constexpr int64_t kPiece = 256;
  uint8_t truths[kPiece];
  float values[kPiece];
  const Loops& loops = element_loops();
  for (int64_t done = 0; done < row.count; done += kPiece) {
    const int64_t count = std::min(kPiece, row.count - done);
    loops.not_zero[0](count, row.at[0] + done, truths);
    loops.cast[Loops::u8][Loops::f32](count, truths, values);
    narrow_to_halves(values, count, kHalf, row.to + 2 * done);
  }
}
RowFunction loop_of_truth(DType result) {
  if (result == DType::f16) return half_of_truth_row<DType::f16>;
  if (result == DType::bf16) return half_of_truth_row<DType::bf16>;
  if (result == DType::f32) return loop_truth_row<Loops::f32>;
  if (result == DType::f64) return loop_truth_row<Loops::f64>;
  return for_whole(result, []<int kTo>() -> RowFunction { return loop_truth_row<kTo>; });
}

/// Of integers.
template <int kFrom>
RowFunction cast_of_whole(DType result) {
  if (result == DType::f32) return loop_cast_row<kFrom, Loops::f32>;
  if (result == DType::f64) return loop_cast_row<kFrom, Loops::f64>;
  // Rounded once: f32 holds all integers that f16 has no infinity for, and all of 16 bits.
  if (result == DType::f16) return to_half_row<kFrom, DType::f16>;
  if constexpr (kFrom < Loops::i32)
    if (result == DType::bf16) return to_half_row<kFrom, DType::bf16>;
  return for_whole(result, []<int kTo>() -> RowFunction {
    if constexpr (kFrom == kTo) return nullptr;
    else return loop_cast_row<kFrom, kTo>;
  });
}

RowFunction conversion(const void*, const Types& types, DType result) {
  const DType from = types[0];
  if (result == DType::boolean && !is_half(from)) return to_truth(from);
  switch (from) {
    case DType::f32:
      return result == DType::f64 ? loop_cast_row<Loops::f32, Loops::f64>
                                  : whole_of_float<0>(result);
    case DType::f64:
      if (result == DType::f16) return double_to_half_row<DType::f16>;
      if (result == DType::bf16) return double_to_half_row<DType::bf16>;
      return result == DType::f32 ? loop_cast_row<Loops::f64, Loops::f32>
                                  : whole_of_float<1>(result);
    case DType::f16: return cast_of_half<DType::f16>(result);
    case DType::bf16: return cast_of_half<DType::bf16>(result);
    case DType::boolean: return loop_of_truth(result);
    default: break;
  }
  RowFunction found = nullptr;
  for_whole(from, [&]<int kFrom>() -> RowFunction { return found = cast_of_whole<kFrom>(result); });
  return found;
}

template <class Op>
void faster(ElementwiseOps& ops, Elementwise::Find find) {
  ops[&op_class<Op>()].faster = find;
}

}  // namespace

void add_loops(ElementwiseOps& ops) {
  faster<Add>(ops, bits_pair<&Loops::add>), faster<Sub>(ops, bits_pair<&Loops::subtract>);
  faster<Mul>(ops, bits_pair<&Loops::multiply>), faster<Sum>(ops, bits_pair<&Loops::add>);
  faster<Div>(ops, quotient), faster<Equal>(ops, equal_pair);
  faster<Max>(ops, whole_pair<&Loops::most>), faster<Min>(ops, whole_pair<&Loops::least>);
  faster<Less>(ops, comparison<&Loops::less, false>);
  faster<Greater>(ops, comparison<&Loops::less, true>);
  faster<LessOrEqual>(ops, comparison<&Loops::less_equal, false>);
  faster<GreaterOrEqual>(ops, comparison<&Loops::less_equal, true>);
  faster<BitwiseAnd>(ops, bytes_pair<&Loops::bit_and>);
  faster<BitwiseOr>(ops, bytes_pair<&Loops::bit_or>);
  faster<BitwiseXor>(ops, bytes_pair<&Loops::bit_xor>);
  faster<And>(ops, truths<&Loops::both>), faster<Or>(ops, truths<&Loops::either>);
  faster<Xor>(ops, truths<&Loops::one_only>);
  faster<BitShift>(ops, shift), faster<BitwiseNot>(ops, complement);
  faster<Abs>(ops, whole_single<&Loops::absolute, true>), faster<Neg>(ops, negation);
  faster<Sign>(ops, whole_single<&Loops::sign, false>);
  faster<Relu>(ops, whole_single<&Loops::relu, true>);
  faster<Clip>(ops, clip), faster<Where>(ops, choice), faster<Cast>(ops, conversion);
}

}  // namespace hone::cpu
