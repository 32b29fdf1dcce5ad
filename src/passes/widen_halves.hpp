#pragma once
// What a typed graph needs before anything is chosen for a device, where Target says so.

#include <span>

#include "passes/pass.hpp"

namespace hone {

/// Values of f16 and bf16 inside the graph, and in bodies of control flow, become f32: for devices
/// that have no arithmetic in halves (Target::halves). Inputs and outputs stay as they are and are
/// cast at the graph's edge, each output rounded once. Large constants are kept as they are stored
/// and converted when they are packed (Weight::converted).
///
/// Results are those of the same network in f32 with the halves' weights: nearer to the truth than
/// the halves' own. What is beyond the largest half stays finite inside, where halves have an
/// infinity; a mask of the least half is the same finite number. What decides on a value reads it
/// rounded to the half that it was: comparisons, casts to integers, IsInf, TopK, every result that
/// is no float; sizes made of values; functions with steps, as Floor. A half that the graph makes
/// of a wide integer stays one. What cannot be said in f32 (BitCast, sequences of halves, random
/// numbers) stays, too, between casts.
///
/// Caches of f16 (GroupQueryAttention) stay as they are: attention sees new keys and values as the
/// cache then holds them.
///
/// Moves that read nothing but halves as they are stored (a Gather of an embedding, a Transpose of
/// an input) go on moving those. Run again, it changes nothing.
/// Needs: types, known contents. Leaves: types to be inferred anew. half 64
bool widen_halves(Graph& graph, const PassOptions& options);

/// These passes, in order; each runs once, in front of the pipeline's rounds on the typed graph.
std::span<const Pass> device_preparation();

}  // namespace hone
