#include "ir/region.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "ir/bodies/structural.hpp"
#include "ir/origins.hpp"

namespace hone {

const Node* Region::single() const {
  return body->nodes().size() == 1 ? &body->nodes().front() : nullptr;
}

std::vector<Value*> region_operands(const Node& node) {
  std::vector<Value*> operands;
  const bool fused = node.op.as<Fused>() != nullptr;
  for (Value* input : node.inputs)
    if (input != nullptr && (fused || !input->is_literal())) operands.push_back(input);
  return operands;
}

Region region_of(const Node& node) {
  if (const Fused* fused = node.op.as<Fused>()) return {fused->body};
  auto body = std::make_shared<Graph>("region");
  std::vector<Value*> operands;
  for (const Value* input : node.inputs) {
    if (input == nullptr) {
      operands.push_back(nullptr);
    } else if (input->is_literal()) {
      operands.push_back(body->add_constant(input->name, input->weight));
    } else {
      operands.push_back(body->add_input(input->name, input->type));
    }
  }
  std::vector<std::string> names;
  for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
  const Node* copy = body->add_node(node.op, std::move(operands), names, node.origin, node.by);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == nullptr) continue;
    copy->outputs[i]->type = node.outputs[i]->type;
    body->add_output(node.outputs[i]->name, copy->outputs[i]);
  }
  return {std::move(body)};
}

namespace {

using Nodes = std::unordered_set<const Node*>;

bool is_read_outside(const Graph& graph, const Value* value, const Nodes& inside) {
  return graph.is_output(value) ||
         std::any_of(value->users.begin(), value->users.end(),
                     [&](const Node* user) { return !inside.contains(user); });
}

/// Builds the body of a region and finds what it reads and gives.
class BodyBuilder {
 public:
  BodyBuilder(const Graph& graph, const std::vector<const Node*>& nodes)
      : graph_(graph),
        body_(std::make_unique<Graph>("region")),
        inside_(nodes.begin(), nodes.end()) {
    for (const Node* node : nodes) copy(*node);
  }

  std::unique_ptr<Graph> body_graph() { return std::move(body_); }
  const std::vector<Value*>& operands() const { return operands_; }
  const std::vector<Value*>& results() const { return results_; }

 private:
  Value* inner(Value* value) {
    if (value == nullptr) return nullptr;
    const auto [place, is_new] = inner_.emplace(value, nullptr);
    if (!is_new) return place->second;
    if (value->is_literal()) return place->second = body_->add_constant(value->name, value->weight);
    operands_.push_back(value);
    Value* input = body_->add_input(value->name, value->type);
    input->known = value->known;
    return place->second = input;
  }

  void copy(const Node& node) {
    std::vector<Value*> operands;
    for (Value* input : node.inputs) operands.push_back(inner(input));
    std::vector<std::string> names;
    for (const Value* output : node.outputs) names.push_back(output == nullptr ? "" : output->name);
    const Node* made = body_->add_node(node.op, std::move(operands), names, node.origin, node.by);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      Value* output = node.outputs[i];
      if (output == nullptr) continue;
      made->outputs[i]->type = output->type;
      made->outputs[i]->known = output->known;
      inner_[output] = made->outputs[i];
      if (!is_read_outside(graph_, output, inside_)) continue;
      results_.push_back(output);
      body_->add_output(output->name, made->outputs[i]);
    }
  }

  const Graph& graph_;
  std::unique_ptr<Graph> body_;
  Nodes inside_;
  std::unordered_map<const Value*, Value*> inner_;
  std::vector<Value*> operands_, results_;
};

/// Takes apart the Fused nodes among `nodes`; their cuts are added to `cuts`.
std::vector<Node*> flat(Graph& graph, const std::vector<Node*>& nodes,
                        std::vector<std::string>& cuts) {
  std::vector<Node*> all;
  for (Node* node : nodes) {
    const Fused* fused = node->op.as<Fused>();
    if (fused == nullptr) {
      all.push_back(node);
      continue;
    }
    const std::vector<Node*> pieces = unfuse(graph, node, &cuts);
    all.insert(all.end(), pieces.begin(), pieces.end());
  }
  return all;
}

