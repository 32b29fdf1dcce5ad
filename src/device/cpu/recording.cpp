#include "device/cpu/recording.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/stream.hpp"

namespace hone::cpu {
namespace {

Bytes bytes_of(const Operand& operand) {
  if (operand.data == nullptr) return {};
  const auto count = bytes_for(operand.dtype, element_count(operand.shape));
  return {operand.data, operand.data + count};
}

template <class Some>
bool overlap(const Some& some, const Some& others) {
  for (const auto& one : some)
    for (const auto& other : others)
      if (one.overlaps(other)) return true;
  return false;
}

template <class Sides>
bool conflict(const Sides& a, const Sides& b) {
  return overlap(a.writes, b.writes) || overlap(a.writes, b.reads) || overlap(a.reads, b.writes);
}

bool scratch_conflicts(const LaunchList::Step& a, const LaunchList::Step& b) {
  return overlap(a.scratch, b.scratch) || overlap(a.scratch, b.reads) ||
         overlap(a.scratch, b.writes);
}

/// Which tiles of `before` each tile of `launch` waits for.
std::vector<std::vector<TileProgram::Range>> waits_of(const LaunchList::Launch& launch,
                                                      const LaunchList::Launch& before) {
  std::vector<std::vector<TileProgram::Range>> waits(launch.touched.size());
  for (size_t i = 0; i < waits.size(); ++i)
    for (int64_t k = 0; k < before.tiles; ++k) {
      if (!conflict(launch.touched[i], before.touched[static_cast<size_t>(k)])) continue;
      if (!waits[i].empty() && waits[i].back().last == k) ++waits[i].back().last;
      else waits[i].push_back({k, k + 1});
    }
  return waits;
}

/// Single tiles are worth waiting for where they are not nearly all.
bool are_few(const std::vector<std::vector<TileProgram::Range>>& waits, int64_t of_tiles) {
  int64_t all = 0;
  for (const auto& ranges : waits)
    for (const TileProgram::Range& range : ranges) all += range.last - range.first;
  return 4 * all <= 3 * std::ssize(waits) * of_tiles;
}

constexpr int64_t kMostTiles = 4096;  // of a launch that tells what its tiles touch
/// Fewer have little to wait for: with two a step costs 0.3 us beside its work, and where others
/// want their cores, too, it is better that one goes ahead while the other one sleeps.
constexpr int kFewestWorkers = 8;

/// How a list becomes groups.
class Grouping {
 public:
  explicit Grouping(const LaunchList& list) : list_(list) {
    for (size_t i = 0; i < list.launches.size(); ++i) {
      const bool joins = i > 0 && list.launches[i].tiles == 1 && list.launches[i - 1].tiles == 1;
      if (joins) groups_.back().last = i + 1;
      else groups_.push_back({i, i + 1, {}, {}});
    }
    behind_.resize(groups_.size());
    for (size_t i = 0; i < groups_.size(); ++i) {
      behind_[i].resize(groups_.size());
      for (size_t before = i; before-- > 0;)
        if (!behind_[i][before]) order(i, before);
    }
  }
  std::vector<LaunchGroup> groups() && { return std::move(groups_); }

 private:
  enum class Waits {
    no,
    in_part,
    as_a_whole
  };

  void order(size_t i, size_t before) {
    LaunchGroup &group = groups_[i], &other = groups_[before];
    const Waits waits = waits_between(group, other);
    if (waits == Waits::no) return;
    if (waits == Waits::in_part) {
      const LaunchList::Launch& last = list_.launches[other.first];
      auto tiles = cpu::waits_of(list_.launches[group.first], last);
      if (are_few(tiles, last.tiles)) {
        const bool none = std::ranges::all_of(tiles, [](const auto& each) { return each.empty(); });
        if (!none) group.after_parts.push_back({before, std::move(tiles)});
        return;
      }
    }
    group.after.push_back(before);
    behind_[i][before] = true;
    for (size_t k = 0; k < before; ++k)
      if (behind_[before][k]) behind_[i][k] = true;
  }

  Waits waits_between(const LaunchGroup& group, const LaunchGroup& before) const {
    const auto step_of = [&](size_t launch) { return list_.launches[launch].step; };
    const auto tells = [&](const LaunchGroup& each) {
      return each.last == each.first + 1 && !list_.launches[each.first].touched.empty();
    };
    for (size_t a = step_of(group.first); a <= step_of(group.last - 1); ++a)
      for (size_t b = step_of(before.first); b <= step_of(before.last - 1); ++b) {
        const LaunchList::Step &one = list_.steps[a], &other = list_.steps[b];
        if (scratch_conflicts(one, other) || scratch_conflicts(other, one))
          return Waits::as_a_whole;
        if (a == b || conflict(one, other))
          return tells(group) && tells(before) ? Waits::in_part : Waits::as_a_whole;
      }
    return Waits::no;
  }

