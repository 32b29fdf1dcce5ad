#pragma once
// Passes that take away what does nothing and spell the rest one way.

#include "passes/pass.hpp"

namespace hone {

/// Removes nodes whose result is their operand (Identity, Dropout when not training, casts,
/// reshapes, transposes, slices, pads ... that change nothing), operands of Concat without
/// elements, and expansions that the reader's broadcasting does anyway. Needs: types. exact
bool remove_identities(Graph& graph, const PassOptions& options);

/// Squeeze, Unsqueeze and Flatten become Reshape; a reshape's only open size is -1, with several
/// each stands there. Needs: types. Before: merge_common, which sees equal spellings. exact
bool spell_reshapes(Graph& graph, const PassOptions& options);

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

/// A cast of a cast becomes one where the type between holds every value. exact
bool merge_casts(Graph& graph, const PassOptions& options);

/// A slice of a slice becomes one where both are known. Needs: types. exact
bool merge_slices(Graph& graph, const PassOptions& options);

}  // namespace hone
