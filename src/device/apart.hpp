#pragma once
// What a device whose memory is not the host's agrees on with those who use it: where callers'
// tensors lie; and ops whose results' sizes are found by looking at their operands (NonZero).

#include <memory>
#include <vector>

#include "device/device.hpp"

namespace hone {

/// On such a device, callers' tensors lie at multiples of so many bytes: the runtime copies those
/// that do not.
inline constexpr int64_t kApartAlignment = 16;
inline bool is_placed_for_kernels(const std::byte* data) {
  return reinterpret_cast<uintptr_t>(data) % kApartAlignment == 0;
}

/// Of tensors, by their place in a list.
using Shapes = std::vector<std::vector<int64_t>>;

/// Of one context. What it needs of memory it has itself.
struct Finder {
  virtual ~Finder() = default;
  /// Looks at the operands, which lie on the device (an absent one has no bytes), and waits for
  /// what it saw: the shapes of the results that are there, in order.
  virtual Shapes look(const std::vector<Operand>& operands, Stream& stream) = 0;
  /// Enqueues what writes the results of what look() saw. The operands are where they were.
  virtual void write(const std::vector<std::byte*>& results, Stream& stream) = 0;
};

/// Ready to run one node; immutable, shared by contexts and threads.
struct Finding {
  virtual ~Finding() = default;
  virtual std::unique_ptr<Finder> finder() const = 0;
  /// As Device::code().
  virtual std::vector<MachineCode> code() const { return {}; }
};

/// A device that runs some of such nodes.
class FindingDevice {
 public:
  virtual ~FindingDevice() = default;
  /// Null: the host looks.
  virtual std::shared_ptr<const Finding> finding(const Node& node) = 0;
};

}  // namespace hone
