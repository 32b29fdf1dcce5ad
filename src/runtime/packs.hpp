#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "device/device.hpp"

namespace hone {

/// Packed weights by device, content and form: made once, shared by programs, shapes and contexts,
/// kept as long as a program has them.
class PackStore {
 public:
  Tensor pack(const Device& device, const Problem& problem, const Tuning& tuning,
              const Packing& packing);
  /// A weight as it is, in the device's memory.
  Buffer upload(Device& device, const Weight& weight);
  int64_t bytes() const;

 private:
  struct Key {
    const Device* device;
    Hash weight;
    std::string form;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Uploaded {
    std::byte* data = nullptr;
    int64_t bytes = 0;
    std::weak_ptr<void> owner;
  };
  mutable std::mutex mutex_;
  std::map<Key, std::weak_ptr<const Tensor>> packed_;
  std::map<Key, Uploaded> uploaded_;
  size_t most_ = 64;  // entries; beyond it those that nobody has go
};

}  // namespace hone
