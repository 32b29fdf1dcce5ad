#include "runtime/sides.hpp"

#include "base/error.hpp"

namespace hone {

std::byte* Sides::place(size_t value, const Tensor& tensor, Stream& stream) {
  if (lent_[value] != nullptr) return lent_[value];
  const auto at = reinterpret_cast<uintptr_t>(tensor.bytes().data());
  const auto first = reinterpret_cast<uintptr_t>(host_.data);
  const auto bytes = static_cast<int64_t>(tensor.bytes().size());
  if (host_.data != nullptr && at >= first && at < first + static_cast<uint64_t>(host_.bytes))
    return arena_.data + (at - first);
  Buffer& own = own_[value];
  if (own.bytes < bytes) {
    if (own.data != nullptr) stream.synchronize();  // a step may still use the old one
    own = {};
    own = device_.allocate(bytes);
  }
  return own.data;
}

bool Sides::bring(size_t value, const Tensor& tensor, Side side, Stream& stream) {
  if (has(value, side)) return false;
  const auto bytes = static_cast<int64_t>(tensor.bytes().size());
  if (bytes == 0) {
    made_everywhere(value);
    return false;
  }
  check(has_[value] != 0, Code::internal, "a value that is brought was never made");
  std::byte* there = place(value, tensor, stream);
  // A buffer is for both directions; what is copied from is not written to.
  const Buffer host{const_cast<std::byte*>(tensor.bytes().data()), bytes, true, nullptr};
  const Buffer device{there, bytes, false, nullptr};
  check(host.data != device.data, Code::internal, "a value has no place on the host");
  if (side == Side::host) device_.copy(host, device, stream);
  else device_.copy(device, host, stream);
  has_[value] |= static_cast<uint8_t>(side);
  return true;
}

int64_t Sides::own_bytes() const {
  int64_t bytes = 0;
  for (const Buffer& each : own_) bytes += each.bytes;
  return bytes;
}

}  // namespace hone
