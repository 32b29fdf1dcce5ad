#include "choose/orders.hpp"

#include <algorithm>

#include "choose/channels.hpp"
#include "device/axis_orders.hpp"
#include "device/strided_view.hpp"
#include "ir/dim/late_sizes.hpp"
#include "ir/stages/stages.hpp"

namespace hone {
namespace {

/// A node of one op whose result is the bytes of an operand: a plan makes it a view, for nothing.
bool keeps_bytes(const Node& node) {
  if (region_of(node).single() == nullptr || node.output() == nullptr) return false;
  const Stages stages = stages_of(node);
  if (!stages || stages.list.size() != 1) return false;
  return keeps_order(*stages.list.front());
}

class Ordering {
 public:
  Ordering(Choices& choices, const Graph& graph, const KernelRegistry& kernels,
           const Conditions& conditions, Timing* timing)
      : choices_(choices), graph_(graph), conditions_(conditions), chooser_(kernels, timing) {
    for (const Kernel* kernel : kernels.all())
      if (kernel->strided) strided_.push_back(kernel);
  }

  void run() {
    if (strided_.empty()) return;
    const LateSizes late(graph_);
    size_t at = 0;
    for (const Node& node : graph_.nodes()) {
      if (!late.runs_on_kernel(node)) return;
      places_.emplace(&node, at++);
    }
    find_candidates();
    keep_accepted();
    for (const std::vector<const Value*>& group : groups()) decide(group);
  }

 private:
  void find_candidates() {
    const Channels channels(graph_);
    std::map<const Node*, bool> takes;
    for (const Node& node : graph_.nodes())
      takes[&node] = choices_.nodes[places_.at(&node)].kernel->strided && !keeps_bytes(node);
    for (const Node& node : graph_.nodes())
      for (const Value* value : node.outputs) {
        if (value == nullptr || graph_.is_output(value)) continue;
        if (!takes[&node] || value->users.empty()) continue;
        std::vector<int> order = channels.innermost_order(*value);
        if (!order.empty() && std::all_of(value->users.begin(), value->users.end(),
                                          [&](const Node* user) { return takes[user]; }))
          candidates_.emplace(value->name, std::move(order));
      }
  }

  std::vector<const Value*> candidates_of(const Node& node) const {
    std::vector<const Value*> found;
    const auto add = [&](const Value* value) {
      if (value != nullptr && candidates_.contains(value->name)) found.push_back(value);
    };
    for (const Value* input : node.inputs) add(input);
    for (const Value* output : node.outputs) add(output);
    return found;
  }

  std::shared_ptr<const Problem> problem(const Node& node, const AxisOrders& orders) const {
    return laid_out(problem_of(graph_, node, conditions_), node, orders);
  }

  /// Of a node that no kernel takes with all of them, none is one.
  void keep_accepted() {
    for (bool changed = true; changed;) {
      changed = false;
      for (const Node& node : graph_.nodes()) {
        const std::vector<const Value*> values = candidates_of(node);
        if (values.empty()) continue;
        const auto asked = problem(node, candidates_);
        if (std::any_of(strided_.begin(), strided_.end(),
                        [&](const Kernel* kernel) { return kernel->accepts(*asked).yes; }))
          continue;
        for (const Value* value : values) candidates_.erase(value->name);
        changed = true;
      }
    }
  }

  /// Candidates that meet in nodes.
  std::vector<std::vector<const Value*>> groups() const {
    std::vector<std::vector<const Value*>> all;
    std::map<const Value*, size_t> group_of;
    for (const Node& node : graph_.nodes()) {
      const std::vector<const Value*> values = candidates_of(node);
      if (values.empty()) continue;
      const auto known = std::find_if(values.begin(), values.end(),
                                      [&](const Value* value) { return group_of.contains(value); });
      const size_t into = known == values.end() ? all.size() : group_of.at(*known);
      if (into == all.size()) all.emplace_back();
      for (const Value* value : values) {
        const auto [place, is_new] = group_of.emplace(value, into);
        if (is_new) all[into].push_back(value);
        const size_t from = place->second;
        if (from == into) continue;
        for (const Value* moved : all[from]) group_of[moved] = into;
        all[into].insert(all[into].end(), all[from].begin(), all[from].end());
        all[from].clear();
      }
    }
    std::erase_if(all, [](const auto& group) { return group.empty(); });
    return all;
  }

  void decide(const std::vector<const Value*>& group) {
    AxisOrders orders;
    std::map<size_t, const Node*> touched;  // by place
    for (const Value* value : group) {
      orders.emplace(value->name, candidates_.at(value->name));
      touched.emplace(places_.at(value->producer), value->producer);
      for (const Node* user : value->users) touched.emplace(places_.at(user), user);
    }
    if (chooser_.is_timed()) {
      std::vector<std::shared_ptr<const Problem>> next;
      for (const auto& [place, node] : touched) next.push_back(problem(*node, orders));
      chooser_.expect(next);
    }
    double dense = 0, turned = 0;
    std::vector<std::pair<size_t, Chosen>> chosen;
    for (const auto& [place, node] : touched) {
      dense += choices_.nodes[place].recipe.seconds;
      chosen.emplace_back(place, chooser_.choose(problem(*node, orders)));
      turned += chosen.back().second.recipe.seconds;
    }
    if (turned >= dense) return;
    for (auto& [place, each] : chosen) choices_.nodes[place] = std::move(each);
    choices_.orders.merge(orders);
  }

  Choices& choices_;
  const Graph& graph_;
  const Conditions& conditions_;
  Chooser chooser_;
  std::vector<const Kernel*> strided_;
  std::unordered_map<const Node*, size_t> places_;
  AxisOrders candidates_;
};

}  // namespace

void choose_orders(Choices& choices, const Graph& graph, const KernelRegistry& kernels,
                   const Conditions& conditions, Timing* timing) {
  Ordering(choices, graph, kernels, conditions, timing).run();
}

}  // namespace hone
