#pragma once
// Passes that pay once regions are fused and pieces of values are views: until then the nodes that
// they add would copy. They run in front of fusion, on the typed graph, and not on the portable
// one.

#include <span>

#include "passes/pass.hpp"

namespace hone {

/// DequantizeLinear goes behind what only moves elements (reshapes, Transpose, Slice, Gather,
/// Split, MaxPool, Resize to the nearest, Concat of equal scales), QuantizeLinear in front of
/// reshapes, Transpose and Concat; back to the same integers at once, both go. Needs: types. exact
bool move_quantize(Graph& graph, const PassOptions& options);

/// Conv, MatMul and Gemm with their biases, Add, Mul and means of windows or maps between
/// DequantizeLinear and QuantizeLinear of 8 bits become QLinearConv, QLinearMatMul, QGemm,
/// QLinearAdd, QLinearMul, QLinearAveragePool and QLinearGlobalAveragePool; a Relu or Clip becomes
/// a Clip of the integers, or goes where saturating does it. Needs: types, move_quantize, contents
/// of scales and biases. quantum 1
bool fold_quantize(Graph& graph, const PassOptions& options);

/// Gemm becomes MatMul (of constants transposed once) and Add, the one spelling of a product with a
/// bias. Needs: types. ulp 4
bool split_gemm(Graph& graph, const PassOptions& options);

/// Chains that are one op, whose parts have faster kernels in the typed graph (rules/chains.rules).
/// Needs: types. Leaves: types. ulp 64
bool recognize_chains(Graph& graph, const PassOptions& options);

/// Rotary embeddings that exporters wrote as products with tables of cosines and sines, whose two
/// halves are equal, or which have half the columns (rules/rotary.rules). Needs: types, fields for
/// what is known. The portable graph keeps the products, which have kernels. Leaves: types. ulp 8
bool recognize_rotary(Graph& graph, const PassOptions& options);

/// A mask of Attention that hides from each query the keys behind its own place, by its contents or
/// as exporters make it (rules/causal.rules), becomes is_causal. Needs: types. exact, but for what
/// finite numbers let through: ulp 64
bool recognize_causal(Graph& graph, const PassOptions& options);

/// Cheaper ops within a rounding or two (rules/strength.rules): quotients by a number, powers,
/// factors one after the other. Needs: types. ulp 2
bool reduce_strength(Graph& graph, const PassOptions& options);

/// Convolutions, and products, of one operand with the same geometry become one with the weights
/// side by side, and a Split; what elementwise op reads every piece works before the Split. Needs:
/// types, split_gemm. exact
bool fuse_siblings(Graph& graph, const PassOptions& options);

/// Small MatMuls of the same types that do not wait for each other become one with a batch in front
/// and a Split, where operands are constants, one for all, or can be written in place; elementwise
/// ops alike behind each work on the batch. Needs: types, fuse_siblings. exact
bool batch_matmuls(Graph& graph, const PassOptions& options);

/// MatMuls of one operand with constants of the same type become one with a batch in front and a
/// Split, and so do elementwise ops alike behind each: what fuse_siblings lays side by side lies
/// behind each other, and each part is in one piece. Needs: types. exact
bool stack_siblings(Graph& graph, const PassOptions& options);

/// These passes, in the order in which they run.
std::span<const Pass> fusion_preparation();

/// Runs them, and what tidies up behind them, until nothing changes. Types are inferred.
void prepare_fusion(Graph& graph, const PassOptions& options = {},
                    const AfterPass& after = nullptr);

}  // namespace hone
