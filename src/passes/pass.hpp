#pragma once
// A pass: a free function that makes a graph better and says whether it changed anything. The list
// in pipeline.cpp is the only order there is.

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/contract.hpp"
#include "ir/graph.hpp"
#include "passes/keep.hpp"

namespace hone {

struct PassOptions {
  std::vector<std::string> disabled;  // names of passes and rules to leave out; "all": every pass
  Keep keep;                          // nodes that no pass touches
  /// Folding keeps results of at most this many bytes, and larger ones of at most `fold_growth`
  /// times their operands' bytes.
  int64_t fold_bytes = 64 * 1024;
  int64_t fold_growth = 1;
  /// Steps of evaluation that folding may spend (ir/evaluation/work.hpp), and those for each stored
  /// element.
  int64_t fold_steps = 1 << 26;
  int64_t fold_steps_per_element = 8;
  /// Folding may make floats of quantized constants: the precision that the model came in is gone.
  bool fold_quantized = false;
  /// Folding may read weights that are made from a seed (which makes them).
  bool fold_random = false;
};

/// The options leave out the pass of this name.
bool is_disabled(std::string_view pass, const PassOptions& options);

struct Pass {
  std::string_view name;
  bool (*run)(Graph& graph, const PassOptions& options);
  Contract contract;      // what tests hold it to
  std::string_view does;  // one line for people
};

/// Turns an `if` whose condition is known into the nodes of the taken branch.
/// Needs: types. Leaves: types to be inferred anew. exact
bool select_branches(Graph& graph, const PassOptions& options);

/// Moves operands whose contents are known into the field they are a parameter of.
/// Needs: types and known contents. Leaves: operands that nothing reads. exact
bool absorb_parameters(Graph& graph, const PassOptions& options);

/// Replaces results that are known, or whose operands are all constants, by constants, within
/// limits. Spends a WorkBudget that is there already, else one of its own. Needs: types and known
/// contents. exact
bool fold_constants(Graph& graph, const PassOptions& options);

/// The steps that folding may spend on this graph.
int64_t fold_steps(const Graph& graph, const PassOptions& options);

/// Removes nodes and constants that no output needs; a symbol's use is a use of its definition.
/// exact
bool remove_dead(Graph& graph, const PassOptions& options);

/// Identities and cheaper spellings of the same (rules/simplify.rules), each within its contract.
/// Needs: types. Leaves: types. exact, but for squares: ulp 1
bool simplify(Graph& graph, const PassOptions& options);

/// Activation functions that exporters wrote in smaller ops (rules/activations.rules): one rounding
/// in place of many. Needs: types. Leaves: types. ulp 32
bool recognize_activations(Graph& graph, const PassOptions& options);

/// Normalizations that exporters wrote in smaller ops (rules/norms.rules). Needs: types, axes that
/// are fields. Leaves: types. ulp 64
bool recognize_norms(Graph& graph, const PassOptions& options);

/// Masks that exporters gathered element by element (rules/masks.rules). Needs: types, one spelling
/// of reshapes. Leaves: types. exact
bool recognize_masks(Graph& graph, const PassOptions& options);

/// Attention that exporters wrote as products, scale, mask and softmax (rules/attention.rules).
/// Needs: types, shapes that are fields. Leaves: types. ulp 512
bool recognize_attention(Graph& graph, const PassOptions& options);

/// Every pass, in the order that canonicalize() runs them.
std::span<const Pass> pipeline();

/// Called after a pass that changed the graph.
using AfterPass = std::function<void(const Pass& pass, const Graph& graph)>;

/// Infers types and runs the pipeline until nothing changes, in bodies of control flow first. What
/// comes out is the portable graph.
void canonicalize(Graph& graph, const PassOptions& options = {}, const AfterPass& after = nullptr);

/// The graph for these input sizes (one list per input, in order), its symbols replaced by numbers
/// wherever the inputs tell, canonical. Error(usage) when a size contradicts an input's type.
std::unique_ptr<Graph> specialize(const Graph& graph,
                                  const std::vector<std::vector<int64_t>>& shapes,
                                  const PassOptions& options = {});
/// What is left of the graph from `first` on, canonical; the arguments are those of rest_of().
std::unique_ptr<Graph> specialize(const Graph& graph, const Node* first,
                                  const std::vector<const Value*>& live,
                                  const std::vector<Type>& types, const Bindings& symbols,
                                  const PassOptions& options);

}  // namespace hone
