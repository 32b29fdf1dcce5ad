#include "passes/fusion/chain.hpp"

#include <algorithm>

namespace hone {
namespace {

/// Elements of one axis that a neighbourhood may have.
constexpr int64_t kMostTaps = 16;
/// Values looked at on all ways from a value to the anchors that need it: ways that part and meet
/// again and again double their number.
constexpr int kMostLooks = 1000;
/// What one round joins may let another join more.
constexpr int kMostRounds = 16;

using Extents = std::map<std::string, Dim, std::less<>>;  // of reduction variables

/// Where one element of something is read from: a place on each axis of the value.
struct Reading {
  Dims place;
  Extents extents;
  bool broadcasts = false;  // the same element for many: every tile would need it
};

const Value* value_of(const Expr& load) {
  const auto* value = std::get_if<const Value*>(&load.source());
  return value == nullptr ? nullptr : *value;
}

/// Loops of the stage have no part in where it reads. A contraction's may lie in its other operand.
bool broadcasts(const Stage& stage, const Expr& load) {
  std::set<std::string, std::less<>> names;
  for (const Expr& index : load.operands())
    if (index.kind() == Expr::Kind::index) index.dim().collect_variables(names);
  const auto has_part = [&](size_t axis) {
    return stage.extents[axis].is(1) || names.contains(*loop(static_cast<int>(axis)).as_variable());
  };
  if (stage.kind() == Stage::Kind::contract)
    return std::none_of(names.begin(), names.end(),
                        [](const std::string& name) { return name.starts_with("i."); });
  for (size_t axis = 0; axis < stage.extents.size(); ++axis)
    if (!has_part(axis)) return true;
  return false;
}

/// Every place of `value` that the stages read; nullopt: some are computed.
std::optional<std::vector<Reading>> readings_of(const Stages& stages, const Value* value) {
  std::vector<Reading> all;
  bool computed = false;
  for (const auto& stage : stages.list) {
    Extents extents;
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::reduce) return;
      for (const Axis& axis : expr.axes())
        extents.emplace(*axis.variable.as_variable(), axis.extent);
    });
    visit(stage->expr, [&](const Expr& load) {
      if (load.kind() != Expr::Kind::load || value_of(load) != value) return;
      Reading reading{{}, extents, broadcasts(*stage, load)};
      for (const Expr& index : load.operands()) {
        computed |= index.kind() != Expr::Kind::index;
        if (index.kind() == Expr::Kind::index) reading.place.push_back(index.dim());
      }
      all.push_back(std::move(reading));
    });
  }
  if (computed) return std::nullopt;
  return all;
}

/// Why a tile of what reads there would need too much; empty: it does not.
std::string_view problem_of(const Reading& reading) {
  if (reading.broadcasts) return "every tile of it would need its whole operand";
  bool moves = false;
  std::set<std::string, std::less<>> rows;
  for (const Dim& place : reading.place) {
    if (place.is_too_long()) return "where it reads is too long to write";
    const Dim moving = place.substitute_variables([&](std::string_view name) -> std::optional<Dim> {
      const auto found = reading.extents.find(name);
      return found != reading.extents.end() && found->second.is(1) ? std::optional<Dim>(0)
                                                                   : std::nullopt;
    });
    std::set<std::string, std::less<>> names, loops, sums;
    moving.collect_variables(names);
    for (const std::string& name : names) {
      if (name.starts_with("i.")) loops.insert(name);
      if (name.starts_with("r.")) sums.insert(name);
    }
    if (sums.empty()) continue;
    const bool few = std::all_of(sums.begin(), sums.end(), [&](const std::string& name) {
      const auto extent = reading.extents.at(name).constant();
      return extent && *extent <= kMostTaps;
    });
    if (!loops.empty() && few) moves = true;
    else rows.insert(sums.begin(), sums.end());
  }
  if (rows.size() > 1) return "it reads whole planes of its operand at once";
  if (!rows.empty() && moves) return "it reads whole rows of a neighbourhood of its operand";
  return {};
}

