#include "ir/evaluation/evaluation.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/size.hpp"
#include "ir/evaluation/rest.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/inference.hpp"

namespace hone {

Evaluation::Evaluation(const Node& node, std::vector<const Tensor*> inputs, const Bindings& symbols,
                       Allocate allocate)
    : node_(node),
      inputs_(std::move(inputs)),
      outputs_(node.outputs.size()),
      symbols_(symbols),
      allocate_(std::move(allocate)) {}

bool Evaluation::has(int input) const {
  return input >= 0 && input < inputs() && inputs_[static_cast<size_t>(input)] != nullptr;
}

bool Evaluation::wants(int output) const {
  return node_.output(static_cast<size_t>(output)) != nullptr;
}

Tensor& Evaluation::output(int i, DType dtype, const std::vector<int64_t>& shape) {
  const auto place = static_cast<size_t>(i);
  // Results past the node's own (an op may compute more than the node names) are scratch.
  if (place >= outputs_.size()) outputs_.resize(place + 1);
  spend_work(try_element_count(shape).value_or(0));
  outputs_[place] = allocate_ && wants(i) ? allocate_(i, dtype, shape) : Tensor(dtype, shape);
  return outputs_[place];
}

void Evaluation::give(int i, const Tensor& tensor) {
  if (!allocate_ || !tensor.is_tensor() || tensor.dtype() == DType::string) {
    const auto place = static_cast<size_t>(i);
    if (place >= outputs_.size()) outputs_.resize(place + 1);
    outputs_[place] = tensor;
    return;
  }
  Tensor& room = output(i, tensor.dtype(), tensor.shape());
  const auto to = room.mutable_bytes();
  if (!to.empty() && to.data() != tensor.bytes().data())
    std::memmove(to.data(), tensor.bytes().data(), to.size());
}

int64_t Evaluation::dim(const Dim& dim) const {
  const auto value = dim.evaluate(symbols_);
  hone::check(value.has_value(), Code::internal, "the size ", dim, " is not bound at ",
              describe(node_));
  return *value;
}

std::vector<int64_t> Evaluation::dims(const Dims& dims) const {
  std::vector<int64_t> values;
  values.reserve(dims.size());
  for (const Dim& each : dims) values.push_back(dim(each));
  return values;
}

std::vector<int64_t> Evaluation::parameter(const std::optional<Dims>& field, int operand,
                                           std::vector<int64_t> otherwise) const {
  if (field) return dims(*field);
  if (has(operand)) return input(operand).integers();
  return otherwise;
}

int Evaluation::axis(int64_t axis, int rank) const {
  check(axis >= -rank && axis < rank, "axis ", axis, " is out of range for rank ", rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

std::vector<Tensor> evaluate(const Node& node, const std::vector<const Tensor*>& inputs,
                             const Bindings& symbols) {
  check(node.op.op_class().eval != nullptr, Code::internal, describe(node), " cannot be evaluated");
  Evaluation evaluation(node, inputs, symbols);
  spend_work(1);
  for (const Tensor* input : inputs)
    if (input != nullptr) spend_work(input->count());
  node.op.op_class().eval(node.op.data(), evaluation);
  for (size_t i = 0; i < node.outputs.size(); ++i)
    check(node.outputs[i] == nullptr || !evaluation.results()[i].empty(), Code::internal,
          describe(node), " left its result ", i, " without contents");
  return std::move(evaluation.results());
}

bool bind(const TensorType& type, const std::vector<int64_t>& shape, Bindings& symbols) {
  if (!type.has_rank()) return true;
  const Dims& dims = type.shape();
  if (dims.size() != shape.size()) return false;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (const auto symbol = dims[i].as_symbol()) {
      const auto [place, added] = symbols.emplace(std::string(*symbol), shape[i]);
      if (!added && place->second != shape[i]) return false;
    } else if (const auto size = dims[i].evaluate(symbols)) {
      if (*size != shape[i]) return false;
    }
  }
  return true;
}

namespace {

/// An element of a sequence: its type states sizes, it defines none.
bool fits(const TensorType& type, const Tensor& element, const Bindings& symbols) {
  if (!element.is_tensor() || element.dtype() != type.dtype) return false;
  if (!type.has_rank()) return true;
  const Dims& dims = type.shape();
  if (dims.size() != element.shape().size()) return false;
  for (size_t i = 0; i < dims.size(); ++i)
    if (const auto size = dims[i].evaluate(symbols); size && *size != element.shape()[i])
      return false;
  return true;
}

}  // namespace

bool bind_contents(const Type& type, const Tensor& contents, Bindings& symbols) {
  switch (type.kind()) {
    case Type::Kind::none: return false;
    case Type::Kind::tensor:
      return contents.is_tensor() && contents.dtype() == type.tensor().dtype &&
             bind(type.tensor(), contents.shape(), symbols);
    case Type::Kind::optional:
      return contents.is_nothing() || bind_contents(type.element(), contents, symbols);
    case Type::Kind::sequence: break;
  }
  if (!contents.is_sequence() || !type.element().is_tensor()) return false;
  const TensorType& element = type.element().tensor();
  return contents.dtype() == element.dtype &&
         std::all_of(contents.elements().begin(), contents.elements().end(),
                     [&](const Tensor& each) { return fits(element, each, symbols); });
}

void bind_inputs(const Graph& graph, const std::vector<std::vector<int64_t>>& shapes,
                 Bindings& symbols) {
  check(shapes.size() == graph.inputs().size(), Code::usage, "the model takes ",
        graph.inputs().size(), " inputs, given ", shapes.size());
  // Twice: an input's size may be stated in symbols that only a later input binds.
  for (int round = 0; round < 2; ++round)
    for (size_t i = 0; i < shapes.size(); ++i) {
      const Value& input = *graph.inputs()[i];
      if (!input.type.is_tensor()) continue;
      check(bind(input.type.tensor(), shapes[i], symbols), Code::usage, "input \"", input.name,
            "\" has sizes ", shape_text(shapes[i]), ", wanted ", input.type);
    }
}

namespace {

/// Values of a graph while it is evaluated; a tensor is dropped after its last reader.
class Interpreter {
 public:
  Interpreter(const Graph& graph, const Bindings& outer) : graph_(graph), symbols_(outer) {
    for (const Node& node : graph.nodes())
      for (const Value* input : node.inputs)
        if (input != nullptr) ++readers_[input];
    for (const GraphOutput& output : graph.outputs()) ++readers_[output.value];
  }

  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    check(inputs.size() == graph_.inputs().size(), Code::usage, graph_.name(), " takes ",
          graph_.inputs().size(), " inputs, given ", inputs.size());
    // Twice: an input's size may be stated in symbols that only a later input binds.
    for (int round = 0; round < 2; ++round)
      for (size_t i = 0; i < inputs.size(); ++i) take_input(*graph_.inputs()[i], inputs[i]);
    if (const auto broken = broken_requirement(graph_, symbols_))
      return evaluate_rest(graph_.nodes().begin(), *broken);
    for (auto node = graph_.nodes().begin(); node != graph_.nodes().end();) {
      const size_t known = symbols_.size();
      step(*node++);
      if (symbols_.size() == known) continue;
      if (const auto broken = broken_requirement(graph_, symbols_))
        return evaluate_rest(node, *broken);
    }
    std::vector<Tensor> results;
    for (const GraphOutput& output : graph_.outputs()) results.push_back(read(output.value));
    return results;
  }

 private:
  void take_input(const Value& input, const Tensor& tensor) {
    if (!bind_contents(input.type, tensor, symbols_)) [[unlikely]]
      fail(Code::usage, "input %", input.name, " is ", describe(tensor), ", wanted ", input.type);
    values_[&input] = tensor;
  }

  /// What the types rely on does not hold, as where a size that turns out as 1 is broadcast: the
  /// rest is inferred anew with the sizes that are known now.
  std::vector<Tensor> evaluate_rest(std::list<Node>::const_iterator next, const Require& broken) {
    if (next == graph_.nodes().end()) fail_broken(broken, symbols_);
    const std::vector<const Value*> live = live_before(graph_, &*next);
    std::vector<Type> types;
    std::vector<Tensor> contents;
    for (const Value* value : live) {
      contents.push_back(values_.at(value));
      types.push_back(type_of(contents.back(), value->type));
    }
    std::unique_ptr<Graph> rest;
    try {
      rest = rest_of(graph_, &*next, live, types, symbols_);
    } catch (const Error& error) {
      if (error.code() != Code::invalid_model) throw;
      fail(Code::usage, "the model does not run with these sizes: ", error.message());
    }
    return Interpreter(*rest, {}).run(contents);
  }

  Tensor read(const Value* value) {
    if (value->is_constant()) return value->weight->tensor();
    return values_.at(value);
  }

  void step(const Node& node) {
    std::vector<Tensor> operands;
    for (const Value* input : node.inputs)
      operands.push_back(input == nullptr ? Tensor() : read(input));
    std::vector<const Tensor*> pointers;
    for (size_t i = 0; i < operands.size(); ++i)
      pointers.push_back(node.inputs[i] == nullptr ? nullptr : &operands[i]);
    std::vector<Tensor> results = evaluate(node, pointers, symbols_);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const Value* output = node.outputs[i];
      if (output == nullptr) continue;
      if (!bind_contents(output->type, results[i], symbols_)) [[unlikely]]
        fail(Code::internal, describe(node), " gave ", describe(results[i]), " for %", output->name,
             ", its type says ", output->type);
      values_[output] = std::move(results[i]);
    }
    for (const Value* input : node.inputs)
      if (input != nullptr && --readers_[input] == 0) values_.erase(input);
  }

  const Graph& graph_;
  Bindings symbols_;
  std::unordered_map<const Value*, Tensor> values_;
  std::unordered_map<const Value*, int> readers_;
};

}  // namespace

std::vector<Tensor> evaluate(const Graph& graph, const std::vector<Tensor>& inputs,
                             const Bindings& outer) {
  return Interpreter(graph, outer).run(inputs);
}

}  // namespace hone
