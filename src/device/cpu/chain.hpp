#pragma once
// Regions of one node that does the work and what follows its result element by element: first in
// the order in which the generated contractions do it (plus a row of biases, plus a tensor, clipped
// below and above), then functions of one operand, which run over what was just stored.

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "device/cpu/elementwise.hpp"
#include "device/cpu/jit/contraction.hpp"
#include "device/cpu/step.hpp"
#include "device/strided_view.hpp"

namespace hone::cpu {

/// A function of one f32 operand.
struct Applied {
  Op op;
  RowFunction function;
};
/// In place.
void apply(const std::vector<Applied>& all, int64_t count, float* elements);
/// The node as one; nullopt: it is none.
std::optional<Applied> applied_of(const Node& node);

/// Relu, or Clip with bounds that are known.
struct Clipping {
  float low = -INFINITY, high = INFINITY;
};
/// Of `value` by the node; nullopt: it does something else.
std::optional<Clipping> clipping_of(const Node& node, const Value* value);

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
/// The same at the first anchor of the region, whatever makes its operands.
std::optional<Chain> chain_behind(const Problem& problem, bool (*is_anchor)(const Op& op),
                                  bool with_bias = false);

/// What follows sums, in place: `also`, elements of what is added, null where there are none; then
/// clipping and functions.
void follow(const Chain& chain, int64_t count, const float* also, float* sums);

/// Views behind a chain, and a tensor that is added to what they make.
struct Landing {
  std::optional<StridedView> place;  // of the chain's result in the last view; nullopt: see below
  const Value* last = nullptr;       // what the last view makes
  const Value* added = nullptr;      // an input of the region, or null
  const Value* result = nullptr;
  size_t nodes = 0;
};
/// nullopt: no view follows, or they only give the same elements another shape and nothing is
/// added, or they do not leave the rows of the chain's result whole where no stride leads.
std::optional<Landing> landing_of(const Problem& problem, const Chain& chain);

/// yes; no; or yes up to the end of the chain, or of its landing. `before`: further nodes that are
/// taken.
Verdict verdict_on(const Problem& problem, const Chain& chain,
                   const std::optional<Landing>& landing = std::nullopt, size_t before = 0);

/// The contents of an operand of a node of the region that is a constant or a literal; else null.
const Weight* constant_of(const Problem& problem, const Value* operand);

}  // namespace hone::cpu
