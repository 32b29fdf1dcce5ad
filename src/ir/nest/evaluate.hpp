#pragma once
#include <vector>

#include "ir/nest/nest.hpp"
#include "ir/tensor.hpp"

namespace hone {

/// The outputs of a nest, in order, by slow interpretation: what every emitter is compared to.
/// `inputs` in order. Turns of parallel and vector loops run last to first, so that what depends on
/// their order shows. Error(internal) for an index outside of its buffer, for what is read before
/// it is written, and for an element of an output that nothing wrote.
std::vector<Tensor> evaluate(const Nest& nest, const Bindings& symbols,
                             const std::vector<Tensor>& inputs);

}  // namespace hone
