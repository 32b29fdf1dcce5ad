// Common subexpressions: the same op on the same operands is computed once.

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// Reads few bytes of a constant: most that differ do there.
uint64_t sample(const Weight& weight) {
  if (weight.is_random() || weight.is_absent() || weight.dtype() == DType::string) return 0;
  const auto bytes = weight.tensor().bytes();
  constexpr size_t kSamples = 16;
  Hasher hasher;
  const size_t step = std::max<size_t>(1, bytes.size() / kSamples);
  for (size_t at = 0; at < bytes.size(); at += step)
    hasher.add(bytes.subspan(at, std::min<size_t>(8, bytes.size() - at)));
  return hasher.digest().low;
}

bool same_contents(const Weight& a, const Weight& b) {
  if (&a == &b) return true;
  if (a.is_random() || b.is_random())
    return a.is_random() && b.is_random() && a.seed() == b.seed() && a.gain() == b.gain();
  if (a.is_absent() || b.is_absent()) return a.hash() == b.hash() && a.hash() != Hash{};
  if (a.is_literal()) return same_bits(a.tensor(), b.tensor());
  return a.hash() == b.hash();
}

/// Hashes whole contents only where a few bytes do not tell constants apart.
bool merge_constants(Graph& graph) {
  std::map<std::tuple<DType, std::vector<int64_t>, uint64_t>, std::vector<Value*>> seen;
  bool changed = false;
  for (Value* constant : graph.constants()) {
    const Weight& weight = *constant->weight;
    auto& alike = seen[{weight.dtype(), weight.shape(), sample(weight)}];
    const auto twin = std::find_if(alike.begin(), alike.end(), [&](const Value* other) {
      return same_contents(*other->weight, weight);
    });
    if (twin == alike.end()) {
      alike.push_back(constant);
    } else if (!constant->users.empty() || graph.is_output(constant)) {
      graph.replace_uses(constant, *twin);
      changed = true;
    }
  }
  return changed;
}

uint64_t hash_of(const Node& node) {
  std::string text(node.op.name());
  append_changed_fields(text, node.op);  // many may read the same and differ in fields only
  uint64_t hash = std::hash<std::string_view>()(text);
  for (const Value* input : node.inputs)
    hash = hash * 0x9E3779B97F4A7C15 + std::hash<const Value*>()(input);
  return hash;
}

/// The same results, the earlier node giving all that the later one's readers want.
bool replaces(const Node& first, const Node& later) {
  if (!(first.inputs == later.inputs) || first.outputs.size() != later.outputs.size() ||
      !(first.op == later.op))
    return false;
  for (size_t i = 0; i < later.outputs.size(); ++i) {
    if (later.outputs[i] == nullptr) continue;
    // Sizes that only running tells have a symbol of their own in each node.
    if (first.outputs[i] == nullptr || !(first.outputs[i]->type == later.outputs[i]->type))
      return false;
  }
  return true;
}

}  // namespace

bool merge_common(Graph& graph, const PassOptions& options) {
  bool changed = merge_constants(graph);
  std::unordered_map<uint64_t, std::vector<Node*>> seen;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (!current.op.op_class().pure || options.keep(current)) continue;
    auto& alike = seen[hash_of(current)];
    const auto twin = std::find_if(alike.begin(), alike.end(),
                                   [&](const Node* other) { return replaces(*other, current); });
    if (twin == alike.end()) {
      alike.push_back(&current);
      continue;
    }
    (*twin)->origin = origins_of({*twin, &current});
    for (size_t i = 0; i < current.outputs.size(); ++i)
      if (current.outputs[i] != nullptr)
        graph.replace_uses(current.outputs[i], (*twin)->outputs[i]);
    graph.erase(&current);
    changed = true;
  }
  return changed;
}

}  // namespace hone
