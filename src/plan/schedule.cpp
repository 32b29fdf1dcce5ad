#include "plan/schedule.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "ir/bodies/change_bodies.hpp"
#include "ir/bodies/structural.hpp"
#include "plan/order.hpp"
#include "plan/planner.hpp"

namespace hone {
namespace {

using Nodes = std::vector<const Node*>;

Bindings least_sizes(const Graph& graph, const Plan& plan) {
  Bindings sizes = expected_sizes(graph, plan);
  for (auto& [name, size] : sizes) {
    const auto range = graph.ranges().find(name);
    size = range == graph.ranges().end() ? 1 : std::max<int64_t>(1, range->second.low);
  }
  return sizes;
}

/// What must run before each node, beside the nodes that segments keep apart.
class Scheduling {
 public:
  Scheduling(const Graph& graph, const Planner& planner)
      : graph_(graph), planner_(planner), given_(nodes_in_order(graph)) {
    position_.reserve(given_.size());
    for (size_t i = 0; i < given_.size(); ++i) position_.emplace(given_[i], static_cast<int>(i));
  }

  struct Ordered {
    Nodes order;
    Plan plan;
  };

  Ordered run(const Plan* known) {
    const Plan plan = known != nullptr ? *known : planner_.plan(given_);
    Ordered best{given_, plan};
    std::vector<std::pair<Bindings, int64_t>> sizes;  // and the bound of the order as it stands
    for (Bindings symbols : {expected_sizes(graph_, plan), least_sizes(graph_, plan)}) {
      if (!sizes.empty() && symbols == sizes.back().first) continue;
      if (const auto bound = bound_of(plan, symbols))
        sizes.emplace_back(std::move(symbols), *bound);
    }
    if (sizes.empty()) return best;
    const auto after = planner_.needs(given_, [](const Decision& each) { return each.cut; });
    for (size_t i = 0; i < sizes.size(); ++i) {
      const OrderProblem problem = problem_at(plan, sizes[i].first, after);
      Nodes order;
      for (const int step : low_peak_order(problem))
        order.push_back(given_[static_cast<size_t>(step)]);
      if (order == best.order || order == given_) continue;
      Plan other = planner_.plan(order);
      if (improves(sizes, other)) best = {std::move(order), std::move(other)};
    }
    return best;
  }

 private:
  static std::optional<int64_t> bound_of(const Plan& plan, const Bindings& symbols) {
    try {
      return lower_bound(lay_out(plan, symbols).demand);
    } catch (const Error&) {  // no sizes for this model
      return std::nullopt;
    }
  }

  /// true: the plan needs less at one of the sizes and more at none; the bounds are its own then.
  static bool improves(std::vector<std::pair<Bindings, int64_t>>& sizes, const Plan& plan) {
    std::vector<int64_t> bounds;
    bool less = false;
    for (const auto& [symbols, bound] : sizes) {
      const auto found = bound_of(plan, symbols);
      if (!found || *found > bound) return false;
      less |= *found < bound;
      bounds.push_back(*found);
    }
    for (size_t i = 0; less && i < sizes.size(); ++i) sizes[i].second = bounds[i];
    return less;
  }

  /// Buffers are what shares bytes in any order: views, pieces, parts.
  OrderProblem problem_at(const Plan& given, const Bindings& symbols,
                          const std::vector<std::vector<int>>& after) const {
    Plan plan = given;
    std::erase_if(plan.sharings,
                  [](const Sharing& sharing) { return sharing.kind == Sharing::Kind::over; });
    const Layout layout = lay_out(plan, symbols);
    OrderProblem problem;
    for (const Demand::Buffer& buffer : layout.demand.buffers)
      problem.bytes.push_back(align_up(buffer.bytes, kArenaAlignment));
    problem.steps.resize(given_.size());
    std::unordered_map<const Value*, int> buffers;
    buffers.reserve(plan.buffers.size());
    for (size_t i = 0; i < plan.buffers.size(); ++i) {
      const int buffer = layout.buffers[i];
      const auto touch = [&](int step) {
        problem.steps[static_cast<size_t>(step)].touches.push_back(buffer);
      };
      touch(plan.buffers[i].first);
      if (plan.buffers[i].value.empty()) continue;
      const Value* value = graph_.find(plan.buffers[i].value);
      buffers.emplace(value, buffer);
      for (const Node* user : value->users) touch(position_.at(user));
    }
    for (size_t i = 0; i < given_.size(); ++i) {
      OrderProblem::Step& step = problem.steps[i];
      step.after = after[i];
      std::sort(step.touches.begin(), step.touches.end());
      step.touches.erase(std::unique(step.touches.begin(), step.touches.end()), step.touches.end());
      add_over(*given_[i], buffers, problem.bytes, step.over);
    }
    return problem;
  }

