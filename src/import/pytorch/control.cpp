// Operators that hold graphs.

#include "import/pytorch/dim_nodes.hpp"
#include "import/pytorch/graph_import.hpp"
#include "ir/bodies/structural.hpp"

namespace hone::pytorch {
namespace {

using builder::Frame;

/// A node with graphs in it.
class Control {
 public:
  Control(GraphImport& graph, const Json& node, const CallSite& site)
      : graph_(graph),
        none_{.name = site.kind},
        made_{&none_, site, {}},
        call_(graph.caller(), made_) {
    for (const Json& input : node["inputs"].list()) {
      const Json argument = input["arg"];
      if (argument.has("as_graph")) graphs_.push_back(argument["as_graph"]["graph"]);
      else arguments_.emplace_back(graph.item(argument), !graphs_.empty());
    }
  }

  /// Arguments in front of the graphs, and behind them with lists opened.
  std::vector<Item> before() const {
    std::vector<Item> items;
    for (const auto& [item, behind] : arguments_)
      if (!behind) items.push_back(item);
    return items;
  }
  std::vector<Item> behind() const {
    std::vector<Item> items;
    for (const auto& [item, is_behind] : arguments_)
      if (is_behind) items.push_back(item);
    return items;
  }
  static std::vector<Item> opened(const std::vector<Item>& items) {
    std::vector<Item> all;
    for (const Item& item : items) {
      if (const auto* list = item.list()) all.insert(all.end(), list->begin(), list->end());
      else all.push_back(item);
    }
    return all;
  }

  size_t graphs() const { return graphs_.size(); }
  /// Error(invalid_model): the node has no such graph.
  const Json& graph_at(size_t graph) const {
    check(graph < graphs_.size(), Code::invalid_model, "has ", graphs_.size(), " graphs, wanted ",
          graph + 1);
    return graphs_[graph];
  }
  /// The graph's nodes among those around it.
  std::vector<Item> inlined(size_t graph, const std::vector<Item>& inputs) {
    return GraphImport(call_.frame(), graph_at(graph), graph_.importers(), graph_.depth() + 1)
        .import_body(inputs);
  }
  /// The same in a body; what comes from outside is brought in.
  std::vector<Item> within(Frame& body, size_t graph, const std::vector<Item>& inputs) {
    return GraphImport(body, graph_at(graph), graph_.importers(), graph_.depth() + 1)
        .import_body(inputs);
  }

  /// As a value of the graph around.
  Value* value(const Item& item) {
    if (const auto* tensor = item.as<TensorRef>()) return graph_.caller().read(*tensor);
    const bool is_flag = item.as<bool>() != nullptr;
    const bool is_real = item.as<double>() != nullptr;
    if (const auto* late = item.as<LateNumber>()) return late->value;
    return call_.operand(item,
                         is_flag   ? DType::boolean
                         : is_real ? DType::f32
                                   : DType::i64,
                         "number");
  }
  /// An item of the graph around as one of a body.
  Item brought(Frame& body, const Item& item) {
    const auto* dim = item.as<Dim>();
    if (dim != nullptr && !dim->is_constant()) {
      Value* inside = body.bring(value(item), call_.frame());
      return LateNumber{inside, &body};
    }
    if (const auto* late = item.as<LateNumber>())
      return LateNumber{body.bring(late->value, call_.frame()), &body};
    if (const auto* tensor = item.as<TensorRef>())
      return Caller(body).cell(body.bring(graph_.caller().read(*tensor), call_.frame()));
    return item;
  }
  std::vector<Item> brought(Frame& body, const std::vector<Item>& items) {
    std::vector<Item> inside;
    for (const Item& item : items) inside.push_back(brought(body, item));
    return inside;
  }

  /// What a body gives, as outputs of its graph.
  static void add_results(Frame& body, const std::vector<Item>& results) {
    Caller caller(body);
    for (const Item& result : results) {
      const auto* tensor = result.as<TensorRef>();
      check(tensor != nullptr, Code::unsupported, "a graph within gives ", kind_of(result));
      Value* value = caller.read(*tensor);
      body.graph().add_output(value->name, value);
    }
  }

