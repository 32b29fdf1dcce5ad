#pragma once
// Regions of one node that does the work and what follows its result element by element: first in
// the order in which the generated contractions do it (plus a row of biases, plus a tensor, clipped
// below and above), then functions of one operand, which run over what was just stored.

#include <optional>
#include <string>

#include "device/cpu/elementwise.hpp"
#include "device/cpu/jit/contraction.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {

/// A function of one f32 operand.
struct Applied {
  Op op;
  RowFunction function;
};
/// In place.
void apply(const std::vector<Applied>& all, int64_t count, float* elements);

struct Chain {
  const Node* anchor = nullptr;
  ContractionForm form;  // what follows; a bias only where it is asked for
  float low = 0, high = 0;
  const Value* bias = nullptr;   // an input of the region: one for each column
  const Value* added = nullptr;  // another one, of the result's shape
  std::vector<Applied> applied;
  const Value* result = nullptr;  // what the last node of the chain makes
  size_t nodes = 0;               // of the region that belong to it
};

/// The chain at the first node of the region that is a `T`, all of it f32. nullopt: there is none,
/// or other nodes of the region come before it. `with_bias`: a row that is added may be one.
std::optional<Chain> chain_at(const Problem& problem, bool (*is_anchor)(const Op& op),
                              bool with_bias = false);

/// yes; no; or yes up to the end of the chain.
Verdict verdict_on(const Problem& problem, const Chain& chain);

/// The contents of an operand of a node of the region that is a constant or a literal; else null.
const Weight* constant_of(const Problem& problem, const Value* operand);

}  // namespace hone::cpu
