#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "device/device.hpp"

namespace hone {

/// A weight in a kernel's form, as a file has it.
struct PackedForm {
  Hash weight;
  std::string form;
  Hash hash;        // of the bytes, by who wrote them
  Tensor contents;  // mapped
};

/// What the forms of a device's kernels depend on beside their names: forms of another one are not
/// to be used.
Hash packer_of(const Device& device);

/// Packed weights by device, content and form: made once, shared by programs, shapes and contexts,
/// kept as long as a program has them.
class PackStore {
 public:
  Tensor pack(const Device& device, const Problem& problem, const Tuning& tuning,
              const Packing& packing);
  /// A weight as it is, in the device's memory.
  Buffer upload(Device& device, const Weight& weight);
  /// Forms that need not be made. One that is damaged, or of another size, is made all the same.
  void offer(std::vector<PackedForm> forms);
  /// What somebody has of this form; nullopt: nobody has it.
  std::optional<Tensor> find(const Device& device, const Hash& weight,
                             const std::string& form) const;
  int64_t bytes() const;

 private:
  using Name = std::pair<Hash, std::string>;
  struct Key {
    const Device* device;
    Name name;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Uploaded {
    std::byte* data = nullptr;
    int64_t bytes = 0;
    std::weak_ptr<void> owner;
  };
  std::shared_ptr<const Tensor> offered(const Name& name, const Packing& packing) const;
  std::shared_ptr<const Tensor> placed(Tensor packed);

  mutable std::mutex mutex_;
  std::map<Key, std::weak_ptr<const Tensor>> packed_;
  std::map<Key, Uploaded> uploaded_;
  std::map<Name, PackedForm> offered_;  // does not change once something was packed
  Tensor block_;                        // in which packed weights lie together
  size_t used_ = 0;                     // bytes of it
  size_t most_ = 64;                    // entries; beyond it those that nobody has go
};

}  // namespace hone
