#include "runtime/late_programs.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/log.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/dim/late_sizes.hpp"
#include "ir/dim/sizes.hpp"
#include "ir/inference.hpp"
#include "runtime/program.hpp"

namespace hone {
namespace {

constexpr size_t kMostPrograms = 8;  // of one step

/// It may hold axes, a shape, a count: what tells sizes is short.
bool is_short(const Tensor* operand) {
  return operand != nullptr && operand->is_tensor() && operand->rank() <= 1 &&
         operand->count() <= kKnownElements && operand->dtype() != DType::string;
}

std::vector<size_t> declared(const Node& node, const std::vector<const Tensor*>& operands) {
  std::vector<size_t> all;
  for (const Parameter& parameter : node.op.op_class().parameters)
    if (const auto at = static_cast<size_t>(parameter.operand);
        at < operands.size() && operands[at] != nullptr)
      all.push_back(at);
  return all;
}

}  // namespace

/// The node as a graph of its own.
struct LatePrograms::Alone {
  std::unique_ptr<Graph> graph;
  std::vector<size_t> inputs;  // operands that its inputs are
};

bool LatePrograms::may_have(const Node& node) {
  const auto is_tensor = [](const Value* value) {
    return value == nullptr ||
           (value->type.is_tensor() && value->type.tensor().dtype != DType::string);
  };
  return control_bodies(node.op).empty() && node.op.op_class().pure &&
         std::ranges::all_of(node.inputs, is_tensor) &&
         std::ranges::all_of(node.outputs, is_tensor);
}

std::vector<size_t> LatePrograms::asks(const Operands& operands) const {
  const std::lock_guard lock(mutex_);
  std::vector<size_t> all;
  if (known_.empty() && tries_ >= kMostPrograms) return all;
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i] != nullptr &&
        (known_.empty() ? is_short(operands[i]) : known_[i] == Known::contents))
      all.push_back(i);
  return all;
}

/// nullopt: its types contradict, or only what it finds tells its sizes.
std::optional<LatePrograms::Alone> LatePrograms::alone(const Operands& operands,
                                                       const std::vector<Known>& known,
                                                       const Bindings& symbols) const {
  Alone made{std::make_unique<Graph>("late"), {}};
  std::unordered_map<const Value*, Value*> values;
  std::map<std::string, Dim> sizes;  // symbols for equal sizes are one
  const auto type_of_input = [&](size_t i) {
    const TensorType& stated = node_.inputs[i]->type.tensor();
    Dims dims;
    for (size_t axis = 0; axis < operands[i]->shape().size(); ++axis) {
      const Dim size =
          stated.has_rank() ? stated.shape()[axis] : Dim::symbol(cat("d", i, "_", axis));
      if (known[i] == Known::sizes || size.constant())
        dims.emplace_back(operands[i]->dim(int(axis)));
      else
        dims.push_back(sizes.emplace(cat(size), Dim::symbol(cat("s", sizes.size()))).first->second);
    }
    return Type::tensor(stated.dtype, std::move(dims));
  };
  std::vector<Value*> inputs;
  for (size_t i = 0; i < node_.inputs.size(); ++i) {
    const Value* value = node_.inputs[i];
    Value* place = nullptr;
    if (value != nullptr) {
      const bool is_told = !value->is_constant() && known[i] == Known::contents;
      if (Value*& known_place = values[value]; known_place != nullptr && !is_told) {
        place = known_place;
      } else if (value->is_constant()) {
        place = known_place = made.graph->add_constant(value->name, value->weight);
      } else if (is_told) {
        place = made.graph->add_constant(value->name, Weight::of(operands[i]->clone()));
      } else {
        place = known_place = made.graph->add_input(value->name, type_of_input(i));
        made.inputs.push_back(i);
      }
    }
    inputs.push_back(place);
  }
  SymbolSizes numbers;
  for (const auto& [name, size] : symbols) numbers.emplace(name, size);
  const auto op = substitute(node_.op, numbers);
  if (!op) return std::nullopt;
  std::vector<std::string> names;
  for (const Value* output : node_.outputs) names.push_back(output == nullptr ? "" : output->name);
  const Node* node = made.graph->add_node(*op, std::move(inputs), names);
  for (Value* output : node->outputs)
    if (output != nullptr) made.graph->add_output(output->name, output);
  try {
    infer(*made.graph);
  } catch (const Error&) {  // evaluation says it better
    return std::nullopt;
  }
  if (!LateSizes(*made.graph).runs_on_kernel(*node)) return std::nullopt;
  return made;
}

