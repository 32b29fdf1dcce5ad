#pragma once

#include <cstdint>
#include <optional>
#include <random>

namespace hone {

/// Pseudo-random numbers that are the same bits on every machine for one seed: the Mersenne twister
/// (Matsumoto and Nishimura, 1998), and nothing of the platform's math library.
class RandomNumbers {
 public:
  /// The low 32 bits of `seed` count.
  explicit RandomNumbers(int64_t seed) : bits_(static_cast<uint32_t>(seed)) {}

  double uniform();  // in [0, 1), 53 bits
  double normal();   // mean 0, deviation 1: Marsaglia's polar method

 private:
  std::mt19937 bits_;
  std::optional<double> spare_;
};

/// ln(x) for finite x > 0 from basic arithmetic alone, within a few units in the last place.
double portable_log(double x);
/// e^x likewise.
double portable_exp(double x);

}  // namespace hone
