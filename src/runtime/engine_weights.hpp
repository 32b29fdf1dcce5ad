#pragma once
// The weights of an engine file: every content once, and the index that says where each lies.

#include <map>
#include <string>
#include <vector>

#include "ir/graph.hpp"
#include "runtime/engine_sections.hpp"

namespace hone {

/// One weight's place in the weights section.
struct StoredWeight {
  const Weight* weight;
  uint64_t offset, length;
};

/// Bytes of the graph's weights that are made from seeds when they are read.
uint64_t random_bytes(const Graph& graph);
/// The graph with contents in place of seeds where a reader's limits let it make no more of them.
std::shared_ptr<const Graph> readable(const std::shared_ptr<const Graph>& graph);

/// Every weight of `graphs` that is no literal and not made from a seed, once by content, in the
/// order of first use. Error(usage) for one whose contents are not here.
std::vector<StoredWeight> lay_out_weights(const std::vector<const Graph*>& graphs);
/// Bytes of the weights section.
uint64_t stored_bytes(const std::vector<StoredWeight>& stored);

/// Of each a line: hash, dtype, shape, offset, length.
std::string index_text(const std::vector<StoredWeight>& stored);
/// The weights section piece by piece, gaps included.
void each_piece(const std::vector<StoredWeight>& stored, const SectionBody::Take& take);

using StoredWeights = std::map<Hash, std::shared_ptr<const Weight>>;

/// The weights that the index names, mapped. They must lie as lay_out_weights() would lay them.
/// `verify`: each must have the content that its hash says. Error(incompatible_engine).
StoredWeights read_weights(const SectionReader& sections, bool verify);

}  // namespace hone
