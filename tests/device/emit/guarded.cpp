#include "device/emit/guarded.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace hone::test {

Guarded::Guarded(size_t size, Edge edge) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t inner = (size + page - 1) / page * page;
  size_ = inner + 2 * page;
  void* pages = mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(pages, MAP_FAILED);
  pages_ = static_cast<std::byte*>(pages);
  EXPECT_EQ(inner == 0 ? 0 : mprotect(pages_ + page, inner, PROT_READ | PROT_WRITE), 0);
  data_ = edge == Edge::front ? pages_ + page : pages_ + page + inner - size;
}

Guarded::~Guarded() { munmap(pages_, size_); }

}  // namespace hone::test
