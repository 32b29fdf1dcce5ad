#pragma once
// The regions that fusion finds in a model, for people and for scripts.

#include <memory>
#include <string>
#include <vector>

#include "passes/fusion/account.hpp"
#include "passes/fusion/fuse.hpp"
#include "sizes.hpp"

namespace hone::cli {

/// A graph after fusion.
struct FusedGraph {
  std::unique_ptr<Graph> graph;
  std::vector<FusionNote> notes;
  StepAccount account;   // of every region run whole
  int steps_before = 0;  // launched
  Dim bytes_before;      // that they move
  Dim bytes_cut;         // moved where every region is cut at its marks
};
/// Prepares a copy for fusion and fuses it. `after` sees it after each pass, fusion too.
FusedGraph fused(const Graph& portable, const PassOptions& options,
                 const AfterPass& after = nullptr);

/// The portable graph as it is, where --shape gave no sizes; else for these sizes of its inputs,
/// those that are open as assumed.
std::unique_ptr<Graph> specialized(const Graph& portable, const Sizes& sizes,
                                   const PassOptions& options);

/// How many steps there are, and what they move, whole, cut and before fusion.
std::string account_text(const FusedGraph& fused, const Sizes& sizes);
/// Each region with its ops and layers, why they are one, why no more are, bytes saved.
std::string explained(const FusedGraph& fused, const Sizes& sizes);
/// What each region computes, in closed terms.
std::string stages_text(const FusedGraph& fused);

/// The ops of a region, or the op of a node.
std::string ops_of(const Node& node);
/// The layers that a node stands for, else its first result.
std::string layers_of(const Node& node);
/// "saves 12.0 KiB": what the region need not move when it runs whole.
std::string saved_text(const Node& region, const Sizes& sizes);

/// What `hone inspect --regions` prints: how many steps are left and what they move, each region
/// with the layers in it, and why nodes joined no region.
std::string regions_text(const FusedGraph& fused, const Sizes& sizes);

}  // namespace hone::cli
