#pragma once
// What code is made for, as data: recipes, estimates and tests for a target need no such device.

#include <cstdint>
#include <memory>
#include <string>

namespace hone {

/// Rates are of one worker, measured or stated; estimates know no others.
struct Target {
  std::string device = "none";     // the name by which open_device() knows it: "cpu"
  std::string isa;                 // instruction set or compute capability: "avx2"
  int workers = 1;                 // that one process may use
  int64_t l1 = 0, l2 = 0, l3 = 0;  // bytes of each cache; 0: not known
  double flops_per_second = 1e9;   // a multiply-add counts as two
  double bytes_per_second = 1e9;   // read or written in memory
  double cached_per_second = 1e9;  // elements loaded and stored in the first cache
  double launch_seconds = 0;       // before a step begins
  bool halves = false;             // computes in f16 and bf16: nothing gains by f32 in their place
  /// The processors beside a device whose memory is not theirs; null: its memory is the host's.
  std::shared_ptr<const Target> host{};
  double copied_per_second = 1e10;  // bytes from there and back
  double copy_seconds = 0;          // before they flow

  /// "cpu avx2"
  std::string text() const { return isa.empty() ? device : device + " " + isa; }
};

/// Of no device: what problems have that were made without one.
const std::shared_ptr<const Target>& unknown_target();

}  // namespace hone
