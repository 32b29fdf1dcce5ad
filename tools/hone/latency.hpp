#pragma once
// What many measured times of the same work come to.

#include <cstddef>
#include <vector>

namespace hone::cli {

/// In seconds. A percentile is the smallest time that so many hundredths of the runs did not
/// exceed (nearest rank); the median is that of 50.
struct Latency {
  size_t runs = 0;
  double least = 0, mean = 0, median = 0, p90 = 0, p95 = 0, p99 = 0, most = 0;
};

/// `times`: at least one.
Latency latency_of(std::vector<double> times);

}  // namespace hone::cli
