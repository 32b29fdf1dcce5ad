#pragma once
// Tiles of many steps as one program, which a team of threads enters once.

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace hone {

struct Bell;
class Spin;

/// Launches in an order in which each could run after the one before it. Made once, run many times
/// by Team::run(). A tile waits for what it needs and for nothing else: workers that find no tile
/// of a launch go on to the next ones. One run at a time.
class TileProgram {
 public:
  using Tile = std::function<void(int64_t tile)>;
  /// Tiles of a launch: [first, last).
  struct Range {
    int64_t first = 0, last = 0;
    friend bool operator==(const Range&, const Range&) = default;
  };
  /// An earlier launch, and by tile of the later one which of its tiles must be done.
  struct Part {
    size_t launch = 0;
    std::vector<std::vector<Range>> tiles{};
    friend bool operator==(const Part&, const Part&) = default;
  };
  struct Launch {
    int64_t tiles = 0;
    Tile tile{};
    /// Earlier launches of which no tile may be left when a tile of this one begins.
    std::vector<size_t> after{};
    std::vector<Part> after_parts{};
  };

  /// For a team of so many workers, at least one.
  TileProgram(std::vector<Launch> launches, int workers);
  ~TileProgram();
  TileProgram(const TileProgram&) = delete;
  TileProgram& operator=(const TileProgram&) = delete;

  /// Everything in order on the calling thread. An exception ends it.
  void run_alone() const;
  /// No launch has tiles for several workers.
  bool is_serial() const;

 private:
  friend class Team;
  struct State;

  void begin();
  /// Tiles until none is left that nobody has begun. false: there were none.
  bool work(size_t worker, Bell& bell, Spin& spin);
  /// The same, until all are done. The first exception of a tile is rethrown; tiles not yet begun
  /// were left out then.
  void lead(Bell& bell, Spin& spin);

  std::unique_ptr<State> state_;
};

}  // namespace hone