/// A sum of products of two values that other steps make: one of them must be there whole.
bool multiplies_activations(const NodeRole& role, const Roles& roles) {
  const auto is_made = [&](const Expr& factor) {
    bool made = false;
    visit(factor, [&](const Expr& load) {
      if (load.kind() != Expr::Kind::load) return;
      const Value* value = value_of(load);
      const Node* producer = value == nullptr ? nullptr : value->producer;
      if (value != nullptr && producer == nullptr) return;
      const auto found = roles.find(producer);  // none: a node in the body of a region
      made |= found == roles.end() || found->second.role != Role::constant;
    });
    return made;
  };
  bool both = false;
  for (const auto& stage : role.stages.list) {
    if (stage->kind() != Stage::Kind::contract) continue;
    visit(stage->expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::call || expr.function() != Function::mul) return;
      both |= is_made(expr.operands()[0]) && is_made(expr.operands()[1]);
    });
  }
  return both;
}

/// Of sizes that only running tells, each counts as this.
double nominal(const Dim& size) {
  constexpr int64_t kNominal = 64;
  const Dim known =
      size.substitute([](std::string_view) -> std::optional<Dim> { return Dim(kNominal); });
  return static_cast<double>(known.constant().value_or(0));
}

class Chaining {
 public:
  Chaining(const Graph& graph, const Roles& roles, Groups& groups)
      : graph_(graph), roles_(roles), groups_(groups) {}

  struct Link {
    const Value* value;
    const Node* reader;
    double size;
  };
  /// Values that lead from an anchored region to another one and to nobody else.
  std::vector<Link> links() {
    std::vector<Link> all;
    for (const Node& node : graph_.nodes())
      for (const Value* output : node.outputs)
        if (output != nullptr && leads_on(output))
          all.push_back(
              {output, output->users.front(), nominal(product(output->type.tensor().shape()))});
    std::stable_sort(all.begin(), all.end(),
                     [](const Link& a, const Link& b) { return a.size > b.size; });
    return all;
  }

  /// Merges both sides of the link; why not, else.
  std::string join(const Link& link) {
    const Node* maker = link.value->producer;
    std::string why = refusal(link, maker);
    if (!why.empty()) return why;
    if (const auto merging = groups_.merge(maker, link.reader); merging != Groups::Merging::done)
      return std::string(
          reason(merging, "a path leads from its operand's region through others to this one"));
    groups_.of(maker).cuts.push_back(link.value->name);
    return {};
  }

 private:
  bool leads_on(const Value* value) {
    if (value->users.empty() || graph_.is_output(value) || !value->type.is_tensor()) return false;
    const Node* reader = *value->users.begin();
    return groups_.of(value->producer).anchors > 0 && groups_.of(reader).anchors > 0 &&
           !groups_.same(value->producer, reader) &&
           std::all_of(value->users.begin(), value->users.end(),
                       [&](const Node* user) { return groups_.same(user, reader); });
  }

  std::string refusal(const Link& link, const Node* maker) {
    const Group &first = groups_.of(maker), &second = groups_.of(link.reader);
    if (first.reduces) return "its operand's region has a reduction";
    if (first.anchors + second.anchors > kMostAnchors)
      return cat("the regions would have more than ", kMostAnchors, " anchors");
    for (const Group* group : {&first, &second})
      for (const Node* node : group->nodes) {
        const NodeRole& role = roles_.at(node);
        if (role.role != Role::anchor) continue;
        if (!role.stages) return cat("no closed form: ", role.stages.declined);
        if (multiplies_activations(role, roles_)) return "it multiplies what other steps make";
      }
    for (const Node* node : second.nodes)
      for (const Value* input : node->inputs)
        if (input != nullptr && input != link.value && input->producer != nullptr &&
            groups_.same(input->producer, maker))
          return "it reads several results of its operand's region";
    if (!is_between(link, first, second))
      return "its operand's region goes on elsewhere, or it begins elsewhere";
    return reading_refusal(link.value, link.reader);
  }

