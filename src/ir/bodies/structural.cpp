#include "ir/bodies/structural.hpp"

#include <unordered_map>

#include "ir/bodies/closed_body.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/op_class.hpp"

namespace hone {

namespace {

/// What any contents of this dtype fit.
Type of_any_sizes(const Type& type) {
  return type.is_tensor() ? Type::unranked(type.tensor().dtype) : type;
}

/// A branch that these sizes do not fit is wrong only where it is taken, and the model may see to
/// it that it is not: then its sizes are told when it runs. Where fields name sizes of the inputs,
/// the branch stays as it was.
void infer_branch(BodyInference& body, const Inference& c) {
  const auto infer = [&](bool any_sizes) {
    for (size_t i = 0; i < body.graph().inputs().size(); ++i) {
      const Type type = body.inside(c.type(static_cast<int>(i) + 1), i);
      body.set_input(i, any_sizes ? of_any_sizes(type) : type);
    }
    body.infer();
  };
  try {
    infer(false);
  } catch (const Error& error) {
    if (error.code() != Code::invalid_model) throw;
    try {
      infer(true);
    } catch (const Error&) {
      throw error;
    }
    if (body.names_undefined()) body.keep_as_given();
  }
}

}  // namespace

void If::infer(Inference& c) const {
  const TensorType& condition = c.tensor(0);
  c.check(condition.dtype == DType::boolean, "the condition is ", condition, ", wanted bool[]");
  BodyInference taken(then_branch, c), other(else_branch, c);
  for (BodyInference* body : {&taken, &other}) {
    const size_t wanted = body->graph().inputs().size();
    c.check(wanted + 1 == static_cast<size_t>(c.inputs()), "a body takes ", wanted,
            " values, given ", c.inputs() - 1);
    infer_branch(*body, c);
  }
  const auto results = static_cast<size_t>(c.outputs());
  c.check(taken.graph().outputs().size() == results && other.graph().outputs().size() == results,
          "the branches give ", taken.graph().outputs().size(), " and ",
          other.graph().outputs().size(), " results, wanted ", results);
  // Of a condition that is known one branch alone tells the types.
  const Dims* known = c.known(0);
  const auto number =
      known != nullptr && known->size() == 1 ? known->front().constant() : std::nullopt;
  const BodyInference &one = number == 0 ? other : taken, &two = number == 1 ? taken : other;
  for (size_t i = 0; i < results; ++i)
    c.set(static_cast<int>(i),
          outside_type(c, static_cast<int>(i), one.output(i), one, two.output(i), two));
  c.replace_op(If{.then_branch = taken.take(), .else_branch = other.take()});
}

void If::eval(Evaluation& c) const {
  run(c, [&](size_t body, const auto& inputs) {
    return evaluate(body == 0 ? *then_branch : *else_branch, inputs);
  });
}

void If::run(Evaluation& c, const RunBody& run_body) const {
  c.check(c.input(0).count() == 1, "the condition has ", c.input(0).count(),
          " elements, wanted one");
  std::vector<Tensor> inputs;
  for (int i = 1; i < c.inputs(); ++i) inputs.push_back(c.input(i));
  const std::vector<Tensor> results = run_body(c.input(0).integer(0) != 0 ? 0 : 1, inputs);
  for (size_t i = 0; i < results.size(); ++i) c.give(static_cast<int>(i), results[i]);
}

std::vector<Body> control_bodies(const Op& op) {
  if (const If* branches = op.as<If>()) return {branches->then_branch, branches->else_branch};
  if (const Loop* loop = op.as<Loop>()) return {loop->body};
  if (const Scan* scan = op.as<Scan>()) return {scan->body};
  return {};
}

void run_control(const Op& op, Evaluation& c, const RunBody& run_body) {
  if (const If* branches = op.as<If>()) branches->run(c, run_body);
  else if (const Loop* loop = op.as<Loop>()) loop->run(c, run_body);
  else if (const Scan* scan = op.as<Scan>()) scan->run(c, run_body);
  else fail(Code::internal, op.name(), " is no control flow");
}

void collect_symbols(const Op& op, std::set<std::string, std::less<>>& names) {
  collect_symbols(op.fields(), names);
  const Fused* fused = op.as<Fused>();
  if (fused == nullptr || fused->body == nullptr) return;
  for (const Node& node : fused->body->nodes()) {
    collect_symbols(node.op, names);
    for (const Value* output : node.outputs)
      if (output != nullptr) collect_symbols(output->type, names);
  }
}

namespace {

/// A region's body with the symbols it shares replaced.
Body substitute(const Body& body, const Replacement& replacement) {
  std::unique_ptr<Graph> inner = body->clone();
  inner->clear_requirements();
  for (Value* input : inner->inputs()) input->type = hone::substitute(input->type, replacement);
  for (Node& node : inner->nodes()) {
    inner->set_op(&node, substitute(node.op, replacement));
    for (Value* output : node.outputs)
      if (output != nullptr) output->type = hone::substitute(output->type, replacement);
  }
  return inner;
}

}  // namespace

Op substitute(const Op& op, const Replacement& replacement) {
  std::set<std::string, std::less<>> used;
  collect_symbols(op.fields(), used);
  const bool region = op.as<Fused>() != nullptr;
  if (used.empty() && !region) return op;
  std::shared_ptr<void> copy = op.op_class().copy(op.data());
  FieldList list;
  op.op_class().fields(copy.get(), list);
  for (const Field& field : list.list()) {
    if (auto* dim = std::get_if<Dim*>(&field.ref)) **dim = (*dim)->substitute(replacement);
    if (auto* type = std::get_if<Type*>(&field.ref)) **type = hone::substitute(**type, replacement);
    if (auto* dims = std::get_if<std::optional<Dims>*>(&field.ref); dims != nullptr && **dims)
      for (Dim& each : ***dims) each = each.substitute(replacement);
    if (auto* body = std::get_if<Body*>(&field.ref); body != nullptr && region && **body != nullptr)
      **body = substitute(**body, replacement);
  }
  return Op::of(op.op_class(), std::move(copy));
}

std::unordered_map<const Value*, Value*> copy_body(Graph& graph, const Graph& body,
                                                   const std::vector<Value*>& inputs,
                                                   Node* before) {
  std::unordered_map<const Value*, Value*> outside;
  for (size_t i = 0; i < body.inputs().size(); ++i)
    outside[body.inputs()[i]] = i < inputs.size() ? inputs[i] : nullptr;
  for (const Value* constant : body.constants())
    outside[constant] = graph.add_constant(constant->name, constant->weight);
  for (const Node& inner : body.nodes()) {
    std::vector<Value*> operands;
    for (const Value* input : inner.inputs)
      operands.push_back(input == nullptr ? nullptr : outside.at(input));
    std::vector<std::string> names;
    for (const Value* output : inner.outputs)
      names.push_back(output == nullptr ? "" : output->name);
    const Node* copy =
        graph.add_node(inner.op, std::move(operands), names, inner.origin, inner.by, before);
    for (size_t i = 0; i < inner.outputs.size(); ++i)
      if (inner.outputs[i] != nullptr) outside[inner.outputs[i]] = copy->outputs[i];
  }
  return outside;
}

std::vector<Value*> inline_body(Graph& graph, const Graph& body, const std::vector<Value*>& inputs,
                                Node* before) {
  const auto outside = copy_body(graph, body, inputs, before);
  std::vector<Value*> results;
  for (const GraphOutput& output : body.outputs()) results.push_back(outside.at(output.value));
  return results;
}

void Fused::infer(Inference& c) const {
  c.check(body != nullptr, "the body is missing");
  c.check(static_cast<int>(body->inputs().size()) == c.inputs() &&
              static_cast<int>(body->outputs().size()) == c.outputs(),
          "operands and results do not fit the body");
  std::unique_ptr<Graph> inferred = body->clone();
  // The body shares the surrounding graph's symbols, and so what is known of them.
  inferred->clear_requirements();
  const std::vector<Require> around = c.graph().requirements();
  for (const Require& require : around) inferred->add_requirement(require);
  for (int i = 0; i < c.inputs(); ++i) {
    Value* input = inferred->inputs()[static_cast<size_t>(i)];
    input->type = c.type(i);
    const Dims* known = c.known(i);
    input->known = known == nullptr ? std::nullopt : std::optional(*known);
  }
  hone::infer(*inferred);
  for (size_t i = 0; i < inferred->requirements().size(); ++i) {
    const Require& require = inferred->requirements()[i];
    // What the graph requires already may never hold: then no sizes fit the graph, and that is said
    // when it is run.
    if (i < around.size() && require == around[i]) continue;
    if (require.relation == Require::Relation::equal) c.require_equal(require.a, require.b);
    else if (require.relation == Require::Relation::broadcast) c.require(require);
    else c.require_less_equal(require.a, require.b);
  }
  inferred->clear_requirements();
  for (int i = 0; i < c.outputs(); ++i) {
    const Value* value = inferred->outputs()[static_cast<size_t>(i)].value;
    c.set(i, value->type);
    if (value->known) c.set_known(i, *value->known);
  }
  c.replace_op(Fused{std::move(inferred), cuts});
}

void Fused::eval(Evaluation& c) const {
  std::vector<Tensor> inputs;
  for (int i = 0; i < c.inputs(); ++i) inputs.push_back(c.input(i));
  const std::vector<Tensor> results = evaluate(*body, inputs, c.symbols());
  for (size_t i = 0; i < results.size(); ++i) c.give(static_cast<int>(i), results[i]);
}

void register_structural(OpRegistry& registry) {
  registry.add<If>();
  registry.add<Loop>();
  registry.add<Scan>();
  registry.add<Fused>();
}

}  // namespace hone
