#pragma once
// Random graphs: typed, valid, with inputs for which every node can be evaluated. Ops are drawn
// from a registry by their arity and fields; `infer` and reference evaluation judge what is valid,
// and what they refuse is drawn anew. Hints (random_hints.cpp) say for some ops what operands they
// like.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.hpp"
#include "ir/tensor.hpp"
#include "support/rng.hpp"

namespace hone::test {

/// What an op's operands and fields may look like, where blind draws rarely succeed.
/// Operands, separated by spaces: type, shape, contents, a mark. Type: f32, i64 ..., or F (any
/// float), N (any number), A (anything), X (what the first operand is). Shape: [a,b,4,2c], letters
/// being the same number everywhere; [*]: any. Contents: {-2..2} makes a constant of such numbers;
/// {1,0} of these. Mark ?: now and then absent; +: one to three of them.
/// S, O as a type: a sequence, an optional. _: absent.
/// Fields, separated by spaces: name=value|value..., $a standing for the number of letter a.
struct Hint {
  std::string_view op, operands, fields;
  int results = 1;  // of a motif's step
};
std::vector<const Hint*> hints_for(std::string_view op);

/// Nodes that stand behind one another in real networks, for passes to find. The letters of all
/// steps are the same numbers. An op is one of "Relu|Tanh", "Relu?" is now and then left out; an
/// operand ^ is the result of the step before, ^0 of the first step, ^0.1 its second result.
using Motif = std::vector<Hint>;
const Motif& any_motif(Rng& rng);
/// One whose views are read twice, before and behind a norm, a product, a fold (random_joins.cpp).
Motif any_join(Rng& rng);
/// What may make the operand of one.
const Motif& any_front(Rng& rng);

struct RandomGraphOptions {
  int least_nodes = 5, most_nodes = 60;
  int64_t most_elements = 2048;  // of one value
  std::vector<int64_t> sizes{};  // that dimensions are drawn from; empty: small ones, rarely 0
  int64_t motifs = 12;           // percent of the draws
  int64_t joins = 4;             // likewise
  int64_t size_chains = 5;       // likewise
  bool halves = false;           // most floats are f16 or bf16
  /// When given: for another runtime. Only nodes of these kinds (kind_of; empty: all), only tensors
  /// as outputs, none of them empty.
  const std::set<std::string, std::less<>>* kinds = nullptr;
};

/// The op and the dtypes that its operands and results have, each once: "Where bool f32".
std::string kind_of(const Node& node);

/// A graph and tensors for its inputs, in order.
struct GraphCase {
  std::unique_ptr<Graph> graph;
  std::vector<Tensor> inputs;
};

/// How often each op was tried and kept.
struct OpCount {
  int64_t tried = 0, kept = 0;
};
using OpCounts = std::map<std::string_view, OpCount>;

/// The same case for the same seed, registry and options on every machine.
GraphCase random_graph(uint64_t seed, const OpRegistry& registry, OpCounts& counts,
                       const RandomGraphOptions& options = {});

/// What is wrong with the case, in words; empty: nothing.
using CheckCase = std::function<std::string(const GraphCase& graph_case)>;
/// The smallest case found for which `check` still finds something: outputs dropped, values that
/// nodes made given as inputs.
GraphCase shrink(const GraphCase& graph_case, const CheckCase& check);
/// The graph's text and its inputs as literals.
std::string text_of(const GraphCase& graph_case);

}  // namespace hone::test
