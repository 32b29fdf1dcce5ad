#include "choose/channels.hpp"

#include <algorithm>
#include <numeric>

#include "base/text.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/region.hpp"
#include "ir/stages/stages.hpp"

namespace hone {
namespace {

using Names = std::set<std::string, std::less<>>;

Names variables_of(const Expr& index) {
  Names names;
  if (index.kind() == Expr::Kind::index) index.dim().collect_variables(names);
  return names;
}

/// The loop that the index goes along, element by element; nullopt: none.
std::optional<int> loop_along(const Expr& index, int loops) {
  const Names names = variables_of(index);
  if (names.size() != 1) return std::nullopt;
  for (int axis = 0; axis < loops; ++axis) {
    if (*loop(axis).as_variable() != *names.begin()) continue;
    Names rest;
    (index.dim() - loop(axis)).collect_variables(rest);
    return rest.empty() ? std::optional(axis) : std::nullopt;
  }
  return std::nullopt;
}

/// It moves with a loop and with what is folded.
bool is_window(const Expr& index) {
  bool loops = false, folds = false;
  for (const std::string& name : variables_of(index))
    (name.starts_with("r.") ? folds : loops) = true;
  return loops && folds;
}

bool is_turnable(const Value& value) {
  return value.type.is_tensor() && value.type.tensor().has_rank() &&
         value.type.tensor().rank() >= 3 && bits(value.type.tensor().dtype) % 8 == 0;
}

}  // namespace

Channels::Channels(const Graph& graph) {
  const auto has_pictures = [](const Node& node) {
    return std::ranges::any_of(
        node.outputs, [](const Value* value) { return value != nullptr && is_turnable(*value); });
  };
  if (std::ranges::none_of(graph.nodes(), has_pictures)) return;
  for (const Node& node : graph.nodes()) add(node);
  for (std::set<Place>* marks : {&channels_, &windows_}) {
    std::set<Place> firsts;
    for (const Place& place : *marks) firsts.insert(first_of(place));
    *marks = std::move(firsts);
  }
}

void Channels::add(const Node& node) {
  const Region region = region_of(node);  // whose values are called what the graph's are
  const Stages stages = stages_of(*region.body);
  if (!stages) return;
  std::map<const Stage*, std::string> own;
  for (const auto& stage : stages.list) {
    const std::string made =
        stage->value != nullptr ? stage->value->name : cat("stage ", stages_++);
    own.emplace(stage.get(), made);
    visit(stage->expr, [&](const Expr& load) {
      if (load.kind() != Expr::Kind::load) return;
      const auto* source = std::get_if<std::shared_ptr<const Stage>>(&load.source());
      const std::string& read =
          source != nullptr ? own[source->get()] : std::get<const Value*>(load.source())->name;
      int windows = 0;
      for (int axis = 0; axis < std::ssize(load.operands()); ++axis) {
        const Expr& index = load.operands()[static_cast<size_t>(axis)];
        if (const auto along = loop_along(index, static_cast<int>(stage->extents.size())))
          unite({made, *along}, {read, axis});
        if (axis < 2 || !is_window(index)) continue;
        ++windows;
        windows_.insert({{read, axis}, {made, axis}});
      }
      if (windows > 0 && std::ssize(load.operands()) == windows + 2)
        channels_.insert({{read, 1}, {made, 1}});
    });
  }
}

Channels::Place Channels::first_of(Place place) const {
  for (auto found = toward_.find(place); found != toward_.end(); found = toward_.find(place))
    place = found->second;
  return place;
}

void Channels::unite(Place one, Place other) {
  one = first_of(std::move(one));
  other = first_of(std::move(other));
  if (one != other) toward_[std::move(one)] = std::move(other);
}

std::optional<int> Channels::axis_of(const Value& value) const {
  const auto is = [&](const std::set<Place>& marks, int axis) {
    return marks.contains(first_of({value.name, axis}));
  };
  std::vector<int> axes;
  for (int axis = 0; axis < value.type.tensor().rank(); ++axis)
    if (is(channels_, axis) && !is(windows_, axis)) axes.push_back(axis);
  if (axes.size() == 1) return axes[0];
  return is(windows_, 1) ? std::nullopt : std::optional(1);
}

std::vector<int> Channels::innermost_order(const Value& value) const {
  if (!is_turnable(value)) return {};
  const Dims& shape = value.type.tensor().shape();
  const auto axis = axis_of(value);
  const auto is_one = [](const Dim& dim) { return dim.is(1); };
  if (!axis || is_one(shape[static_cast<size_t>(*axis)])) return {};
  if (std::all_of(shape.begin() + *axis + 1, shape.end(), is_one)) return {};
  std::vector<int> order(shape.size());
  std::iota(order.begin(), order.end(), 0);
  std::rotate(order.begin() + *axis, order.begin() + *axis + 1, order.end());
  return order;
}

std::unordered_map<const Value*, std::vector<int>> orders_within(const Graph& graph,
                                                                 const Node& fused,
                                                                 const Channels& channels) {
  const Graph& body = *fused.op.as<Fused>()->body;
  std::set<const Value*> edges;
  for (size_t i = 0; i < fused.inputs.size(); ++i)
    if (fused.inputs[i]->producer == nullptr || graph.is_output(fused.inputs[i]))
      edges.insert(body.inputs()[i]);
  for (const GraphOutput& output : body.outputs())
    if (graph.is_output(graph.find(output.value->name))) edges.insert(output.value);
  std::unordered_map<const Value*, std::vector<int>> orders;
  const auto add = [&](const Value* value) {
    if (value == nullptr || edges.contains(value)) return;
    if (auto order = channels.innermost_order(*value); !order.empty())
      orders.emplace(value, std::move(order));
  };
  for (const Value* input : body.inputs()) add(input);
  for (const Node& node : body.nodes())
    for (const Value* output : node.outputs) add(output);
  return orders;
}

}  // namespace hone