/// What has to be known of each operand, as little as will do; empty: nothing helps.
std::vector<LatePrograms::Known> LatePrograms::tell(const Operands& operands,
                                                    const Bindings& symbols) const {
  std::vector<Known> known(operands.size(), Known::rank);
  const std::vector<size_t> parameters = declared(node_, operands);
  for (size_t i = 0; i < operands.size(); ++i)
    if (is_short(operands[i])) known[i] = Known::contents;
  if (!alone(operands, known, symbols)) {
    for (Known& each : known)
      if (each == Known::rank) each = Known::sizes;
    if (!alone(operands, known, symbols)) return {};  // what it finds does, or they contradict
  }
  for (size_t i = 0; i < operands.size(); ++i) {
    if (known[i] != Known::contents || std::ranges::count(parameters, i) > 0) continue;
    for (const Known less : {Known::rank, Known::sizes}) {
      known[i] = less;
      if (alone(operands, known, symbols)) break;
      known[i] = Known::contents;
    }
  }
  return known;
}

/// All that the program depends on.
std::string LatePrograms::key(const Operands& operands, const Bindings& symbols) const {
  std::string key;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (operands[i] == nullptr) continue;
    key += cat(" ", operands[i]->rank());
    if (known_[i] == Known::rank) continue;
    key += cat(" ", shape_text(operands[i]->shape()));
    if (known_[i] != Known::contents) continue;
    const auto bytes = operands[i]->bytes();
    key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::set<std::string, std::less<>> names;
  collect_symbols(node_.op, names);
  for (const std::string& name : names)
    if (const auto found = symbols.find(name); found != symbols.end())
      key += cat(" ", name, "=", found->second);
  return key;
}

/// null: its sizes are not all known even so, or it has no steps but a constant.
std::shared_ptr<const Program> LatePrograms::make(std::unique_ptr<Graph> graph,
                                                  const Preparation& preparation) const {
  const std::shared_ptr<const Graph> stated = std::move(graph);
  try {
    Compiled compiled = compile(*stated, *preparation.device, preparation.compile);
    const auto runs = [](const Step& step) { return step.kind == Step::Kind::run; };
    if (compiled.plan.steps.empty() || !std::ranges::all_of(compiled.plan.steps, runs))
      return nullptr;
    return Program::make(std::move(compiled.typed), std::move(compiled.plan), compiled.chosen,
                         preparation, stated);
  } catch (const Error& error) {
    if (error.code() == Code::out_of_memory || error.code() == Code::device) throw;
    log(Level::detail, "no kernels for ", describe(node_), ": ", error.message());
    return nullptr;
  }
}

LatePrograms::Found LatePrograms::find(const Operands& operands, const Bindings& symbols,
                                       const Preparation& preparation) {
  const std::lock_guard lock(mutex_);
  if (known_.empty() && tries_++ < kMostPrograms) known_ = tell(operands, symbols);
  if (known_.empty()) return {};
  const std::string wanted = key(operands, symbols);
  const auto found = std::ranges::find(kept_, wanted, &Kept::key);
  if (found != kept_.end()) return found->found;
  if (kept_.size() >= kMostPrograms) return {};
  Found made;
  if (auto graph = alone(operands, known_, symbols)) {
    made.inputs = std::move(graph->inputs);
    made.program = make(std::move(graph->graph), preparation);
  }
  kept_.push_back({wanted, made});
  return made;
}

}  // namespace hone
