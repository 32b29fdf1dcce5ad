#include "device/cpu/half_rows_micro.hpp"

namespace {

struct EightFloatsOfHalves {
  static constexpr long kWidth = 8;
  typedef float V __attribute__((vector_size(32)));
  typedef signed char Bytes __attribute__((vector_size(8)));
  typedef unsigned char Pairs __attribute__((vector_size(4)));
  typedef unsigned short Words __attribute__((vector_size(8)));
  static V load(const unsigned short* from) {
    typedef short H __attribute__((vector_size(16)));
    H halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    return __builtin_ia32_vcvtph2ps256(halves);
  }
};

}  // namespace

namespace hone::cpu {

extern const HalfFunctions kHalvesAvx2;
const HalfFunctions kHalvesAvx2{multiply_half_rows<EightFloatsOfHalves>,
                                widen_code_rows<EightFloatsOfHalves>};

}  // namespace hone::cpu
