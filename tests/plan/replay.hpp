#pragma once
// What the null device wrote down, run again in any order that streams and events allow, over a
// memory of its own: knows nothing of how a plan was made.

#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "plan/rehearsal.hpp"

namespace hone::test {

/// A graph, its plan and what the null device wrote down of it.
struct Rehearsed {
  const Graph& graph;
  const Plan& plan;
  const Layout& layout;
  const Placement& placement;
  null::Device device;

  Rehearsed(const Graph& of, const Plan& planned, const Layout& laid, const Placement& placed);
};

/// Gives every value that a launch writes contents of its own, and runs the launches, each of them
/// in two halves, in an order that `random` draws among those that are allowed. In words, the first
/// launch that does not read what was written for it, or whose scratch another one writes to, or
/// that never comes; nullopt: none.
std::optional<std::string> replay(const Rehearsed& rehearsed, std::mt19937& random);

/// replay() over and over until something is wrong.
std::optional<std::string> replay(const Rehearsed& rehearsed, std::mt19937& random, int times);

}  // namespace hone::test
