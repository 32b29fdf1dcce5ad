#pragma once
// Passes that pay once regions are fused and pieces of values are views: until then the nodes that
// they add would copy. They run in front of fusion, on the typed graph, and not on the portable
// one.

#include <span>

#include "passes/pass.hpp"

namespace hone {

/// Conv, Add and Mul between DequantizeLinear and QuantizeLinear of 8 bits become QLinearConv,
/// QLinearAdd and QLinearMul, with a Relu or Clip that saturating does; MaxPool, Concat, Transpose
/// and reshapes between equal scales work on the integers. Needs: types, contents of scales,
/// weights and biases, which must not be folded to floats yet. quantum 1
bool fold_quantize(Graph& graph, const PassOptions& options);

/// Gemm becomes MatMul (of constants transposed once) and Add, the one spelling of a product with a
/// bias. Needs: types. ulp 4
bool split_gemm(Graph& graph, const PassOptions& options);

/// Convolutions, and products, of one operand with the same geometry become one with the weights
/// side by side, and a Split; what elementwise op reads every piece works before the Split. Needs:
/// types, split_gemm. exact
bool fuse_siblings(Graph& graph, const PassOptions& options);

/// These passes, in the order in which they run.
std::span<const Pass> fusion_preparation();

/// Runs them, and what tidies up behind them, until nothing changes. Types are inferred.
void prepare_fusion(Graph& graph, const PassOptions& options = {},
                    const AfterPass& after = nullptr);

}  // namespace hone
