#pragma once
// The cover of a graph: its regions cut until a kernel of the device runs each piece.

#include <string>
#include <vector>

#include "device/problem.hpp"

namespace hone {

/// What became of a region that is not run as one.
struct CutRegion {
  std::vector<std::string> values;  // of each piece, in order: its last result
  std::string why;                  // what kernels said of the whole; or what cutting saves
};

/// Cuts every Fused node of `graph` that no kernel takes, or that is dearer by estimate than its
/// pieces. Kernels are asked about the whole; then about the parts between marked cuts; then, from
/// the front, about the longest part that one of them accepts, a single op where none does. Any
/// cover computes the same. Leaves: a sorted graph; true: it changed. `cuts`: gets a line for each
/// region that was cut. What no kernel runs alone either is choice's to refuse.
/// Nodes that are alike but for the names of their values are asked about once: what a kernel says
/// must not depend on these.
bool cover(Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
           std::vector<CutRegion>* cuts = nullptr);

/// Takes regions apart that no kernel accepts any more: what follows cover() may change them, such
/// as by merging values that two regions compute. true: there were some.
bool split_refused(Graph& graph, const KernelRegistry& kernels, const Conditions& conditions);

}  // namespace hone