/// Gives the names of `from`'s values to `to`: the old values step aside.
void take_over(Graph& graph, Value* from, Value* to) {
  const std::string name = from->name;
  to->type = from->type;
  to->known = from->known;
  graph.replace_uses(from, to);
  std::string aside = cat(name, ".aside");
  while (graph.find(aside) != nullptr) aside += "_";
  graph.rename(from, aside);
  graph.rename(to, name);
}

}  // namespace

Region region_of(const Graph& graph, const std::vector<const Node*>& nodes,
                 std::vector<const Value*>* operands) {
  BodyBuilder builder(graph, nodes);
  if (operands != nullptr) operands->assign(builder.operands().begin(), builder.operands().end());
  return {builder.body_graph()};
}

Node* fuse_nodes(Graph& graph, const std::vector<Node*>& given, std::string_view by,
                 std::vector<std::string> cuts) {
  const std::vector<Node*> nodes = flat(graph, given, cuts);
  BodyBuilder builder(graph, {nodes.begin(), nodes.end()});
  const std::vector<Value*> operands = builder.operands(), results = builder.results();
  std::vector<std::string> names;
  for (const Value* result : results) names.push_back(result->name);
  Node* fused =
      graph.add_node(Fused{builder.body_graph(), std::move(cuts)}, operands, names,
                     origins_of({nodes.begin(), nodes.end()}), std::string(by), nodes.back());
  for (size_t i = 0; i < results.size(); ++i) take_over(graph, results[i], fused->outputs[i]);
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) graph.erase(*node);
  return fused;
}

std::vector<Node*> unfuse(Graph& graph, Node* fused, std::vector<std::string>* cuts) {
  const Fused op = *fused->op.as<Fused>();
  const Body& body = op.body;
  const auto outside = copy_body(graph, *body, fused->inputs, fused);
  std::vector<Node*> pieces;
  for (const Node& inner : body->nodes()) {
    Node* piece = nullptr;
    for (const Value* output : inner.outputs) {
      if (output == nullptr) continue;
      Value* copied = outside.at(output);
      copied->type = output->type;
      copied->known = output->known;
      piece = copied->producer;
    }
    pieces.push_back(piece);
  }
  for (size_t i = 0; i < fused->outputs.size(); ++i)
    take_over(graph, fused->outputs[i], outside.at(body->outputs()[i].value));
  if (cuts != nullptr)
    for (const std::string& cut : op.cuts) cuts->push_back(outside.at(body->find(cut))->name);
  graph.erase(fused);
  return pieces;
}

std::pair<Node*, Node*> cut_region(Graph& graph, Node* fused, std::string_view at) {
  const Fused& op = *fused->op.as<Fused>();
  const Body body = op.body;
  const Value* value = body->find(at);
  check(value != nullptr && value->producer != nullptr, Code::usage, "the region ",
        describe(*fused), " has no value %", at, " to cut at");
  Nodes needed{value->producer};
  std::vector<bool> first;  // of the body's nodes
  for (auto node = body->nodes().rbegin(); node != body->nodes().rend(); ++node) {
    first.push_back(needed.contains(&*node));
    if (!first.back()) continue;
    for (const Value* input : node->inputs)
      if (input != nullptr && input->producer != nullptr) needed.insert(input->producer);
  }
  std::reverse(first.begin(), first.end());
  check(needed.size() < first.size(), Code::usage, "cutting the region ", describe(*fused), " at %",
        at, " leaves nothing behind it");
  const std::string by = fused->by;
  std::vector<std::string> all;
  const std::vector<Node*> pieces = unfuse(graph, fused, &all);
  std::vector<Node*> sides[2];
  for (size_t i = 0; i < pieces.size(); ++i) sides[first[i] ? 0 : 1].push_back(pieces[i]);
  // A cut stays where its value is made and read on one side.
  std::vector<std::string> cuts[2];
  for (const std::string& cut : all) {
    const Value* cut_value = graph.find(cut);
    for (size_t i = 0; i < 2; ++i) {
      const auto on_side = [&](const Node* node) {
        return std::find(sides[i].begin(), sides[i].end(), node) != sides[i].end();
      };
      const auto& users = cut_value->users;
      if (on_side(cut_value->producer) && std::any_of(users.begin(), users.end(), on_side))
        cuts[i].push_back(cut);
    }
  }
  const auto side = [&](int i) {
    return sides[i].size() == 1 ? sides[i].front()
                                : fuse_nodes(graph, sides[i], by, std::move(cuts[i]));
  };
  Node* before = side(0);
  return {before, side(1)};
}

}  // namespace hone
