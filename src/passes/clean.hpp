#pragma once
// Passes that take away what does nothing and spell the rest one way.

#include "passes/pass.hpp"

namespace hone {

/// A Loop or Scan that makes a known number of turns, at most 64 and 512 nodes in all, becomes the
/// nodes of its turns. Needs: types. Before: what sees constants. exact
bool unroll_loops(Graph& graph, const PassOptions& options);

/// Removes nodes whose result is their operand (Identity, Dropout when not training, casts,
/// reshapes, transposes, slices, pads, reductions ... that change nothing), operands of Concat
/// without elements, and expansions that the reader's broadcasting does anyway. Needs: types. exact
bool remove_identities(Graph& graph, const PassOptions& options);

/// Squeeze, Unsqueeze and Flatten become Reshape; a reshape's only open size is -1, with several
/// each stands there. Needs: types. Before: merge_common, which sees equal spellings. exact
bool spell_reshapes(Graph& graph, const PassOptions& options);

/// Einsum of one or two operands becomes a product of matrices, or of elements, with transposes and
/// reshapes around it, where it has no diagonal and one size for each letter. Needs: types. ulp 8
bool spell_einsum(Graph& graph, const PassOptions& options);

/// MatMul of vectors becomes one of matrices of one row or column. Needs: types. exact
bool spell_vectors(Graph& graph, const PassOptions& options);

/// Axes count from the front; those of a reduction stand in ascending order. Needs: types. exact
bool spell_axes(Graph& graph, const PassOptions& options);

/// Nodes of the same pure op, fields and operands become the first of them; constants of the same
/// contents become one. exact
bool merge_common(Graph& graph, const PassOptions& options);

/// Pairs of transposes that undo each other go, others become one; they sink through elementwise
/// nodes and Concat where fewer are left or another one follows; one that only moves sizes of 1
/// becomes a Reshape. Needs: types. exact
bool cancel_transposes(Graph& graph, const PassOptions& options);

/// A reshape of a reshape becomes one; elementwise nodes between two move before the first.
/// Needs: types, spell_reshapes. exact
bool merge_reshapes(Graph& graph, const PassOptions& options);

/// An elementwise node on what Expand repeats works before it, where its other operands are no
/// larger; Attention reads a mask whose keys are not repeated as it was. Needs: types. exact
bool sink_expands(Graph& graph, const PassOptions& options);

/// A cast of a cast becomes one where the type between holds every value. exact
bool merge_casts(Graph& graph, const PassOptions& options);

/// A slice of a slice becomes one where both are known. Needs: types. exact
bool merge_slices(Graph& graph, const PassOptions& options);

/// Constant padding of spatial axes goes into the Conv (zeros), AveragePool (zeros, which then
/// count) or MaxPool (-infinity, or zeros around what a Relu gives) behind it. Needs: types. exact
bool absorb_pads(Graph& graph, const PassOptions& options);

/// Taps at the ends of a convolution's kernel that see padding only, at every place of a map of
/// known size, are cut off. Needs: types. exact
bool crop_taps(Graph& graph, const PassOptions& options);

/// A concatenation over one that only it reads becomes one; one whose operands begin or go on with
/// all operands of an earlier one reads that instead, so that both can lie in one place. Needs:
/// types. exact
bool nest_concats(Graph& graph, const PassOptions& options);

}  // namespace hone
