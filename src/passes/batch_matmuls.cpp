// Horizontal fusion: small products that do not wait for each other, and products of one operand,
// become one with a batch.

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/size.hpp"
#include "ir/inference.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"
#include "passes/channel_affine.hpp"
#include "passes/pointwise.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/rewrite.hpp"

namespace hone {
namespace {

constexpr std::string_view kBatchMatmuls = "batch_matmuls", kStackSiblings = "stack_siblings";

// A launch costs some microseconds. In that time a device does about this many operations of small
// matrices and moves about this many bytes: products beyond it gain nothing from company.
constexpr int64_t kMostOperations = 1 << 22;
constexpr int64_t kMostBytes = 1 << 20;

/// The longest way from what is given: of equal depth none is computed from another.
using Depths = std::unordered_map<const Node*, int64_t>;

Depths depths_of(const Graph& graph) {
  Depths depths;
  for (const Node& node : graph.nodes()) {
    int64_t depth = 0;
    for (const Value* input : node.inputs)
      if (input != nullptr && input->producer != nullptr)
        depth = std::max(depth, depths[input->producer] + 1);
    depths[&node] = depth;
  }
  return depths;
}

std::optional<int64_t> bytes_of(const Value* value) {
  const auto shape = value->type.tensor().concrete();
  const auto count = shape ? try_element_count(*shape) : std::nullopt;
  return count ? try_mul(*count, bits(*dtype_of(value)) / 8) : std::nullopt;
}

/// Small, of known sizes, matrices at least.
bool is_small(const Node& node) {
  int64_t all = 0;
  for (const Value* value : {node.input(0), node.input(1), node.output()}) {
    const Dims* dims = dims_of(value);
    if (dims == nullptr || dims->size() < 2) return false;
    const auto bytes = bytes_of(value);
    if (!bytes || *bytes == 0 || *bytes > kMostBytes) return false;
    all += *bytes;
  }
  const auto results = try_element_count(*node.output()->type.tensor().concrete());
  const auto inner = dims_of(node.inputs[0])->back().constant();
  const auto operations = results && inner ? try_mul(2 * *results, *inner) : std::nullopt;
  return all <= kMostBytes && operations && *operations <= kMostOperations;
}

/// The elementwise op behind a value, which nothing else reads; its other operands are constants.
Node* epilogue_of(const Graph& graph, const Value* value, const PassOptions& options) {
  if (!read_once(graph, value)) return nullptr;
  Node* reader = value->users.front();
  if ((!is_unary(reader->op) && !is_broadcasting(reader->op)) || options.keep(*reader) ||
      *dims_of(reader->output()) != *dims_of(value))
    return nullptr;
  const bool fixed =
      std::all_of(reader->inputs.begin(), reader->inputs.end(), [&](const Value* input) {
        return input == value ||
               (input != nullptr && is_weight(input) && dims_of(input) != nullptr);
      });
  return fixed ? reader : nullptr;
}

class Batch {
 public:
  Batch(Graph& graph, std::vector<Node*> nodes, std::string_view by, const PassOptions& options)
      : graph_(graph), by_(by), options_(options) {
    levels_.push_back(std::move(nodes));
  }

  bool run() {
    const bool left = same(0), right = same(1);
    if ((left && right) || !stacks_freely(0) || !stacks_freely(1)) return false;
    while (find_epilogues()) {
    }
    if (launches_saved() < 1) return false;
    build();
    return true;
  }

 private:
  const std::vector<Node*>& products() const { return levels_.front(); }
  int64_t count() const { return std::ssize(products()); }

  bool same(size_t operand) const {
    return std::all_of(products().begin(), products().end(), [&](const Node* node) {
      return node->inputs[operand] == products().front()->inputs[operand];
    });
  }

  /// One for all, constants, or results that can be written where the batch wants them.
  bool stacks_freely(size_t operand) const {
    return same(operand) ||
           std::all_of(products().begin(), products().end(), [&](const Node* node) {
             const Value* value = node->inputs[operand];
             return is_weight(value) ||
                    (value->producer != nullptr && value->producer->outputs.size() == 1 &&
                     read_once(graph_, value));
           });
  }

  /// The same elementwise op behind each: it works on the batch.
  bool find_epilogues() {
    std::vector<Node*> readers;
    for (const Node* node : levels_.back()) {
      Node* reader = epilogue_of(graph_, node->output(), options_);
      if (reader == nullptr) return false;
      if (!readers.empty() && !alike(*readers.front(), *reader, *levels_.back().front(), *node))
        return false;
      readers.push_back(reader);
    }
    levels_.push_back(std::move(readers));
    return true;
  }

  static bool alike(const Node& a, const Node& b, const Node& before_a, const Node& before_b) {
    if (!(a.op == b.op) || a.inputs.size() != b.inputs.size()) return false;
    for (size_t i = 0; i < a.inputs.size(); ++i) {
      const bool carried = a.inputs[i] == before_a.output();
      if (carried != (b.inputs[i] == before_b.output()) || a.inputs[i]->type != b.inputs[i]->type)
        return false;
    }
    return true;
  }

  /// What is elementwise behind one of the results rides with it now, and would not any more.
  int64_t launches_saved() const {
    std::unordered_set<const Node*> left;
    for (const Node* node : levels_.back())
      for (const Node* user : node->output()->users)
        if (is_unary(user->op) || is_broadcasting(user->op)) left.insert(user);
    return count() - 1 - std::ssize(left);
  }

