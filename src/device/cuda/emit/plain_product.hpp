#pragma once
// Products that a library can compute: matrices with one step from row to row and one from column
// to column, a scale, a bias of columns, a further summand, clipping at 0.

#include <optional>
#include <string>

#include "device/cuda/emit/contract_text.hpp"

namespace hone::cuda::emitter {

/// Where the elements of a matrix are, from its first one on, in elements.
struct Steps {
  Dim batch, row, column;
};

/// batch x rows x depth times batch x depth x columns; those of `a` are of rows and the depth, of
/// `b` of the depth and columns.
struct PlainProduct {
  Contraction contraction;
  const Value *a = nullptr, *b = nullptr, *result = nullptr;
  Steps a_steps, b_steps, result_steps;
  double scale = 1;
  const Value* bias = nullptr;  // an element of each column
  const Value* summand = nullptr;
  Steps summand_steps;
  bool clips = false;  // what is below 0
  std::string declined;
};
PlainProduct plain_product_of(const Problem& problem);

}  // namespace hone::cuda::emitter
