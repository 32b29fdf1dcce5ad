#include "device/problem.hpp"

#include <algorithm>
#include <cmath>

#include "device/apart.hpp"
#include "ir/bodies/body_inputs.hpp"
#include "ir/bodies/structural.hpp"

namespace hone {
namespace {

std::set<std::string, std::less<>> symbols_of(const Graph& body) {
  std::set<std::string, std::less<>> names;
  for (const Value* input : body.inputs()) collect_symbols(input->type, names);
  for (const Node& node : body.nodes()) {
    collect_symbols(node.op, names);
    for (const Value* output : node.outputs)
      if (output != nullptr) collect_symbols(output->type, names);
  }
  return names;
}

}  // namespace

Ranges ranges_of(const Graph& body, const Ranges& all) {
  constexpr size_t kFew = 16;
  if (all.size() <= kFew) return all;
  const auto names = symbols_of(body);
  Ranges ranges;
  for (const std::string& name : names)
    if (const auto found = all.find(name); found != all.end()) ranges.insert(*found);
  return ranges;
}

namespace {

/// The caller's tensors and constants are aligned to their elements alone, but on a device apart.
OperandLayout layout_of(const Graph& graph, const Value& value, const Target& target) {
  OperandLayout layout;
  if (!value.type.is_tensor() || value.type.tensor().dtype == DType::string) return layout;
  const bool placed = value.producer != nullptr && !graph.is_output(&value);
  const int64_t of_caller = target.host != nullptr && !value.is_constant()
                                ? kApartAlignment
                                : std::max(1, bits(value.type.tensor().dtype) / 8);
  layout.alignment = placed ? kBufferAlignment : of_caller;
  return layout;
}

}  // namespace

std::shared_ptr<Problem> problem_of(const Graph& graph, Region region,
                                    const std::vector<const Value*>& operands,
                                    const std::vector<const Value*>& results,
                                    const Conditions& conditions) {
  auto problem = std::make_shared<Problem>();
  problem->region = std::move(region);
  for (const Value* operand : operands) {
    problem->weights.push_back(known_weight(*operand, conditions.known));
    problem->inputs.push_back(layout_of(graph, *operand, *conditions.target));
  }
  for (const Value* result : results)
    problem->outputs.push_back(layout_of(graph, *result, *conditions.target));
  problem->ranges = ranges_of(*problem->region.body, graph.ranges());
  problem->share = conditions.share;
  problem->target = conditions.target;
  problem->fallback = conditions.fallback;
  problem->sizes = expected_sizes_of(*problem->region.body, graph.ranges(), conditions.sizes);
  return problem;
}

std::shared_ptr<const Problem> problem_of(const Graph& graph, const Node& node,
                                          const Conditions& conditions) {
  std::vector<const Value*> operands, results;
  for (const Value* operand : region_operands(node)) operands.push_back(operand);
  for (const Value* output : node.outputs)
    if (output != nullptr) results.push_back(output);
  return problem_of(graph, region_of(node), operands, results, conditions);
}

std::shared_ptr<const Weight> known_weight(const Value& value, const KnownInputs& known) {
  if (value.is_constant()) return value.weight;
  const auto found = known.find(&value);
  return found == known.end() ? nullptr : found->second;
}

KnownInputs known_inputs(const Node& node, const Graph& body, const KnownInputs& around) {
  KnownInputs known;
  const std::vector<BodyInput> inputs = body_inputs(node, body);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].is_captured())
      if (auto weight = known_weight(*inputs[i].operand, around))
        known.emplace(body.inputs()[i], std::move(weight));
  return known;
}

Conditions conditions_in(const Node& node, const Graph& body, const Conditions& around) {
  return {around.target, around.share, around.sizes, known_inputs(node, body, around.known),
          around.fallback};
}

int64_t expected_size(std::string_view symbol, const Ranges& ranges, const Bindings& expected) {
  if (const auto given = expected.find(symbol); given != expected.end()) return given->second;
  const auto found = ranges.find(symbol);
  const Interval range = found == ranges.end() ? Interval{} : found->second;
  const int64_t low = std::max<int64_t>(1, range.low);
  const int64_t high = std::max(low, range.high == Interval::kUnbounded ? kOpenEnd : range.high);
  return std::llround(std::sqrt(static_cast<double>(low) * static_cast<double>(high)));
}

Bindings expected_sizes(const std::set<std::string, std::less<>>& symbols, const Ranges& ranges,
                        const Bindings& expected) {
  Bindings sizes;
  for (const std::string& name : symbols) sizes[name] = expected_size(name, ranges, expected);
  return sizes;
}

Bindings expected_sizes_of(const Graph& body, const Ranges& ranges, const Bindings& expected) {
  return expected_sizes(symbols_of(body), ranges, expected);
}

int64_t size_for_estimates(const Problem& problem, const Dim& dim) {
  if (const auto number = dim.constant()) return std::max<int64_t>(1, *number);
  std::set<std::string, std::less<>> names;
  dim.collect_symbols(names);
  const Bindings sizes = expected_sizes(names, problem.ranges, problem.sizes);
  return std::max<int64_t>(1, dim.evaluate(sizes).value_or(1));
}

}  // namespace hone
