#include "device/cpu/rounded_micro.hpp"

namespace {

struct Fours {
  static constexpr int kWidth = 16, kRows = 8, kPanels = 4;
  typedef int I __attribute__((vector_size(64)));
  typedef unsigned U __attribute__((vector_size(64)));

  static I add(I sums, U weights, int four) {
    const I all = I{} + four;
#ifdef __clang__
    return __builtin_ia32_vpdpbusd512(sums, reinterpret_cast<I>(weights), all);
#else
    return __builtin_ia32_vpdpbusd_v16si(sums, reinterpret_cast<I>(weights), all);
#endif
  }
  static I add_wide(I sums, U weights, int four) { return add(sums, weights, four); }
};

}  // namespace

namespace hone::cpu {

extern const RoundedFunctions kRoundedVnni;
const RoundedFunctions kRoundedVnni = Rounded<Fours>::functions();

}  // namespace hone::cpu
