#include <algorithm>
#include <bit>

#include "device/cuda/device.hpp"

namespace hone::cuda {
namespace {

constexpr int64_t kMostKept = int64_t{1} << 30;

/// Rounded up so that at most an eighth is wasted, and few sizes exist.
int64_t size_class(int64_t bytes) {
  constexpr int64_t kLeast = 512;
  if (bytes <= kLeast) return kLeast;
  const auto top = std::bit_floor(static_cast<uint64_t>(bytes - 1));
  const auto step = std::max<int64_t>(kLeast, static_cast<int64_t>(top / 8));
  return (bytes + step - 1) / step * step;
}

}  // namespace

Buffer Pool::take(int64_t bytes) {
  const int64_t size = size_class(bytes);
  std::byte* data = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = kept_.find(size); found != kept_.end()) {
      data = found->second;
      kept_.erase(found);
      kept_bytes_ -= size;
    }
  }
  if (data == nullptr) data = fresh(size);
  std::shared_ptr<void> owner(data, [pool = shared_from_this(), size](void* place) {
    pool->put_back(static_cast<std::byte*>(place), size);
  });
  return {data, bytes, pinned_, std::move(owner)};
}

std::byte* Pool::fresh(int64_t bytes) {
  gpu_->use();
  const auto ask = [&](std::byte** place) {
    if (pinned_)
      return driver().MemHostAlloc(reinterpret_cast<void**>(place), static_cast<size_t>(bytes),
                                   kPortable);
    Address address = 0;
    const Result result = driver().MemAlloc(&address, static_cast<size_t>(bytes));
    *place = reinterpret_cast<std::byte*>(address);
    return result;
  };
  std::byte* data = nullptr;
  Result result = ask(&data);
  if (result == kOutOfMemory) {
    trim();
    result = ask(&data);
  }
  try {
    succeed(result, pinned_ ? "pinned memory" : "memory of a GPU");
  } catch (const Error& error) {
    throw error.with(bytes, " bytes were wanted");
  }
  return data;
}

void Pool::put_back(std::byte* data, int64_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (kept_bytes_ + bytes <= kMostKept) {
      kept_.emplace(bytes, data);
      kept_bytes_ += bytes;
      return;
    }
  }
  give(data);
}

/// Without a word about errors: what is not given back is lost with the process.
void Pool::give(std::byte* data) noexcept {
  try {
    gpu_->use();
    if (pinned_) driver().MemFreeHost(data);
    else driver().MemFree(reinterpret_cast<Address>(data));
  } catch (const Error&) {
  }
}

void Pool::trim() {
  std::multimap<int64_t, std::byte*> kept;
  {
    const std::lock_guard lock(mutex_);
    kept.swap(kept_);
    kept_bytes_ = 0;
  }
  for (const auto& [bytes, data] : kept) give(data);
}

}  // namespace hone::cuda
