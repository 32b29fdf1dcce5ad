#pragma once
// Batches of matrices that broadcast.

#include <cstdint>
#include <vector>

namespace hone::cpu {

/// Where in an operand of `shape` each matrix of the result's batch begins, in elements. The last
/// two axes of both are those of matrices. Error(usage) where the batch does not broadcast.
std::vector<int64_t> batch_offsets(const std::vector<int64_t>& shape,
                                   const std::vector<int64_t>& result);

}  // namespace hone::cpu