  /// All anchors of the first region are needed for the value, all of the second need it.
  bool is_between(const Link& link, const Group& first, const Group& second) {
    std::set<const Node*> before{link.value->producer}, behind;
    for (auto node = first.nodes.rbegin(); node != first.nodes.rend(); ++node)
      if (before.contains(*node))
        for (const Value* input : (*node)->inputs)
          if (input != nullptr && input->producer != nullptr) before.insert(input->producer);
    for (const Node* node : second.nodes)
      for (const Value* input : node->inputs)
        if (input == link.value || (input != nullptr && behind.contains(input->producer)))
          behind.insert(node);
    const auto are_all_in = [&](const Group& group, const std::set<const Node*>& those) {
      return std::all_of(group.nodes.begin(), group.nodes.end(), [&](const Node* node) {
        return roles_.at(node).role != Role::anchor || those.contains(node);
      });
    };
    return are_all_in(first, before) && are_all_in(second, behind);
  }

  /// Why what reads `value` in the region of `inside` does not do so tile by tile.
  std::string reading_refusal(const Value* value, const Node* inside) {
    looks_left_ = kMostLooks;
    const auto readings = readings_at_anchors(value, inside);
    if (looks_left_ < 0) return "it reads its operand on too many ways";
    if (!readings) return "it reads places of its operand that are computed or broadcast";
    for (const Reading& reading : *readings)
      if (const auto problem = problem_of(reading); !problem.empty()) return std::string(problem);
    return {};
  }

  /// Places of `value` in terms of the loops of the anchors that need it, through views and
  /// pointwise ops in the region of `inside`. nullopt: they are computed, or broadcast.
  std::optional<std::vector<Reading>> readings_at_anchors(const Value* value, const Node* inside) {
    if (--looks_left_ < 0) return std::nullopt;
    std::vector<Reading> all;
    const std::set<const Node*> readers(value->users.begin(), value->users.end());
    for (const Node* reader : readers) {
      if (!groups_.same(reader, inside)) continue;
      const NodeRole& role = roles_.at(reader);
      const auto own = readings_of(role.stages, value);
      if (!own) return std::nullopt;
      if (role.role == Role::anchor || role.role == Role::reduction) {
        all.insert(all.end(), own->begin(), own->end());
        continue;
      }
      if (reader->outputs.size() != 1) return std::nullopt;
      if (role.role == Role::pointwise && !role.reads_here(value)) return std::nullopt;
      const auto further = continued(reader, *own);
      if (!further) return std::nullopt;
      all.insert(all.end(), further->begin(), further->end());
    }
    return all;
  }

  /// Where anchors read, by way of the result of `through`, what `own` reads for each of its
  /// elements.
  std::optional<std::vector<Reading>> continued(const Node* through,
                                                const std::vector<Reading>& own) {
    const auto behind = readings_at_anchors(through->outputs.front(), through);
    if (!behind) return std::nullopt;
    std::vector<Reading> all;
    for (const Reading& later : *behind)
      for (const Reading& earlier : own) {
        Reading both{{}, later.extents, earlier.broadcasts || later.broadcasts};
        for (const Dim& place : earlier.place)
          both.place.push_back(
              place.substitute_variables([&](std::string_view name) -> std::optional<Dim> {
                for (size_t i = 0; i < later.place.size(); ++i)
                  if (loop(static_cast<int>(i)).as_variable() == name) return later.place[i];
                return std::nullopt;
              }));
        all.push_back(std::move(both));
      }
    return all;
  }

  const Graph& graph_;
  const Roles& roles_;
  Groups& groups_;
  int looks_left_ = 0;  // at values on the ways from one value to anchors
};

}  // namespace

void chain_anchors(const Graph& graph, const Roles& roles, Groups& groups,
                   const std::function<void(const Node&, std::string)>& note) {
  Chaining chaining(graph, roles, groups);
  std::vector<std::pair<const Node*, std::string>> refused;
  bool changed = true;
  for (int round = 0; changed && round < kMostRounds; ++round) {
    changed = false;  // what two regions read may be read by one now
    refused.clear();
    for (const auto& link : chaining.links()) {
      if (groups.same(link.value->producer, link.reader)) continue;
      std::string why = chaining.join(link);
      if (why.empty()) changed = true;
      else refused.emplace_back(link.reader, std::move(why));
    }
  }
  refused.erase(std::unique(refused.begin(), refused.end()), refused.end());
  for (auto& [node, why] : refused) note(*node, std::move(why));
}

}  // namespace hone
