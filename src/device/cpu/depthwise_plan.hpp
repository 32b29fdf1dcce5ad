#pragma once
// Depthwise convolution by the kernels of jit/depthwise.hpp.

#include <algorithm>
#include <optional>
#include <vector>

#include "device/cpu/im2col.hpp"
#include "device/cpu/jit/depthwise.hpp"

namespace hone::cpu {

/// One filter a channel; nullopt: the kernels do not have its window.
std::optional<DepthwiseForm> depthwise_form(const Filters& filters);

/// What follows from sizes.
struct DepthwisePlan {
  std::vector<std::byte> table;
  int64_t vectors = 0;  // 0: these sizes are for another kernel
  size_t entry_bytes = 0;
  /// Where in a plane the outputs of this vector begin; of the one after the last: the plane's end.
  int64_t place(int64_t vector) const {
    return vector / in_line * line + std::min(line, vector % in_line * lanes);
  }

  /// There is one for these sizes.
  static bool takes(const ConvGeometry& geometry);
  DepthwisePlan() = default;
  DepthwisePlan(Isa isa, const DepthwiseForm& form, const ConvGeometry& geometry);

 private:
  int64_t line = 0, in_line = 1, lanes = 1;  // outputs and vectors of a line, outputs of a vector
};

}  // namespace hone::cpu
