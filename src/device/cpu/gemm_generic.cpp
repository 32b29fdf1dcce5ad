#include "device/cpu/gemm_micro.hpp"

namespace hone::cpu {

void multiply_generic(long depth, const float* a, const float* b, float* c, long stride) {
  multiply<4, 2, 4>(depth, a, b, c, stride);
}

}  // namespace hone::cpu
