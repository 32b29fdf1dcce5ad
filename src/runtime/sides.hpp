#pragma once
// The two sides of an execution on a device whose memory is not the host's: where each value lies
// on the device's, and which sides have its bytes.

#include <vector>

#include "device/device.hpp"
#include "ir/tensor.hpp"

namespace hone {

enum class Side : uint8_t {
  host = 1,
  device = 2,
};

/// Of one execution; values by the program's index. What lies in the host's arena lies at the same
/// offset in the device's: both sides have one layout, and whatever may share bytes there may here.
/// Other values have buffers of their own on the device, which are kept and grow.
class Sides {
 public:
  Sides(Device& device, size_t values)
      : device_(device), own_(values), lent_(values, nullptr), has_(values, 0) {}

  /// New sizes, new arenas; without a host's arena, that is the device's, too.
  void settle(const Buffer& host, const Buffer& device) {
    host_ = host;
    arena_ = device;
  }
  /// Until take_back(), the value's place on the device is the caller's.
  void lend(size_t value, std::byte* place) { lent_[value] = place; }
  std::byte* lent(size_t value) const { return lent_[value]; }
  void take_back() { lent_.assign(lent_.size(), nullptr); }
  /// The value's bytes are on this side now, and nowhere else.
  void made(size_t value, Side side) { has_[value] = static_cast<uint8_t>(side); }
  void made_everywhere(size_t value) { has_[value] = 3; }
  bool has(size_t value, Side side) const {
    return (has_[value] & static_cast<uint8_t>(side)) != 0;
  }
  /// Where the device's bytes of a value are to be whose host's place is `tensor`. May wait for
  /// `stream`, where a buffer has to grow.
  std::byte* place(size_t value, const Tensor& tensor, Stream& stream);
  /// Enqueues a copy where `side` has not got the bytes. true: it did.
  bool bring(size_t value, const Tensor& tensor, Side side, Stream& stream);
  /// Bytes of the buffers that are not in arenas.
  int64_t own_bytes() const;

 private:
  Device& device_;
  Buffer host_, arena_;
  std::vector<Buffer> own_;
  std::vector<std::byte*> lent_;  // null: the value is none of the caller's
  std::vector<uint8_t> has_;      // sides, as bits
};

}  // namespace hone
