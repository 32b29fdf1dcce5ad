#pragma once
// Memory planning: what must be kept when, where it is put, and a check that nothing overlaps.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hone {

/// Offsets and sizes in an arena are multiples of this many bytes.
inline constexpr int64_t kArenaAlignment = 64;

struct Demand {
  /// Bytes needed from before step `first` until after step `last`, both included.
  struct Buffer {
    int64_t bytes = 0;
    int first = 0, last = 0;
  };
  std::vector<Buffer> buffers;
};

/// Where each buffer of a demand lies, and how long the arena is.
struct Placement {
  std::vector<int64_t> offsets;
  int64_t bytes = 0;
};

/// The largest sum of live aligned bytes over all steps: no placement is smaller.
int64_t lower_bound(const Demand& demand);

/// How long to look for a better placement. Work is counted, not timed: the same demand gives the
/// same placement on every machine. A million is some 0.1 s.
struct Effort {
  int64_t work = 2'000'000;  // 0: greedy orders only
  int64_t enough = 0;        // bytes that need not be bettered; below the lower bound: that
};

/// New sizes wait for their placement: a hard demand gets a hundredth of a second.
inline constexpr Effort kBindEffort{100'000, 0};

/// A correct placement: the best of several greedy orders, else, when that is above the bound, of
/// a branch and bound search.
Placement solve(const Demand& demand, const Effort& effort = {});

/// The check that every placement passes before use: in words, the first thing wrong.
std::optional<std::string> validate(const Demand& demand, const Placement& placement);

}  // namespace hone
