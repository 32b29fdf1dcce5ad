// Any engine file is refused, or read into a graph and a plan that can be made ready to run. The
// mutator makes the hashes right again, so that what lies behind them is reached.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "build/build.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "runtime/engine_file.hpp"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace {

constexpr std::string_view kNetwork =
    "graph net(%x: f32[n,4]) -> (%y)\n"
    "  %a = Add(%x, f32[4]{1,2,3,4})\n"
    "  %r = Relu(%a)\n"
    "  %y = Softmax(%r)\n";

/// The bytes as a file, by a path that can be opened.
class MemoryFile {
 public:
  MemoryFile() : fd_(memfd_create("engine", 0)) {}
  ~MemoryFile() { close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
  void write(const uint8_t* data, size_t size) const {
    if (::write(fd_, data, size) != static_cast<ssize_t>(size)) std::abort();
  }

 private:
  int fd_;
};

const std::string& engine_bytes() {
  static const std::string kBytes = [] {
    const std::string path = "/tmp/hone-fuzz-" + std::to_string(getpid()) + ".hone";
    hone::save(*hone::build(hone::parse(kNetwork, hone::all_ops())), path);
    std::string bytes = hone::read_text(path);
    unlink(path.c_str());
    return bytes;
  }();
  return kBytes;
}

void put_hash(uint8_t* at, const hone::Hash& hash) {
  std::memcpy(at, &hash.low, 8);
  std::memcpy(at + 8, &hash.high, 8);
}

/// Length and hashes as the format wants them (engine_file.hpp), as far as the table can be read.
void make_right(uint8_t* data, uint64_t size) {
  uint32_t sections = 0;
  if (size < 40) return;
  std::memcpy(&sections, data + 12, 4);
  std::memcpy(data + 16, &size, 8);
  if (sections > (size - 40) / 40) return;
  for (uint32_t i = 0; i < sections; ++i) {
    uint8_t* entry = data + 40 + 40 * i;
    uint64_t offset = 0, length = 0;
    std::memcpy(&offset, entry + 8, 8);
    std::memcpy(&length, entry + 16, 8);
    if (offset > size || length > size - offset) continue;
    put_hash(entry + 24, hone::hash_bytes(std::as_bytes(std::span(data + offset, length))));
  }
  hone::Hasher hasher;
  hasher.add(std::as_bytes(std::span(data, 24)));
  hasher.add(std::as_bytes(std::span(data + 40, 40 * sections)));
  put_hash(data + 24, hasher.digest());
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned) {
  const std::string& whole = engine_bytes();
  if (size < 40 && whole.size() <= most) {
    std::memcpy(data, whole.data(), whole.size());
    size = whole.size();
  }
  size = LLVMFuzzerMutate(data, size, most);
  make_right(data, size);
  return size;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const MemoryFile file;
  file.write(data, size);
  try {
    hone::load(file.path(), {.engine = {.workers = 1}});
  } catch (const hone::Error& error) {
    if (error.code() == hone::Code::internal) std::abort();
  }
  return 0;
}
