#pragma once
// Depthwise convolution by the kernels of jit/depthwise.hpp.

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

  DepthwisePlan() = default;
  DepthwisePlan(Isa isa, const DepthwiseForm& form, const ConvGeometry& geometry);
};

}  // namespace hone::cpu
