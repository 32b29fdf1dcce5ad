#include "passes/fusion/fuse.hpp"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "ir/bodies/structural.hpp"
#include "ir/region.hpp"
#include "passes/fusion/chain.hpp"
#include "passes/fusion/groups.hpp"
#include "passes/fusion/role.hpp"

namespace hone {
namespace {

/// A view with more readers than this stays one node.
constexpr size_t kMostCopies = 8;

class Fusion {
 public:
  Fusion(Graph& graph, const PassOptions& options, std::vector<FusionNote>* notes)
      : graph_(graph), roles_(copy_views(graph, options.keep)), groups_(graph), notes_(notes) {
    for (Node& node : graph.nodes()) {
      if (options.keep(node)) roles_.at(&node) = {};
      const Role role = roles_.at(&node).role;
      groups_.of(&node).anchors = role == Role::anchor ? 1 : 0;
      groups_.of(&node).reduces = role == Role::reduction;
    }
    find_staying();
  }

  bool run() {
    for (Node& node : graph_.nodes()) join_producer(node);
    for (auto node = graph_.nodes().rbegin(); node != graph_.nodes().rend(); ++node)
      join_reader(*node);
    chain_anchors(graph_, roles_, groups_,
                  [this](const Node& node, std::string why) { note(node, std::move(why)); });
    return materialize();
  }

 private:
  using Merging = Groups::Merging;

  /// Gives each reader of a view a view of its own, readers first, so that chains follow.
  static Roles copy_views(Graph& graph, const Keep& keep) {
    Roles roles = roles_of(graph);
    bool copied = false;
    for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
      if (roles.at(&*node).role != Role::view || node->outputs.size() != 1 || keep(*node)) continue;
      Value* output = node->outputs.front();
      if (graph.is_output(output)) continue;
      if (output->users.size() < 2 || output->users.size() > kMostCopies) continue;
      std::map<Node*, Value*> views{{output->users.front(), output}};  // of each reader
      for (const Users::Use& use : output->users.all()) {
        Value*& view = views[use.node];
        if (view == nullptr) {
          Node* copy = graph.add_node(node->op, node->inputs, {output->name}, node->origin,
                                      node->by, &*std::prev(node.base()));
          view = copy->outputs[0];
          view->type = output->type;
          view->known = output->known;
          roles[copy] = {};
          copied = true;
        }
        if (view != output) graph.set_input(use.node, use.operand, view);
      }
    }
    return copied ? roles_of(graph) : std::move(roles);
  }

  bool may_join(const Node* node) const {
    const Role role = roles_.at(node).role;
    return role != Role::excluded && role != Role::constant && role != Role::host &&
           !staying_.contains(node);
  }

