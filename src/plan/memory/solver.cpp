#include <algorithm>
#include <functional>
#include <numeric>

#include "base/size.hpp"
#include "plan/memory/demand.hpp"

namespace hone {
namespace {

using Order = std::vector<size_t>;

bool overlap(const Buffer& a, const Buffer& b) { return a.first <= b.last && b.first <= a.last; }

/// Puts the buffers, in `order`, each into the smallest gap among those placed already that live at
/// the same time, else behind them.
Placement place(const Demand& demand, const Order& order) {
  Placement placement{std::vector<int64_t>(demand.buffers.size(), 0), 0};
  Order placed;  // by offset
  for (const size_t index : order) {
    const Buffer& buffer = demand.buffers[index];
    const int64_t size = align_up(buffer.bytes, kArenaAlignment);
    int64_t end = 0, best = -1, best_gap = 0;
    for (const size_t other : placed) {
      if (!overlap(buffer, demand.buffers[other])) continue;
      const int64_t gap = placement.offsets[other] - end;
      if (gap >= size && (best < 0 || gap < best_gap)) best = end, best_gap = gap;
      end = std::max(end, checked_add(placement.offsets[other],
                                      align_up(demand.buffers[other].bytes, kArenaAlignment)));
    }
    const int64_t offset = best >= 0 ? best : end;
    placement.offsets[index] = offset;
    placement.bytes = std::max(placement.bytes, checked_add(offset, size));
    const auto behind =
        std::upper_bound(placed.begin(), placed.end(), offset,
                         [&](int64_t at, size_t other) { return at < placement.offsets[other]; });
    placed.insert(behind, index);
  }
  return placement;
}

Order sorted_by(const Demand& demand, const std::function<int64_t(const Buffer&)>& weight) {
  Order order(demand.buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return weight(demand.buffers[a]) > weight(demand.buffers[b]);
  });
  return order;
}

}  // namespace

int64_t lower_bound(const Demand& demand) {
  std::vector<std::pair<int, int64_t>> events;
  for (const Buffer& buffer : demand.buffers) {
    const int64_t size = align_up(buffer.bytes, kArenaAlignment);
    events.emplace_back(buffer.first, size);
    events.emplace_back(buffer.last + 1, -size);
  }
  std::sort(events.begin(), events.end());  // at one step, ends (negative) come first
  int64_t live = 0, most = 0;
  for (const auto& [step, change] : events) most = std::max(most, live = checked_add(live, change));
  return most;
}

Placement solve(const Demand& demand) {
  const int64_t bound = lower_bound(demand);
  const std::function<int64_t(const Buffer&)> weights[] = {
      [](const Buffer& b) { return b.bytes; },
      [](const Buffer& b) { return int64_t{b.last} - b.first; },
      [](const Buffer& b) { return -int64_t{b.first}; },
  };
  Placement best;
  for (const auto& weight : weights) {
    Placement placement = place(demand, sorted_by(demand, weight));
    if (best.offsets.empty() || placement.bytes < best.bytes) best = std::move(placement);
    if (best.bytes == bound) break;
  }
  return best;
}

}  // namespace hone
