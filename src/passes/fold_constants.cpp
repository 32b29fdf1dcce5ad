#include <algorithm>

#include "base/log.hpp"
#include "base/size.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/work.hpp"
#include "ops/cast.hpp"
#include "ops/quantize.hpp"
#include "passes/channel_affine.hpp"
#include "passes/pass.hpp"

namespace hone {
namespace {

/// The value's contents when inference knows every number of them.
std::optional<Tensor> known_contents(const Value& value) {
  if (!value.known || !value.type.is_tensor() || !value.type.tensor().has_rank())
    return std::nullopt;
  const auto shape = value.type.tensor().concrete();
  if (!shape || try_element_count(*shape) != static_cast<int64_t>(value.known->size()))
    return std::nullopt;
  Tensor tensor(value.type.tensor().dtype, *shape);
  for (size_t i = 0; i < value.known->size(); ++i) {
    const auto element = (*value.known)[i].constant();
    if (!element) return std::nullopt;
    tensor.set_integer(static_cast<int64_t>(i), *element);
  }
  return tensor;
}

/// Bytes of all results, when their sizes are numbers.
std::optional<int64_t> result_bytes(const Node& node) {
  int64_t total = 0;
  for (const Value* output : node.outputs) {
    if (output == nullptr) continue;
    if (!output->type.is_tensor() || !output->type.tensor().has_rank()) return std::nullopt;
    const auto shape = output->type.tensor().concrete();
    if (!shape || output->type.tensor().dtype == DType::string) return std::nullopt;
    const auto count = try_element_count(*shape);
    const auto bits_in_all =
        count ? try_mul(*count, bits(output->type.tensor().dtype)) : std::nullopt;
    if (!bits_in_all) return std::nullopt;
    total = checked_add(total, *bits_in_all / 8);
  }
  return total;
}

/// Everything that reads it is computed now as well and ends in a type that is not wider: weights
/// in half precision are folded in single precision.
bool narrows_again(const Graph& graph, const Value* value, DType type, int depth = 8) {
  if (depth == 0 || value->users.empty() || graph.is_output(value)) return false;
  return std::all_of(value->users.begin(), value->users.end(), [&](const Node* user) {
    const auto* cast = user->op.as<Cast>();
    if (cast != nullptr && bits(cast->to) <= bits(type)) return true;
    const bool constant = std::all_of(
        user->inputs.begin(), user->inputs.end(),
        [&](const Value* input) { return input == nullptr || input == value || is_weight(input); });
    return constant && user->outputs.size() == 1 && user->op.op_class().pure &&
           narrows_again(graph, user->output(), type, depth - 1);
  });
}

bool is_passing_cast(const Graph& graph, const Node& node) {
  const auto* cast = node.op.as<Cast>();
  const auto from = dtype_of(node.input(0));
  return cast != nullptr && cast->to == DType::f32 && (from == DType::f16 || from == DType::bf16) &&
         narrows_again(graph, node.output(), *from);
}

bool foldable(const Graph& graph, const Node& node, const PassOptions& options) {
  if (!node.op.op_class().pure || node.op.op_class().eval == nullptr) return false;
  if (node.op.as<DequantizeLinear>() != nullptr && !options.fold_quantized) return false;
  int64_t operand_bytes = 0;
  for (const Value* input : node.inputs) {
    if (input == nullptr) continue;
    if (!input->is_constant() || input->weight->is_absent()) return false;
    if (input->weight->is_random() && !options.fold_random) return false;
    operand_bytes = checked_add(operand_bytes, static_cast<int64_t>(input->weight->bytes()));
  }
  const FieldList fields = node.op.fields();
  std::set<std::string, std::less<>> symbols;
  collect_symbols(fields, symbols);
  if (!symbols.empty()) return false;
  const auto bytes = result_bytes(node);
  const int64_t grown = try_mul(operand_bytes, options.fold_growth).value_or(INT64_MAX);
  return bytes && (*bytes <= std::max(options.fold_bytes, grown) || is_passing_cast(graph, node));
}

void replace(Graph& graph, Value* value, Tensor contents) {
  const std::string name = value->name;
  Value* constant =
      graph.add_constant(name, Weight::of(std::move(contents), cat("computed ", name)));
  graph.replace_uses(value, constant);
}

bool in_use(const Graph& graph, const Value* value) {
  return value != nullptr && (!value->users.empty() || graph.is_output(value));
}

/// Bools that BitCast made of other bits than 0 and 1 have no literal.
bool has_text(const Tensor& tensor) {
  return tensor.dtype() != DType::boolean ||
         std::all_of(tensor.bytes().begin(), tensor.bytes().end(),
                     [](std::byte each) { return each <= std::byte{1}; });
}

bool fold(Graph& graph, const Node& node, const PassOptions& options) {
  bool changed = false;
  for (Value* output : node.outputs) {
    if (!in_use(graph, output)) continue;
    if (auto contents = known_contents(*output)) {
      replace(graph, output, std::move(*contents));
      changed = true;
    }
  }
  const bool wanted = std::any_of(node.outputs.begin(), node.outputs.end(),
                                  [&](const Value* output) { return in_use(graph, output); });
  if (!wanted || !foldable(graph, node, options)) return changed;
  std::vector<const Tensor*> inputs;
  for (const Value* input : node.inputs)
    inputs.push_back(input == nullptr ? nullptr : &input->weight->tensor());
  std::vector<Tensor> results;
  try {
    results = evaluate(node, inputs, {});
  } catch (const WorkSpent&) {
    log(Level::detail, describe(node), " is left for running: to compute it now takes too long");
    return changed;  // left for running
  }
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (!in_use(graph, node.outputs[i]) || !has_text(results[i])) continue;
    replace(graph, node.outputs[i], std::move(results[i]));
    changed = true;
  }
  return changed;
}

}  // namespace

int64_t fold_steps(const Graph& graph, const PassOptions& options) {
  int64_t elements = 0;
  for (const Value* constant : graph.constants())
    if (!constant->weight->is_random() || options.fold_random)
      elements = checked_add(elements, constant->weight->count());
  const auto linear = try_mul(elements, options.fold_steps_per_element);
  return checked_add(options.fold_steps, std::min(linear.value_or(INT64_MAX), INT64_MAX / 2));
}

bool fold_constants(Graph& graph, const PassOptions& options) {
  std::optional<WorkBudget> own;
  if (WorkBudget::current() == nullptr) own.emplace(fold_steps(graph, options));
  bool changed = false;
  for (auto node = graph.nodes().begin(); node != graph.nodes().end();) {
    Node& current = *node++;
    if (options.keep(current) || !fold(graph, current, options)) continue;
    changed = true;
    const bool dead = std::none_of(current.outputs.begin(), current.outputs.end(),
                                   [&](const Value* output) { return in_use(graph, output); });
    std::set<std::string, std::less<>> symbols;
    for (const Value* output : current.outputs)
      if (output != nullptr) collect_symbols(output->type, symbols);
    if (dead && symbols.empty()) graph.erase(&current);  // else remove_dead decides
  }
  return changed;
}

}  // namespace hone
