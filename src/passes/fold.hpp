#pragma once
// Passes that compute with weights now what would be computed with activations later. New weights
// are results of nodes that read constants only: fold_constants computes them where contents exist.

#include "passes/pass.hpp"

namespace hone {

/// Batch norm goes into the weights and bias of the convolution, transposed convolution, Gemm or
/// MatMul (which leaves an Add) before it, or of the one after it where no padding sees its shift.
/// Behind a Relu with positive factors it becomes Mul and Add. Weights of 16 bits are folded in
/// f32. Needs: types. ulp 64: weights are rounded after scaling, and sums may cancel
bool fold_batch_norm(Graph& graph, const PassOptions& options);

/// Mul and Div by one number a channel, or by one number, go into the weights before or after them,
/// past a Relu or LeakyRelu where they are positive.
/// Needs: types. ulp 64
bool fold_scale(Graph& graph, const PassOptions& options);

/// Add and Sub of one number a channel, or of one number, go into the bias of the convolution or
/// Gemm before them, or of the one after where no padding sees them. Needs: types. ulp 64
bool fold_bias(Graph& graph, const PassOptions& options);

/// A bias that is known to be zeros goes. exact, but that -0 + 0 is 0
bool drop_zero_bias(Graph& graph, const PassOptions& options);

}  // namespace hone
