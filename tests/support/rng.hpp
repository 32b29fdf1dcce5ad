#pragma once
// Random numbers that are the same on every machine (SplitMix64; no std distribution).

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace hone::test {

class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t x = state_ += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
  }
  /// In [0, bound); bound is at least 1.
  int64_t below(int64_t bound) {
    return static_cast<int64_t>(next() % static_cast<uint64_t>(bound));
  }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  /// true in `percent` of 100 cases.
  bool percent(int64_t percent) { return below(100) < percent; }
  template <class T>
  const T& among(const std::vector<T>& options) {
    return options[static_cast<size_t>(below(static_cast<int64_t>(options.size())))];
  }
  template <class T>
  T among(std::initializer_list<T> options) {
    return options.begin()[below(static_cast<int64_t>(options.size()))];
  }

 private:
  uint64_t state_;
};

}  // namespace hone::test
