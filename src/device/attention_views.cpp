#include "device/attention_views.hpp"

#include <algorithm>
#include <unordered_set>

#include "ir/evaluation/evaluation.hpp"
#include "ops/attention.hpp"

namespace hone {
namespace {

using enum Attention::Operand;

/// The elements of a head are side by side.
bool has_rows(const StridedView& view, const Value& value) {
  return view.strides.back().is(1) || value.type.tensor().shape().back().is(1);
}

std::vector<int64_t> numbers_of(const Dims& dims, const Bindings& symbols) {
  std::vector<int64_t> numbers;
  for (const Dim& dim : dims) {
    const auto number = dim.evaluate(symbols);
    check(number.has_value(), Code::internal, "a size ", dim, " is not known");
    numbers.push_back(*number);
  }
  return numbers;
}

/// The nodes of the region that the kernel runs: attention and the views about it.
std::unordered_set<const Node*> run_with(const Node& node) {
  std::unordered_set<const Node*> nodes{&node};
  for (const size_t operand : {kQ, kK, kV})
    for (const Value* value = node.inputs[operand]; value->producer != nullptr;
         value = viewed(*value))
      nodes.insert(value->producer);
  for (const Node* view = behind_views(*node.output())->producer; view != &node;
       view = viewed(*view->output())->producer)
    nodes.insert(view);
  return nodes;
}

}  // namespace

const Node* attention_of(const Problem& problem) {
  const Node* found = nullptr;
  for (const Node& node : problem.region.body->nodes()) {
    if (node.op.as<Attention>() == nullptr) continue;
    if (found != nullptr) return nullptr;
    found = &node;
  }
  return found;
}

const TensorType* attention_operand(const Node& node, size_t operand) {
  const Value* value = node.input(operand);
  return value == nullptr ? nullptr : &value->type.tensor();
}

const Value* behind_views(const Value& result) {
  const Value* value = &result;
  while (value->first_output < 0 && value->users.size() == 1) {
    const Node& reader = *value->users.front();
    if (reader.outputs.size() != 1 || viewed(*reader.output()) != value) break;
    value = reader.output();
  }
  return value;
}

std::optional<StridedView> place_of_operand(const Value& operand) {
  auto view = view_of(operand);
  if (!view || !view->of->is_input() || !has_rows(*view, operand)) return std::nullopt;
  return view;
}

std::optional<StridedView> place_of_result(const Value& result) {
  auto place = place_in(result, *behind_views(result));
  if (!place || !has_rows(*place, result)) return std::nullopt;
  return place;
}

Verdict views_verdict(const Problem& problem, const Node& attention) {
  const Graph& body = *problem.region.body;
  if (body.nodes().size() == 1) return {};
  const Value& y = *attention.output();
  if (!place_of_result(y)) return Verdict::yes_up_to(y.name, "views behind it tear heads apart");
  const Value* result = behind_views(y);
  const auto run = run_with(attention);
  const auto leaves = [&](const Value* value) {
    return value != nullptr && value->first_output >= 0 && value != result &&
           value != attention.output(1) && value != attention.output(2);
  };
  for (const Node& each : body.nodes()) {
    if (!run.contains(&each)) return Verdict::yes_up_to(result->name, "only views follow");
    if (std::any_of(each.outputs.begin(), each.outputs.end(), leaves))
      return Verdict::no("what a view makes is wanted, too");
  }
  return {};
}

Placed::Placed(const Value& value, StridedView view)
    : whole(view.of == &value),
      shape(value.type.tensor().shape()),
      strides(std::move(view.strides)),
      offset(view.offset) {}

Heads Placed::heads(int64_t given, const std::vector<int64_t>& all, const Bindings& symbols) const {
  if (whole) return {all, given};
  return {numbers_of(shape, symbols), given, numbers_of(strides, symbols)};
}

int64_t Placed::first(const Bindings& symbols) const {
  return whole ? 0 : numbers_of({offset}, symbols).front();
}

}  // namespace hone
