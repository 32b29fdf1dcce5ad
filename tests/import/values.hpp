#pragma once
// What an imported graph computes, as tests of importers write it.

#include <string>
#include <utility>
#include <vector>

#include "ir/graph.hpp"
#include "ir/tensor.hpp"

namespace hone::test {

/// "y f32[1,2]: 1 2" for each output, by reference evaluation, rounded to four places. `inputs` in
/// the graph's order.
std::string values_of(const Graph& graph, const std::vector<Tensor>& inputs);
/// The same of inputs by name. Error(usage): one is not given.
std::string values_of(const Graph& graph,
                      const std::vector<std::pair<std::string, Tensor>>& inputs);

}  // namespace hone::test
