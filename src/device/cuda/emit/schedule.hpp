#pragma once
// Which thread computes what: a region's stages as a nest for a GPU.

#include <string>
#include <vector>

#include "device/cuda/emit/strides.hpp"
#include "ir/nest/nest.hpp"
#include "ir/stages/stages.hpp"

namespace hone::cuda::emitter {

struct Scheduled {
  Nest nest;
  std::vector<const Value*> operands;  // of the nest's parameters; literals among them
  int lanes = 32;                      // that share the turns of a vector loop
  std::string declined;                // why there is none, in words; empty: there is
};

/// Rows, where all that the stages fold is folded along rows of the results: a group of threads
/// takes a row, folds it, and writes it, so that softmax or layer norm is one function. Else one
/// function for each stage that is left by inlined(), a thread for each element, or a group of
/// threads where they read what is folded side by side, or would be few. `body`: of a region;
/// `strides`: of its inputs and outputs.
Scheduled schedule(const Graph& body, const Strides& strides = {});

}  // namespace hone::cuda::emitter
