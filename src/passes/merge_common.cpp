// Common subexpressions: the same op on the same operands is computed once.

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "ir/text/structure.hpp"
#include "passes/clean.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

/// What was seen, by hash: of each hash one after the other. There may be as many as nodes in a
/// graph, nearly all of another hash.
template <class T>
class Alike {
 public:
  explicit Alike(size_t count) {
    first_.reserve(count);
    all_.reserve(count);
  }

  /// The first one of this hash that is the `same`; null: there is none, and `added` is one by now.
  template <class Same>
  T* find_or_add(uint64_t hash, T* added, const Same& same) {
    const auto [place, is_new] = first_.emplace(hash, all_.size());
    for (size_t at = place->second; !is_new; at = all_[at].next) {
      if (same(*all_[at].item)) return all_[at].item;
      if (all_[at].next != kLast) continue;
      all_[at].next = all_.size();
      break;
    }
    all_.push_back({added, kLast});
    return nullptr;
  }

 private:
  static constexpr size_t kLast = SIZE_MAX;
  struct Link {
    T* item;
    size_t next;
  };
  std::unordered_map<uint64_t, size_t> first_;
  std::vector<Link> all_;
};

/// Of a constant's type and few of its bytes: most that differ do there.
uint64_t sample(const Weight& weight) {
  uint64_t hash = static_cast<uint64_t>(weight.dtype());
  const auto add = [&](uint64_t part) {
    hash = (hash ^ part) * 0x9E3779B97F4A7C15;
    hash ^= hash >> 32;
  };
  for (const int64_t size : weight.shape()) add(static_cast<uint64_t>(size));
  const Weight& stored = weight.stored();
  if (stored.is_random() || stored.is_absent() || stored.dtype() == DType::string) return hash;
  const auto bytes = stored.tensor().bytes();
  constexpr size_t kSamples = 16;
  const size_t step = std::max<size_t>(8, bytes.size() / kSamples);
  for (size_t at = 0; at < bytes.size(); at += step) {
    uint64_t part = 0;
    std::memcpy(&part, bytes.data() + at, std::min<size_t>(8, bytes.size() - at));
    add(part);
  }
  return hash;
}

bool same_contents(const Weight& a, const Weight& b) {
  if (&a == &b) return true;
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.is_converted() || b.is_converted())
    return a.is_converted() && b.is_converted() && same_contents(a.stored(), b.stored());
  if (a.is_random() || b.is_random())
    return a.is_random() && b.is_random() && a.seed() == b.seed() && a.gain() == b.gain();
  if (a.is_absent() || b.is_absent()) return a.hash() == b.hash() && a.hash() != Hash{};
  if (a.is_literal()) return same_bits(a.tensor(), b.tensor());
  return a.hash() == b.hash();
}

/// Hashes whole contents only where a few bytes do not tell constants apart.
bool merge_constants(Graph& graph) {
  bool changed = false;
  const std::vector<Value*> constants = graph.constants();
  Alike<Value> seen(constants.size());
  for (Value* constant : constants) {
    const Weight& weight = *constant->weight;
    Value* twin = seen.find_or_add(sample(weight), constant, [&](const Value& other) {
      return same_contents(*other.weight, weight);
    });
    if (twin == nullptr || (constant->users.empty() && !graph.is_output(constant))) continue;
    graph.replace_uses(constant, twin);
    changed = true;
  }
  return changed;
}

uint64_t hash_of(const Node& node) {
  std::string text;
  append_outline(text, node.op);  // many may read the same and differ in fields or bodies only
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
  Alike<Node> seen(graph.nodes().size());
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (!current.op.op_class().pure || options.keep(current)) continue;
    Node* twin = seen.find_or_add(hash_of(current), &current,
                                  [&](const Node& other) { return replaces(other, current); });
    if (twin == nullptr) continue;
    twin->origin = origins_of({twin, &current});
    for (size_t i = 0; i < current.outputs.size(); ++i)
      if (current.outputs[i] != nullptr) graph.replace_uses(current.outputs[i], twin->outputs[i]);
    graph.erase(&current);
    changed = true;
  }
  return changed;
}

}  // namespace hone
