#pragma once
// Branch and bound for placements that greedy orders do not find.

#include <cstdint>
#include <vector>

namespace hone {

/// A buffer over the sections `first`..`last` of a problem, both included. Sections are moments at
/// which the set of live buffers is largest: two buffers live together where they share one.
struct SectionBuffer {
  int64_t size = 0;
  int first = 0, last = 0;
  int64_t lifetime = 0;  // in steps
};

/// Which buffer is tried first where several could come next. Strain: how often the sections that a
/// buffer is in were where earlier searches failed.
enum class SearchOrder : uint8_t {
  by_total,            ///< the fullest section that it is in, then its lifetime
  by_area,             ///< size times lifetime
  by_strain,           ///< strain of its most strained section, then its lifetime
  by_strain_lifetime,  ///< that strain times its lifetime
  by_strain_size,      ///< the sum of its sections' strain times its size
};
inline constexpr SearchOrder kSearchOrders[] = {
    SearchOrder::by_total, SearchOrder::by_area, SearchOrder::by_strain,
    SearchOrder::by_strain_lifetime, SearchOrder::by_strain_size};

struct SearchResult {
  enum class Kind : uint8_t {
    found,
    impossible,
    stopped,  ///< the work is spent
  };
  Kind kind = Kind::stopped;
  std::vector<int64_t> offsets;  // of `found`
  int64_t work = 0;              // spent
};

/// Offsets at which every buffer ends at or below `capacity`, or the proof that there are none, or
/// neither when `work` is spent: counted in turns of the inner loops, not in time, so that the
/// result is the same everywhere. `strain`: by section, added to. Only canonical placements are
/// visited: buffers are placed in the order of their offsets, each on the floor or on another.
/// After "MiniMalloc: A Lightweight Memory Allocator for Hardware-Accelerated Machine Learning",
/// Moffitt, ASPLOS 2023; strain and restarts are ours.
SearchResult search(const std::vector<SectionBuffer>& buffers, int64_t capacity, SearchOrder order,
                    int64_t work, std::vector<double>& strain);

}  // namespace hone
