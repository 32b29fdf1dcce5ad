#pragma once
// Worker threads that enter once per inference and share the tiles of its steps.

#include <cstdint>
#include <functional>
#include <memory>

namespace hone {

class TileProgram;

/// A team of threads: the caller of run() and `workers() - 1` others that sleep between inferences.
/// One run() at a time (others wait their turn); an inference enters the team once and then calls
/// parallel() for each step. A step ends when its tiles are done, not when all workers arrive: a
/// worker that holds no tile delays nobody. Waits spin briefly, then sleep. The threads start with
/// the first run(); where the system refuses more, the team goes on with those it got.
class Team {
 public:
  /// `workers` >= 1. 0: one per physical core this process may use (affinity and cgroup quota
  /// heeded). Error(usage) otherwise.
  explicit Team(int workers = 0);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  int workers() const;
  /// Which worker of its team the calling thread is, in [0, workers()): 0 leads. Tells working
  /// memory apart.
  static int worker();

  /// Wakes the workers, runs `program` on the calling thread, lets the workers go. Exceptions of
  /// `program` pass through. From within a run() of the same team, or a tile of it, `program` runs
  /// as a part of that.
  void run(const std::function<void()>& program);

  /// Within run(), from the program's thread: calls tile(i) once for every i in [0, tiles), spread
  /// over the team, and returns when all are done. Every worker begins with the same share of the
  /// tiles of each step, so that neighbours are one worker's; who is done takes from others.
  /// Outside run(), or nested in a tile, it runs them in order on the calling thread. The first
  /// exception of a tile is rethrown here; tiles not yet begun are then left out.
  void parallel(int64_t tiles, const std::function<void(int64_t tile)>& tile);

  /// Within run(), from the program's thread: runs all of it, spread over the team. Every worker
  /// begins with its share of each launch, as in parallel(). Elsewhere everything runs in order on
  /// the calling thread.
  void run(TileProgram& program);
  /// No worker looks at the program any more, which may end then. Not within its run.
  void forget(const TileProgram& program);

 private:
  bool leads() const;
  struct State;
  std::unique_ptr<State> state_;
};

/// Physical cores this process may use: affinity mask, one per sibling pair, cgroup v2/v1 CPU quota
/// rounded up.
int usable_cores();

}  // namespace hone
