#include "device/cpu/jit/code_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "base/log.hpp"

namespace hone::cpu {
namespace {

constexpr size_t kCodeMapping = size_t{1} << 20;

size_t in_pages(size_t bytes) {
  static const auto kPage = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + kPage - 1) / kPage * kPage;
}

/// Pages that nobody may touch until code is put into them, from the front.
class CodeMapping {
 public:
  explicit CodeMapping(size_t bytes) : bytes_(bytes) {
    void* address = ::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address != MAP_FAILED) data_ = static_cast<std::byte*>(address);
  }
  ~CodeMapping() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
  }
  CodeMapping(const CodeMapping&) = delete;
  CodeMapping& operator=(const CodeMapping&) = delete;

  bool has_room(size_t bytes) const { return data_ != nullptr && bytes <= bytes_ - used_; }
  /// Null: the system refuses.
  const std::byte* put(std::span<const std::byte> code) {
    std::byte* to = data_ + used_;
    const size_t bytes = in_pages(code.size());
    if (::mprotect(to, bytes, PROT_READ | PROT_WRITE) != 0) return nullptr;
    std::memcpy(to, code.data(), code.size());
    if (::mprotect(to, bytes, PROT_READ | PROT_EXEC) != 0) return nullptr;
    used_ += bytes;
    return to;
  }

 private:
  size_t bytes_, used_ = 0;
  std::byte* data_ = nullptr;
};

std::atomic<bool> refused_by_test = false;

}  // namespace

std::shared_ptr<const std::byte> executable(std::span<const std::byte> code) {
  static std::mutex mutex;
  static std::weak_ptr<CodeMapping> newest;
  if (refused_by_test.load()) return nullptr;
  const std::lock_guard lock(mutex);
  std::shared_ptr<CodeMapping> mapping = newest.lock();
  const size_t bytes = in_pages(code.size());
  if (mapping == nullptr || !mapping->has_room(bytes)) {
    mapping = std::make_shared<CodeMapping>(std::max(kCodeMapping, bytes));
    newest = mapping;
  }
  const std::byte* at = mapping->has_room(bytes) ? mapping->put(code) : nullptr;
  if (at == nullptr) {
    static std::once_flag said;
    std::call_once(said, [] {
      log(Level::warning,
          "this system lets no memory become executable: slower compiled code runs");
    });
    return nullptr;
  }
  return {std::move(mapping), at};
}

bool may_execute() {
  static const std::byte kReturn[] = {std::byte{0xC3}};
  static const std::shared_ptr<const std::byte> trial = executable(kReturn);
  return trial != nullptr && !refused_by_test.load();
}

void refuse_executable(bool refused) { refused_by_test.store(refused); }

}  // namespace hone::cpu
