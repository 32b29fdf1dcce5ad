#pragma once
// Whether fusion tells the truth, and whether its regions can be cut.

#include "support/pass_check.hpp"

namespace hone::test {

/// Fuses a copy of the graph, which is prepared for that, cuts its regions in two and puts them
/// together again, and takes all of them apart; `truth` checks each. What was wrong first; empty:
/// nothing.
std::string check_fusion(const Graph& prepared, const PassCheck& how, Truth& truth);

}  // namespace hone::test
