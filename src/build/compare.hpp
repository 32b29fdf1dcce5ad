#pragma once
// Two graphs side by side.

#include <optional>
#include <string>

#include "ir/graph.hpp"

namespace hone {

/// The first difference of what two graphs compute, walking back from their outputs, in words;
/// nullopt: they are the same up to names of values, symbols and outputs, contents of large
/// constants and of short ones of several floats, whether constant weights of a Gemm are stored
/// transposed, the order of operands of commutative ops, and requirements recorded in another
/// order.
std::optional<std::string> structural_difference(const Graph& a, const Graph& b);

}  // namespace hone
