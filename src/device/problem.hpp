#pragma once
// The problem that a node is to kernels, and the sizes that their estimates take.

#include <unordered_map>

#include "device/kernel.hpp"

namespace hone {

/// Inputs of a graph whose contents are known: a body's, of constants that it captures.
using KnownInputs = std::unordered_map<const Value*, std::shared_ptr<const Weight>>;

/// What all problems of a graph have in common.
struct Conditions {
  std::shared_ptr<const Target> target = unknown_target();
  Share share{};
  Bindings sizes{};      // that the user expects of symbols
  KnownInputs known{};   // of this graph
  bool fallback = true;  // kernels of the host's processors may run steps, too
};
/// Of a body of control flow of the graph that `around` is of.
KnownInputs known_inputs(const Node& node, const Graph& body, const KnownInputs& around);
Conditions conditions_in(const Node& node, const Graph& body, const Conditions& around);
/// The contents of a value, where it is a constant or a known input; else null.
std::shared_ptr<const Weight> known_weight(const Value& value, const KnownInputs& known);

/// What is known of the symbols that a region has, of all that a graph knows.
Ranges ranges_of(const Graph& body, const Ranges& all);

/// The problem of one node of `graph`, a Fused one or a plain one.
std::shared_ptr<const Problem> problem_of(const Graph& graph, const Node& node,
                                          const Conditions& conditions);

/// The same of a region whose operands and results are these values of `graph`: what is not the
/// caller's own tensor or a constant lies at a multiple of kBufferAlignment.
std::shared_ptr<Problem> problem_of(const Graph& graph, Region region,
                                    const std::vector<const Value*>& operands,
                                    const std::vector<const Value*>& results,
                                    const Conditions& conditions);

/// Where plans put values: at multiples of this many bytes.
inline constexpr int64_t kBufferAlignment = 64;

/// The size that estimates take for a symbol: what the user expects; else the middle of its range
/// by ratio, as far above the least as below the most. A size without an upper end is taken to end
/// at kOpenEnd, or where it begins if that is more.
int64_t expected_size(std::string_view symbol, const Ranges& ranges, const Bindings& expected);
inline constexpr int64_t kOpenEnd = 4096;
Bindings expected_sizes(const std::set<std::string, std::less<>>& symbols, const Ranges& ranges,
                        const Bindings& expected);

/// Of all symbols in a region.
Bindings expected_sizes_of(const Graph& body, const Ranges& ranges, const Bindings& expected);

/// The dim at the problem's sizes, at least 1: a requirement of the model may exclude them, and
/// what is left of a window is negative then.
int64_t size_for_estimates(const Problem& problem, const Dim& dim);

}  // namespace hone
