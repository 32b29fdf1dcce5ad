#include "device/cpu/gemm_micro.hpp"

namespace hone::cpu {

void multiply_avx512(long depth, const float* a, const float* b, float* c, long stride) {
  multiply<12, 2, 16>(depth, a, b, c, stride);
}

}  // namespace hone::cpu
