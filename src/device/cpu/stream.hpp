#pragma once

#include "base/threads.hpp"
#include "device/kernel.hpp"

namespace hone::cpu {

/// A stream on a team of worker threads: work runs at once, its tiles spread over the team.
class Stream final : public hone::Stream {
 public:
  explicit Stream(Team& team) : team_(team) {}
  Team& team() { return team_; }
  /// tile(i) once for every i in [0, tiles).
  void parallel(int64_t tiles, const std::function<void(int64_t)>& tile) {
    team_.parallel(tiles, tile);
  }

 private:
  Team& team_;
};

/// The kernels of src/device/cpu/kernels (generated from the folder).
void register_all_kernels(KernelRegistry& registry);
/// All of them, registered once.
const KernelRegistry& kernels();

}  // namespace hone::cpu
