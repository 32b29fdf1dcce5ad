#pragma once
// A device whose memory is not the host's, as a GPU's is: what the runtime does for such devices is
// tested on it. Reading its memory from the host faults; what is enqueued runs as late as it may.

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "device/apart.hpp"

namespace hone::test {

/// Takes ops by reference, of every three kinds of op one or two; the others run on the host's
/// kernels, where those are allowed.
class ApartDevice final : public Device, public FindingDevice {
 public:
  /// `salt`: decides which kinds of op it takes; 0: all.
  explicit ApartDevice(size_t salt = 0);

  const std::shared_ptr<const Target>& target() const override { return target_; }
  const KernelRegistry& kernels() const override { return kernels_; }
  Buffer allocate(int64_t bytes) override;
  Buffer allocate_host(int64_t bytes) override;
  std::unique_ptr<Stream> stream(const Share& share) override;
  std::unique_ptr<Event> event() override;
  void copy(const Buffer& to, const Buffer& from, Stream& stream) override;
  Device& host() override { return *host_; }
  /// The ops of the region that it runs, as what it was compiled of and to.
  std::vector<MachineCode> code(const Prepared& prepared) const override;
  std::shared_ptr<const Finding> finding(const Node& node) override;
  void offer(std::vector<MachineCode> code) override { offered_ = std::move(code); }
  const std::vector<MachineCode>& offered() const { return offered_; }

  /// Where the bytes are that the device calls `data`. Error(internal) where they are not all in
  /// one allocation that still is.
  std::byte* bytes_at(const std::byte* data, int64_t bytes);
  int64_t copied_bytes() const { return copied_; }
  int64_t allocated_bytes() const;
  size_t salt() const { return salt_; }
  /// The allocation behind `count` more of them, on either side, fails: Error(out_of_memory). Once;
  /// less than 0: none does.
  void fail_allocation(int count) { until_failure_ = count; }
  bool failed() const { return until_failure_ < 0; }
  /// What is recorded from now on turns out not to be recordable.
  void refuse_recordings() { refuses_recordings_ = true; }
  bool refuses_recordings() const { return refuses_recordings_; }
  void count_replay() { ++replays_; }
  int replays() const { return replays_; }
  void count_finder() { ++finders_; }
  int finders() const { return finders_; }

 private:
  struct Memory;
  const std::shared_ptr<Device> host_;
  const size_t salt_;
  std::shared_ptr<const Target> target_;
  KernelRegistry kernels_;
  std::shared_ptr<Memory> memory_;
  int64_t copied_ = 0;
  void count_allocation();
  std::atomic<int> until_failure_ = -1;
  bool refuses_recordings_ = false;
  std::atomic<int> replays_ = 0, finders_ = 0;
  std::vector<MachineCode> offered_;
};

}  // namespace hone::test
