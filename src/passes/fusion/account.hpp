#pragma once
// What running a graph takes: how many steps are launched, what moves between them.

#include <string>
#include <unordered_set>
#include <vector>

#include "ir/graph.hpp"

namespace hone {

struct StepAccount {
  int launched = 0;   // steps that run a kernel, copies too
  int cut = 0;        // the same with every region cut where it is marked
  int views = 0;      // realized by the plan: the same bytes under another shape or offset
  int constants = 0;  // nodes that read constants only
  int sizes = 0;      // arithmetic of sizes on the host
  std::vector<const Node*> steps;   // the launched ones, in order
  std::vector<const Node*> copies;  // launched steps that only move elements
  Dim bytes;                        // read and written by launched steps, constants not counted
};
/// `idle`: nodes whose results a plan has in place without a step; null: those for which one can.
StepAccount account(const Graph& graph, const std::unordered_set<const Node*>* idle = nullptr);

/// Of a region: all that its nodes do is move elements, and of each alone the plan can have the
/// result where the operand lies. Run as one, the region copies.
bool is_copy_of_views(const Node& fused);

/// What the values inside a region would move if each of its steps were launched by itself.
Dim bytes_saved(const Node& fused);

}  // namespace hone
