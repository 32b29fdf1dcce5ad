#include "import/onnx/graph_import.hpp"

#include "import/builder/order.hpp"
#include "import/onnx/advice.hpp"
#include "ir/evaluation/evaluation.hpp"

namespace hone::onnx {

GraphImport::GraphImport(ModelImport& model, Frame& frame, const Opsets& opsets, GraphImport* outer,
                         const CallContext* call, int depth)
    : model_(model),
      scope_(frame, outer == nullptr ? nullptr : &outer->scope_,
             call == nullptr ? std::string() : call->origin + "/"),
      opsets_(opsets),
      call_(call),
      depth_(depth) {
  const int most = model.build.options.limits.depth;
  check(depth <= most, Code::invalid_model, "bodies and calls of functions are nested deeper than ",
        most);
}

void GraphImport::import_main(const GraphProto& graph) {
  import_tensors(graph);
  import_inputs(graph);
  note_stated_types(graph);
  import_nodes(graph.nodes);
  import_outputs(graph);
}

std::vector<Value*> GraphImport::import_body(const GraphProto& graph,
                                             const std::vector<Value*>& own) {
  check(graph.inputs.size() == own.size(), Code::invalid_model, "a body takes ",
        graph.inputs.size(), " inputs, wanted ", own.size());
  for (size_t i = 0; i < own.size(); ++i) {
    const std::string_view name = graph.inputs[i].name;
    if (!scope_.define(name, {Slot::State::value, own[i]}))
      fail(Code::invalid_model, "two inputs of a body are named ", quoted(name));
  }
  import_tensors(graph);
  note_stated_types(graph);
  import_nodes(graph.nodes);
  std::vector<Value*> results;
  bool failed = false;
  for (const NamedType& output : graph.outputs) {
    const Slot slot = find(output.name);
    check(slot.state != Slot::State::undefined, Code::invalid_model, "a body's output ",
          quoted(output.name), " is not defined");
    failed |= slot.value == nullptr;
    results.push_back(slot.value);
  }
  if (failed) throw FailedBefore();
  return results;
}

std::string GraphImport::value_name(std::string_view name) const {
  const auto found = renamed_.find(name);
  return found != renamed_.end() ? found->second : cat(scope_.prefix(), name);
}

builder::NodePlace GraphImport::place(const NodeProto& node) {
  builder::NodePlace place{origin(node), kind_of(node), {}, {}};
  for (const std::string_view name : node.inputs)
    place.inputs.push_back(name.empty() ? nullptr : find(name).value);
  for (const std::string_view name : node.outputs)
    place.outputs.push_back(name.empty() ? std::string() : value_name(name));
  return place;
}

std::string GraphImport::origin(const NodeProto& node) const {
  const std::string& prefix = scope_.prefix();
  const bool has_slash = !prefix.empty() && node.name.starts_with('/');
  std::string made;
  if (!node.name.empty()) made = cat(prefix, node.name.substr(has_slash ? 1 : 0));
  for (const std::string_view output : node.outputs)
    if (made.empty() && !output.empty()) made = value_name(output);
  if (made.empty()) return cat(prefix, node.op_type, "_", model_.build.nodes);
  model_.build.count_name(made);
  return made;
}

/// "ai.onnx::Conv", "acme::Swizzle v1".
std::string GraphImport::kind_of(const NodeProto& node) const {
  const std::string op = shown(node.op_type.empty() ? "?" : node.op_type);
  if (node.domain.empty()) return cat("ai.onnx::", op);
  return cat(shown(node.domain), "::", op, " v", opset_of(node));
}

void GraphImport::report(const NodeProto& node, const Error& error, std::string suggestion) {
  model_.build.report.add(
      builder::problem_of(origin(node), kind_of(node), error, std::move(suggestion)));
}

void GraphImport::add_tensor(std::string_view name, std::shared_ptr<const Weight> weight) {
  if (name.empty())
    model_.build.report_place("an initializer", Error(Code::invalid_model, "it has no name"));
  else if (!scope_.store(name, std::move(weight)))
    model_.build.report_place(cat("initializer ", quoted(name)),
                              Error(Code::invalid_model, "its name is taken already"));
}

void GraphImport::import_tensors(const GraphProto& graph) {
  const Limits& limits = model_.build.options.limits;
  scope_.reserve(graph.tensors.size() + 2 * graph.nodes.size());
  const auto read = [&](TensorProto& tensor, const auto& make) {
    std::shared_ptr<const Weight> weight;
    try {
      weight = make();
    } catch (const Error& error) {
      const bool is_absent = error.code() == Code::io;
      model_.build.report_place(
          is_absent ? cat("file ", quoted(tensor.external.location))
                    : cat("initializer ", quoted(tensor.name)),
          error, is_absent ? "put it beside the model, or try --random-weights SEED" : "");
    }
    add_tensor(tensor.name, std::move(weight));
  };
  for (const std::string_view message : graph.tensors) {
    TensorProto tensor;
    read(tensor, [&] {
      tensor.name = name_of_tensor(message);
      tensor = decode_tensor(message, limits);
      return model_.tensors.weight(tensor);
    });
  }
  for (const std::string_view message : graph.sparse_tensors) {
    TensorProto tensor;
    read(tensor, [&] {
      const SparseTensorProto sparse = decode_sparse_tensor(message, limits);
      tensor.name = sparse.values.name;
      return Weight::of(model_.tensors.dense(sparse));
    });
  }
}

/// Whether the input is none here, because an initializer gives its value.
bool GraphImport::has_default(const NamedType& input) {
  using Mode = ModelImport::Defaults;
  const Slot slot = scope_.look(input.name);
  if (slot.state == Slot::State::failed) return true;
  if (slot.state != Slot::State::stored) return false;
  try {
    const std::shared_ptr<const Weight>& weight = scope_.weight(slot);
    Bindings sizes;
    builder::SymbolNames names;
    const StatedType stated = decode_type(input.type, model_.build.options.limits);
    const Type type = builder::OpenType(input.name, names).of(stated);
    const bool fits = type.is_tensor() && type.tensor().dtype == weight->dtype() &&
                      bind(type.tensor(), weight->shape(), sizes);
    const bool opens = model_.mode == Mode::inputs ||
                       (model_.mode == Mode::float_inputs && is_float(weight->dtype()));
    if (!fits || (model_.mode != Mode::constants && !opens)) return true;
    model_.defaults.emplace(input.name, weight);
    if (opens) scope_.forget(input.name);
    return !opens;
  } catch (const Error&) {  // of no type that can be read: nothing could be given in its place
    return true;
  }
}

void GraphImport::import_inputs(const GraphProto& graph) {
  auto& symbols = symbols_;
  std::vector<std::optional<StatedType>> stated(graph.inputs.size());
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const NamedType& input = graph.inputs[i];
    if (has_default(input)) continue;
    try {
      stated[i] = decode_type(input.type, model_.build.options.limits);
      collect_names(*stated[i], symbols);
    } catch (const Error& error) {
      model_.build.report_place(cat("input ", quoted(input.name)), error);
      scope_.define(input.name, {Slot::State::failed});
    }
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    if (!stated[i]) continue;
    const std::string_view name = graph.inputs[i].name;
    try {
      check(!name.empty(), Code::invalid_model, "it has no name");
      check(!scope_.has(name), Code::invalid_model, "two inputs have this name");
      const Type type = builder::OpenType(name, symbols).of(*stated[i]);
      scope_.define(name, {Slot::State::value, frame().graph().add_input(name, type)});
    } catch (const Error& error) {
      model_.build.report_place(cat("input ", quoted(name)), error);
      scope_.define(name, {Slot::State::failed});
    }
  }
}

