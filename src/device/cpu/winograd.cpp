#include "device/cpu/winograd.hpp"

#include <cmath>

#include "device/cpu/isa.hpp"

namespace hone::cpu {

extern const WinogradFunctions kWinograd_generic, kWinograd_avx2, kWinograd_avx512;

const WinogradFunctions& winograd_functions() {
  switch (isa()) {
    case Isa::avx512: return kWinograd_avx512;
    case Isa::avx2: return kWinograd_avx2;
    case Isa::generic: break;
  }
  return kWinograd_generic;
}

void winograd_filter(const float* filter, float* to, long stride) {
  const double half = std::sqrt(0.5), root = std::sqrt(2.0);
  // A polynomial with the filter's elements as coefficients at the nodes, over the products of
  // their distances.
  const double values[6][3] = {{1, 0, 0},
                               {-1 / 1.5, -half / 1.5, -0.5 / 1.5},
                               {-1 / 1.5, half / 1.5, -0.5 / 1.5},
                               {1 / 6.0, root / 6, 2 / 6.0},
                               {1 / 6.0, -root / 6, 2 / 6.0},
                               {0, 0, 1}};
  double half_way[6][3] = {};
  for (int i = 0; i < 6; ++i)
    for (int x = 0; x < 3; ++x)
      for (int y = 0; y < 3; ++y) half_way[i][x] += values[i][y] * double{filter[y * 3 + x]};
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) {
      double sum = 0;
      for (int x = 0; x < 3; ++x) sum += half_way[i][x] * values[j][x];
      to[(i * 6 + j) * stride] = static_cast<float>(sum);
    }
}

}  // namespace hone::cpu
