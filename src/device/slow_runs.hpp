#pragma once
// What kernels of the host's processors had to run by reference evaluation after all: at sizes that
// they are not made for, or where memory could not be made executable.

#include <cstdint>
#include <map>
#include <string>

#include "ir/graph.hpp"

namespace hone {

/// How often since the process began, by what the region makes: "Softmax, Add -> %y". Thread-safe.
std::map<std::string, int64_t> slow_runs();
/// One more of a region.
void count_slow_run(const Graph& region);

}  // namespace hone
