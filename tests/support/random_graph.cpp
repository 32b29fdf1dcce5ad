#include "support/random_graph.hpp"

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "support/random_drawing.hpp"
#include "support/random_judge.hpp"

namespace hone::test {
namespace {

constexpr int kDeepest = 2;  // bodies within bodies

bool is_control(std::string_view op) {
  return op == If::kName || op == Loop::kName || op == Scan::kName;
}

/// A parameter is a field or an operand, not both.
bool parameters_given_once(const Op& op, const std::vector<Value*>& operands) {
  const FieldList fields = op.fields();
  const auto parameters = op.op_class().parameters;
  return std::none_of(parameters.begin(), parameters.end(), [&](const Parameter& parameter) {
    const auto at = static_cast<size_t>(parameter.operand);
    if (at >= operands.size() || operands[at] == nullptr) return false;
    for (const Field& field : fields.list())
      if (const auto* const dims = std::get_if<std::optional<Dims>*>(&field.ref))
        if (field.name == parameter.field && (*dims)->has_value()) return true;
    return false;
  });
}

/// ONNX Runtime does these otherwise than the standard says:
/// NonZero: "for scalar input, NonZero produces output shape (0, N) instead of (1, N)"; there (1,
/// N). ReduceLogSumExp of integers: the standard's function body sums Exp(Cast<to = DOUBLE>(data))
/// and casts the logarithm back; there exponentials are rounded to integers.
bool is_told_otherwise(const Node& node) {
  const TensorType* first = node.inputs.empty() || !node.inputs[0]->type.is_tensor()
                                ? nullptr
                                : &node.inputs[0]->type.tensor();
  if (first == nullptr) return false;
  if (node.op.name() == "NonZero") return !first->has_rank() || first->rank() == 0;
  return node.op.name() == "ReduceLogSumExp" && !is_float(first->dtype);
}

/// The sizes of empty tensors are another runtime's own in many places.
bool has_no_elements(const std::vector<const Tensor*>& operands,
                     const std::vector<Tensor>& results) {
  const auto is_empty = [](const Tensor& contents) {
    return contents.is_tensor() && contents.count() == 0;
  };
  return std::any_of(results.begin(), results.end(), is_empty) ||
         std::any_of(operands.begin(), operands.end(), [&](const Tensor* operand) {
           return operand != nullptr && is_empty(*operand);
         });
}

/// Of a motif's step "Relu|Clip?": one of the ops; empty: left out.
std::string_view op_of_step(std::string_view text, Rng& rng) {
  if (text.ends_with('?')) {
    text.remove_suffix(1);
    if (rng.percent(50)) return {};
  }
  return rng.among(split(text, '|'));
}

}  // namespace

Drawing::Drawing(DrawingSource& source, int depth)
    : source_(source), depth_(depth), drawn_{*graph_, source.rng, source.options} {
  drawn_.constants = &source.constants;
  drawn_.closed = depth > 0;
}

void Drawing::add_nodes(int64_t wanted) {
  for (int64_t tries = 20 * wanted; std::ssize(graph_->nodes()) < wanted && tries > 0; --tries)
    add_some_op();
}

Op Drawing::op_named(std::string_view name) const {
  for (const OpClass* each : source_.classes)
    if (each->name == name) return Op::of(*each, each->copy(nullptr));
  fail(Code::internal, "no op is named ", name);
}

Value* Drawing::take(std::string_view name, const Tensor& contents, bool rounded) {
  Type type =
      contents.is_sequence()
          ? Type::sequence(Type::unranked(contents.dtype()))
          : Type::tensor(contents.dtype(), Dims(contents.shape().begin(), contents.shape().end()));
  Value* value = graph_->add_input(name, std::move(type));
  drawn_.contents.emplace(value, contents);
  (contents.is_sequence() ? drawn_.others : drawn_.pool).push_back(value);
  if (rounded) drawn_.rounded.insert(value);
  return value;
}

/// A few draws of one op, so that demanding ones get their chance.
void Drawing::add_some_op() {
  Rng& rng = source_.rng;
  if (rng.percent(source_.options.motifs)) return (void)add_motif(any_motif(rng));
  if (source_.options.joins > 0 && rng.percent(source_.options.joins)) return add_join();
  const int64_t chains = source_.options.size_chains;  // 0: as if nobody had asked
  if (chains > 0 && rng.percent(chains)) return add_size_chain(*this);
  const OpClass& op_class = *rng.among(source_.classes);
  if (is_control(op_class.name)) {
    if (depth_ == kDeepest) return;
    ++source_.counts[op_class.name].tried;
    source_.counts[op_class.name].kept += add_control(*this, op_class.name) != nullptr;
    return;
  }
  const auto hints = hints_for(op_class.name);
  for (int attempt = 0; attempt < 6; ++attempt) {
    const bool blind = hints.empty() || rng.percent(25);
    if (add_drawn(op_class, blind ? nullptr : rng.among(hints))) return;
  }
}

std::vector<std::string> Drawing::result_names(const OpClass& op_class) {
  const Arity results = op_class.outputs;
  const int most = std::min(results.most, results.least + 3);
  std::vector<std::string> names;
  for (int64_t left =
           source_.rng.between(std::max(1, results.least), std::max({1, most, results.least}));
       left > 0; --left)
    names.emplace_back(names.empty() || !source_.rng.percent(10) ? "v" : "");
  return names;
}

bool Drawing::add_drawn(const OpClass& op_class, const Hint* hint) {
  std::map<char, int64_t> letters;
  std::vector<Value*> operands =
      hint == nullptr ? draw_operands(drawn_, op_class) : draw_operands(drawn_, *hint, letters);
  Op op = draw_op(op_class, hint, letters, source_.rng);
  std::vector<std::string> names = result_names(op_class);
  ++source_.counts[op_class.name].tried;
  if (add(std::move(op), std::move(operands), names) == nullptr) return false;
  ++source_.counts[op_class.name].kept;
  return true;
}

std::vector<std::vector<Value*>> Drawing::add_motif(const Motif& motif) {
  std::map<char, int64_t> letters;
  std::vector<std::vector<Value*>> steps;
  for (const Hint& step : motif) {
    const std::string_view name = op_of_step(step.op, source_.rng);
    if (name.empty()) {
      steps.push_back(steps.back());
      continue;
    }
    std::vector<Value*> operands = draw_operands(drawn_, step, letters, steps);
    const OpClass& op_class = op_named(name).op_class();
    Op op = draw_op(op_class, &step, letters, source_.rng);
    std::vector<std::string> names(static_cast<size_t>(step.results), "v");
    ++source_.counts[name].tried;
    const Node* node = operands.empty() ? nullptr : add(std::move(op), operands, names);
    if (node == nullptr) break;
    ++source_.counts[name].kept;
    steps.push_back(node->outputs);
  }
  return steps;
}

/// Here and there something of it is an output, too.
void Drawing::add_join() {
  Rng& rng = source_.rng;
  if (rng.percent(50)) (void)add_motif(any_front(rng));
  const std::vector<std::vector<Value*>> steps = add_motif(any_join(rng));
  for (const std::vector<Value*>& results : steps)
    if (rng.percent(12)) wanted_.insert(rng.among(results));
}

Node* Drawing::add(Op op, std::vector<Value*> operands, const std::vector<std::string>& names) {
  while (!operands.empty() && operands.back() == nullptr) operands.pop_back();
  const auto count = static_cast<int>(operands.size());
  const Arity arity = op.op_class().inputs;
  if (count < arity.least || count > arity.most) return nullptr;
  if (!parameters_given_once(op, operands)) return nullptr;
  const std::vector<Require> before = graph_->requirements();
  Node* node = graph_->add_node(std::move(op), std::move(operands), names);
  if (keep(*node)) return node;
  graph_->erase(node);
  graph_->clear_requirements();
  for (const Require& require : before) graph_->add_requirement(require);
  return nullptr;
}

/// Types and contents of the node's results; false: refused.
bool Drawing::keep(Node& node) {
  try {
    infer(*graph_, node);
    if (!requirements_hold() || !is_small(node)) return false;
    const auto* kinds = source_.options.kinds;
    if (kinds != nullptr &&
        ((!kinds->empty() && !kinds->contains(kind_of(node))) || is_told_otherwise(node)))
      return false;
    std::vector<const Tensor*> operands;
    bool exact = true;
    for (const Value* input : node.inputs) {
      operands.push_back(input == nullptr ? nullptr : &drawn_.of(input));
      exact &= input == nullptr || !drawn_.rounded.contains(input);
    }
    Judged judged = judge(node, operands, exact, drawn_.symbols);
    if (kinds != nullptr && has_no_elements(operands, judged.results)) return false;
    accept(node, std::move(judged.results), judged.exact);
    return true;
  } catch (const Error& error) {
    check(error.code() != Code::internal, Code::internal, error.message(), " in a random graph");
    return false;
  }
}

bool Drawing::requirements_hold() const {
  return std::all_of(
      graph_->requirements().begin(), graph_->requirements().end(),
      [&](const Require& require) { return holds(require, drawn_.symbols).value_or(true); });
}

bool Drawing::is_small(const Node& node) const {
  const int64_t most = source_.options.most_elements;
  for (const Value* output : node.outputs) {
    if (output == nullptr || !output->type.is_tensor() || !output->type.tensor().has_rank())
      continue;
    int64_t count = 1;
    for (const Dim& dim : output->type.tensor().shape()) {
      const auto size = dim.evaluate(drawn_.symbols);
      if (size && (*size < 0 || *size > most)) return false;
      count *= size.value_or(1);
      if (count > most) return false;
    }
  }
  return true;
}

void Drawing::accept(const Node& node, std::vector<Tensor> results, bool exact) {
  Bindings symbols = drawn_.symbols;
  for (size_t i = 0; i < results.size(); ++i)
    if (const Value* value = node.outputs[i]; value != nullptr)
      check(bind_contents(value->type, results[i], symbols), Code::internal, "%", value->name,
            " of ", describe(node), " is ", describe(results[i]), ", inferred ", value->type, "\n",
            print(*graph_));
  drawn_.symbols = std::move(symbols);
  for (size_t i = 0; i < results.size(); ++i) {
    Value* value = node.outputs[i];
    if (value == nullptr) continue;
    if (!exact) drawn_.rounded.insert(value);
    drawn_.contents[value] = std::move(results[i]);
    (value->type.is_tensor() ? drawn_.pool : drawn_.others).push_back(value);
  }
}

namespace {

/// What nobody reads is an output, and here and there something that is read.
void give_outputs(Drawing& drawing) {
  Graph& graph = drawing.drawn().graph;
  Rng& rng = drawing.source().rng;
  // Sequences have no place among the arrays that another runtime is given.
  const bool only_tensors = drawing.source().options.kinds != nullptr;
  for (const Node& node : graph.nodes())
    for (Value* value : node.outputs)
      if (value != nullptr &&
          (value->users.empty() || drawing.wanted().contains(value) || rng.percent(8)))
        if (value->type.is_tensor() || !only_tensors)
          graph.add_output(cat("y", graph.outputs().size()), value);
  if (graph.outputs().empty()) graph.add_output("y", graph.inputs().front());
  for (Value* value : graph.constants())
    if (value->users.empty()) graph.erase(value);
  infer(graph);  // what later nodes demand may tell the types of earlier ones
}

GraphCase draw(DrawingSource& source) {
  Drawing drawing(source, 0);
  DrawnGraph& drawn = drawing.drawn();
  for (int64_t left = source.rng.between(1, 3); left > 0; --left)
    drawn.input(drawn.any_dtype(), drawn.any_shape());
  drawing.add_nodes(source.rng.between(source.options.least_nodes, source.options.most_nodes));
  give_outputs(drawing);
  return {drawing.finish(), std::move(drawn.inputs)};
}

}  // namespace

GraphCase random_graph(uint64_t seed, const OpRegistry& registry, OpCounts& counts,
                       const RandomGraphOptions& options) {
  constexpr uint64_t kTries = 8;
  for (uint64_t attempt = 0; attempt < kTries; ++attempt) {
    DrawingSource source{Rng(seed + (attempt << 48)), {}, counts, options};
    for (const OpClass* each : registry.all())
      if (each->eval != nullptr) source.classes.push_back(each);
    try {
      return draw(source);
    } catch (const Error& error) {
      // What a later node demands may make a rank known that an earlier one cannot take.
      if (error.code() == Code::internal) throw;
    }
  }
  fail(Code::internal, "no graph came of seed ", seed);
}

std::string kind_of(const Node& node) {
  std::string kind(node.op.name());
  if (is_control(node.op.name())) return kind;
  std::set<DType> seen;
  const auto add = [&](const Value* value) {
    if (value == nullptr) return;
    const Type& type =
        value->type.is_tensor() || value->type.is_none() ? value->type : value->type.element();
    const DType dtype = type.is_tensor() ? type.tensor().dtype : DType::f32;
    if (seen.insert(dtype).second) kind += cat(" ", dtype);
  };
  for (const Value* value : node.inputs) add(value);
  for (const Value* value : node.outputs) add(value);
  return kind;
}

}  // namespace hone::test
