#pragma once
// The sizes of a network's own inputs, which its file does not state.

#include "import/mxnet/node_reader.hpp"

namespace hone::mxnet {

/// Which nodes a trained network runs.
struct Needed {
  std::vector<bool> nodes;
};
/// What the heads need, inputs that are for training alone left out.
Needed needed_nodes(const Symbol& symbol, const Importers& importers);

/// For each variable what is known of its sizes: what its attributes state (__shape__), else what
/// the nodes that read it tell of it. 0: open; empty: nothing is known, not even the rank.
std::vector<std::vector<int64_t>> input_sizes(const Symbol& symbol, const Importers& importers,
                                              const Needed& needed, const WeightSource& weights);

}  // namespace hone::mxnet
