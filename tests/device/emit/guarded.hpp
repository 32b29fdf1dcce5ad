#pragma once
// Memory with pages around it that nobody may touch.

#include <cstddef>
#include <cstring>
#include <span>

namespace hone::test {

/// `size` bytes at the beginning or the end of pages: one byte outside of them, and the program
/// stops.
class Guarded {
 public:
  enum class Edge {
    front,
    back
  };
  Guarded(size_t size, Edge edge);
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  std::byte* data() const { return data_; }

 private:
  std::byte *pages_, *data_;
  size_t size_;
};

}  // namespace hone::test
