#pragma once
// What an engine runs, region by region, for people and for scripts; and beside it, labelled so,
// what fusion finds that no kernel runs yet.

#include <memory>
#include <string>
#include <vector>

#include "compile/candidates.hpp"
#include "compile/compile.hpp"
#include "report/open_sizes.hpp"

namespace hone::report {

/// A plan and the graph that it is of: what an engine runs. Its nodes are the plan's steps.
struct Running {
  const Graph& typed;
  const Plan& plan;
  const Compiled::Report& report;  // empty for an engine from a file
};

/// What the steps are at these sizes, which tell what the plan has in place without a step.
StepAccount account_at(const Graph& typed, const Plan& plan, const OpenSizes& sizes);

/// What `hone inspect --regions` prints: how many steps there are and what they move, each with its
/// ops, kernel and layers.
std::string regions_text(const Running& running, const OpenSizes& sizes);
/// What `hone build --explain` prints: the same with segments and bodies, why a region is one, what
/// kernels were refused where the last resort runs, which candidates were priced.
std::string explained(const Running& running, const OpenSizes& sizes);
/// What each region computes, in closed terms.
std::string stages_text(const Graph& typed);

/// What fusion would make of a graph if kernels ran its regions whole, under a heading that says
/// so: how many steps would be left and what they would move, each region, and why nodes joined
/// none.
std::string candidates_text(const FusionCandidates& found, const OpenSizes& sizes);

/// The ops of a region, or the op of a node.
std::string ops_of(const Node& node);
/// The layers that a node stands for, else its first result.
std::string layers_of(const Node& node);
/// How a step runs: its kernel and tuning, or what else does its work.
std::string how_of(const Step& step);

/// The portable graph as it is, where --shape gave no sizes; else for these sizes of its inputs,
/// those that are open as assumed.
std::unique_ptr<Graph> specialized(const Graph& portable, const OpenSizes& sizes,
                                   const PassOptions& options);

}  // namespace hone::report
