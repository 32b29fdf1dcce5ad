#include "device/cpu/emit/code.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"

namespace hone::cpu::jit {
namespace {

constexpr size_t kLine = 64;
constexpr uint8_t kTrap = 0xCC;  // int3: what runs off a function's end stops

size_t rounded_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

Code::~Code() { munmap(pages_, size_); }

size_t CodeBuilder::add(std::span<const uint8_t> function) {
  const size_t start = rounded_up(bytes_.size(), kLine);
  bytes_.resize(start, kTrap);
  bytes_.insert(bytes_.end(), function.begin(), function.end());
  return start;
}

std::shared_ptr<const Code> CodeBuilder::finish() const {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t size = rounded_up(std::max<size_t>(bytes_.size(), 1), page);
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  check(pages != MAP_FAILED, hone::Code::out_of_memory, "no ", size, " bytes for generated code");
  std::memset(pages, kTrap, size);
  std::memcpy(pages, bytes_.data(), bytes_.size());
  std::shared_ptr<const Code> code(new Code(static_cast<std::byte*>(pages), size));
  check(mprotect(pages, size, PROT_READ | PROT_EXEC) == 0, hone::Code::device,
        "this system does not let generated code run");
  return code;
}

}  // namespace hone::cpu::jit
