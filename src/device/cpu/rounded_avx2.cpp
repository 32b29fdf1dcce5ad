#include "device/cpu/rounded_micro.hpp"

namespace {

struct Pairs {
  static constexpr int kWidth = 8, kRows = 2, kPanels = 1;
  typedef int I __attribute__((vector_size(32)));
  typedef unsigned U __attribute__((vector_size(32)));
  typedef char C __attribute__((vector_size(32)));
  typedef short S __attribute__((vector_size(32)));

  /// Weights below 16: no pair of products leaves 16 bits.
  static I products(U weights, int four) {
    const I all = I{} + four;
    const S pairs =
        __builtin_ia32_pmaddubsw256(reinterpret_cast<C>(weights), reinterpret_cast<C>(all));
    return __builtin_ia32_pmaddwd256(pairs, S{} + 1);
  }
  static I add(I sums, U weights, int four) { return sums + products(weights, four); }
  static I add_wide(I sums, U weights, int four) {
    return sums + products(weights & 0x0f0f0f0fu, four) +
           (products(weights >> 4 & 0x0f0f0f0fu, four) << 4);
  }
};

}  // namespace

namespace hone::cpu {

extern const RoundedFunctions kRoundedAvx2;
const RoundedFunctions kRoundedAvx2 = Rounded<Pairs>::functions();

}  // namespace hone::cpu
