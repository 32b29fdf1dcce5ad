#include "runtime/packs.hpp"

#include <algorithm>
#include <cstring>

#include "base/log.hpp"
#include "device/problem.hpp"

namespace hone {
namespace {

/// The same contents; they live as long as somebody has such a tensor.
Tensor shared(const std::shared_ptr<const Tensor>& packed) {
  return Tensor::borrow(packed->dtype(), packed->shape(), packed->bytes(), packed);
}

}  // namespace

Tensor PackStore::pack(const Device& device, const Problem& problem, const Tuning& tuning,
                       const Packing& packing) {
  const Weight& weight = *problem.weights[packing.input];
  const Key key{&device, {weight.hash(), packing.name}};
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = packed_.find(key); found != packed_.end())
      if (const auto packed = found->second.lock()) return shared(packed);
  }
  // Packed outside the lock: two threads may do the same work once, the first result stays.
  auto packed = offered(key.name, packing);
  if (packed == nullptr) packed = placed(packing.pack(problem, tuning, weight.contents()));
  const std::lock_guard lock(mutex_);
  if (packed_.size() >= most_) {
    std::erase_if(packed_, [](const auto& each) { return each.second.expired(); });
    most_ = std::max(most_, 2 * packed_.size());
  }
  std::weak_ptr<const Tensor>& place = packed_[key];
  if (const auto first = place.lock()) return shared(first);
  place = packed;
  return shared(packed);
}

/// Tensors of 4 MiB lie in large pages of the system's; smaller ones do so together.
std::shared_ptr<const Tensor> PackStore::placed(Tensor packed) {
  constexpr size_t kBlock = size_t{8} << 20, kSmall = kBlock / 128, kLarge = kBlock / 2;
  const size_t bytes = packed.bytes().size();
  if (bytes < kSmall || bytes >= kLarge) return std::make_shared<const Tensor>(std::move(packed));
  const std::lock_guard lock(mutex_);
  if (block_.empty() || used_ + bytes > kBlock) {
    block_ = Tensor(DType::u8, {int64_t{kBlock}});
    used_ = 0;
  }
  const auto place = block_.mutable_bytes().subspan(used_, bytes);
  std::memcpy(place.data(), packed.bytes().data(), bytes);
  used_ += (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
  return std::make_shared<const Tensor>(Tensor::borrow(packed.dtype(), packed.shape(), place,
                                                       std::make_shared<const Tensor>(block_)));
}

Buffer PackStore::upload(Device& device, const Weight& weight) {
  const Tensor& tensor = weight.tensor();
  const Key key{&device, {weight.hash(), ""}};
  const std::lock_guard lock(mutex_);
  Uploaded& place = uploaded_[key];
  if (auto owner = place.owner.lock()) return {place.data, place.bytes, false, std::move(owner)};
  Buffer buffer = device.allocate(static_cast<int64_t>(tensor.bytes().size()));
  const auto stream = device.stream({});
  const Buffer from{const_cast<std::byte*>(tensor.bytes().data()), buffer.bytes, true, nullptr};
  if (buffer.bytes > 0) device.copy(buffer, from, *stream);
  stream->synchronize();
  place = {buffer.data, buffer.bytes, buffer.owner};
  return buffer;
}

void PackStore::offer(std::vector<PackedForm> forms) {
  for (PackedForm& each : forms) offered_.insert_or_assign({each.weight, each.form}, each);
}

/// One whose bytes are what was written, and as many as the kernel reads.
std::shared_ptr<const Tensor> PackStore::offered(const Name& name, const Packing& packing) const {
  const auto found = offered_.find(name);
  if (found == offered_.end()) return nullptr;
  const Tensor& contents = found->second.contents;
  if (std::ssize(contents.bytes()) == packing.bytes &&
      hash_bytes(contents.bytes()) == found->second.hash)
    return std::make_shared<const Tensor>(contents);
  log(Level::note, "a packed weight of the file (", name.second, ") is damaged: packed anew");
  return nullptr;
}

std::optional<Tensor> PackStore::find(const Device& device, const Hash& weight,
                                      const std::string& form) const {
  const std::lock_guard lock(mutex_);
  const auto found = packed_.find({&device, {weight, form}});
  const auto packed = found == packed_.end() ? nullptr : found->second.lock();
  return packed == nullptr ? std::nullopt : std::optional(shared(packed));
}

Hash packer_of(const Device& device) {
  const Target& target = *device.target();
  Hasher hasher;
  hasher.add(target.text());
  for (const int64_t size : {target.l1, target.l2, target.l3})
    hasher.add(static_cast<uint64_t>(size));
  for (const Kernel* kernel : device.kernels().all()) {
    hasher.add(kernel->name);
    hasher.add(static_cast<uint64_t>(kernel->version));
  }
  return hasher.digest();
}

int64_t PackStore::bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t total = 0;
  for (const auto& [key, place] : packed_)
    if (const auto packed = place.lock()) total += static_cast<int64_t>(packed->bytes().size());
  for (const auto& [key, place] : uploaded_)
    if (!place.owner.expired()) total += place.bytes;
  return total;
}

}  // namespace hone
