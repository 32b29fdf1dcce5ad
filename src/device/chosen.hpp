#pragma once
// What choice decided of each node, once: plans, programs, engine files and reports carry it.

#include "device/axis_orders.hpp"

namespace hone {

/// A kernel that does not run a step, and why not.
struct Refusal {
  std::string kernel, why;
  friend auto operator<=>(const Refusal&, const Refusal&) = default;
};
using Refusals = std::vector<Refusal>;

/// The kernel of one step, its tuning and the layouts that its problem has (in the recipe), what
/// people should know about it, and every other kernel's reason, by name.
struct Chosen {
  const Kernel* kernel = nullptr;  // null: the node is run by none
  Recipe recipe{};
  std::string note{};
  std::shared_ptr<const Refusals> refusals{};  // null: none; steps alike share one list
};

/// Of a graph: by node, in its order; then of the bodies of its control flow, in order. The
/// problems of the nodes have the strides that follow from `orders`.
struct Choices {
  std::vector<Chosen> nodes;
  std::vector<Choices> bodies;
  AxisOrders orders{};
};

}  // namespace hone
