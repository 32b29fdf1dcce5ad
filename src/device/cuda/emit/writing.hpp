#pragma once
// What writers of kernels' texts share.

#include <string>

#include "ir/stages/expr.hpp"

namespace hone::cuda::emitter {

/// Thrown where a text cannot be written, caught where writing began.
struct Refusal {
  std::string why;
};

/// The name of an axis' variable.
inline std::string name_of(const Axis& axis) { return std::string(*axis.variable.as_variable()); }

}  // namespace hone::cuda::emitter
