#pragma once
// Regions of one node that does the work and what follows its result element by element, in the
// same order as the generated contractions do it: plus a tensor, clipped below, clipped above.

#include <optional>
#include <string>

#include "device/cpu/jit/contraction.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {

struct Chain {
  const Node* anchor = nullptr;
  ContractionForm form;  // what follows, but for the bias
  float low = 0, high = 0;
  const Value* added = nullptr;   // an input of the region
  const Value* result = nullptr;  // what the last node of the chain makes
  size_t nodes = 0;               // of the region that belong to it
};

/// The chain at the first node of the region that is a `T`, all of it f32. nullopt: there is none,
/// or other nodes of the region come before it.
std::optional<Chain> chain_at(const Problem& problem, bool (*is_anchor)(const Op& op));

/// yes; no; or yes up to the end of the chain.
Verdict verdict_on(const Problem& problem, const Chain& chain);

/// The contents of an operand of a node of the region that is a constant or a literal; else null.
const Weight* constant_of(const Problem& problem, const Value* operand);

}  // namespace hone::cpu
