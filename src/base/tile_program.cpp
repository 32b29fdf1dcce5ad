#include "base/tile_program.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <utility>

#include "base/error.hpp"
#include "base/waiting.hpp"

// Each launch has a lane for every worker, as Team's steps have: a word that says which of the
// lane's chunks are left, and in which run. Nothing is reset between runs: a word of an earlier run
// counts as full, one of a later run tells a worker that came late that there is nothing left for
// it. Who takes a chunk by compare-and-swap has read what is true of this run; a worker that holds
// none delays nobody, however long it is away.
//
// A chunk is only taken when it may run: no worker waits while it holds one. So the earliest launch
// that is not done has chunks that run or may be taken, and every program ends.

namespace hone {
namespace {

constexpr size_t kAhead = 6;  // launches that a worker looks at: the first with tiles left and on

/// How far `count` is beyond `target`; both go round.
int32_t beyond(uint32_t count, uint32_t target) { return static_cast<int32_t>(count - target); }

struct Stage {
  struct alignas(64) Lane {
    std::atomic<uint64_t> word = 0;  // from the highest bit: 32 run, 16 first, 16 last
  };
  TileProgram::Launch launch;
  int64_t grain = 1;  // tiles of a chunk
  uint32_t chunks = 0;
  std::vector<uint32_t> begins;  // by lane: its first chunk; the end behind
  std::vector<Lane> lanes;
  alignas(64) Word done = 0;      // chunks, of all runs
  alignas(64) Word complete = 0;  // the last run with all of them done: what others look at
  std::vector<Word> finished;     // by chunk, the last run; empty: nobody waits for single ones
};

/// A worker's, during a run: which lanes of the launches near it are known to be empty.
struct Search {
  struct Lanes {
    size_t stage = SIZE_MAX, empty = 0;  // from its own lane on
  };
  size_t worker = 0;
  uint32_t run = 0;
  std::array<Lanes, kAhead> near{};
  size_t turn = 0;
  size_t& empty_lanes(size_t stage) {
    Lanes& lanes = near[stage % kAhead];
    if (lanes.stage != stage) lanes = {stage, 0};
    return lanes.empty;
  }
};

enum class Taken : uint8_t {
  yes,
  blocked,
  none
};
struct Claim {
  uint64_t seen = 0, rest = 0;  // a lane's word before and after
  uint32_t chunk = 0;
};

}  // namespace

struct TileProgram::State {
  explicit State(size_t launches) : taken(launches) {}

  std::vector<std::unique_ptr<Stage>> stages;
  std::vector<Word> taken;   // by stage: the last run with no tile left to begin
  std::vector<size_t> ends;  // stages that nothing waits for
  Word run = 0;              // counts
  std::atomic<bool> failed = false;
  std::exception_ptr exception;  // written by whoever sets `failed`; read when all is done

