#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "base/size.hpp"
#include "plan/memory/demand.hpp"
#include "plan/memory/greedy.hpp"
#include "plan/memory/search.hpp"

namespace hone {
namespace {

using Order = std::vector<size_t>;

Order sorted_by(const Demand& demand, const std::function<int64_t(const Demand::Buffer&)>& weight) {
  Order order(demand.buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return weight(demand.buffers[a]) > weight(demand.buffers[b]);
  });
  return order;
}

/// Of so many buffers all pairs may be looked at; of more, as many pairs and some of each.
constexpr int64_t kMostPairs = 4'000'000, kPairsOfEach = 64;

Placement best_greedy(const Demand& demand, int64_t enough) {
  const std::function<int64_t(const Demand::Buffer&)> weights[] = {
      [](const Demand::Buffer& b) { return b.bytes; },
      [](const Demand::Buffer& b) { return int64_t{b.last} - b.first; },
  };
  const int64_t work = kMostPairs + kPairsOfEach * std::ssize(demand.buffers);
  std::optional<Placement> best;
  for (const auto& weight : weights) {
    auto placement = place_in_order(demand, sorted_by(demand, weight), work);
    if (!placement) continue;  // too many that live together
    if (!best || placement->bytes < best->bytes) best = std::move(placement);
    if (best->bytes <= enough) return *std::move(best);
  }
  Placement in_time = place_in_time(demand);
  return best && best->bytes <= in_time.bytes ? *std::move(best) : std::move(in_time);
}

/// The buffers that have bytes, over sections.
struct Sections {
  std::vector<SectionBuffer> buffers;
  std::vector<size_t> sources;  // their indices in the demand
  int count = 0;
};

Sections sections_of(const Demand& demand) {
  Sections sections;
  std::vector<std::pair<int64_t, size_t>> events;  // by step: starts (even) before ends (odd)
  for (size_t i = 0; i < demand.buffers.size(); ++i) {
    const Demand::Buffer& buffer = demand.buffers[i];
    if (buffer.bytes == 0) continue;
    events.emplace_back(int64_t{buffer.first} * 2, sections.sources.size());
    events.emplace_back(int64_t{buffer.last} * 2 + 1, sections.sources.size());
    sections.sources.push_back(i);
    sections.buffers.push_back(
        {align_up(buffer.bytes, kArenaAlignment), 0, 0, int64_t{buffer.last} - buffer.first + 1});
  }
  std::sort(events.begin(), events.end());
  bool ended = true;  // a start after an end opens a section
  for (const auto& [when, index] : events) {
    const bool is_end = when % 2 != 0;
    if (!is_end && ended) ++sections.count;
    (is_end ? sections.buffers[index].last : sections.buffers[index].first) = sections.count - 1;
    ended = is_end;
  }
  return sections;
}

constexpr size_t kMostSearched = 2000;  // buffers: the search is as deep
constexpr size_t kShortTurns = 40;
constexpr double kFirstWork = 50'000, kStrainGrowth = 1.05, kOtherGrowth = 1.6;

/// Restarts over the orders: what one never finds another finds at once. Orders by strain live on
/// many short searches; the others soon go deeper each time.
SearchResult search_with_restarts(const Sections& sections, int64_t capacity, int64_t work) {
  std::vector<double> strain(static_cast<size_t>(sections.count), 0);
  for (const SectionBuffer& buffer : sections.buffers)
    for (int s = buffer.first; s <= buffer.last; ++s)
      strain[static_cast<size_t>(s)] +=
          0.1 * static_cast<double>(buffer.size) / static_cast<double>(capacity);
  SearchResult result;
  int64_t spent = 0;
  double limit = kFirstWork, other_limit = kFirstWork;
  for (size_t turn = 0; spent < work; ++turn) {
    const size_t which = turn % std::size(kSearchOrders);
    const bool by_strain = kSearchOrders[which] >= SearchOrder::by_strain;
    if (turn < kShortTurns) other_limit = limit;
    const auto most = static_cast<int64_t>(by_strain ? limit : other_limit);
    result = search(sections.buffers, capacity, kSearchOrders[which], std::min(most, work - spent),
                    strain);
    spent += std::max<int64_t>(result.work, 1);
    if (result.kind != SearchResult::Kind::stopped) break;
    limit = std::min(limit * kStrainGrowth, static_cast<double>(work));
    if (which + 1 == std::size(kSearchOrders))
      other_limit = std::min(other_limit * kOtherGrowth, static_cast<double>(work));
  }
  result.work = spent;
  return result;
}

/// Searches at the capacity that is enough, then, with a part of the work each, between it and the
/// best.
void better(const Demand& demand, int64_t enough, int64_t work, Placement& best) {
  const Sections sections = sections_of(demand);
  if (sections.buffers.size() > kMostSearched) return;
  int64_t impossible = enough - kArenaAlignment, capacity = enough, share = work / 2;
  while (work > 0 && best.bytes > enough && impossible + kArenaAlignment < best.bytes) {
    const SearchResult result = search_with_restarts(sections, capacity, std::min(share, work));
    work -= result.work;
    if (result.kind == SearchResult::Kind::found) {
      best.bytes = 0;
      std::fill(best.offsets.begin(), best.offsets.end(), 0);
      for (size_t i = 0; i < sections.sources.size(); ++i) {
        best.offsets[sections.sources[i]] = result.offsets[i];
        best.bytes = std::max(best.bytes, result.offsets[i] + sections.buffers[i].size);
      }
    } else {
      impossible = capacity;
    }
    share = work / 4;
    capacity = align_up(impossible + (best.bytes - impossible) / 2, kArenaAlignment);
    if (capacity >= best.bytes) capacity = best.bytes - kArenaAlignment;
  }
}

}  // namespace

int64_t lower_bound(const Demand& demand) {
  std::vector<std::pair<int, int64_t>> events;
  for (const Demand::Buffer& buffer : demand.buffers) {
    const int64_t size = align_up(buffer.bytes, kArenaAlignment);
    events.emplace_back(buffer.first, size);
    events.emplace_back(buffer.last + 1, -size);
  }
  std::sort(events.begin(), events.end());  // at one step, ends (negative) come first
  int64_t live = 0, most = 0;
  for (const auto& [step, change] : events) most = std::max(most, live = checked_add(live, change));
  return most;
}

Placement solve(const Demand& demand, const Effort& effort) {
  const int64_t enough =
      std::max(lower_bound(demand), effort.enough / kArenaAlignment * kArenaAlignment);
  Placement best = best_greedy(demand, enough);
  if (best.bytes > enough && effort.work > 0) better(demand, enough, effort.work, best);
  return best;
}

}  // namespace hone
