#pragma once

#include <functional>
#include <memory>

#include "base/threads.hpp"
#include "device/cpu/recording.hpp"
#include "device/device.hpp"

namespace hone::cpu {

/// A stream on a team of worker threads: work runs at once, its tiles spread over the team. What is
/// recorded becomes one program of tiles.
class Stream : public hone::Stream {
 public:
  explicit Stream(Team& team) : team_(team) {}
  void run(const std::function<void()>& program) override { team_.run(program); }
  void record(Event&) override {}
  void wait(Event&) override {}
  void synchronize() override {}
  Share share() const override { return {team_.workers()}; }
  bool begin_recording() override;
  bool runs_ahead() const override;
  size_t recorded() const override;
  std::unique_ptr<Recording> end_recording() override;

  /// tile(i) once for every i in [0, tiles).
  template <class Tile>
  void parallel(int64_t tiles, const Tile& tile) {
    check(notes_ == nullptr, Code::internal, "a step is recorded that runs at once");
    team_.parallel(tiles, std::cref(tile));  // by reference: the function object allocates nothing
  }
  /// The same, or where it is recorded later, and many times. So `tile` refers to nothing but its
  /// step and what the step was bound to, and the step does nothing else but to launch: Step says
  /// how.
  template <class Tile>
  void launch(int64_t tiles, const Tile& tile) {
    if (notes_ != nullptr) notes_->launch(tiles, tile, {});
    else team_.parallel(tiles, std::cref(tile));
  }
  /// The same. touch(tile): what a tile touches, for which others wait then instead of for all.
  template <class Tile, class TouchOf>
  void launch(int64_t tiles, const Tile& tile, const TouchOf& touch) {
    if (notes_ != nullptr) notes_->launch(tiles, tile, std::cref(touch));
    else team_.parallel(tiles, std::cref(tile));
  }
  /// Where launches are noted; null: they run.
  Notes* notes() { return notes_; }
  void note_in(Notes* notes) { notes_ = notes; }

 private:
  Team& team_;
  std::unique_ptr<LaunchList> list_;  // what is being recorded
  Notes* notes_ = nullptr;
};

/// The kernels of src/device/cpu/kernels (generated from the folder).
void register_all_kernels(KernelRegistry& registry);
/// All of them, registered once.
const KernelRegistry& kernels();

}  // namespace hone::cpu