  void add(Launch launch, int64_t lanes);
  void add_part(Stage& stage, Part part);
  bool is_taken(size_t at, uint32_t of_run) const {
    return beyond(taken[at].load(std::memory_order_relaxed), of_run) >= 0;
  }
  static bool is_done(const Stage& stage, uint32_t of_run) {
    return beyond(stage.complete.load(), of_run) >= 0;
  }
  bool is_ready(const Stage& stage, uint32_t of_run) const;
  bool may_begin(const Stage& stage, uint32_t chunk, uint32_t of_run) const;
  bool work_near(size_t first, Search& search, Bell& bell);
  bool work_on(size_t at, Search& search, Bell& bell);
  bool has_work(size_t first, Search& search) const;
  Taken look(const Stage& stage, size_t lane, bool own, uint32_t of_run, Claim& claim) const;
  Taken take(Stage& stage, size_t lane, bool own, uint32_t of_run, uint32_t& chunk) const;
  void run_chunk(Stage& stage, uint32_t chunk, uint32_t of_run, Bell& bell);
  static void finish(Stage& stage, uint32_t count, uint32_t of_run, Bell& bell);
};

TileProgram::TileProgram(std::vector<Launch> launches, int workers)
    : state_(std::make_unique<State>(launches.size())) {
  check(workers >= 1, Code::internal, "a program for ", workers, " workers");
  for (Launch& each : launches) state_->add(std::move(each), workers);
  std::vector<bool> awaited(launches.size(), false);  // as a whole
  for (const auto& stage : state_->stages)
    for (const size_t before : stage->launch.after) awaited[before] = true;
  for (size_t i = 0; i < awaited.size(); ++i)
    if (!awaited[i]) state_->ends.push_back(i);
}

TileProgram::~TileProgram() = default;

void TileProgram::State::add(Launch launch, int64_t lanes) {
  auto stage = std::make_unique<Stage>();
  check(launch.tiles > 0, Code::internal, "a launch of ", launch.tiles, " tiles");
  for (const size_t before : launch.after)
    check(before < stages.size(), Code::internal, "launch ", stages.size(), " waits for ", before);
  const int64_t most = int64_t{UINT16_MAX} * lanes;
  stage->grain = (launch.tiles - 1) / most + 1;
  stage->chunks = static_cast<uint32_t>((launch.tiles - 1) / stage->grain + 1);
  // What is over goes to lanes apart from each other, the leader's first.
  for (int64_t lane = 0; lane <= lanes; ++lane)
    stage->begins.push_back(static_cast<uint32_t>((lane * stage->chunks + lanes - 1) / lanes));
  stage->lanes = std::vector<Stage::Lane>(static_cast<size_t>(lanes));
  std::vector<Part> parts = std::exchange(launch.after_parts, {});
  stage->launch = std::move(launch);
  for (Part& part : parts) add_part(*stage, std::move(part));
  stages.push_back(std::move(stage));
}

/// Where chunks are tiles; else it waits for all of it.
void TileProgram::State::add_part(Stage& stage, Part part) {
  check(part.launch < stages.size() && std::ssize(part.tiles) == stage.launch.tiles, Code::internal,
        "launch ", stages.size(), " waits for parts of ", part.launch);
  Stage& before = *stages[part.launch];
  if (stage.grain > 1 || before.grain > 1) {
    stage.launch.after.push_back(part.launch);
    return;
  }
  if (before.finished.empty()) before.finished = std::vector<Word>(before.chunks);
  stage.launch.after_parts.push_back(std::move(part));
}

void TileProgram::run_alone() const {
  for (const auto& stage : state_->stages)
    for (int64_t i = 0; i < stage->launch.tiles; ++i) stage->launch.tile(i);
}

bool TileProgram::is_serial() const {
  return std::all_of(state_->stages.begin(), state_->stages.end(),
                     [](const auto& stage) { return stage->chunks == 1; });
}

void TileProgram::begin() {
  state_->failed.store(false, std::memory_order_relaxed);
  const uint32_t before = state_->run.load(std::memory_order_relaxed);
  state_->run.store(before + 1, std::memory_order_release);
}

bool TileProgram::work(size_t worker, Bell& bell, Spin& spin) {
  State& state = *state_;
  Search search{worker, state.run.load(std::memory_order_acquire)};
  const size_t count = state.stages.size();
  bool worked = false;
  for (size_t first = 0;; worked = true) {
    while (first < count && state.is_taken(first, search.run)) ++first;
    if (first == count) return worked;
    if (state.work_near(first, search, bell)) continue;
    const auto may_go_on = [&] {
      return state.is_taken(first, search.run) || state.has_work(first, search);
    };
    if (!spin.until(may_go_on)) bell.sleep_unless(may_go_on);
  }
}

void TileProgram::lead(Bell& bell, Spin& spin) {
  work(0, bell, spin);
  State& state = *state_;
  const uint32_t run = state.run.load(std::memory_order_relaxed);
  const auto all_done = [&] {
    return std::all_of(state.ends.begin(), state.ends.end(),
                       [&](size_t at) { return State::is_done(*state.stages[at], run); });
  };
  if (!spin.until(all_done))
    while (!all_done()) bell.sleep_unless(all_done);
  if (state.failed.load(std::memory_order_relaxed))
    std::rethrow_exception(std::exchange(state.exception, nullptr));
}

bool TileProgram::State::is_ready(const Stage& stage, uint32_t of_run) const {
  return std::all_of(stage.launch.after.begin(), stage.launch.after.end(),
                     [&](size_t before) { return is_done(*stages[before], of_run); });
}

/// What its own tiles wait for, where they do not all wait for the same.
bool TileProgram::State::may_begin(const Stage& stage, uint32_t chunk, uint32_t of_run) const {
  for (const Part& part : stage.launch.after_parts) {
    const std::vector<Word>& finished = stages[part.launch]->finished;
    if (is_done(*stages[part.launch], of_run)) continue;
    for (const Range& range : part.tiles[chunk])
      for (auto i = static_cast<size_t>(range.first); i < static_cast<size_t>(range.last); ++i)
        if (beyond(finished[i].load(), of_run) < 0) return false;
  }
  return true;
}

/// Some tiles of the first launch of these few that has any to be begun.
bool TileProgram::State::work_near(size_t first, Search& search, Bell& bell) {
  for (size_t at = first; at < std::min(stages.size(), first + kAhead); ++at)
    if (!is_taken(at, search.run) && is_ready(*stages[at], search.run) && work_on(at, search, bell))
      return true;
  return false;
}

/// Its own chunks, from the first one on, which are counted when no more may begin; else the last
/// one of another's. false: there were none. Who waits looks at few lanes at a time: to look at one
/// takes it from who works on it.
bool TileProgram::State::work_on(size_t at, Search& search, Bell& bell) {
  Stage& stage = *stages[at];
  const size_t lanes = stage.lanes.size();
  size_t& empty = search.empty_lanes(at);
  uint32_t chunk = 0, count = 0;
  Taken found = Taken::none;
  for (; empty < lanes; ++empty) {
    const bool own = empty == 0;
    const size_t lane = (search.worker + empty) % lanes;
    while ((found = take(stage, lane, own, search.run, chunk)) == Taken::yes) {
      run_chunk(stage, chunk, search.run, bell);
      ++count;
      if (!own) break;
    }
    if (count > 0 || found == Taken::blocked) break;
  }
  if (count == 0 && found == Taken::blocked && empty + 1 < lanes) {
    const size_t other = empty + 1 + search.turn++ % (lanes - empty - 1);
    if (take(stage, (search.worker + other) % lanes, false, search.run, chunk) == Taken::yes) {
      run_chunk(stage, chunk, search.run, bell);
      ++count;
    }
  }
  if (count > 0) finish(stage, count, search.run, bell);
  else if (empty == lanes) taken[at].store(search.run, std::memory_order_relaxed);
  return count > 0;
}

/// Whether work_near() would find something, as far as it would look.
bool TileProgram::State::has_work(size_t first, Search& search) const {
  for (size_t at = first; at < std::min(stages.size(), first + kAhead); ++at) {
    const Stage& stage = *stages[at];
    if (is_taken(at, search.run) || !is_ready(stage, search.run)) continue;
    const size_t lanes = stage.lanes.size(), empty = search.empty_lanes(at);
    if (empty == lanes) continue;
    const auto found = [&](size_t from_own) {
      const size_t lane = (search.worker + from_own) % lanes;
      Claim claim{stage.lanes[lane].word.load(std::memory_order_acquire)};
      return look(stage, lane, from_own == 0, search.run, claim);
    };
    if (found(empty) != Taken::blocked) return true;
    if (empty + 1 < lanes && found(empty + 1 + search.turn % (lanes - empty - 1)) == Taken::yes)
      return true;
    ++search.turn;
  }
  return false;
}

Taken TileProgram::State::look(const Stage& stage, size_t lane, bool own, uint32_t of_run,
                               Claim& claim) const {
  const auto seen_run = static_cast<uint32_t>(claim.seen >> 32);
  if (beyond(seen_run, of_run) > 0) return Taken::none;
  uint64_t now = claim.seen;
  if (seen_run != of_run)
    now = uint64_t{of_run} << 32 | (stage.begins[lane + 1] - stage.begins[lane]);
  const auto first = static_cast<uint16_t>(now >> 16), last = static_cast<uint16_t>(now);
  if (first == last) return Taken::none;
  claim.chunk = stage.begins[lane] + (own ? first : last - 1U);
  claim.rest = own ? now + (1U << 16) : now - 1;
  return may_begin(stage, claim.chunk, of_run) ? Taken::yes : Taken::blocked;
}

Taken TileProgram::State::take(Stage& stage, size_t lane, bool own, uint32_t of_run,
                               uint32_t& chunk) const {
  std::atomic<uint64_t>& word = stage.lanes[lane].word;
  Claim claim{word.load(std::memory_order_acquire)};
  while (true) {
    const Taken found = look(stage, lane, own, of_run, claim);
    chunk = claim.chunk;
    if (found != Taken::yes ||
        word.compare_exchange_weak(claim.seen, claim.rest, std::memory_order_acq_rel,
                                   std::memory_order_acquire))
      return found;
  }
}

void TileProgram::State::run_chunk(Stage& stage, uint32_t chunk, uint32_t of_run, Bell& bell) {
  const int64_t first = chunk * stage.grain;
  const int64_t last = std::min(stage.launch.tiles, first + stage.grain);
  try {
    for (int64_t i = first; i < last && !failed.load(std::memory_order_relaxed); ++i)
      stage.launch.tile(i);
  } catch (...) {
    if (!failed.exchange(true)) exception = std::current_exception();
  }
  if (stage.finished.empty()) return;
  stage.finished[chunk].store(of_run);
  bell.ring_sleepers();
}

/// From here on the run may end.
void TileProgram::State::finish(Stage& stage, uint32_t count, uint32_t of_run, Bell& bell) {
  if (stage.done.fetch_add(count) + count != of_run * stage.chunks) return;
  stage.complete.store(of_run);
  bell.ring_sleepers();
}

}  // namespace hone
