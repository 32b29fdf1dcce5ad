#include "import/tensorflow/graph_import.hpp"

#include <algorithm>

#include "import/builder/order.hpp"
#include "import/tensorflow/advice.hpp"

namespace hone::tensorflow {

ModelContext::ModelContext(const Importers& importers, const GraphFile& file, builder::Frame& root,
                           Variable variable)
    : importers_(importers), root_(root), variable_(std::move(variable)) {
  for (const GraphDef& function : file.functions) functions_.emplace(function.name, &function);
}

const GraphDef* ModelContext::function(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : found->second;
}

std::string_view ModelContext::node_of(std::string_view op) const {
  std::string_view first;
  for (const auto& [name, function] : functions_)
    for (const NodeDef& node : function->nodes)
      if (node.op.starts_with(op) && (first.empty() || node.name < first)) first = node.name;
  return first;
}

const NodeIndex& ModelContext::index(const GraphDef& graph) {
  const auto [found, is_new] = indices_.try_emplace(&graph);
  if (!is_new) return found->second;
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    check(found->second.emplace(graph.nodes[i].name, static_cast<uint32_t>(i)).second,
          Code::invalid_model, "two nodes are named ", builder::quoted(graph.nodes[i].name));
  return found->second;
}

Item ModelContext::variable(std::string_view node) {
  const auto [found, is_new] = variables_.try_emplace(node, Item::failed());
  if (is_new) {
    StoredVariable stored = variable_(node);
    found->second = Item::of(root_.constant(node, std::move(stored.contents)), root_);
    if (stored.pairs) found->second.kind = Item::Kind::pairs;
  }
  if (found->second.kind == Item::Kind::failed) throw builder::FailedBefore();
  return found->second;
}

GraphImport::GraphImport(ModelContext& context, builder::Frame& frame, const GraphDef& graph,
                         std::string prefix, int depth)
    : context_(context),
      frame_(frame),
      graph_(graph),
      prefix_(std::move(prefix)),
      depth_(depth),
      index_(context.index(graph)) {
  const int most = frame.model().options.limits.depth;
  check(depth <= most, Code::invalid_model, "calls of functions are nested deeper than ", most);
}

void GraphImport::define(std::string_view name, std::vector<Item> results) {
  defined_[name] = std::move(results);
}

const NodeDef* GraphImport::find_node(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &node(found->second);
}

/// Which branch a node without inputs stands in is told by an edge of control alone.
bool GraphImport::follows_control(const Edge& edge) const {
  const NodeDef* from = find_node(edge.node);
  if (from == nullptr) return false;
  if (from->op == "Identity" && !from->inputs.empty())
    from = find_node(parse_edge(from->inputs.front()).node);
  return from != nullptr && (from->op == "Switch" || from->op == "RefSwitch");
}

std::vector<Edge> GraphImport::reads(uint32_t i) const {
  std::vector<Edge> edges;
  for (const std::string_view input : node(i).inputs) {
    const Edge edge = parse_edge(input);
    if (!edge.is_control || follows_control(edge)) edges.push_back(edge);
  }
  return edges;
}

/// The place of a result among all results of its node.
size_t GraphImport::flat_index(const Edge& edge) const {
  size_t first = 0;
  const NodeDef* from = edge.port.empty() ? nullptr : find_node(edge.node);
  if (from != nullptr) {
    if (const Importer* importer = context_.importers().find(from->op)) {
      const auto& names = importer->results;
      const auto found = std::find(names.begin(), names.end(), edge.port);
      if (found != names.end()) first = static_cast<size_t>(found - names.begin());
    } else if (const GraphDef* function = context_.function(from->op)) {
      const auto& results = function->results;
      const auto found = std::find_if(results.begin(), results.end(),
                                      [&](const auto& each) { return each.first == edge.port; });
      if (found != results.end()) first = static_cast<size_t>(found - results.begin());
    }
  }
  return first + static_cast<size_t>(edge.index);
}

void GraphImport::want(const Edge& edge) {
  const auto found = index_.find(edge.node);
  if (found == index_.end() || defined_.contains(edge.node)) return;
  State& state = states_[found->second];
  // Of what is only waited for it matters whether it is on a way that is taken.
  state.wanted = std::max(state.wanted, edge.is_control ? 1 : flat_index(edge) + 1);
}

std::vector<uint32_t> GraphImport::needed(const std::vector<std::string_view>& edges) {
  std::vector<uint32_t> stack, found;
  std::unordered_map<uint32_t, bool> seen;
  const auto add = [&](std::string_view name) {
    const auto at = index_.find(name);
    if (at == index_.end() || defined_.contains(name)) return;
    if (seen.emplace(at->second, true).second) stack.push_back(at->second);
  };
  for (const std::string_view edge : edges) add(parse_edge(edge).node);
  while (!stack.empty()) {
    const uint32_t i = stack.back();
    stack.pop_back();
    found.push_back(i);
    try {
      for (const Edge& edge : reads(i)) add(edge.node);
    } catch (const Error&) {  // told when the node is imported
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<Item> GraphImport::import(const std::vector<std::string_view>& edges) {
  std::vector<uint32_t> nodes;
  for (const uint32_t i : needed(edges))
    if (!states_.contains(i) || !states_[i].is_defined) nodes.push_back(i);
  std::unordered_map<uint32_t, uint32_t> places;
  for (size_t at = 0; at < nodes.size(); ++at) places[nodes[at]] = static_cast<uint32_t>(at);
  std::vector<std::vector<uint32_t>> order_of(nodes.size());
  for (size_t at = 0; at < nodes.size(); ++at) {
    states_[nodes[at]];
    std::vector<Edge> own;
    try {
      own = reads(nodes[at]);
    } catch (const Error&) {  // told when the node is imported
    }
    for (const Edge& edge : own) {
      want(edge);
      const auto found = index_.find(edge.node);
      if (found == index_.end() || defined_.contains(edge.node)) continue;
      if (const auto place = places.find(found->second); place != places.end())
        order_of[at].push_back(place->second);
    }
    std::sort(order_of[at].begin(), order_of[at].end());
    order_of[at].erase(std::unique(order_of[at].begin(), order_of[at].end()), order_of[at].end());
  }
  for (const std::string_view edge : edges) want(parse_edge(edge));
  const builder::Order order = builder::dependency_order(order_of);
  for (const uint32_t at : order.nodes) import_node(nodes[at]);
  if (order.nodes.size() != nodes.size()) {
    frame_.model().nodes += static_cast<int64_t>(nodes.size() - order.nodes.size());
    std::vector<uint32_t> cycle;
    for (const uint32_t at : order.cycle) cycle.push_back(nodes[at]);
    report_cycle(cycle);
    throw builder::FailedBefore();
  }
  std::vector<Item> items;
  for (const std::string_view edge : edges) items.push_back(find(parse_edge(edge)));
  return items;
}

void GraphImport::report_cycle(const std::vector<uint32_t>& cycle) {
  std::string path;
  for (size_t i = 0; i < cycle.size() && i < 8; ++i)
    path += cat(shown(origin(node(cycle[i]))), " -> ");
  path += cycle.size() > 8 ? "..." : shown(origin(node(cycle.front())));
  const NodeDef& first = node(cycle.front());
  frame_.model().report.add(
      builder::problem_of(origin(first), shown(first.op),
                          Error(Code::invalid_model, cat("stands on a cycle: ", path))));
}

Item GraphImport::find(const Edge& edge) const {
  const size_t i = flat_index(edge);
  if (const auto found = defined_.find(edge.node); found != defined_.end()) {
    check(i < found->second.size(), Code::invalid_model, "reads result ", uint64_t{i}, " of ",
          builder::quoted(edge.node), ", which has ", uint64_t{found->second.size()});
    return found->second[i];
  }
  const auto at = index_.find(edge.node);
  check(at != index_.end(), Code::invalid_model, "reads ", builder::quoted(edge.node),
        ", which is no node of the graph");
  const auto state = states_.find(at->second);
  if (state == states_.end() || !state->second.is_defined) return Item::failed();
  const std::vector<Item>& results = state->second.results;
  return i < results.size() ? results[i] : Item::failed();
}

std::string GraphImport::origin(const NodeDef& def) const {
  std::string made = full_name(def.name);
  frame_.model().count_name(made);
  return made;
}

/// Bodies of loops often name their nodes in full.
std::string GraphImport::full_name(std::string_view name) const {
  return name.starts_with(prefix_) ? std::string(name) : cat(prefix_, name);
}

std::string GraphImport::value_name(std::string_view name, size_t i) const {
  return i == 0 ? full_name(name) : cat(full_name(name), ":", uint64_t{i});
}

Value* GraphImport::value_of(const Item& item) const {
  return item.is_value() ? frame_.bring(item.value, *item.frame) : nullptr;
}

builder::NodePlace GraphImport::place(const NodeDef& def, const std::vector<Item>& items,
                                      size_t results) {
  builder::NodePlace place{origin(def), shown(def.op), {}, {}};
  for (const Item& item : items) place.inputs.push_back(value_of(item));
  for (size_t i = 0; i < results; ++i) {
    place.outputs.push_back(value_name(def.name, i));
    if (i > 0) frame_.model().count_name(place.outputs.back());
  }
  return place;
}

void GraphImport::import_node(uint32_t i) {
  builder::ModelBuild& model = frame_.model();
  model.count_node(frame_.graph());
  const NodeDef& def = node(i);
  const auto tell = [&](const Error& error) {
    const bool lacks =
        context_.importers().find(def.op) == nullptr && context_.function(def.op) == nullptr;
    std::string advice = lacks ? advise(def.op, context_.importers()) : std::string();
    // A table has no name that tells the layer; who looks words up in it has.
    if (const auto reader = context_.node_of("LookupTableFind");
        lacks && def.op.find("HashTable") != std::string_view::npos && !reader.empty())
      advice += cat(" (", shown(reader), " reads it)");
    model.report.add(builder::problem_of(full_name(def.name), shown(def.op), error, advice));
  };
  std::vector<Item> results;
  const bool done = model.attempt([&] { results = results_of(i); }, tell);
  State& state = states_[i];
  if (!done) results.assign(state.wanted, Item::failed());
  state.results = std::move(results);
  state.is_defined = true;
}

namespace {

int depth_of(const Guard* guard) {
  int depth = 0;
  for (; guard != nullptr; guard = guard->outer.get()) ++depth;
  return depth;
}
bool is_deeper(const std::shared_ptr<const Guard>& a, const std::shared_ptr<const Guard>& b) {
  return a != nullptr && a != b && depth_of(a.get()) > depth_of(b.get());
}

}  // namespace

std::vector<Item> GraphImport::results_of(uint32_t i) {
  const NodeDef& def = node(i);
  const size_t wanted = states_[i].wanted;
  std::vector<Item> items;
  bool failed = false, dead = false;
  std::shared_ptr<const Guard> guard;
  for (const Edge& edge : reads(i)) {
    Item item = find(edge);
    if (is_deeper(item.guard, guard)) guard = item.guard;
    failed |= item.kind == Item::Kind::failed && !edge.is_control;
    dead |= item.kind == Item::Kind::dead;
    if (!edge.is_control) items.push_back(std::move(item));
  }
  if (dead && def.op != "Merge") return std::vector<Item>(wanted, Item::dead());
  const Importer* importer = context_.importers().find(def.op);
  const GraphDef* function = importer == nullptr ? context_.function(def.op) : nullptr;
  check(importer != nullptr || function != nullptr, Code::unsupported,
        "not among the operators that Hone runs");
  if (failed) throw builder::FailedBefore();
  if (function != nullptr) {
    std::vector<Item> results = call(def.op, frame_, items, def.name);
    results.resize(std::max(results.size(), wanted), Item::failed());
    return results;
  }
  NodeReader reader(*this, def, items, place(def, items, std::max<size_t>(wanted, 1)));
  const bool of_pairs = std::any_of(
      items.begin(), items.end(), [](const Item& item) { return item.kind == Item::Kind::pairs; });
  const ImportFunction run = of_pairs ? context_.importers().find_complex(def.op) : importer->run;
  check(run != nullptr, Code::unsupported, "complex numbers");
  run(reader);
  if (reader.failed()) throw builder::FailedBefore();
  std::vector<Item> results;
  for (size_t k = 0; k < wanted; ++k) {
    results.push_back(reader.result(static_cast<int>(k)));
    if (results.back().guard == nullptr && def.op != "Merge") results.back().guard = guard;
  }
  return results;
}

namespace {

/// What stands before the names of a called function's nodes: exporters call calls by no name.
std::string prefix_of(std::string_view caller) {
  const size_t slash = caller.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? caller : caller.substr(slash + 1);
  const bool nameless =
      last.starts_with("StatefulPartitionedCall") || last.starts_with("PartitionedCall");
  if (!nameless) return cat(caller, "/");
  return slash == std::string_view::npos ? "" : std::string(caller.substr(0, slash + 1));
}

}  // namespace

std::vector<Item> GraphImport::call(std::string_view name, builder::Frame& frame,
                                    const std::vector<Item>& inputs, std::string_view caller) {
  const GraphDef* function = context_.function(name);
  check(function != nullptr, Code::invalid_model, "calls ", builder::quoted(name),
        ", which is no function of the file");
  check(function->inputs.size() == inputs.size(), Code::invalid_model, "calls ",
        builder::quoted(name), " with ", uint64_t{inputs.size()}, " inputs, wanted ",
        uint64_t{function->inputs.size()});
  const std::string prefix = function->keeps_names ? prefix_ : cat(prefix_, prefix_of(caller));
  GraphImport inner(context_, frame, *function, prefix, depth_ + 1);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Argument& argument = function->inputs[i];
    std::vector<Item> results(argument.place, Item::dead());
    results.push_back(inputs[i]);
    inner.define(argument.name, std::move(results));
  }
  std::vector<std::string_view> edges;
  for (const auto& [result, edge] : function->results) edges.push_back(edge);
  return inner.import(edges);
}

}  // namespace hone::tensorflow
