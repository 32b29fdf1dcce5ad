#pragma once
// Attention of halves on tensor cores, as text.

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/dtype.hpp"

namespace hone::cuda::emitter {

/// Of a block: `groups` warpgroups of 64 queries, by instructions of compute capability 9.0; 0:
/// four warps of 16 queries, by instructions of single warps. Tiles of so many keys, of which
/// there are `stages` in shared memory. `head`, `value`: elements of a key, of a value.
struct AttentionTile {
  int64_t head = 64, value = 64;
  int groups = 0, keys = 64, stages = 1;

  int queries() const { return 64 * std::max(1, groups); }
  int threads() const { return 128 * std::max(1, groups); }
  /// Of a row of a tile.
  int64_t row_bytes(int64_t elements) const {
    return groups > 0 ? (elements + 63) / 64 * 128 : (elements + 15) / 16 * 32 + 16;
  }
  int64_t shared_bytes() const {
    return (groups > 0 ? 1024 : 0) + queries() * row_bytes(head) +
           stages * keys * (row_bytes(head) + row_bytes(value));
  }
  /// Of a multiprocessor, as far as shared memory and registers go.
  int blocks_at_once() const {
    const int64_t by_memory = (227 << 10) / (shared_bytes() + 1024);
    const int64_t sums = keys / 2 + (value + 63) / 64 * 32;
    return static_cast<int>(
        std::clamp(std::min(by_memory, 65536 / (threads() * (sums + 64))), int64_t{1}, int64_t{4}));
  }
};

/// Function "attention", launched with the tile's threads and shared_bytes(), a block for so many
/// queries of a head; `constants` as attention_halves.cu names them, but what is the tile's.
std::string attention_text(const std::string& constants, const AttentionTile& tile, bool bf16);

/// Of few queries, attention_few.cu: what threads copy ahead for themselves.
struct FewQueries {
  int64_t head = 64, value = 64;
  int stages = 2;

  static constexpr int kWarps = 4, kThreads = 32 * kWarps, kCombining = 256;
  /// Rows that a block has, and blocks at most: enough to keep all multiprocessors busy.
  static constexpr int64_t kRows = 16, kMostParts = 264;
  /// Working memory: what the parts found (struct Found, 12 bytes a row), then their sums (f32).
  static constexpr int64_t kSumsBegin = kMostParts * kRows * 12;
  static int64_t working_bytes(int64_t value) {
    return kSumsBegin + kMostParts * kRows * 4 * value;
  }
  /// Of all warps.
  int64_t stage_bytes() const {
    return (2 * ((head + 31) / 32) + 4 * ((value + 63) / 64)) * 512 * kWarps;
  }
  int64_t shared_bytes() const { return std::max(stages * stage_bytes(), kRows * (value + 1) * 4); }
};

/// Functions "attention_few", launched with kThreads threads and shared_bytes(), and "combine" with
/// kCombining threads.
std::string few_queries_text(const std::string& constants, const FewQueries& few, bool bf16);

/// Function "fill" of 256 threads: cache.cu.
std::string cache_text(const std::string& constants, int64_t head, DType dtype);

/// Function "attention" of f32: attention.cu. It is launched with so many bytes of shared memory.
int64_t shared_bytes_of_floats(int64_t head, int64_t value);
std::string attention_of_floats_text(const std::string& constants, int64_t head, int64_t value);

}  // namespace hone::cuda::emitter
