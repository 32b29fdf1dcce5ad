#pragma once
// Stages with as few results in memory as may be: what works element by element stands where it is
// read.

#include <string>
#include <vector>

#include "ir/stages/stages.hpp"

namespace hone::cuda::emitter {

/// The same function by fewer stages, in order: `outputs` and what folds elements for more than one
/// reader, or for a reader of other elements. Literals of one element are numbers. `declined`:
/// why not, in words.
Stages inlined(const Stages& stages, const std::vector<const Value*>& outputs);

/// Loops that are one: the places of each, by the one's number. Loops without turns have place 0.
Dims parted(const Dim& number, const std::vector<Axis>& axes);

/// How often an expression folds elements; whether within another fold.
struct Folds {
  int count = 0;
  bool nested = false;
};
Folds folds_of(const Expr& expr);

}  // namespace hone::cuda::emitter
