#include "latency.hpp"

#include <algorithm>
#include <numeric>

namespace hone::cli {

Latency latency_of(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  const auto percentile = [&](size_t hundredths) {
    const size_t rank = (hundredths * times.size() + 99) / 100;  // rounded up
    return times[std::max<size_t>(rank, 1) - 1];
  };
  const double sum = std::accumulate(times.begin(), times.end(), 0.0);
  return {times.size(),   times.front(),  sum / static_cast<double>(times.size()),
          percentile(50), percentile(90), percentile(95),
          percentile(99), times.back()};
}

}  // namespace hone::cli
