#include "import/builder/order.hpp"

#include <algorithm>
#include <functional>
#include <queue>

namespace hone::builder {
namespace {

/// Follows reads that are not ordered until a node comes again.
std::vector<uint32_t> find_cycle(const std::vector<std::vector<uint32_t>>& reads,
                                 const std::vector<bool>& done) {
  const auto first = std::find(done.begin(), done.end(), false);
  if (first == done.end()) return {};
  std::vector<uint32_t> path;
  std::vector<uint32_t> place(reads.size(), UINT32_MAX);
  auto at = static_cast<uint32_t>(first - done.begin());
  while (place[at] == UINT32_MAX) {
    place[at] = static_cast<uint32_t>(path.size());
    path.push_back(at);
    at = *std::find_if(reads[at].begin(), reads[at].end(), [&](uint32_t r) { return !done[r]; });
  }
  path.erase(path.begin(), path.begin() + place[at]);
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace

Order dependency_order(const std::vector<std::vector<uint32_t>>& reads) {
  Order order;
  order.nodes.reserve(reads.size());
  std::vector<uint32_t> waiting(reads.size());
  std::vector<std::vector<uint32_t>> readers(reads.size());
  std::priority_queue<uint32_t, std::vector<uint32_t>, std::greater<>> ready;  // file order first
  for (uint32_t i = 0; i < reads.size(); ++i) {
    waiting[i] = static_cast<uint32_t>(reads[i].size());
    for (const uint32_t read : reads[i]) readers[read].push_back(i);
    if (waiting[i] == 0) ready.push(i);
  }
  std::vector<bool> done(reads.size(), false);
  while (!ready.empty()) {
    const uint32_t node = ready.top();
    ready.pop();
    done[node] = true;
    order.nodes.push_back(node);
    for (const uint32_t reader : readers[node])
      if (--waiting[reader] == 0) ready.push(reader);
  }
  order.cycle = find_cycle(reads, done);
  return order;
}

}  // namespace hone::builder
