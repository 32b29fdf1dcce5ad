#pragma once
// The regions that fusion finds in a model, for people and for scripts.

#include <memory>
#include <string>
#include <vector>

#include "model_options.hpp"
#include "passes/fusion/fuse.hpp"

namespace hone::cli {

/// A graph after fusion.
struct FusedGraph {
  std::unique_ptr<Graph> graph;
  std::vector<FusionNote> notes;
  int steps_before = 0;  // launched
  Dim bytes_before;      // that they move
};
/// Prepares a copy for fusion and fuses it. `after` sees it after each pass, fusion too.
FusedGraph fused(const Graph& portable, const PassOptions& options,
                 const AfterPass& after = nullptr);

/// The portable graph for these sizes of inputs; none: a copy. Error(usage) for sizes left open.
std::unique_ptr<Graph> specialized(const Graph& portable, const Shapes& shapes,
                                   const PassOptions& options);

/// Each region with its ops and layers, why they are one, why no more are, bytes saved.
std::string explained(const FusedGraph& fused);
/// What each region computes, in closed terms.
std::string stages_text(const FusedGraph& fused);

/// The ops of a region, or the op of a node.
std::string ops_of(const Node& node);
/// The layers that a node stands for, else its first result.
std::string layers_of(const Node& node);

/// What `hone inspect --regions` prints: how many steps are left and what they move, each region
/// with the layers in it, and why nodes joined no region. `shapes`: sizes of inputs.
std::string regions_text(const Graph& portable, const Shapes& shapes, const PassOptions& options);

}  // namespace hone::cli
