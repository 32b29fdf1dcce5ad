#pragma once
// Random graphs of sizes that may be 1: an open size against a number or another open size, then
// what fits only where it is 1, or only where it is not. One graph runs at several sizes.

#include <cstdint>
#include <string>

#include "ir/op.hpp"

namespace hone::test {

/// What is wrong with the graph of this seed, which is told too; empty: nothing. A graph is refused
/// wrongly where it can be evaluated node by node for some of the sizes.
std::string check_broadcasts(uint64_t seed, const OpRegistry& registry);

}  // namespace hone::test
