#include "device/cpu/gemm_micro.hpp"

namespace hone::cpu {

void multiply_avx2(long depth, const float* a, const float* b, float* c, long stride) {
  multiply<6, 2, 8>(depth, a, b, c, stride);
}

}  // namespace hone::cpu
