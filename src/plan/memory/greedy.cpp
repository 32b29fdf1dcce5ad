#include "plan/memory/greedy.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "base/size.hpp"

namespace hone {
namespace {

int64_t size_of(const Demand::Buffer& buffer) { return align_up(buffer.bytes, kArenaAlignment); }

/// The placed buffers, to be found by when they live.
class Placed {
 public:
  explicit Placed(const Demand& demand) : demand_(demand) {
    int last = 0;
    for (const Demand::Buffer& buffer : demand.buffers) last = std::max(last, buffer.last);
    while (leaves_ <= static_cast<size_t>(last)) leaves_ *= 2;
    alive_.resize(2 * leaves_);
  }

  void add(size_t index) {
    const Demand::Buffer& buffer = demand_.buffers[index];
    starts_.emplace(buffer.first, index);
    // The few nodes of the tree whose steps are together those of its life.
    auto low = leaves_ + static_cast<size_t>(buffer.first);
    auto high = leaves_ + static_cast<size_t>(buffer.last) + 1;
    for (; low < high; low /= 2, high /= 2) {
      if (low % 2 == 1) alive_[low++].push_back(index);
      if (high % 2 == 1) alive_[--high].push_back(index);
    }
  }

  /// Those that live with the buffer.
  void with(const Demand::Buffer& buffer, std::vector<size_t>& found) const {
    found.clear();
    for (auto node = leaves_ + static_cast<size_t>(buffer.first); node > 0; node /= 2)
      found.insert(found.end(), alive_[node].begin(), alive_[node].end());
    for (auto start = starts_.upper_bound({buffer.first, std::numeric_limits<size_t>::max()});
         start != starts_.end() && start->first <= buffer.last; ++start)
      found.push_back(start->second);
  }

 private:
  const Demand& demand_;
  size_t leaves_ = 1;
  std::vector<std::vector<size_t>> alive_;   // a tree over steps: who lives in all of a node's
  std::set<std::pair<int, size_t>> starts_;  // first step, buffer
};

/// Bytes in use, and the gaps below the highest of them.
class Gaps {
 public:
  int64_t take(int64_t size) {
    const auto gap = by_size_.lower_bound({size, 0});
    if (gap == by_size_.end()) {
      const int64_t end = used_.empty() ? 0 : used_.rbegin()->second;
      used_.emplace(end, checked_add(end, size));
      return end;
    }
    const auto [room, offset] = *gap;
    by_size_.erase(gap);
    used_.emplace(offset, offset + size);
    add_gap(offset + size, offset + room);
    return offset;
  }

  void give_back(int64_t offset) {
    const auto place = used_.find(offset);
    const auto next = std::next(place);
    const int64_t before = place == used_.begin() ? 0 : std::prev(place)->second;
    by_size_.erase({offset - before, before});
    if (next != used_.end()) {
      by_size_.erase({next->first - place->second, place->second});
      add_gap(before, next->first);
    }
    used_.erase(place);
  }

 private:
  void add_gap(int64_t begin, int64_t end) {
    if (begin < end) by_size_.emplace(end - begin, begin);
  }

  std::map<int64_t, int64_t> used_;                // offset -> end
  std::set<std::pair<int64_t, int64_t>> by_size_;  // size, offset
};

}  // namespace

std::optional<Placement> place_in_order(const Demand& demand, const std::vector<size_t>& order,
                                        int64_t work) {
  Placement placement{std::vector<int64_t>(demand.buffers.size(), 0), 0};
  Placed placed(demand);
  std::vector<size_t> others;
  for (const size_t index : order) {
    const int64_t size = size_of(demand.buffers[index]);
    if (size == 0) continue;  // in nobody's way
    placed.with(demand.buffers[index], others);
    work -= static_cast<int64_t>(others.size());
    if (work < 0) return std::nullopt;
    std::sort(others.begin(), others.end(),
              [&](size_t a, size_t b) { return placement.offsets[a] < placement.offsets[b]; });
    int64_t end = 0, best = -1, best_gap = 0;
    for (const size_t other : others) {
      const int64_t gap = placement.offsets[other] - end;
      if (gap >= size && (best < 0 || gap < best_gap)) best = end, best_gap = gap;
      end = std::max(end, checked_add(placement.offsets[other], size_of(demand.buffers[other])));
    }
    const int64_t offset = best >= 0 ? best : end;
    placement.offsets[index] = offset;
    placement.bytes = std::max(placement.bytes, checked_add(offset, size));
    placed.add(index);
  }
  return placement;
}

Placement place_in_time(const Demand& demand) {
  const auto sorted_by = [&](int Demand::Buffer::*step) {
    std::vector<size_t> order(demand.buffers.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return demand.buffers[a].*step < demand.buffers[b].*step;
    });
    return order;
  };
  const std::vector<size_t> starts = sorted_by(&Demand::Buffer::first),
                            ends = sorted_by(&Demand::Buffer::last);
  Placement placement{std::vector<int64_t>(demand.buffers.size(), 0), 0};
  Gaps gaps;
  auto ended = ends.begin();
  for (const size_t index : starts) {
    const Demand::Buffer& buffer = demand.buffers[index];
    for (; demand.buffers[*ended].last < buffer.first; ++ended)
      if (demand.buffers[*ended].bytes > 0) gaps.give_back(placement.offsets[*ended]);
    if (buffer.bytes == 0) continue;
    placement.offsets[index] = gaps.take(size_of(buffer));
    placement.bytes = std::max(placement.bytes, placement.offsets[index] + size_of(buffer));
  }
  return placement;
}

}  // namespace hone