  /// Joins whose operands are all made by others than views: they can write where it stands.
  void find_staying() {
    for (const Node& node : graph_.nodes()) {
      if (roles_.at(&node).role != Role::join) continue;
      const bool stays =
          std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Value* input) {
            if (input == nullptr || input->producer == nullptr) return false;
            const Role role = roles_.at(input->producer).role;
            return role != Role::view && role != Role::constant &&
                   (role != Role::join || staying_.contains(input->producer));
          });
      if (stays) staying_.insert(&node);
    }
  }

  /// The value is read by this node alone.
  bool only_for(const Value* value, const Node& node) const {
    return !graph_.is_output(value) && std::all_of(value->users.begin(), value->users.end(),
                                                   [&](const Node* user) { return user == &node; });
  }

  /// Why `node` cannot follow its operand `value` in one region; empty: it can.
  std::string refusal(const Node& node, const Value* value) {
    const NodeRole& role = roles_.at(&node);
    const Node* producer = value->producer;
    if (!may_join(producer)) return "what makes its operand runs on its own";
    switch (role.role) {
      case Role::pointwise:
        return role.reads_here(value) ? "" : "it reads other places of its operand than its own";
      case Role::view:
        if (!only_for(value, node)) return "others read its operand as it is";
        if (role.stages.list.size() == 1 && changes_count(node))
          return "it takes a part of its operand, or repeats it";
        return "";
      case Role::reduction:
        if (groups_.of(producer).reduces) return "its operand's region has a reduction";
        return "";
      default: return "it is no view, pointwise op or reduction";
    }
  }

  /// The result has not as many elements as the operand.
  static bool changes_count(const Node& node) {
    return !(product(node.inputs[0]->type.tensor().shape()) ==
             product(node.outputs[0]->type.tensor().shape()));
  }

  /// Epilogues: the node joins the region that makes an operand, the latest first.
  void join_producer(Node& node) {
    const NodeRole& role = roles_.at(&node);
    if (!may_join(&node) || (!role.is_light() && role.role != Role::reduction)) return;
    std::vector<const Value*> made;
    for (const Value* input : node.inputs)
      if (input != nullptr && input->producer != nullptr) made.push_back(input);
    std::stable_sort(made.begin(), made.end(), [&](const Value* a, const Value* b) {
      return groups_.last(a->producer) > groups_.last(b->producer);
    });
    std::string why;
    for (const Value* value : made) {
      if (std::string refused = refusal(node, value); !refused.empty()) {
        if (why.empty()) why = std::move(refused);
        continue;
      }
      const bool reduces = role.role == Role::reduction;
      const bool anchored = groups_.of(value->producer).anchors > 0;
      if (const auto merging = groups_.merge(value->producer, &node); merging != Merging::done) {
        why = reason(merging, "a path leads from its operand's region through others to this node");
        continue;
      }
      if (reduces && anchored) groups_.of(&node).cuts.push_back(value->name);
      return;
    }
    if (!why.empty()) note(node, std::move(why));
  }

  /// Prologues: a region of views and pointwise ops joins the only region that reads it.
  void join_reader(Node& node) {
    if (!may_join(&node)) return;
    Group& group = groups_.of(&node);
    if (group.anchors > 0 || group.reduces || group.nodes.back() != &node) return;
    const Node* reader = nullptr;
    for (const Node* each : group.nodes)
      for (const Value* output : each->outputs) {
        if (output == nullptr) continue;
        if (graph_.is_output(output)) return;
        for (const Node* user : output->users) {
          if (groups_.same(user, &node)) continue;
          if (!may_join(user)) return note(node, "what reads it runs on its own");
          if (reader != nullptr && !groups_.same(reader, user))
            return note(node, "several regions read it");
          reader = user;
        }
      }
    if (reader == nullptr) return;
    if (const auto merging = groups_.merge(reader, &node); merging != Merging::done)
      note(node, std::string(reason(merging, "a path leads out of the region and back")));
  }

  /// Something outside reads a result of the group: of dead nodes there is no region.
  bool is_read(const Group& group) const {
    const auto outside = [&](const Node* user) { return !groups_.same(user, group.nodes.front()); };
    return std::any_of(group.nodes.begin(), group.nodes.end(), [&](const Node* node) {
      return std::any_of(node->outputs.begin(), node->outputs.end(), [&](const Value* output) {
        return output != nullptr &&
               (graph_.is_output(output) ||
                std::any_of(output->users.begin(), output->users.end(), outside));
      });
    });
  }

  bool materialize() {
    std::vector<Group*> groups = groups_.all();  // all before the first is another node
    std::erase_if(
        groups, [this](const Group* group) { return group->nodes.size() < 2 || !is_read(*group); });
    for (Group* group : groups) {
      std::sort(group->cuts.begin(), group->cuts.end(),
                [this](const auto& a, const auto& b) { return made_at(a) < made_at(b); });
      fuse_nodes(graph_, group->nodes, kFuse, group->cuts);
    }
    if (!groups.empty()) graph_.sort();
    return !groups.empty();
  }

  int made_at(std::string_view value) const {
    return groups_.position(graph_.find(value)->producer);
  }

  void note(const Node& node, std::string why) {
    if (notes_ == nullptr) return;
    std::string value;
    for (const Value* output : node.outputs)
      if (value.empty() && output != nullptr) value = output->name;
    notes_->push_back({describe(node), std::move(value), std::move(why)});
  }

  Graph& graph_;
  Roles roles_;
  Groups groups_;
  std::unordered_set<const Node*> staying_;
  std::vector<FusionNote>* notes_;
};

}  // namespace

bool fuse(Graph& graph, const PassOptions& options, std::vector<FusionNote>* notes) {
  return !is_disabled(kFuse, options) && Fusion(graph, options, notes).run();
}

void cut_where_marked(Graph& graph) {
  std::vector<Node*> pending;
  for (Node& node : graph.nodes()) pending.push_back(&node);
  while (!pending.empty()) {
    Node* node = pending.back();
    pending.pop_back();
    const Fused* fused = node->op.as<Fused>();
    if (fused == nullptr || fused->cuts.empty()) continue;
    const auto [before, after] = cut_region(graph, node, std::string(fused->cuts.front()));
    pending.insert(pending.end(), {before, after});
  }
  graph.sort();
}

bool cut_regions(Graph& graph, const std::function<bool(const Node& fused)>& keep) {
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (current.op.as<Fused>() == nullptr || keep(current)) continue;
    unfuse(graph, &current);
    changed = true;
  }
  return changed;
}

}  // namespace hone
