#pragma once
#include "ir/stages/expr.hpp"

namespace hone::cuda::emitter {

/// Instructions for each result of a product's stage, behind its sum, about: for estimates. What
/// special units compute counts as long as they take.
double instructions_of(const Expr& stage);

}  // namespace hone::cuda::emitter
