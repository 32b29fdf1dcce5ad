#pragma once
// Whether a pass tells the truth: after it the graph is valid, its text reads back, and reference
// evaluation gives what it gave before, as near as the pass's contract says.

#include <optional>
#include <string>
#include <vector>

#include "ir/text/text.hpp"
#include "passes/pass.hpp"
#include "support/random_graph.hpp"
#include "support/rng.hpp"
#include "support/truth.hpp"

namespace hone::test {

/// Small dyadic numbers for the graph's inputs, in order: each symbol and number drawn until the
/// requirements hold and the graph evaluates. nullopt: nothing suited.
std::optional<std::vector<Tensor>> draw_inputs(const Graph& graph, Rng& rng);

/// Contents for the large constants of a text: small dyadic numbers, by name.
WeightResolver dyadic_weights();

/// Runs one pass on a copy. What it did wrong; empty: nothing.
std::string check_pass(const Pass& pass, const GraphCase& graph_case);

struct PassCheck {
  PassOptions options;
  Judge judge;
  /// So many times every region is cut in two, each time elsewhere.
  int cuts = 2;
  /// Told of every pass that changed the graph, after it was checked; may be empty.
  AfterPass seen = nullptr;
};

/// Runs the pipeline on a copy, what prepares fusion, fusion, and cuts regions; checks the graph
/// after every step that changed it. What the first wrong one did wrong; empty: nothing.
std::string check_passes(const GraphCase& graph_case, const PassCheck& how);

}  // namespace hone::test
