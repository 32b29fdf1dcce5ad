#include <algorithm>

#include "plan/streams.hpp"

namespace hone {
std::vector<int> Clocks::add(int stream, std::vector<int> needs) {
  std::vector<int>& on_stream = steps_[at(stream)];
  std::vector<int> clock =
      on_stream.empty() ? std::vector<int>(steps_.size(), 0) : clocks_[at(on_stream.back())];
  clock[at(stream)] = static_cast<int>(on_stream.size());
  // What a later step implies need not be waited for: the latest first.
  std::sort(needs.begin(), needs.end(), std::greater<>());
  std::vector<int> waits;
  for (const int need : needs) {
    int& known = clock[at(stream_[at(need)])];
    if (known > position_[at(need)]) continue;
    for (size_t s = 0; s < clock.size(); ++s) clock[s] = std::max(clock[s], clocks_[at(need)][s]);
    known = position_[at(need)] + 1;
    waits.push_back(need);
  }
  std::reverse(waits.begin(), waits.end());
  position_.push_back(static_cast<int>(on_stream.size()));
  on_stream.push_back(static_cast<int>(stream_.size()));
  stream_.push_back(stream);
  clocks_.push_back(std::move(clock));
  return waits;
}

bool Clocks::before(int a, int b) const {
  return clocks_[at(b)][at(stream_[at(a)])] > position_[at(a)];
}

int Clocks::last_beside(int a) const {
  int last = a;
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (s == at(stream_[at(a)])) continue;
    const auto first_after = std::partition_point(steps_[s].begin(), steps_[s].end(),
                                                  [&](int step) { return !before(a, step); });
    if (first_after != steps_[s].begin()) last = std::max(last, *std::prev(first_after));
  }
  return last;
}

}  // namespace hone