  Value* add(Op op, std::vector<Value*> inputs, const std::string& name) {
    return add_before(graph_, products().front(), by_, origin_, std::move(op), std::move(inputs),
                      name);
  }

  /// The operand of every node of a level in one value with a batch in front, `rank` axes behind
  /// it.
  Value* stacked(const std::vector<Node*>& nodes, size_t operand, size_t rank) {
    const Value* first = nodes.front()->inputs[operand];
    if (std::all_of(nodes.begin(), nodes.end(),
                    [&](const Node* node) { return node->inputs[operand] == first; }))
      return nodes.front()->inputs[operand];
    std::vector<Value*> rows;
    for (const Node* node : nodes) {
      Value* value = node->inputs[operand];
      Dims dims(1 + rank - dims_of(value)->size(), Dim(1));
      dims.insert(dims.end(), dims_of(value)->begin(), dims_of(value)->end());
      rows.push_back(add(reshape_to(std::move(dims)), {value}, value->name));
    }
    return add(Concat{0}, std::move(rows), first->name + "_batch");
  }

  void build() {
    std::vector<const Node*> all;
    for (const auto& level : levels_) all.insert(all.end(), level.begin(), level.end());
    origin_ = origins_of(all);
    const Node& first = *products().front();
    const std::string name = first.output()->name + "_batch";
    const size_t rank =
        std::max(dims_of(first.inputs[0])->size(), dims_of(first.inputs[1])->size());
    Value* batch =
        add(MatMul{}, {stacked(products(), 0, rank), stacked(products(), 1, rank)}, name);
    for (size_t i = 1; i < levels_.size(); ++i) {
      const Node& reader = *levels_[i].front();
      std::vector<Value*> inputs;
      for (size_t j = 0; j < reader.inputs.size(); ++j) {
        const bool carried = reader.inputs[j] == levels_[i - 1].front()->output();
        inputs.push_back(carried ? batch : stacked(levels_[i], j, rank));
      }
      batch = add(reader.op, std::move(inputs), name);
    }
    Node* split = graph_.add_node(Split{0, Dims(static_cast<size_t>(count()), Dim(1))}, {batch},
                                  std::vector<std::string>(static_cast<size_t>(count()), name),
                                  origin_, std::string(by_), products().front());
    infer(graph_, *split);
    for (size_t i = 0; i < split->outputs.size(); ++i) {
      Value* old = levels_.back()[i]->output();
      const std::string result = old->name;
      Value* piece = add(reshape_to(*dims_of(old)), {split->outputs[i]}, result);
      graph_.replace_uses(old, piece);
      renamed_.emplace_back(piece, result);
    }
    // The results of the products are all that held the places of the new nodes.
    for (size_t i = levels_.size(); i-- > 1;)
      for (Node* node : levels_[i]) graph_.erase(node);
    for (Node* node : products()) graph_.erase(node);
    for (const auto& [value, result] : renamed_) graph_.rename(value, result);
  }

  Graph& graph_;
  const std::string_view by_;  // the pass
  const PassOptions& options_;
  std::vector<std::vector<Node*>> levels_;  // the products, then one elementwise op each after it
  Origins origin_;
  std::vector<std::pair<Value*, std::string>> renamed_;
};

using Group = std::vector<Node*>;

/// To the group among those at `places` whose operands are of the same types; else to a new one.
void add_to(std::vector<Group>& groups, std::vector<size_t>& places, Node& node) {
  const auto place = std::find_if(places.begin(), places.end(), [&](size_t each) {
    const Node& other = *groups[each].front();
    return other.inputs[0]->type == node.inputs[0]->type &&
           other.inputs[1]->type == node.inputs[1]->type;
  });
  if (place != places.end()) {
    groups[*place].push_back(&node);
  } else {
    places.push_back(groups.size());
    groups.push_back({&node});
  }
}

bool run_all(Graph& graph, std::vector<Group> groups, std::string_view by,
             const PassOptions& options) {
  bool changed = false;
  for (Group& group : groups)
    if (group.size() > 1) changed |= Batch(graph, std::move(group), by, options).run();
  if (changed) graph.sort();  // operands of later products are read by the first
  return changed;
}

}  // namespace

bool batch_matmuls(Graph& graph, const PassOptions& options) {
  const Depths depths = depths_of(graph);
  std::vector<Group> groups;
  std::unordered_map<int64_t, std::vector<size_t>> at_depth;  // places in `groups`
  for (Node& node : graph.nodes()) {
    if (node.op.as<MatMul>() == nullptr || options.keep(node) || !is_small(node) ||
        is_weight(node.output()))
      continue;
    add_to(groups, at_depth[depths.at(&node)], node);
  }
  return run_all(graph, std::move(groups), kBatchMatmuls, options);
}

bool stack_siblings(Graph& graph, const PassOptions& options) {
  std::vector<Group> groups;
  std::unordered_map<const Value*, std::vector<size_t>> of_operand;  // places in `groups`
  for (Node& node : graph.nodes()) {
    if (node.op.as<MatMul>() == nullptr || options.keep(node) || is_weight(node.inputs[0]) ||
        !is_weight(node.inputs[1]))
      continue;
    const Dims *operand = dims_of(node.inputs[0]), *weight = dims_of(node.inputs[1]);
    if (operand == nullptr || operand->size() < 2 || weight == nullptr || weight->size() != 2)
      continue;
    add_to(groups, of_operand[node.inputs[0]], node);
  }
  return run_all(graph, std::move(groups), kStackSiblings, options);
}

}  // namespace hone
