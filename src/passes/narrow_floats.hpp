#pragma once
// f32 becomes f16 or bf16 throughout a graph, where the user asks for it.

#include <string>
#include <vector>

#include "passes/pass.hpp"

namespace hone {

/// A node that stays f32, and why, in words a user can read.
struct KeptWide {
  std::string node, why;
};

/// Values of f32 inside a portable graph become halves (`to`: f16 or bf16), weights are converted.
/// Inputs and outputs stay f32 and are cast at the graph's edge. Ops that sum (products, norms,
/// softmax, reductions) sum halves in f32 by their own contracts, so that only what is stored
/// between nodes is rounded.
///
/// Stays f32, with casts around it, and is named in `kept` where it is the first of its kind on its
/// way:
/// - in f16, what may be beyond 65504: what is computed with a constant beyond that, up to a
///   softmax or another function with small results; exponentials, powers, quotients by what is no
///   constant, squares and sums of many, up to the next product;
/// - in f16, what is computed with one number so small that f16 loses its digits (an epsilon);
/// - what is made of integers of more than 8 bits (positions, lengths), and what is computed of
///   these alone;
/// - what jumps or turns fast with its operand: angles of sines, places that are sampled, what is
///   rounded; back to the product that made it;
/// - quantized arithmetic; ops without a closed form, control flow, and operands that an op takes
///   in a type of their own.
/// Numbers that an Attention adds to its scores end at the least half, as in models that are
/// trained in halves.
///
/// No step of canonicalize(): it is run once behind it, and canonicalize() again behind this.
/// Needs: types. Leaves: types. half 64, but for what decides (argmax, comparisons).
bool narrow_floats(Graph& graph, DType to, const PassOptions& options,
                   std::vector<KeptWide>* kept = nullptr);

}  // namespace hone
