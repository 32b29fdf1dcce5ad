#pragma once
// Sizes of a network's inputs, where files do not state them.

#include "import/tensorflow/graph_import.hpp"

namespace hone::tensorflow {

/// Of a Placeholder: as it states them, or `given` by the caller, or as far as what reads it tells.
/// nullopt: nothing tells even the rank.
StatedShape sizes_of_input(const GraphDef& graph, const NodeIndex& index, const NodeDef& input,
                           const ImportOptions& options, int64_t producer);

/// Sizes that a caller gives, of a tensor of this DataType: of a complex one less the axis of
/// pairs. Error(usage): it is not there.
std::vector<int64_t> without_pairs(std::vector<int64_t> sizes, int64_t type);

}  // namespace hone::tensorflow
