#pragma once
// Loops over rows of integers, truths and conversions, compiled once for each instruction set.
// Includes nothing: the files compiled for one include it. `to` may be an operand of the same type.

namespace hone::cpu {

struct ElementLoops {
  /// Whole numbers: twice the logarithm of their bytes, and 1 where they have no sign. Floats.
  enum Number {
    i8,
    u8,
    i16,
    u16,
    i32,
    u32,
    i64,
    u64,
    kWholes,
    f32 = kWholes,
    f64,
    kNumbers
  };
  static constexpr int kWidths = 4;  // of 1, 2, 4, 8 bytes
  using Pair = void (*)(long count, const void* a, const void* b, void* to);
  using Single = void (*)(long count, const void* from, void* to);
  using Choice = void (*)(long count, const unsigned char* condition, const void* x, const void* y,
                          void* to);

  // Bits are the same with a sign and without: by width.
  Pair add[kWidths], subtract[kWidths], multiply[kWidths], equal[kWidths];
  // Shifts by the width or more give 0.
  Pair shift_left[kWidths], shift_right[kWidths];
  Pair bit_and, bit_or, bit_xor;  // of bytes
  Pair both, either, one_only;    // of truths: any byte but 0 is true, results are 0 or 1
  Pair least[kWholes], most[kWholes], less[kWholes], less_equal[kWholes];
  /// Towards 0; by 0 it is 0. Null for 64 bits.
  Pair divide[kWholes];
  /// The same by one number, *b.
  Pair divide_by[kWholes];
  Single negate[kWidths], not_zero[kWidths];
  Single complement;  // of bytes
  Single absolute[kWholes], sign[kWholes], relu[kWholes];
  Single cast[kNumbers][kNumbers];  // integers wrap; null: from floats to integers, the same type
  /// From floats to integers by way of i32 (i64 for wider ones), which wrap then. False, and
  /// nothing is written: some number does not fit that.
  bool (*whole[2][kWholes])(long count, const void* from, void* to);
  Single float_not_zero[2];
  /// f64 to f32 so that rounding it once more, to fewer digits, gives what rounding once gives:
  /// towards 0, and the last bit set where something was lost.
  Single odd_float;
  Choice choose[kWidths];
  /// The smallest and the largest of one element or more.
  Single smallest[kWholes], largest[kWholes];
};

/// Which number an integer type is.
template <class T>
inline constexpr int kNumberOf = (sizeof(T) == 1   ? ElementLoops::i8
                                  : sizeof(T) == 2 ? ElementLoops::i16
                                  : sizeof(T) == 4 ? ElementLoops::i32
                                                   : ElementLoops::i64) +
                                 (T(-1) > T(0) ? 1 : 0);

/// Those of isa().
const ElementLoops& element_loops();

}  // namespace hone::cpu
