// Horizontal fusion: one wider convolution or product in place of several on the same operand.

#include <algorithm>
#include <set>
#include <unordered_set>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "passes/channel_affine.hpp"
#include "passes/pointwise.hpp"
#include "passes/prepare_fusion.hpp"

namespace hone {
namespace {

constexpr std::string_view kFuseSiblings = "fuse_siblings";

/// One of the siblings: its results lie along `axis` of the value that the whole gives.
struct Sibling {
  Node* node = nullptr;
  Node* add = nullptr;  // a MatMul's bias
  Value* bias = nullptr;
  int64_t width = 0;

  Value* result() const { return (add != nullptr ? add : node)->output(); }
};

/// The Add of one number a column behind a product that only it reads.
void find_bias(const Graph& graph, Sibling& sibling) {
  Value* product = sibling.node->output();
  if (!read_once(graph, product)) return;
  Node* add = product->users.front();
  const size_t axis = dims_of(product)->size() - 1;
  const auto affine = channel_affine(*add, product, axis);
  if (!affine || affine->kind != ChannelAffine::Kind::add) return;
  Value* bias = add->inputs[1 - affine->operand];
  const Dims& dims = *dims_of(bias);
  if (dims.size() != 1 || !dims.front().is(sibling.width)) return;
  sibling.add = add;
  sibling.bias = bias;
}

/// Its result has sizes that nothing before it tells, as of an operand of unknown rank. Types of
/// others name them, and nothing would tell them once the node is gone.
bool tells_sizes(const Node& node) {
  std::set<std::string, std::less<>> known, own;
  if (const Dims* operand = dims_of(node.inputs[0]))
    for (const Dim& dim : *operand) dim.collect_symbols(known);
  for (const Dim& dim : *dims_of(node.output())) dim.collect_symbols(own);
  return !std::ranges::includes(known, own);
}

/// Of an operand that only constants make there are none: else one's result may be the other's
/// weight.
std::optional<Sibling> sibling_of(const Graph& graph, Node* node, const Value* operand) {
  const bool conv = node->op.as<Conv>() != nullptr;
  if ((!conv && node->op.as<MatMul>() == nullptr) || node->inputs[0] != operand ||
      node->inputs[1] == operand || !is_weight(node->inputs[1]) || is_weight(operand))
    return std::nullopt;
  const Dims *weight = dims_of(node->inputs[1]), *result = dims_of(node->output());
  if (weight == nullptr || result == nullptr || !numbers_of(*weight) || tells_sizes(*node))
    return std::nullopt;
  if (conv && (node->op.as<Conv>()->group != 1 ||
               (node->input(2) != nullptr && !is_weight(node->inputs[2]))))
    return std::nullopt;
  if (!conv && (weight->size() != 2 || result->size() < 2)) return std::nullopt;
  Sibling sibling{node, nullptr, conv ? node->input(2) : nullptr,
                  *(conv ? weight->front() : weight->back()).constant()};
  if (!conv) find_bias(graph, sibling);
  return sibling;
}

/// The elementwise op that reads the result alone; null: none.
const Node* activation_of(const Sibling& sibling) {
  const Value* result = sibling.result();
  if (result->users.size() != 1) return nullptr;
  const Node* reader = result->users.front();
  const bool clip = reader->op.as<Clip>() != nullptr && reader->inputs[0] == result;
  return is_unary(reader->op) || clip ? reader : nullptr;
}

/// The same op, the same weight but for its width, a bias in both or in none. What rides in the
/// epilogue of one must ride in that of the other.
bool fit(const Sibling& a, const Sibling& b) {
  const Node *left_reader = activation_of(a), *right_reader = activation_of(b);
  if ((left_reader == nullptr) != (right_reader == nullptr) ||
      (left_reader != nullptr && !(left_reader->op == right_reader->op)))
    return false;
  if (!(a.node->op == b.node->op) || (a.bias == nullptr) != (b.bias == nullptr)) return false;
  const bool conv = a.node->op.as<Conv>() != nullptr;
  Dims left = *dims_of(a.node->inputs[1]), right = *dims_of(b.node->inputs[1]);
  left[conv ? 0 : 1] = right[conv ? 0 : 1] = 0;
  return left == right && dtype_of(a.node->inputs[1]) == dtype_of(b.node->inputs[1]);
}

Origins origins(const std::vector<Sibling>& siblings) {
  std::vector<const Node*> nodes;
  for (const Sibling& each : siblings) nodes.insert(nodes.end(), {each.node, each.add});
  return origins_of(nodes);
}

void fuse(Graph& graph, const std::vector<Sibling>& siblings) {
  Node* before = siblings.front().node;
  const bool conv = before->op.as<Conv>() != nullptr;
  std::vector<Value*> weights, biases;
  Dims widths;
  std::string name;
  for (const Sibling& each : siblings) {
    weights.push_back(each.node->inputs[1]);
    biases.push_back(each.bias);
    widths.emplace_back(each.width);
    name += cat(name.empty() ? "" : "|", each.result()->name);
  }
  const auto origin = origins(siblings);
  const auto add = [&](Op op, std::vector<Value*> inputs, const std::string& called) {
    return add_before(graph, before, kFuseSiblings, origin, std::move(op), std::move(inputs),
                      called);
  };
  std::vector<Value*> inputs{before->inputs[0],
                             add(Concat{conv ? 0 : 1}, weights, name + "_weight")};
  Value* bias = nullptr;
  if (biases.front() != nullptr) bias = add(Concat{0}, biases, name + "_bias");
  if (conv && bias != nullptr) inputs.push_back(bias);
  Value* wide = add(before->op, std::move(inputs), name);
  if (!conv && bias != nullptr) wide = add(Add{}, {wide, bias}, name);
  std::vector<std::string> names;
  for (const Sibling& each : siblings) names.push_back(each.result()->name);
  const int64_t axis = conv ? 1 : std::ssize(*dims_of(wide)) - 1;
  Node* split =
      graph.add_node(Split{axis, widths}, {wide}, names, {}, std::string(kFuseSiblings), before);
  infer(graph, *split);
  for (size_t i = 0; i < siblings.size(); ++i) {
    graph.replace_uses(siblings[i].result(), split->outputs[i]);
    const std::string result = siblings[i].result()->name;
    if (siblings[i].add != nullptr) graph.erase(siblings[i].add);
    graph.erase(siblings[i].node);
    graph.rename(split->outputs[i], result);
  }
}

bool fuse_readers(Graph& graph, const Value* operand, const PassOptions& options) {
  std::vector<std::vector<Sibling>> groups;
  std::unordered_set<const Node*> seen;
  for (Node* user : operand->users) {
    if (!seen.insert(user).second || options.keep(*user)) continue;
    const auto sibling = sibling_of(graph, user, operand);
    if (!sibling || (sibling->add != nullptr && options.keep(*sibling->add))) continue;
    const auto group = std::find_if(groups.begin(), groups.end(),
                                    [&](const auto& each) { return fit(each.front(), *sibling); });
    if (group == groups.end()) groups.push_back({*sibling});
    else group->push_back(*sibling);
  }
  bool changed = false;
  for (auto& group : groups) {
    if (group.size() < 2) continue;
    fuse(graph, group);
    changed = true;
  }
  return changed;
}

/// The elementwise op that reads every piece, alone: it works on the whole.
bool work_before_split(Graph& graph, Node& split, const PassOptions& options) {
  if (split.by != kFuseSiblings) return false;
  std::vector<Node*> readers;
  for (Value* piece : split.outputs) {
    if (piece == nullptr || !read_once(graph, piece)) return false;
    Node* reader = piece->users.front();
    const bool clip = reader->op.as<Clip>() != nullptr && reader->inputs[0] == piece;
    if ((!is_unary(reader->op) && !clip) || options.keep(*reader) ||
        (!readers.empty() && !(readers.front()->op == reader->op)))
      return false;
    for (size_t i = 1; i < reader->inputs.size(); ++i) {
      const Value *bound = reader->inputs[i],
                  *first = readers.empty() ? bound : readers[0]->input(i);
      if (bound == first || (bound != nullptr && first != nullptr && scalar_of(bound) &&
                             scalar_of(bound) == scalar_of(first)))
        continue;
      return false;
    }
    if (!readers.empty() && reader->inputs.size() != readers.front()->inputs.size()) return false;
    for (size_t i = 1; i < reader->inputs.size(); ++i)
      if (reader->inputs[i] != nullptr && !reader->inputs[i]->is_constant()) return false;
    readers.push_back(reader);
  }
  std::vector<Value*> inputs = readers.front()->inputs;
  inputs[0] = split.inputs[0];
  Value* whole =
      add_before(graph, &split, kFuseSiblings, origins_of({readers.begin(), readers.end()}),
                 readers.front()->op, std::move(inputs), split.inputs[0]->name);
  graph.set_input(&split, 0, whole);
  infer(graph, split);
  for (size_t i = 0; i < readers.size(); ++i) {
    graph.replace_uses(readers[i]->output(), split.outputs[i]);
    graph.erase(readers[i]);
  }
  return true;
}

}  // namespace

bool fuse_siblings(Graph& graph, const PassOptions& options) {
  std::vector<std::string> operands;  // names: siblings that go may be operands of others
  for (const Value* input : graph.inputs())
    if (input->users.size() > 1) operands.push_back(input->name);
  for (const Node& node : graph.nodes())
    for (const Value* output : node.outputs)
      if (output != nullptr && output->users.size() > 1) operands.push_back(output->name);
  bool changed = false;
  for (const std::string& name : operands)
    if (const Value* operand = graph.find(name)) changed |= fuse_readers(graph, operand, options);
  if (changed) graph.sort();  // weights of later siblings are read by the first
  std::vector<Node*> splits;
  for (Node& node : graph.nodes())
    if (node.op.as<Split>() != nullptr) splits.push_back(&node);
  for (Node* split : splits) changed |= work_before_split(graph, *split, options);
  return changed;
}

}  // namespace hone
