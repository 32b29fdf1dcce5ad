#include "choose/views.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "choose/choose.hpp"
#include "device/strided_view.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/dim/late_sizes.hpp"

namespace hone {
namespace {

/// More views than that in front of a step are not asked about.
constexpr size_t kMostViews = 12;

class Taking {
 public:
  Taking(Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
         const std::function<bool(const Node&)>& stays)
      : graph_(graph), conditions_(conditions), kernels_(kernels), stays_(stays), late_(graph) {
    for (const Kernel* kernel : kernels.all())
      if (kernel->several) several_.push_back(kernel);
    for (const Node& node : graph.nodes()) places_.emplace(&node, places_.size());
  }

  bool run() {
    if (several_.empty()) return false;
    std::vector<Node*> steps;
    for (Node& node : graph_.nodes()) steps.push_back(&node);
    std::reverse(steps.begin(), steps.end());  // what is behind a view is asked first
    std::vector<std::vector<Node*>> taken;
    std::unordered_set<const Node*> gone;
    for (Node* step : steps) {
      if (gone.contains(step) || is_view(*step) || !late_.runs_on_kernel(*step) || stays_(*step))
        continue;
      std::vector<Node*> region = with_views(step, gone);
      if (region.size() < 2) continue;
      gone.insert(region.begin(), region.end());
      taken.push_back(std::move(region));
    }
    for (const std::vector<Node*>& region : taken) fuse_nodes(graph_, region, "fuse");
    if (!taken.empty()) graph_.sort();
    return !taken.empty();
  }

 private:
  /// A step of views only, whose parameters are in it.
  bool is_view(const Node& node) {
    const auto [known, is_new] = views_.emplace(&node, false);
    if (is_new) known->second = makes_views(node) && late_.runs_on_kernel(node) && !stays_(node);
    return known->second;
  }
  static bool makes_views(const Node& node) {
    if (const Fused* fused = node.op.as<Fused>()) {
      const auto& nodes = fused->body->nodes();
      return nodes.size() <= kMostViews && std::ranges::all_of(nodes, makes_views);
    }
    for (size_t i = 1; i < node.inputs.size(); ++i)
      if (node.inputs[i] != nullptr && !node.inputs[i]->is_literal()) return false;
    return std::ranges::all_of(node.outputs, [](const Value* output) {
      return output != nullptr && viewed(*output) != nullptr;
    });
  }
  /// Its result is the bytes of its operand: a plan has nothing to do.
  static bool is_free(const Node& node) {
    if (node.op.as<Fused>() != nullptr || node.outputs.size() != 1) return false;
    const Stages stages = stages_of(node);
    return stages && stages.list.size() == 1 && keeps_order(*stages.list.front());
  }

  /// The step and the views in front of it that a kernel takes with it; in the graph's order.
  std::vector<Node*> with_views(Node* step, const std::unordered_set<const Node*>& gone) {
    std::vector<Node*> all = views_before(step, gone);
    const auto drop_free = [&] {  // in front they cost nothing
      while (!all.empty() && is_free(*all.front())) all.erase(all.begin());
    };
    drop_free();
    while (!all.empty()) {
      all.push_back(step);
      if (pays(all)) return all;
      all.pop_back();
      all.erase(all.begin());
      drop_free();
    }
    return {};
  }

  std::vector<Node*> views_before(Node* step, const std::unordered_set<const Node*>& gone) {
    std::vector<Node*> found;
    std::unordered_set<const Node*> inside{step};
    const auto only_inside = [&](const Value* value) {
      return !graph_.is_output(value) && std::ranges::all_of(value->users, [&](const Node* user) {
        return inside.contains(user);
      });
    };
    std::vector<Node*> pending{step};
    while (!pending.empty() && found.size() < kMostViews) {
      const Node* reader = pending.back();
      pending.pop_back();
      for (const Value* operand : region_operands(*reader)) {
        Node* view = operand->producer;
        if (view == nullptr || inside.contains(view) || gone.contains(view) || !is_view(*view) ||
            !std::ranges::all_of(view->outputs, only_inside))
          continue;
        inside.insert(view);
        found.push_back(view);
        pending.push_back(view);
      }
    }
    std::ranges::sort(found, {}, [&](const Node* node) { return places_.at(node); });
    return found;
  }

  /// A kernel takes them as one, and it is not dearer.
  bool pays(const std::vector<Node*>& nodes) {
    const auto together = least_of(nodes);
    if (!together) return false;
    double apart = 0;
    for (const Node* node : nodes)
      if (!is_free(*node)) apart += least_seconds(kernels_, problem_of(graph_, *node, conditions_));
    return *together <= apart;
  }

  std::optional<double> least_of(const std::vector<Node*>& nodes) const {
    std::vector<const Value*> operands, results;
    Region region = region_of(graph_, {nodes.begin(), nodes.end()}, &operands);
    region.body = flat(*region.body);
    for (const GraphOutput& output : region.body->outputs())
      results.push_back(graph_.find(output.value->name));
    const auto asked = problem_of(graph_, std::move(region), operands, results, conditions_);
    std::optional<double> least;
    for (const Kernel* kernel : several_) {
      if (!kernel->accepts(*asked).yes) continue;
      const double seconds = kernel->estimate(asked, kernel->tunings(*asked).front()).seconds;
      if (!least || seconds < *least) least = seconds;
    }
    return least;
  }

  /// Regions among the nodes taken apart, as fuse_nodes() does it.
  static std::shared_ptr<const Graph> flat(const Graph& body) {
    std::shared_ptr<Graph> made = body.clone();
    std::vector<Node*> regions;
    for (Node& node : made->nodes())
      if (node.op.as<Fused>() != nullptr) regions.push_back(&node);
    for (Node* region : regions) unfuse(*made, region);  // where it stood: in order
    return made;
  }

  Graph& graph_;
  const Conditions& conditions_;
  const KernelRegistry& kernels_;
  const std::function<bool(const Node&)>& stays_;
  const LateSizes late_;
  std::vector<const Kernel*> several_;
  std::unordered_map<const Node*, size_t> places_;
  std::unordered_map<const Node*, bool> views_;
};

}  // namespace

bool take_views(Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
                const std::function<bool(const Node&)>& stays) {
  return Taking(graph, kernels, conditions, stays).run();
}

}  // namespace hone