  Call& call() { return call_; }
  GraphImport& graph() { return graph_; }

 private:
  GraphImport& graph_;
  Overload none_;
  MadeCall made_;
  Call call_;
  std::vector<Json> graphs_;
  std::vector<std::pair<Item, bool>> arguments_;
};

std::vector<Item> as_items(GraphImport& graph, const std::vector<Value*>& values) {
  std::vector<Item> items;
  for (Value* value : values) items.emplace_back(graph.caller().cell(value));
  return items;
}

std::vector<Value*> joined(std::vector<Value*> first, const std::vector<Value*>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// cond(condition, graph, graph, operands).
std::vector<Item> import_cond(Control& control) {
  control.call().check(control.graphs() == 2 && control.before().size() == 1,
                       "wants a condition and two graphs");
  const Item condition = control.before()[0];
  const std::vector<Item> operands = Control::opened(control.behind());
  if (const auto* known = condition.as<bool>()) return control.inlined(*known ? 0 : 1, operands);
  Value* decides = control.call().cast(control.value(condition), DType::boolean);
  const auto source = [&](size_t graph) {
    return builder::BodySource{
        graph == 0 ? "true" : "false", [](Graph&) {},
        [&control, &operands, graph](Frame& body) {
          Control::add_results(body, control.within(body, graph, control.brought(body, operands)));
        }};
  };
  const builder::Bodies bodies =
      builder::make_bodies(control.call().frame(), {source(0), source(1)});
  const auto results = static_cast<int>(bodies.bodies[0]->outputs().size());
  return as_items(control.graph(),
                  control.call().intermediates(
                      If{.then_branch = bodies.bodies[0], .else_branch = bodies.bodies[1]},
                      joined({decides}, bodies.captures), results, "taken"));
}

/// The type of a state within the body: sizes that are open are its own.
Type state_type(const Value* state, size_t place) {
  const TensorType& type = state->type.tensor();
  if (!type.has_rank()) return state->type;
  Dims dims;
  for (const Dim& size : type.shape())
    dims.push_back(size.is_constant() ? size : Dim::symbol(cat("in", place, "_d", dims.size())));
  return Type::tensor(type.dtype, dims);
}

/// while_loop(graph of the condition, graph of a turn, states, other operands).
std::vector<Item> import_while(Control& control) {
  const std::vector<Item> behind = control.behind();
  control.call().check(control.graphs() == 2 && !behind.empty() && behind[0].list() != nullptr,
                       "wants two graphs and the states");
  const std::vector<Item> states = *behind[0].list();
  const std::vector<Item> others =
      Control::opened(std::vector<Item>(behind.begin() + 1, behind.end()));
  std::vector<Value*> initial;
  for (const Item& state : states) initial.push_back(control.value(state));
  std::vector<Item> first = as_items(control.graph(), initial);
  first.insert(first.end(), others.begin(), others.end());
  const std::vector<Item> goes = control.inlined(0, first);
  control.call().check(goes.size() == 1, "its condition gives ", uint64_t{goes.size()}, " results");
  Value* condition = control.call().cast(control.value(goes[0]), DType::boolean);

  const auto declare = [&](Graph& graph) {
    graph.add_input("turn", Type::tensor(DType::i64, Dims{}));
    graph.add_input("goes_on", Type::tensor(DType::boolean, Dims{}));
    for (size_t i = 0; i < initial.size(); ++i)
      graph.add_input(cat("state_", uint64_t{i}), state_type(initial[i], i + 2));
  };
  const auto fill = [&](Frame& body) {
    Caller caller(body);
    std::vector<Item> inputs;
    for (size_t i = 0; i < initial.size(); ++i)
      inputs.emplace_back(caller.cell(body.graph().inputs()[i + 2]));
    const std::vector<Item> outside = control.brought(body, others);
    inputs.insert(inputs.end(), outside.begin(), outside.end());
    const std::vector<Item> next = control.within(body, 1, inputs);
    inputs = next;
    inputs.insert(inputs.end(), outside.begin(), outside.end());
    Control::add_results(body, control.within(body, 0, inputs));
    Control::add_results(body, next);
  };
  const builder::Bodies bodies =
      builder::make_bodies(control.call().frame(), {{"turn", declare, fill}});
  const auto count = static_cast<int64_t>(states.size());
  return as_items(
      control.graph(),
      control.call().intermediates(Loop{.body = bodies.bodies[0], .states = count},
                                   joined(joined({nullptr, condition}, initial), bodies.captures),
                                   static_cast<int>(count), "last"));
}

/// scan(graph of a step, states, what is scanned along its first axis, other operands).
std::vector<Item> import_scan(Control& control) {
  const std::vector<Item> behind = control.behind();
  control.call().check(control.graphs() == 1 && behind.size() >= 2 && behind[0].list() != nullptr &&
                           behind[1].list() != nullptr,
                       "wants a graph, the states and what is scanned");
  std::vector<Value*> states, scanned;
  for (const Item& item : *behind[0].list()) states.push_back(control.value(item));
  for (const Item& item : *behind[1].list()) scanned.push_back(control.value(item));
  const std::vector<Item> others =
      Control::opened(std::vector<Item>(behind.begin() + 2, behind.end()));
  control.call().check(!scanned.empty(), "scans nothing");
  const auto declare = [&](Graph& graph) {
    size_t place = 0;
    for (const Value* state : states) {
      graph.add_input(cat("state_", uint64_t{place}), state_type(state, place));
      ++place;
    }
    for (const Value* value : scanned) {
      const Type whole = state_type(value, place++);
      const Dims& dims = whole.tensor().shape();
      control.call().check(!dims.empty(), "scans a tensor without axes");
      graph.add_input("slice",
                      Type::tensor(whole.tensor().dtype, Dims(dims.begin() + 1, dims.end())));
    }
  };
  size_t results = 0;
  const auto fill = [&](Frame& body) {
    Caller caller(body);
    std::vector<Item> inputs;
    const std::vector<Value*> own = body.graph().inputs();
    for (size_t i = 0; i < states.size() + scanned.size(); ++i)
      inputs.emplace_back(caller.cell(own[i]));
    const std::vector<Item> outside = control.brought(body, others);
    inputs.insert(inputs.end(), outside.begin(), outside.end());
    const std::vector<Item> given = control.within(body, 0, inputs);
    results = given.size();
    Control::add_results(body, given);
  };
  const builder::Bodies bodies =
      builder::make_bodies(control.call().frame(), {{"step", declare, fill}});
  Scan op;
  op.body = bodies.bodies[0];
  op.states = static_cast<int64_t>(states.size());
  op.scanned = static_cast<int64_t>(scanned.size());
  return as_items(
      control.graph(),
      control.call().intermediates(std::move(op), joined(joined(states, scanned), bodies.captures),
                                   static_cast<int>(results), "scanned"));
}

}  // namespace

std::optional<std::vector<Item>> import_control(GraphImport& graph, const Json& node,
                                                const std::string& target, const CallSite& site) {
  constexpr std::string_view kPrefix = "torch.ops.higher_order.";
  if (!target.starts_with(kPrefix)) return std::nullopt;
  const std::string_view name = std::string_view(target).substr(kPrefix.size());
  Control control(graph, node, site);
  std::vector<Item> results;
  if (name == "cond") results = import_cond(control);
  else if (name == "while_loop") results = import_while(control);
  else if (name == "scan") results = import_scan(control);
  else if (name == "wrap_with_set_grad_enabled" || name == "wrap_with_autocast")
    results = control.inlined(0, Control::opened(control.behind()));
  else fail(Code::unsupported, "not among the operators with graphs that Hone runs");
  // One list as the only output.
  const auto outputs = node["outputs"].list();
  if (outputs.size() == 1 && outputs[0].has("as_tensors")) return {{list_of(std::move(results))}};
  return results;
}

}  // namespace hone::pytorch
