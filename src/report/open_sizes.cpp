#include "report/open_sizes.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "ir/evaluation/rest.hpp"
#include "report/text.hpp"

namespace hone::report {
namespace {

constexpr int64_t kFirst = 1, kOther = 64, kMostTried = 4096;

/// The symbols that inputs have as their first size.
Symbols first_sizes(const Graph& graph) {
  Symbols names;
  for (const Value* input : graph.inputs()) {
    if (!input->type.is_tensor() || !input->type.tensor().has_rank()) continue;
    const Dims& shape = input->type.tensor().shape();
    if (shape.empty()) continue;
    if (const auto symbol = shape.front().as_symbol()) names.emplace(*symbol);
  }
  return names;
}

bool can_run(const Graph& graph, const Bindings& symbols) {
  return !is_planned_otherwise(graph, symbols);
}

}  // namespace

OpenSizes::OpenSizes(const Graph& graph, Bindings given)
    : given_(std::move(given)), other_(kOther) {
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer == nullptr) inputs_.insert(name);
  const Symbols first = first_sizes(graph);
  const auto set = [&](int64_t first_size, int64_t other_size) {
    for (const std::string& name : inputs_) {
      if (given_.contains(name)) continue;
      const auto range = graph.ranges().find(name);
      const Interval bounds = range == graph.ranges().end() ? Interval{} : range->second;
      const int64_t size = first.contains(name) ? first_size : other_size;
      assumed_[name] = std::max(std::min(size, bounds.high), bounds.low);
    }
    return can_run(graph, of(inputs_));
  };
  if (set(kFirst, kOther)) return;
  for (int64_t size = 2 * kOther; size <= kMostTried; size *= 2)
    if (set(kFirst, size)) return;
  for (int64_t size = kOther / 2; size >= 1; size /= 2)
    if (set(kFirst, size)) return;
  for (int64_t size = 2; size <= kMostTried; size *= 2)
    if (set(size, size)) return;
  set(kFirst, kOther);
}

int64_t OpenSizes::assumed(std::string_view name) const {
  const auto found = assumed_.find(name);
  return found == assumed_.end() ? other_ : found->second;
}

Bindings OpenSizes::of(const Symbols& names, int64_t times) const {
  Bindings sizes = given_;
  for (const std::string& name : names) sizes.emplace(name, times * assumed(name));
  return sizes;
}

std::optional<int64_t> OpenSizes::value(const Dim& dim) const {
  Symbols names;
  dim.collect_symbols(names);
  return dim.evaluate(of(names));
}

std::string OpenSizes::where(const Symbols& names) const {
  std::vector<std::string> told;
  for (const std::string& name : names)
    if (!given_.contains(name)) told.push_back(cat(name, " = ", assumed(name)));
  return told.empty() ? std::string() : cat(" where ", join(told, ", "));
}

std::string bytes_at(const Dim& bytes, const OpenSizes& sizes) {
  const auto value = sizes.value(bytes);
  if (!value) return cat(bytes, " bytes");
  // A difference may be less than nothing: a region that reads a piece of an operand counts all.
  return *value <= 0 ? "nothing" : bytes_text(static_cast<uint64_t>(*value));
}

}  // namespace hone::report
