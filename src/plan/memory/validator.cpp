#include <algorithm>
#include <map>
#include <numeric>

#include "base/size.hpp"
#include "base/text.hpp"
#include "plan/memory/demand.hpp"

namespace hone {
namespace {

std::vector<size_t> sorted_by(const std::vector<Demand::Buffer>& buffers,
                              int Demand::Buffer::*step) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return buffers[a].*step < buffers[b].*step; });
  return order;
}

std::optional<std::string> check_range(const Demand::Buffer& buffer, size_t i,
                                       const Placement& placement) {
  const int64_t begin = placement.offsets[i];
  if (begin < 0 || begin % kArenaAlignment != 0) return cat("buffer ", i, " lies at ", begin);
  const auto end = try_add(begin, buffer.bytes);
  if (!end || *end > placement.bytes)
    return cat("buffer ", i, " ends past the arena of ", placement.bytes, " bytes");
  return std::nullopt;
}

}  // namespace

// Through the steps, with all that is live by its place: while nothing overlaps, what begins now
// can overlap its two neighbours only.
std::optional<std::string> validate(const Demand& demand, const Placement& placement) {
  const auto& buffers = demand.buffers;
  if (placement.offsets.size() != buffers.size())
    return cat(placement.offsets.size(), " offsets for ", buffers.size(), " buffers");
  for (size_t i = 0; i < buffers.size(); ++i)
    if (auto wrong = check_range(buffers[i], i, placement)) return wrong;
  const std::vector<size_t> ends = sorted_by(buffers, &Demand::Buffer::last);
  std::map<int64_t, size_t> live;  // by offset
  auto ended = ends.begin();
  for (const size_t i : sorted_by(buffers, &Demand::Buffer::first)) {
    if (buffers[i].bytes == 0) continue;
    for (; buffers[*ended].last < buffers[i].first; ++ended)
      if (buffers[*ended].bytes > 0) live.erase(placement.offsets[*ended]);
    const int64_t begin = placement.offsets[i];
    const auto next = live.lower_bound(begin);
    std::optional<size_t> other;
    if (next != live.end() && next->first < begin + buffers[i].bytes) other = next->second;
    if (next != live.begin())
      if (const size_t before = std::prev(next)->second;
          placement.offsets[before] + buffers[before].bytes > begin)
        other = before;
    if (other)
      return cat("buffers ", std::min(*other, i), " and ", std::max(*other, i),
                 " overlap while both are live");
    live.emplace(begin, i);
  }
  return std::nullopt;
}

}  // namespace hone
