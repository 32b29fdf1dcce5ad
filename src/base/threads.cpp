#include "base/threads.hpp"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <limits>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/tile_program.hpp"
#include "base/waiting.hpp"

namespace hone {

void sleep_while(Word& word, uint32_t seen) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void wake(Word& word, uint32_t sleepers) {
  const auto count = std::min<uint32_t>(sleepers, std::numeric_limits<int32_t>::max());
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

namespace {

using Tile = std::function<void(int64_t)>;

}  // namespace

// The chunks of a step are dealt out evenly: every worker has a lane of its own with neighbouring
// chunks, about the same share of each step, so that it finds in its cache what it wrote in the
// step before and claims without meeting others. A worker whose lane is empty takes chunks off the
// ends of other lanes. A lane is one word: the step's number, and which of the lane's chunks are
// left. Claiming is one compare-and-swap that takes a chunk off. It succeeds only while the step
// that the worker saw is the current one and the lane has chunks left; the leader writes a next
// step only after all chunks of the last are done, so whoever claimed has read the right `tile`,
// however late it came.
struct Team::State {
  explicit State(int count) : workers(count), lanes(static_cast<size_t>(count)) {}

  const int workers;
  std::mutex turn;  // held by the one run()
  std::vector<std::thread> threads;
  bool started = false;

  struct alignas(64) Lane {
    std::atomic<uint64_t> word = 0;  // from the highest bit: 32 step, 16 first, 16 last
  };
  std::vector<Lane> lanes;  // of every worker
  uint32_t step = 0;        // the leader's

  std::atomic<const Tile*> tile = nullptr;
  std::atomic<int64_t> tiles = 0, grain = 1;
  std::atomic<uint32_t> chunks = 0;
  alignas(64) Word done = 0;  // chunks of this step
  std::atomic<bool> leader_sleeps = false;
  Bell bell;  // rung at every step, start and end of the team
  std::atomic<TileProgram*> program = nullptr;
  std::atomic<uint32_t> inside = 0;  // workers that may look at a program
  std::atomic<bool> open = false, stopping = false;
  std::atomic<bool> failed = false;
  std::exception_ptr exception;  // written by whoever sets `failed`; read when all chunks are done
  Spin leader_spin;
  bool shares = true;  // the leader's: the last run had work for several

  void start();
  void work(int index);
  void publish(uint32_t all);
  bool work_on_program(size_t own, Spin& spin);
  bool work_on_step(size_t own);
  uint32_t work_on_lane(size_t lane, bool own, uint32_t of_step);
  void finish(uint32_t count, uint32_t all);
  void run_chunk(const Tile& run, int64_t first, int64_t last);
  void wait_for(uint32_t all);
};

namespace {

/// What the calling thread is in the middle of, innermost first.
struct Frame {
  const void* team;
  bool in_tile;
  int worker;
  Frame* outer;
};
thread_local Frame* innermost = nullptr;

class Entered {
 public:
  Entered(const void* team, bool in_tile, int worker = 0)
      : frame_{team, in_tile, worker, innermost} {
    innermost = &frame_;
  }
  ~Entered() { innermost = frame_.outer; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Frame frame_;
};

bool is_inside(const void* team) {
  for (const Frame* frame = innermost; frame != nullptr; frame = frame->outer)
    if (frame->team == team) return true;
  return false;
}

}  // namespace

void Team::State::start() {
  started = true;
  // Signals are for the application's own threads.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    while (static_cast<int>(threads.size()) < workers - 1) {
      const int index = static_cast<int>(threads.size()) + 1;
      threads.emplace_back([this, index] { work(index); });
    }
  } catch (const std::system_error&) {
    // No more threads to be had: fewer do the same work.
  } catch (const std::bad_alloc&) {
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Team::State::work(int index) {
  ::pthread_setname_np(::pthread_self(), "hone-worker");
  const Entered entered(this, true, index);
  Spin spin;
  for (;;) {
    const uint32_t seen = bell.word.load();
    if (stopping.load()) return;
    if (work_on_program(static_cast<size_t>(index), spin)) continue;
    if (work_on_step(static_cast<size_t>(index))) continue;
    const auto rung = [&] { return bell.word.load(std::memory_order_relaxed) != seen; };
    if (open.load(std::memory_order_relaxed) && spin.until(rung)) continue;
    bell.sleepers.fetch_add(1);
    sleep_while(bell.word, seen);
    bell.sleepers.fetch_sub(1);
  }
}

/// false: there was none, or no tile of it was left.
bool Team::State::work_on_program(size_t own, Spin& spin) {
  if (program.load(std::memory_order_relaxed) == nullptr) return false;
  inside.fetch_add(1);
  TileProgram* const current = program.load();
  const bool worked = current != nullptr && current->work(own, bell, spin);
  inside.fetch_sub(1);
  return worked;
}

namespace {

/// The first chunk of a lane; what is over goes to lanes apart from each other, the leader's first.
uint32_t first_chunk(size_t lane, size_t lanes, uint32_t all) {
  return static_cast<uint32_t>((uint64_t{lane} * all + lanes - 1) / lanes);
}

}  // namespace

void Team::State::publish(uint32_t all) {
  ++step;
  for (size_t lane = 0; lane < lanes.size(); ++lane) {
    const uint32_t count =
        first_chunk(lane + 1, lanes.size(), all) - first_chunk(lane, lanes.size(), all);
    lanes[lane].word.store(uint64_t{step} << 32 | count, std::memory_order_release);
  }
}

/// Claims chunks of one step until none is left; false when there was none.
bool Team::State::work_on_step(size_t own) {
  const auto current = static_cast<uint32_t>(lanes[own].word.load(std::memory_order_acquire) >> 32);
  uint32_t worked = work_on_lane(own, true, current);
  for (size_t i = 1; i < lanes.size(); ++i)
    worked += work_on_lane((own + i) % lanes.size(), false, current);
  return worked > 0;
}

/// Chunks of one lane until none is left: its own from the first one on, which are counted when all
/// are done; others' from the last one on. Returns how many.
uint32_t Team::State::work_on_lane(size_t lane, bool own, uint32_t of_step) {
  uint32_t count = 0, all = 0;
  uint64_t seen = lanes[lane].word.load(std::memory_order_acquire);
  while (true) {
    const auto first = static_cast<uint16_t>(seen >> 16), last = static_cast<uint16_t>(seen);
    // In a next step its own lane comes first.
    if (first == last || static_cast<uint32_t>(seen >> 32) != of_step) break;
    const Tile* const run = tile.load(std::memory_order_relaxed);
    const int64_t end = tiles.load(std::memory_order_relaxed);
    const int64_t size = grain.load(std::memory_order_relaxed);
    all = chunks.load(std::memory_order_relaxed);
    const uint64_t rest = own ? seen + (1U << 16) : seen - 1;
    if (!lanes[lane].word.compare_exchange_weak(seen, rest, std::memory_order_acq_rel,
                                                std::memory_order_acquire))
      continue;
    const int64_t chunk = first_chunk(lane, lanes.size(), all) + (own ? first : last - 1);
    run_chunk(*run, chunk * size, std::min(end - chunk * size, size) + chunk * size);
    ++count;
    if (!own) finish(1, all);
    seen = lanes[lane].word.load(std::memory_order_acquire);
  }
  if (own && count > 0) finish(count, all);
  return count;
}

/// From here on the step may end: nothing of it is touched again.
void Team::State::finish(uint32_t count, uint32_t all) {
  if (done.fetch_add(count) + count == all && leader_sleeps.load()) wake(done, 1);
}

void Team::State::run_chunk(const Tile& run, int64_t first, int64_t last) {
  try {
    for (int64_t i = first; i < last && !failed.load(std::memory_order_relaxed); ++i) run(i);
  } catch (...) {
    if (!failed.exchange(true)) exception = std::current_exception();
  }
}

void Team::State::wait_for(uint32_t all) {
  if (leader_spin.until([&] { return done.load() == all; })) return;
  leader_sleeps.store(true);
  for (uint32_t now = done.load(); now != all; now = done.load()) sleep_while(done, now);
  leader_sleeps.store(false);
}

Team::Team(int workers) {
  check(workers >= 0, Code::usage, "a team of ", workers, " workers, wanted at least 1 (0: all)");
  state_ = std::make_unique<State>(workers == 0 ? usable_cores() : workers);
}

Team::~Team() {
  state_->stopping.store(true);
  state_->bell.ring();
  for (std::thread& thread : state_->threads) thread.join();
}

int Team::workers() const { return state_->workers; }

int Team::worker() { return innermost == nullptr ? 0 : innermost->worker; }

/// The calling thread runs a program of this team, and is in none of its tiles.
bool Team::leads() const {
  return innermost != nullptr && innermost->team == state_.get() && !innermost->in_tile;
}

void Team::run(const std::function<void()>& program) {
  State& state = *state_;
  if (is_inside(&state)) return program();
  const std::lock_guard turn(state.turn);
  if (!state.started) state.start();
  const Entered entered(&state, false);
  struct Session {
    explicit Session(State& state) : state(state) {
      state.open.store(true);
      // To wake threads takes as long as a hundred small steps.
      if (std::exchange(state.shares, false)) state.bell.ring();
    }
    ~Session() { state.open.store(false); }
    State& state;
  };
  const Session session(state);
  program();
}

void Team::parallel(int64_t tiles, const std::function<void(int64_t tile)>& tile) {
  State& state = *state_;
  if (!leads() || tiles <= 1 || state.threads.empty()) {
    for (int64_t i = 0; i < tiles; ++i) tile(i);
    return;
  }
  state.shares = true;
  // A lane counts its chunks in 16 bits.
  const int64_t most = int64_t{UINT16_MAX} * std::ssize(state.lanes);
  const int64_t grain = (tiles - 1) / most + 1;
  const auto chunks = static_cast<uint32_t>((tiles - 1) / grain + 1);
  state.tile.store(&tile, std::memory_order_relaxed);
  state.tiles.store(tiles, std::memory_order_relaxed);
  state.grain.store(grain, std::memory_order_relaxed);
  state.chunks.store(chunks, std::memory_order_relaxed);
  state.failed.store(false, std::memory_order_relaxed);
  state.done.store(0, std::memory_order_relaxed);
  state.publish(chunks);
  state.bell.ring(chunks - 1);
  {
    const Entered entered(&state, true);
    state.work_on_step(0);
  }
  state.wait_for(chunks);
  if (state.failed.load(std::memory_order_relaxed))
    std::rethrow_exception(std::exchange(state.exception, nullptr));
}

void Team::run(TileProgram& program) {
  State& state = *state_;
  if (!leads() || state.threads.empty() || program.is_serial()) return program.run_alone();
  state.shares = true;
  struct Shown {
    Shown(State& state, TileProgram& program) : state(state) {
      state.program.store(&program);
      state.bell.ring();
    }
    ~Shown() { state.program.store(nullptr); }
    State& state;
  };
  program.begin();
  const Shown shown(state, program);
  const Entered entered(&state, true);
  program.lead(state.bell, state.leader_spin);
}

void Team::forget(const TileProgram& program) {
  State& state = *state_;
  // Nobody enters it any more: it is shown during its runs only.
  std::unique_lock<std::mutex> turn;
  if (!is_inside(&state)) turn = std::unique_lock(state.turn);
  check(state.program.load() != &program, Code::internal, "a program ends within its run");
  while (state.inside.load() > 0) std::this_thread::yield();
}

}  // namespace hone
