#pragma once
// Memory between two pages that nobody may touch.

#include <sys/mman.h>

#include <cstddef>
#include <span>

namespace hone::test {

/// Bytes whose first one follows such a page, or whose last one precedes one.
class Fenced {
 public:
  Fenced(size_t bytes, bool at_end) : bytes_(bytes) {
    room_ = (bytes + kPage - 1) / kPage * kPage;
    base_ = static_cast<std::byte*>(::mmap(nullptr, room_ + 2 * kPage, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    ::mprotect(base_, kPage, PROT_NONE);
    ::mprotect(base_ + kPage + room_, kPage, PROT_NONE);
    data_ = base_ + kPage + (at_end ? room_ - bytes : 0);
  }
  ~Fenced() {
    if (base_ != nullptr) ::munmap(base_, room_ + 2 * kPage);
  }
  Fenced(Fenced&& other) noexcept
      : bytes_(other.bytes_), room_(other.room_), base_(other.base_), data_(other.data_) {
    other.base_ = nullptr;
  }
  Fenced(const Fenced&) = delete;
  Fenced& operator=(const Fenced&) = delete;
  std::byte* data() const { return data_; }
  std::span<std::byte> bytes() const { return {data_, bytes_}; }

 private:
  static constexpr size_t kPage = 4096;
  size_t bytes_, room_ = 0;
  std::byte *base_ = nullptr, *data_ = nullptr;
};

}  // namespace hone::test
