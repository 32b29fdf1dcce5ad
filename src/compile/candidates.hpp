#pragma once
// Passes that pay only with some kernels (passes/prepare_fusion.hpp), as choices of compile(); and
// what they and fusion would make of a graph if kernels ran every region whole.

#include <span>

#include "passes/fusion/account.hpp"
#include "passes/fusion/fuse.hpp"

namespace hone {

/// They pay together or not at all.
struct CandidatePasses {
  std::string_view name;
  std::span<const std::string_view> passes;
  std::string_view makes_way{};  // one of them, that pays for another's sake alone
  bool as_stored = false;        // they want weights as they are stored, before they are unpacked
};
/// In the order in which they are tried; those that want weights as they are stored come first.
std::span<const CandidatePasses> candidate_passes();

/// Runs them on a typed graph, and what tidies up behind them. false: nothing that could pay was
/// found, nothing changed.
bool run(const CandidatePasses& candidate, Graph& graph, const PassOptions& options,
         const AfterPass& after = nullptr);

/// What they make of the graph; null: nothing. `copy`: one of the graph, or null; one that was left
/// as it was stays for the next candidate.
std::unique_ptr<Graph> tried(const CandidatePasses& candidate, const Graph& graph,
                             const PassOptions& options, std::unique_ptr<Graph>& copy);

/// A graph as fusion would have it if all candidates were taken and kernels ran every region. No
/// plan is of it.
struct FusionCandidates {
  std::unique_ptr<Graph> graph;
  std::vector<FusionNote> notes;
  StepAccount account;   // of every region run whole
  int steps_before = 0;  // launched
  Dim bytes_before;      // that they move
  Dim bytes_cut;         // moved where every region is cut at its marks
};
FusionCandidates find_fusion(const Graph& portable, const PassOptions& options,
                             const AfterPass& after = nullptr);

}  // namespace hone