  const LaunchList& list_;
  std::vector<LaunchGroup> groups_;
  std::vector<std::vector<bool>> behind_;  // by group: those it comes after as a whole
};

}  // namespace

bool Box::overlaps(const Box& other) const {
  if (!all().overlaps(other.all())) return false;
  if (count == 1 && other.count == 1) return true;
  const int64_t apart = count == 1 ? other.stride : stride;
  if (count > 1 && other.count > 1 && stride != other.stride) return true;
  // Plane p of this and plane p - m of the other meet when m planes are as far as they lie apart.
  const auto floor_div = [](int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  const int64_t between = other.bytes.first - bytes.first;
  const int64_t own = bytes.last - bytes.first, others = other.bytes.last - other.bytes.first;
  const int64_t least = std::max(1 - other.count, floor_div(between - own, apart) + 1);
  const int64_t most = std::min(count - 1, floor_div(between + others - 1, apart));
  return least <= most;
}

void LaunchList::step(const Operands& operands, std::span<const std::byte> scratch) {
  Step step;
  for (const Operand& each : operands.inputs) step.reads.push_back(bytes_of(each));
  for (const Operand& each : operands.outputs) step.writes.push_back(bytes_of(each));
  if (!scratch.empty()) step.scratch.push_back({scratch.data(), scratch.data() + scratch.size()});
  const auto is_empty = [](const Bytes& bytes) { return bytes.first == bytes.last; };
  std::erase_if(step.reads, is_empty);
  std::erase_if(step.writes, is_empty);
  steps.push_back(std::move(step));
}

void LaunchList::launch(int64_t tiles, TileProgram::Tile tile, const Touch& touch) {
  check(!steps.empty(), Code::internal, "a launch of no step");
  if (tiles == 0) return;
  Launch launch{steps.size() - 1, tiles, std::move(tile), {}};
  for (int64_t i = 0; touch != nullptr && tiles <= kMostTiles && i < tiles; ++i)
    launch.touched.push_back(touch(i));
  launches.push_back(std::move(launch));
}

std::vector<LaunchGroup> groups_of(const LaunchList& list) { return Grouping(list).groups(); }

/// What was recorded, as a program for the team.
class ProgramRecording final : public Recording {
 public:
  ProgramRecording(Team& team, LaunchList list) : team_(team), list_(std::move(list)) {
    std::vector<TileProgram::Launch> launches;
    for (const LaunchGroup& group : groups_of(list_)) {
      const LaunchList::Launch* const begin = list_.launches.data() + group.first;
      const size_t count = group.last - group.first;
      TileProgram::Launch launch{begin->tiles, {}, group.after, group.after_parts};
      if (count == 1) launch.tile = [begin](int64_t i) { begin->tile(i); };
      else
        launch.tile = [begin, count](int64_t) {
          for (size_t k = 0; k < count; ++k) begin[k].tile(0);
        };
      launches.push_back(std::move(launch));
    }
    program_.emplace(std::move(launches), team.workers());
  }
  ~ProgramRecording() override { team_.forget(*program_); }

  void replay(hone::Stream&) override { team_.run(*program_); }

  void change(size_t first, hone::Stream& stream, const std::function<void()>& work) override {
    struct Replaced final : Notes {
      Replaced(LaunchList& list, size_t first) : list(list), at(first) {}
      void step(const Operands&, std::span<const std::byte>) override {}
      void launch(int64_t tiles, TileProgram::Tile tile, const Touch&) override {
        if (tiles == 0) return;
        check(at < list.launches.size() && list.launches[at].tiles == tiles, Code::internal,
              "a recording is changed into another one");
        list.launches[at++].tile = std::move(tile);
      }
      LaunchList& list;
      size_t at;
    };
    Replaced replaced(list_, first);
    auto& own = static_cast<Stream&>(stream);
    struct Noting {
      Noting(Stream& stream, Notes& notes) : stream(stream) { stream.note_in(&notes); }
      ~Noting() { stream.note_in(nullptr); }
      Stream& stream;
    } const noting(own, replaced);
    work();
  }

 private:
  Team& team_;
  LaunchList list_;  // the program's tiles refer to it
  std::optional<TileProgram> program_;
};

bool Stream::runs_ahead() const { return team_.workers() >= kFewestWorkers; }

bool Stream::begin_recording() {
  if (!runs_ahead()) return false;
  check(notes_ == nullptr, Code::internal, "something is being recorded already");
  list_ = std::make_unique<LaunchList>();
  notes_ = list_.get();
  return true;
}

size_t Stream::recorded() const { return list_ == nullptr ? 0 : list_->launches.size(); }

std::unique_ptr<Recording> Stream::end_recording() {
  notes_ = nullptr;
  const auto list = std::move(list_);
  return std::make_unique<ProgramRecording>(team_, std::move(*list));
}

}  // namespace hone::cpu
