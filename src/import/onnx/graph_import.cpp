#include "import/onnx/graph_import.hpp"

#include <new>
#include <stdexcept>

#include "import/onnx/advice.hpp"
#include "import/onnx/order.hpp"
#include "ir/evaluation.hpp"

namespace hone::onnx {

std::string quoted(std::string_view name) { return cat('"', shown(name), '"'); }

Type closed_type(const StatedType& stated) {
  if (stated.kind == Type::Kind::sequence)
    return Type::sequence(closed_type(stated.element.front()));
  if (stated.kind == Type::Kind::optional)
    return Type::optional(closed_type(stated.element.front()));
  check(stated.kind == Type::Kind::tensor, Code::invalid_model, "its type is not stated");
  if (!stated.dims) return Type::unranked(stated.dtype);
  Dims dims;
  for (const StatedDim& dim : *stated.dims) {
    if (!dim.value) return Type::unranked(stated.dtype);
    dims.emplace_back(*dim.value);
  }
  return Type::tensor(stated.dtype, std::move(dims));
}

namespace {

/// The type of a main graph's input; sizes without a number become symbols.
class InputType {
 public:
  InputType(std::string_view input, std::set<std::string, std::less<>>& symbols)
      : input_(input), symbols_(symbols) {}

  Type of(const StatedType& stated) {
    // An element's sizes define no symbols: there may be no element, or several that differ.
    if (stated.kind != Type::Kind::tensor) return closed_type(stated);
    if (!stated.dims) return Type::unranked(stated.dtype);
    Dims dims;
    for (const StatedDim& dim : *stated.dims) {
      if (dim.value) dims.emplace_back(*dim.value);
      else if (!dim.name.empty()) dims.push_back(Dim::symbol(dim.name));
      else dims.push_back(fresh(dims.size()));
    }
    return Type::tensor(stated.dtype, std::move(dims));
  }

 private:
  Dim fresh(size_t axis) {
    // A symbol stands in the types of many values: it has the begin of a long name only.
    const std::string_view begin = input_.substr(0, 256);
    std::string name = cat(begin, "_", axis);
    for (int i = 1; !symbols_.insert(name).second; ++i) name = cat(begin, "_", axis, "_", i);
    return Dim::symbol(name);
  }

