#pragma once
// A tile of queries that attends to keys and values of one head, which lie row by row.

#include <cstdint>
#include <limits>

#include "ir/dim/dim.hpp"

namespace hone::cpu {

inline constexpr int64_t kCacheRows = 192;  // queries of a tile, at most
inline constexpr float kNoSink = -std::numeric_limits<float>::infinity();

/// `to` = a head turned by `half` angles, whose pairs are neighbours where `interleaved`. `to` may
/// be `from`.
void turn_head(int64_t head, int64_t half, bool interleaved, const float* cosines,
               const float* sines, const float* from, float* to);

/// Working memory of a tile: of at most so many rows and keys, and whether these are no f32.
int64_t cache_tile_floats(int64_t rows, int64_t head, int64_t keys, bool widened);
Dim cache_tile_floats(const Dim& rows, const Dim& head, const Dim& keys, bool widened);

/// Rows of keys or values, one behind the other; of one of these types.
struct CacheRows {
  const float* floats = nullptr;
  const uint16_t* halves = nullptr;  // f16
  const uint8_t* codes = nullptr;    // of numbers that are multiples of a scale
  bool pairs = false;                // two codes in a byte
  const float* scales = nullptr;     // of the head's places; one where one_scale
  bool one_scale = false;
};

/// In order: queries are written to query(), score(), for each row add() and share(), then mix().
struct CacheTile {
  int64_t rows = 0, head = 0;
  int64_t begin = 0, end = 0;  // keys that some row sees
  CacheRows keys{}, values{};
  float scale = 1, softcap = 0;
  float* working = nullptr;

  float* query(int64_t row) const { return queries() + row * head; }
  void score() const;
  /// Terms of the scores of a row, from the first key on; keys behind the last one are hidden.
  void add(int64_t row, const float* terms, int64_t count) const;
  /// Scores of the keys in [first, last) become shares, all others 0.
  void share(int64_t row, int64_t first, int64_t last, float sink) const;
  /// place(row): where the row's result goes.
  template <class Place>
  void mix(const Place& place) const {
    sum_values();
    for (int64_t row = 0; row < rows; ++row) give(row, place(row));
  }

 private:
  float* queries() const;  // and as many results behind them
  float* sums() const;     // of a row's shares
  float* scores() const;   // [rows][end - begin]
  float* widened() const;  // what is no f32 as floats
  bool few() const;
  /// The rows that some query sees, as floats.
  const float* seen(const CacheRows& rows) const;
  void sum_values() const;
  void give(int64_t row, float* to) const;
};

}  // namespace hone::cpu
