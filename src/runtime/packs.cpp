#include "runtime/packs.hpp"

#include <algorithm>

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
  const Key key{&device, weight.hash(), packing.name};
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = packed_.find(key); found != packed_.end())
      if (const auto packed = found->second.lock()) return shared(packed);
  }
  // Packed outside the lock: two threads may do the same work once, the first result stays.
  auto packed = std::make_shared<const Tensor>(packing.pack(problem, tuning, weight.contents()));
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

Buffer PackStore::upload(Device& device, const Weight& weight) {
  const Tensor& tensor = weight.tensor();
  const Key key{&device, weight.hash(), ""};
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
