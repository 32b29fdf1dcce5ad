#pragma once

#include <functional>

#include "base/threads.hpp"
#include "device/device.hpp"

namespace hone::cpu {

/// A stream on a team of worker threads: work runs at once, its tiles spread over the team.
class Stream : public hone::Stream {
 public:
  explicit Stream(Team& team) : team_(team) {}
  void run(const std::function<void()>& program) override { team_.run(program); }
  void record(Event&) override {}
  void wait(Event&) override {}
  void synchronize() override {}
  Share share() const override { return {team_.workers()}; }
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
