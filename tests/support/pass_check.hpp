#pragma once
// Whether a pass tells the truth: after it the graph is valid, its text reads back, and reference
// evaluation gives what it gave before, as near as the pass's contract says.

#include <optional>
#include <string>
#include <vector>

#include "ir/text.hpp"
#include "passes/pass.hpp"
#include "support/random_graph.hpp"
#include "support/rng.hpp"

namespace hone::test {

/// Small dyadic numbers for the graph's inputs, in order: each symbol and number drawn until the
/// requirements hold and the graph evaluates. nullopt: nothing suited.
std::optional<std::vector<Tensor>> draw_inputs(const Graph& graph, Rng& rng);

/// Contents for the large constants of a text: small dyadic numbers, by name.
WeightResolver dyadic_weights();

/// The first element in which results differ by more than the contract allows, or, where results
/// may move at all, by more than `share` of the largest magnitude; empty: none.
std::string difference(const Contract& contract, double share, const std::vector<Tensor>& wanted,
                       const std::vector<Tensor>& got);

/// What of the graph gets lost when its text is read back; empty: nothing.
std::string round_trip(const Graph& graph);

/// Runs one pass on a copy. What it did wrong; empty: nothing.
std::string check_pass(const Pass& pass, const GraphCase& graph_case);

/// Runs the pipeline on a copy and checks the graph after every pass that changed it. `share` as
/// for difference(). What the first wrong pass did wrong; empty: nothing.
std::string check_passes(const GraphCase& graph_case, const PassOptions& options, double share);

}  // namespace hone::test