void GraphImport::import_outputs(const GraphProto& graph) {
  if (graph.outputs.empty())
    model_.build.report_place("the graph", Error(Code::invalid_model, "it has no outputs"));
  for (const NamedType& output : graph.outputs) {  // the same value may stand there twice
    const Slot slot = find(output.name);
    if (slot.state == Slot::State::undefined)
      model_.build.report_place(
          cat("output ", quoted(output.name)),
          Error(Code::invalid_model, "no node, input or initializer gives it"));
    else if (slot.value != nullptr) frame().graph().add_output(output.name, slot.value);
  }
}

void GraphImport::note_stated_types(const GraphProto& graph) {
  for (const auto* list : {&graph.values, &graph.outputs})
    for (const NamedType& value : *list)
      if (!value.type.empty()) stated_.emplace(value.name, value.type);
}

void GraphImport::import_nodes(const std::vector<NodeProto>& nodes) {
  const builder::Order order = builder::dependency_order(dependencies(nodes, model_.free_names));
  for (const uint32_t i : order.nodes) {
    model_.build.count_node(frame().graph());
    import_node(nodes[i]);
  }
  if (order.nodes.size() == nodes.size()) return;
  model_.build.nodes += static_cast<int64_t>(nodes.size() - order.nodes.size());
  std::string path;
  for (size_t i = 0; i < order.cycle.size() && i < 8; ++i)
    path += cat(shown(origin(nodes[order.cycle[i]])), " -> ");
  path += order.cycle.size() > 8 ? "..." : shown(origin(nodes[order.cycle.front()]));
  report(nodes[order.cycle.front()], Error(Code::invalid_model, cat("stands on a cycle: ", path)));
  std::vector<bool> ordered(nodes.size(), false);
  for (const uint32_t i : order.nodes) ordered[i] = true;
  for (size_t i = 0; i < nodes.size(); ++i)
    if (!ordered[i]) define_outputs(nodes[i], {});
}

