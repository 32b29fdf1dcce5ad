#pragma once
// Steps that are recorded on a stream of the processors: their launches, and which of them touch
// the same bytes.

#include <functional>
#include <span>
#include <vector>

#include "base/tile_program.hpp"
#include "device/kernel.hpp"

namespace hone::cpu {

/// Bytes in [first, last).
struct Bytes {
  const std::byte* first = nullptr;
  const std::byte* last = nullptr;
  bool overlaps(const Bytes& other) const { return first < other.last && other.first < last; }
};

/// The same bytes of several planes or rows, which lie `stride` bytes apart.
struct Box {
  Bytes bytes{};  // of the first one
  int64_t count = 1, stride = 0;
  /// Elements [first, last) of each.
  template <class T>
  static Box of(const T* plane, int64_t first, int64_t last, int64_t count = 1,
                int64_t elements_apart = 0) {
    constexpr auto kSize = static_cast<int64_t>(sizeof(T));
    const auto* start = reinterpret_cast<const std::byte*>(plane);
    return {{start + first * kSize, start + last * kSize}, count, elements_apart * kSize};
  }
  Bytes all() const { return {bytes.first, bytes.last + (count - 1) * stride}; }
  /// May say so of boxes of different strides that do not.
  bool overlaps(const Box& other) const;
};
/// Of the operands and results of a step, what one of its tiles reads and writes at most.
struct Touched {
  std::vector<Box> reads{}, writes{};
};
using Touch = std::function<Touched(int64_t tile)>;

/// Told of launches in place of a team.
struct Notes {
  virtual ~Notes() = default;
  /// The launches to come are of a step that was bound to these.
  virtual void step(const Operands& operands, std::span<const std::byte> scratch) = 0;
  /// `touch`: empty where any tile may touch all that the step does.
  virtual void launch(int64_t tiles, TileProgram::Tile tile, const Touch& touch) = 0;
};

struct LaunchList final : Notes {
  struct Step {
    std::vector<Bytes> reads{}, writes{}, scratch{};
  };
  struct Launch {
    size_t step = 0;
    int64_t tiles = 0;
    TileProgram::Tile tile{};
    std::vector<Touched> touched{};  // by tile; empty: not told
  };
  std::vector<Step> steps;
  std::vector<Launch> launches;

  void step(const Operands& operands, std::span<const std::byte> scratch) override;
  void launch(int64_t tiles, TileProgram::Tile tile, const Touch& touch) override;
};

/// Launches that follow each other in a list and run as one: [first, last).
struct LaunchGroup {
  size_t first = 0, last = 0;
  std::vector<size_t> after{};  // groups
  std::vector<TileProgram::Part> after_parts{};
};
/// Launches of one tile behind each other run as one. A group comes after those that write what it
/// touches or touch what it writes, but for those that others of them come after. Where both are
/// launches that tell what their tiles touch, the tiles of one wait for the tiles of the other.
std::vector<LaunchGroup> groups_of(const LaunchList& list);

}  // namespace hone::cpu
