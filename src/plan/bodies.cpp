// The arenas of control flow's bodies, as rooms in the arena around them.

#include <algorithm>

#include "ir/bodies/body_inputs.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "plan/plan.hpp"

namespace hone {
namespace {

std::optional<std::vector<int64_t>> sizes_in(const Type& type, const Bindings& symbols) {
  if (!type.is_tensor() || !type.tensor().has_rank()) return std::nullopt;
  std::vector<int64_t> sizes;
  for (const Dim& dim : type.tensor().shape()) {
    const auto size = dim.evaluate(symbols);
    if (!size || *size < 0) return std::nullopt;
    sizes.push_back(*size);
  }
  return sizes;
}

/// The body's symbols, where they are the same in every turn and known from those around it.
std::optional<Bindings> symbols_in(const Node& node, const Graph& body, const Bindings& around) {
  Bindings symbols;
  const std::vector<BodyInput> all = body_inputs(node, body);
  for (size_t i = 0; i < all.size(); ++i) {
    const Type& type = body.inputs()[i]->type;
    if (all[i].operand == nullptr || !type.is_tensor()) continue;
    if (all[i].state >= 0 &&
        !(body.outputs()[static_cast<size_t>(all[i].state)].value->type == type))
      return std::nullopt;
    auto sizes = sizes_in(all[i].operand->type, around);
    if (!sizes || !type.tensor().has_rank()) return std::nullopt;
    if (all[i].sliced && !sizes->empty()) {
      const auto rank = static_cast<int64_t>(sizes->size());
      sizes->erase(sizes->begin() + (*all[i].sliced + (*all[i].sliced < 0 ? rank : 0)));
    }
    if (!hone::bind(type.tensor(), *sizes, symbols)) return std::nullopt;
  }
  if (broken_requirement(body, symbols)) return std::nullopt;
  return symbols;
}

/// Bytes of a body's own arena; 0: it is not known before the body runs.
int64_t room_for(const Node& node, const Graph& body, const Plan& plan, const Bindings& around) {
  const auto symbols = symbols_in(node, body, around);
  if (!symbols) return 0;
  try {
    return solve(lay_out(body, plan, *symbols).demand, kBindEffort).bytes;
  } catch (const Error&) {  // it needs sizes that these do not tell
    return 0;
  }
}

}  // namespace

Layout lay_out(const Graph& graph, const Plan& plan, const Bindings& symbols) {
  Layout layout = lay_out(plan, symbols);
  layout.rooms.assign(plan.steps.size(), -1);
  int step = 0;
  size_t next = 0;
  for (const Node& node : graph.nodes()) {
    int64_t bytes = 0;
    for (const Body& body : control_bodies(node.op))
      bytes = std::max(bytes, room_for(node, *body, plan.bodies.at(next++), symbols));
    if (bytes > 0) {
      layout.rooms[static_cast<size_t>(step)] = static_cast<int>(layout.demand.buffers.size());
      layout.demand.buffers.push_back({bytes, step, step});
    }
    ++step;
  }
  return layout;
}

}  // namespace hone
