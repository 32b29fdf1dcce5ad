#pragma once
// Sizes of a network's inputs, where files do not state them.

#include "import/tensorflow/graph_import.hpp"

namespace hone::tensorflow {

/// Of a Placeholder: as it states them, or `given` by the caller, or as far as what reads it tells.
/// nullopt: nothing tells even the rank.
StatedShape sizes_of_input(const GraphDef& graph, const NodeIndex& index, const NodeDef& input,
                           const ImportOptions& options, int64_t producer);

}  // namespace hone::tensorflow
