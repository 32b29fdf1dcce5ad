#pragma once
// Memory planning: what must be kept when, where it is put, and a check that nothing overlaps.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hone {

/// Offsets and sizes in an arena are multiples of this many bytes.
inline constexpr int64_t kArenaAlignment = 64;

/// Bytes needed from before step `first` until after step `last`, both included.
struct Buffer {
  int64_t bytes = 0;
  int first = 0, last = 0;
};

struct Demand {
  std::vector<Buffer> buffers;
};

/// Where each buffer of a demand lies, and how long the arena is.
struct Placement {
  std::vector<int64_t> offsets;
  int64_t bytes = 0;
};

/// The largest sum of live aligned bytes over all steps: no placement is smaller.
int64_t lower_bound(const Demand& demand);

/// A correct placement, usually close to the bound: greedy best fit in several orders, the best
/// kept.
Placement solve(const Demand& demand);

/// The naive check that every placement passes before use: in words, the first thing wrong.
std::optional<std::string> validate(const Demand& demand, const Placement& placement);

}  // namespace hone
