#pragma once
// Vertical fusion: regions as large as is legal, for choice to cover or to cut.

#include <string>
#include <vector>

#include "passes/pass.hpp"

namespace hone {

/// The pass' name, for --disable.
inline constexpr std::string_view kFuse = "fuse";

/// Why a node did not join the region that makes one of its operands.
struct FusionNote {
  std::string node;   // describe()
  std::string value;  // its first result's name
  std::string why;
};

/// Groups nodes into Fused ones: views and pointwise ops with the contraction, window, reduction or
/// opaque op that makes their operand (epilogues) or reads their result (prologues); residual adds
/// with the later of their producers; reductions of what a region makes, marked as a cut; anchors
/// behind one another that may run tile by tile (see chain.hpp), cut between. Values that others
/// read as well become further results of the region. Views with several readers are copied into
/// each.
/// Needs: a typed, canonical graph. Leaves: a sorted graph with Fused nodes. exact in the
/// reference; fewer roundings in a kernel.
bool fuse(Graph& graph, const PassOptions& options, std::vector<FusionNote>* notes = nullptr);

/// Cuts every region at all its marks: what runs where no kernel takes it whole.
void cut_where_marked(Graph& graph);

/// Puts every region for which `keep` is false back into its nodes, merging the copies of views.
bool cut_regions(Graph& graph, const std::function<bool(const Node& fused)>& keep);

}  // namespace hone
