#include "device/cpu/rounded_micro.hpp"

namespace {

struct Plain {
  static constexpr int kWidth = 4, kRows = 2, kPanels = 1;
  typedef int I __attribute__((vector_size(16)));
  typedef unsigned U __attribute__((vector_size(16)));

  static I add(I sums, U weights, int four) {
    for (int i = 0; i < 4; ++i, weights >>= 8, four >>= 8)
      sums += reinterpret_cast<I>(weights & 255u) * static_cast<signed char>(four & 255);
    return sums;
  }
  static I add_wide(I sums, U weights, int four) { return add(sums, weights, four); }
};

}  // namespace

namespace hone::cpu {

extern const RoundedFunctions kRoundedGeneric;
const RoundedFunctions kRoundedGeneric = Rounded<Plain>::functions();

}  // namespace hone::cpu
