// The tool's own memory for small blocks. A large graph is millions of them, taken and given back
// node by node: the system's allocator spends a quarter of a build on parting and joining them.
// Here blocks of one size lie side by side in chunks, a block that is given back is the next to be
// taken, and nothing is joined; a chunk may change its size when all of it was given back. Large
// blocks are the system's, and all of them where it reserves no addresses for us (`ulimit -v`). The
// library takes memory as its user does; checkers of memory see every block.

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

namespace {

constexpr size_t kStep = 16, kLargest = 512, kSizes = kLargest / kStep + 1;
constexpr size_t kChunk = size_t{16} << 10, kReserved = size_t{16} << 30;

/// What is in a block that nobody has.
struct Free {
  Free* next;
};
/// What is in the first of a chunk's blocks that nobody had yet.
struct Rest {
  Rest* next;
  std::byte* end;
};

/// Of one size: given back, and not taken yet.
struct Blocks {
  Free* given = nullptr;
  std::byte *rest = nullptr, *end = nullptr;
};

std::atomic<std::byte*> first_chunk = nullptr;              // null: none are reserved
std::array<uint8_t, kReserved / kChunk> steps_of_chunk{};   // sizes, in steps
std::array<uint16_t, kReserved / kChunk> given_of_chunk{};  // while they are counted
constinit thread_local std::array<Blocks, kSizes> blocks{};

/// What threads that ended left.
struct Left {
  std::mutex mutex;
  std::array<std::pair<Free*, Rest*>, kSizes> by_size{};
  size_t chunks = 0;             // that were taken
  size_t swept_at = 8192;        // so many chunks
  Free* empty_chunks = nullptr;  // their first blocks
  bool reserved = false;
};
constinit Left left;

/// Leaves a thread's blocks to the others.
struct Leaving {
  ~Leaving() {
    const std::lock_guard lock(left.mutex);
    for (size_t i = 0; i < kSizes; ++i) {
      Blocks own = std::exchange(blocks[i], {});
      while (own.given != nullptr) {
        Free* block = std::exchange(own.given, own.given->next);
        block->next = std::exchange(left.by_size[i].first, block);
      }
      if (own.rest == own.end) continue;
      left.by_size[i].second = new (own.rest) Rest{left.by_size[i].second, own.end};
    }
  }
};

size_t chunk_of(const void* block) {
  return static_cast<size_t>(static_cast<const std::byte*>(block) - first_chunk.load()) / kChunk;
}

/// Finds chunks all of which this thread has, given back.
void sweep() {
  for (size_t steps = 1; steps < kSizes; ++steps) {
    Free*& given = blocks[steps].given;
    for (const Free* block = given; block != nullptr; block = block->next)
      ++given_of_chunk[chunk_of(block)];
    Free* kept = nullptr;
    while (given != nullptr) {
      Free* block = std::exchange(given, given->next);
      const size_t chunk = chunk_of(block);
      const bool is_whole = given_of_chunk[chunk] == kChunk / (steps * kStep);
      if (!is_whole) block->next = std::exchange(kept, block);
      else if (reinterpret_cast<std::byte*>(block) == first_chunk.load() + chunk * kChunk)
        block->next = std::exchange(left.empty_chunks, block);
    }
    given = kept;
    std::fill_n(given_of_chunk.begin(), left.chunks, uint16_t{0});
  }
}

/// A chunk for blocks of this size. false: there are no addresses left.
bool take_chunk(size_t steps) {
  if (left.empty_chunks == nullptr && left.chunks >= left.swept_at) {
    sweep();
    left.swept_at = left.chunks + left.chunks / 8;
  }
  std::byte* chunk = nullptr;
  if (left.empty_chunks != nullptr)
    chunk = reinterpret_cast<std::byte*>(std::exchange(left.empty_chunks, left.empty_chunks->next));
  else if (left.chunks < steps_of_chunk.size()) chunk = first_chunk.load() + kChunk * left.chunks++;
  if (chunk == nullptr) return false;
  steps_of_chunk[chunk_of(chunk)] = static_cast<uint8_t>(steps);
  blocks[steps].rest = chunk;
  blocks[steps].end = chunk + kChunk / (steps * kStep) * (steps * kStep);
  return true;
}

/// Something to take from. false: there are no addresses left.
bool refill(size_t steps) {
  static thread_local const Leaving leaving;
  Blocks& own = blocks[steps];
  const std::lock_guard lock(left.mutex);
  auto& [given, rest] = left.by_size[steps];
  if (given != nullptr) {
    own.given = std::exchange(given, nullptr);
    return true;
  }
  if (rest != nullptr) {
    own.rest = reinterpret_cast<std::byte*>(rest);
    own.end = rest->end;
    rest = rest->next;
    return true;
  }
  if (!std::exchange(left.reserved, true)) {
    void* all = ::mmap(nullptr, kReserved, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all != MAP_FAILED) first_chunk = static_cast<std::byte*>(all);
  }
  return first_chunk.load() != nullptr && take_chunk(steps);
}

void* take_large(size_t bytes) {
  for (;;) {
    if (void* block = std::malloc(bytes)) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

}  // namespace

void* operator new(size_t bytes) {
  if (bytes > kLargest) return take_large(bytes);
  const size_t steps = bytes == 0 ? 1 : (bytes + kStep - 1) / kStep;
  Blocks& own = blocks[steps];
  if (own.given == nullptr && own.rest == own.end && !refill(steps)) return take_large(bytes | 1);
  if (own.given != nullptr) return std::exchange(own.given, own.given->next);
  return std::exchange(own.rest, own.rest + steps * kStep);
}

void operator delete(void* block) noexcept {
  const std::byte* first = first_chunk.load(std::memory_order_relaxed);
  const auto at = reinterpret_cast<uintptr_t>(block) - reinterpret_cast<uintptr_t>(first);
  if (first == nullptr || at >= kReserved) return std::free(block);
  Free*& given = blocks[steps_of_chunk[at / kChunk]].given;
  given = new (block) Free{given};
}

void operator delete(void* block, size_t) noexcept { operator delete(block); }
