#include "device/cpu/half_rows_micro.hpp"

namespace {

struct SixteenFloatsOfHalves {
  static constexpr long kWidth = 16;
  typedef float V __attribute__((vector_size(64)));
  typedef signed char Bytes __attribute__((vector_size(16)));
  typedef unsigned char Pairs __attribute__((vector_size(8)));
  typedef unsigned short Words __attribute__((vector_size(16)));
  static V load(const unsigned short* from) {
    typedef short H __attribute__((vector_size(32)));
    H halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    constexpr int kAsItIs = 4;  // rounding
    return __builtin_ia32_vcvtph2ps512_mask(halves, V{}, static_cast<short>(-1), kAsItIs);
  }
};

}  // namespace

namespace hone::cpu {

extern const HalfFunctions kHalvesAvx512;
const HalfFunctions kHalvesAvx512{multiply_half_rows<SixteenFloatsOfHalves>,
                                  widen_code_rows<SixteenFloatsOfHalves>};

}  // namespace hone::cpu