int GraphImport::opset_of(const NodeProto& node) const {
  const auto found = opsets_.find(node.domain);
  if (found != opsets_.end()) return found->second;
  return node.domain.empty() ? 0 : 1;  // exporters forget those of other domains
}

bool GraphImport::has_failed_input(const NodeProto& node) {
  for (const std::string_view name : node.inputs) {
    if (name.empty()) continue;
    const Slot slot = find(name);
    if (slot.state == Slot::State::failed) return true;
    if (slot.state == Slot::State::undefined)
      fail(Code::invalid_model, "reads ", quoted(name),
           ", which no node, input or initializer gives");
  }
  return false;
}

void GraphImport::define_outputs(const NodeProto& node, const std::vector<Slot>& slots) {
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    const Slot slot = i < slots.size() ? slots[i] : Slot{Slot::State::failed};
    if (!scope_.define(node.outputs[i], slot))
      report(node, Error(Code::invalid_model,
                         cat("gives ", quoted(node.outputs[i]), ", which is defined already")));
  }
}

void GraphImport::import_node(const NodeProto& node) {
  const auto tell = [&](const Error& error) { report(node, error); };
  if (!model_.build.attempt([&] { import_any(node); }, tell)) define_outputs(node, {});
}

void GraphImport::import_any(const NodeProto& node) {
  check(!node.op_type.empty(), Code::invalid_model, "a node without an operator");
  if (node.outputs.empty()) return;  // nobody can see what it does
  const bool failed = has_failed_input(node);
  const auto function = model_.functions.find({node.domain, node.op_type, node.overload});
  if (function != model_.functions.end()) return import_call(node, function->second);
  const int opset = opset_of(node);
  check(opset > 0, Code::invalid_model, "the file states no opset for it");
  const auto found = model_.importers.find(node.domain, node.op_type, opset);
  if (found.f == nullptr) {
    const Advice advice = advise(shown(node.domain), shown(node.op_type), opset, model_.importers);
    report(node, Error(Code::unsupported, advice.what), advice.suggestion);
    throw FailedBefore();
  }
  if (failed) throw FailedBefore();  // what fails only because of what it reads is not reported
  import_known(node, found.f, opset);
}

void GraphImport::import_known(const NodeProto& node, ImportFunction f, int opset) {
  NodeReader reader(*this, node, opset, call_);
  if (opset < 6 && node.domain.empty()) reader.ignore("consumed_inputs");  // a hint on memory
  f(reader);
  if (reader.failed()) throw FailedBefore();
  for (const std::string_view name : reader.unread_attributes())
    reader.unsupported("attribute ", quoted(name), " is not known");
  std::vector<Slot> slots;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Value* value = reader.bound(static_cast<int>(i));
    check(value != nullptr || node.outputs[i].empty(), Code::invalid_model, "has no output ", i);
    if (value != nullptr) value = as_stated(node.outputs[i], value, reader.origin());
    slots.push_back({Slot::State::value, value});
  }
  define_outputs(node, slots);
}

}  // namespace hone::onnx