  std::string_view input_;
  std::set<std::string, std::less<>>& symbols_;
};

void collect_names(const StatedType& type, std::set<std::string, std::less<>>& names) {
  if (type.dims)
    for (const StatedDim& dim : *type.dims)
      if (!dim.name.empty()) names.emplace(dim.name);
  for (const StatedType& element : type.element) collect_names(element, names);
}

}  // namespace

GraphImport::GraphImport(ModelImport& model, Frame& frame, const Opsets& opsets, GraphImport* outer,
                         const CallContext* call, int depth)
    : model_(model), frame_(frame), opsets_(opsets), outer_(outer), call_(call), depth_(depth) {
  check(depth <= model.options.limits.depth, Code::invalid_model,
        "bodies and calls of functions are nested deeper than ", model.options.limits.depth);
  if (call != nullptr) prefix_ = call->origin + "/";
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
    if (!define(name, {Slot::State::value, own[i]}))
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

bool GraphImport::define(std::string_view name, Slot slot) {
  return names_.emplace(name, slot).second;
}

Slot GraphImport::find(std::string_view name) {
  const auto found = names_.find(name);
  if (found == names_.end()) {
    if (outer_ == nullptr) return {};
    Slot slot = outer_->find(name);
    if (slot.state == Slot::State::value) slot.value = frame_.bring(slot.value, outer_->frame_);
    return slot;
  }
  Slot& slot = found->second;
  if (slot.state == Slot::State::tensor) {
    const StoredTensor& stored = tensors_[slot.tensor];
    slot = {Slot::State::value, frame_.constant(prefix_ + std::string(name), stored.weight)};
  }
  return slot;
}

std::string GraphImport::value_name(std::string_view name) const {
  const auto found = renamed_.find(name);
  std::string made = found != renamed_.end() ? found->second : cat(prefix_, name);
  model_.count_name(made);
  return made;
}

std::string GraphImport::origin(const NodeProto& node) const {
  const bool has_slash = !prefix_.empty() && node.name.starts_with('/');
  if (!node.name.empty()) {
    std::string made = cat(prefix_, node.name.substr(has_slash ? 1 : 0));
    model_.count_name(made);
    return made;
  }
  for (const std::string_view output : node.outputs)
    if (!output.empty()) return value_name(output);
  return cat(prefix_, node.op_type, "_", model_.nodes);
}

void GraphImport::report_place(std::string place, const Error& error, std::string suggestion) {
  ModelProblem problem;
  problem.node = std::move(place);
  problem.what = error.message();
  problem.suggestion = std::move(suggestion);
  problem.code = error.code();
  model_.report.add(std::move(problem));
}

void GraphImport::report(const NodeProto& node, const Error& error, std::string suggestion) {
  ModelProblem problem;
  problem.node = shown(origin(node));
  problem.domain = shown(node.domain);
  problem.op = shown(node.op_type.empty() ? "?" : node.op_type);
  problem.version = opset_of(node);
  problem.what = error.message();
  problem.suggestion = std::move(suggestion);
  problem.code = error.code();
  model_.report.add(std::move(problem));
}

void GraphImport::add_tensor(const TensorProto& tensor, std::shared_ptr<const Weight> weight) {
  const auto index = static_cast<uint32_t>(tensors_.size());
  Slot slot{weight == nullptr ? Slot::State::failed : Slot::State::tensor, nullptr, index};
  if (tensor.name.empty())
    report_place("an initializer", Error(Code::invalid_model, "it has no name"));
  else if (!define(tensor.name, slot))
    report_place(cat("initializer ", quoted(tensor.name)),
                 Error(Code::invalid_model, "its name is taken already"));
  tensors_.push_back({tensor.name, std::move(weight)});
}

void GraphImport::import_tensors(const GraphProto& graph) {
  const Limits& limits = model_.options.limits;
  names_.reserve(graph.tensors.size() + 2 * graph.nodes.size());
  const auto read = [&](TensorProto& tensor, const auto& make) {
    std::shared_ptr<const Weight> weight;
    try {
      weight = make();
    } catch (const Error& error) {
      const bool is_absent = error.code() == Code::io;
      report_place(is_absent ? cat("file ", quoted(tensor.external.location))
                             : cat("initializer ", quoted(tensor.name)),
                   error, is_absent ? "put it beside the model, or try --random-weights SEED" : "");
    }
    add_tensor(tensor, std::move(weight));
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
  const auto found = names_.find(input.name);
  if (found == names_.end()) return false;
  if (found->second.state == Slot::State::failed) return true;
  if (found->second.state != Slot::State::tensor) return false;
  try {
    const std::shared_ptr<const Weight>& weight = tensors_[found->second.tensor].weight;
    Bindings sizes;
    std::set<std::string, std::less<>> names;
    const Type type =
        InputType(input.name, names).of(decode_type(input.type, model_.options.limits));
    const bool fits = type.is_tensor() && type.tensor().dtype == weight->dtype() &&
                      bind(type.tensor(), weight->shape(), sizes);
    const bool opens = model_.mode == Mode::inputs ||
                       (model_.mode == Mode::float_inputs && is_float(weight->dtype()));
    if (!fits || (model_.mode != Mode::constants && !opens)) return true;
    model_.defaults.emplace(input.name, weight);
    if (opens) names_.erase(found);
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
      stated[i] = decode_type(input.type, model_.options.limits);
      collect_names(*stated[i], symbols);
    } catch (const Error& error) {
      report_place(cat("input ", quoted(input.name)), error);
      define(input.name, {Slot::State::failed});
    }
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    if (!stated[i]) continue;
    const std::string_view name = graph.inputs[i].name;
    try {
      check(!name.empty(), Code::invalid_model, "it has no name");
      check(!names_.contains(name), Code::invalid_model, "two inputs have this name");
      const Type type = InputType(name, symbols).of(*stated[i]);
      define(name, {Slot::State::value, frame_.graph().add_input(name, type)});
    } catch (const Error& error) {
      report_place(cat("input ", quoted(name)), error);
      define(name, {Slot::State::failed});
    }
  }
}

void GraphImport::import_outputs(const GraphProto& graph) {
  if (graph.outputs.empty())
    report_place("the graph", Error(Code::invalid_model, "it has no outputs"));
  for (const NamedType& output : graph.outputs) {  // the same value may stand there twice
    const Slot slot = find(output.name);
    if (slot.state == Slot::State::undefined)
      report_place(cat("output ", quoted(output.name)),
                   Error(Code::invalid_model, "no node, input or initializer gives it"));
    else if (slot.value != nullptr) frame_.graph().add_output(output.name, slot.value);
  }
}

void GraphImport::note_stated_types(const GraphProto& graph) {
  for (const auto* list : {&graph.values, &graph.outputs})
    for (const NamedType& value : *list)
      if (!value.type.empty()) stated_.emplace(value.name, value.type);
}

void GraphImport::import_nodes(const std::vector<NodeProto>& nodes) {
  const Order order = dependency_order(nodes, model_.free_names);
  for (const uint32_t i : order.nodes) {
    const Limits& limits = model_.options.limits;
    if (++model_.nodes > limits.nodes)
      throw BeyondLimit{cat("more than ", limits.nodes, " nodes, calls of functions inlined")};
    if (static_cast<int64_t>(frame_.graph().requirements().size()) > limits.requirements)
      throw BeyondLimit{
          cat("more than ", limits.requirements,
              " facts about sizes must hold; first: ", frame_.graph().requirements().front())};
    import_node(nodes[i]);
  }
  if (order.nodes.size() == nodes.size()) return;
  model_.nodes += static_cast<int64_t>(nodes.size() - order.nodes.size());
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
    if (!define(node.outputs[i], slot))
      report(node, Error(Code::invalid_model,
                         cat("gives ", quoted(node.outputs[i]), ", which is defined already")));
  }
}

void GraphImport::import_node(const NodeProto& node) {
  try {
    check(!node.op_type.empty(), Code::invalid_model, "a node without an operator");
    if (node.outputs.empty()) return;  // nobody can see what it does
    const bool failed = has_failed_input(node);
    const auto function = model_.functions.find({node.domain, node.op_type, node.overload});
    if (function != model_.functions.end()) return import_call(node, function->second);
    const int opset = opset_of(node);
    check(opset > 0, Code::invalid_model, "the file states no opset for it");
    const auto found = model_.importers.find(node.domain, node.op_type, opset);
    if (found.f != nullptr)  // what fails only because of what it reads is not reported
      return failed ? define_outputs(node, {}) : import_known(node, found.f, opset);
    ModelProblem problem;
    problem.node = shown(origin(node));
    problem.domain = shown(node.domain);
    problem.op = shown(node.op_type);
    problem.version = opset;
    advise(problem, model_.importers);
    model_.report.add(std::move(problem));
  } catch (const FailedBefore&) {
  } catch (const Error& error) {
    report(node, error);
  } catch (const std::bad_alloc&) {
    report(node, Error(Code::out_of_memory, "not enough memory to import it"));
  } catch (const std::length_error&) {
    report(node, Error(Code::out_of_memory, "not enough memory to import it"));
  }
  define_outputs(node, {});
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
