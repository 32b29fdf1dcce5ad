#pragma once
// Single kernels over a table of regions: `hone bench --kernels`.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/pattern.hpp"
#include "device/device.hpp"
#include "ir/graph.hpp"

namespace hone {

/// A region that networks often have, as a graph of its nodes.
struct KernelCase {
  std::string name;  // "conv 3x3, 64 to 64 channels, 56x56"
  std::unique_ptr<Graph> graph;
};

/// The table (src/tune/cases), in its order.
std::vector<KernelCase> kernel_cases();

/// What a kernel took for one run of a region.
struct KernelTime {
  std::string kernel;  // "cpu.conv.direct"
  Tuning tuning;
  double seconds = 0;   // median
  double estimate = 0;  // what its recipe says
};

/// The kernels whose names `names` finds and that run the whole graph as one region, each with all
/// of its tunings, timed in turns; the fastest first. Empty: there is none.
std::vector<KernelTime> time_kernels(const Graph& graph, const Pattern& names, Device& device,
                                     Stream& stream);

}  // namespace hone
