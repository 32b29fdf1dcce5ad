#pragma once
// Matrices turned, fast enough for weights of a hundred million elements.

#include "ir/tensor.hpp"

namespace hone {

/// Writes the transpose of the matrix `x`, [rows, columns], to `y`, [columns, rows] of the same
/// dtype. false, having written nothing: elements that are no whole number of bytes, or strings.
bool transpose_matrix(const Tensor& x, Tensor& y);

}  // namespace hone
