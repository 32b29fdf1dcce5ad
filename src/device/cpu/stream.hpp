#pragma once

#include <functional>

#include "base/threads.hpp"
#include "device/kernel.hpp"

namespace hone::cpu {

/// A stream on a team of worker threads: work runs at once, its tiles spread over the team.
class Stream final : public hone::Stream {
 public:
  explicit Stream(Team& team) : team_(team) {}
  Team& team() { return team_; }
  /// tile(i) once for every i in [0, tiles).
  template <class Tile>
  void parallel(int64_t tiles, const Tile& tile) {
    team_.parallel(tiles, std::cref(tile));  // by reference: the function object allocates nothing
  }

 private:
  Team& team_;
};

/// The kernels of src/device/cpu/kernels (generated from the folder).
void register_all_kernels(KernelRegistry& registry);
/// All of them, registered once.
const KernelRegistry& kernels();

}  // namespace hone::cpu
