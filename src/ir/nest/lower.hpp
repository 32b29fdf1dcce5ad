#pragma once
#include <vector>

#include "ir/nest/nest.hpp"
#include "ir/stages/stages.hpp"

namespace hone {

/// A nest and what its parameters are: operands[i] is parameter i, constants among them.
struct Lowered {
  Nest nest;
  std::vector<const Value*> operands;
};

/// Stages as loops, in the plainest way: one serial loop for each axis and each axis of a
/// reduction, an accumulator in a register for each reduction, every stage's result whole in
/// memory. Computes the same bits as interpretation of the stages. `outputs`: the values that are
/// results; others that the stages compute live in the arena. Empty: all of them are results.
Lowered lower(const Stages& stages, std::string name,
              const std::vector<const Value*>& outputs = {});

}  // namespace hone