  void add_over(const Node& node, const std::unordered_map<const Value*, int>& buffers,
                const std::vector<int64_t>& bytes,
                std::vector<OrderProblem::Step::Over>& over) const {
    const auto made = buffers.find(node.output());
    if (made == buffers.end()) return;
    for (const Value* operand : planner_.decision(node).overwritable) {
      const auto dying = buffers.find(operand);
      if (dying == buffers.end() || dying->second == made->second) continue;
      if (bytes[static_cast<size_t>(dying->second)] == bytes[static_cast<size_t>(made->second)])
        over.push_back({dying->second, made->second});
    }
  }

  const Graph& graph_;
  const Planner& planner_;
  const Nodes given_;
  std::unordered_map<const Node*, int> position_;
};

/// The plan; `moved`: set where the order became another. `known`: of the nodes as they stand.
Plan order_nodes(Graph& graph, Choices& choices, const Conditions& conditions, bool& moved,
                 const Plan* known) {
  const Planner planner(graph, choices, conditions);
  auto [order, plan] = Scheduling(graph, planner).run(known);
  if (order != nodes_in_order(graph)) {
    reorder(graph, choices, order);
    moved = true;
  }
  return std::move(plan);
}

/// Puts the nodes of bodies in order, the innermost first.
bool order_bodies(Graph& graph, Choices& choices, const Conditions& conditions) {
  bool changed = false;
  size_t next = 0;
  for (Node& node : graph.nodes()) {
    if (control_bodies(node.op).empty()) continue;
    auto op = change_bodies(node.op, [&](Graph& body) {
      Choices& chosen = choices.bodies.at(next++);
      bool moved = order_bodies(body, chosen, conditions);
      order_nodes(body, chosen, conditions, moved, nullptr);
      return moved;
    });
    if (!op) continue;
    graph.set_op(&node, *std::move(op));
    changed = true;
  }
  return changed;
}

}  // namespace

void reorder(Graph& graph, Choices& choices, const std::vector<const Node*>& order) {
  struct Part {
    Chosen chosen;
    std::vector<Choices> bodies;
  };
  std::unordered_map<const Node*, Part> parts;
  size_t at = 0, body = 0;
  for (const Node& node : graph.nodes()) {
    Part& part = parts[&node];
    part.chosen = std::move(choices.nodes.at(at++));
    for (size_t each = control_bodies(node.op).size(); each > 0; --each)
      part.bodies.push_back(std::move(choices.bodies.at(body++)));
  }
  choices.nodes.clear();
  choices.bodies.clear();
  for (const Node* node : order) {
    graph.nodes().splice(graph.nodes().end(), graph.nodes(), node->self);
    Part& part = parts.at(node);
    choices.nodes.push_back(std::move(part.chosen));
    std::move(part.bodies.begin(), part.bodies.end(), std::back_inserter(choices.bodies));
  }
}

Bindings expected_sizes(const Graph& graph, const Plan& plan) {
  std::set<std::string, std::less<>> names;
  for (const PlannedBuffer& buffer : plan.buffers) buffer.bytes.collect_symbols(names);
  return expected_sizes(names, graph.ranges(), plan.sizes);
}

Plan plan_in_order(Graph& graph, Choices& choices, const Conditions& conditions,
                   const Plan* given) {
  const bool is_another = order_bodies(graph, choices, conditions);
  bool moved = false;
  return order_nodes(graph, choices, conditions, moved, is_another ? nullptr : given);
}

}  // namespace hone
