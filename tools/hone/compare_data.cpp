#include "compare_data.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "build/compare_values.hpp"
#include "ir/evaluation.hpp"
#include "output.hpp"

namespace hone::cli {

void DataOptions::declare(Arguments& arguments) {
  arguments.option("--tolerance", tolerance, "SHARE",
                   "How far values may be apart, in their largest magnitude; 1e-3");
  arguments.flag("--reference", reference,
                 "Run the second by reference evaluation, node after node, not as an engine");
  inputs.declare(arguments);
}

namespace {

/// The graph with these values as its outputs, in order.
std::shared_ptr<const Graph> watched(const Graph& graph, const std::vector<ValuePair>& pairs,
                                     const Value* ValuePair::*side) {
  // A graph has at least the outputs that it had: names must stay unique.
  std::unique_ptr<Graph> copy = graph.clone();
  for (const ValuePair& pair : pairs)
    copy->add_output(cat("%", (pair.*side)->name), copy->find((pair.*side)->name));
  return copy;
}

/// Contents of the values that watched() added.
std::vector<Tensor> contents(std::vector<Tensor> outputs, size_t count) {
  outputs.erase(outputs.begin(), outputs.end() - static_cast<ptrdiff_t>(count));
  return outputs;
}

std::vector<Tensor> run_engine(std::shared_ptr<const Graph> graph, const ModelOptions& model,
                               const std::vector<Tensor>& inputs, size_t count) {
  EngineOptions options = model.build_options().engine;
  Context context(Engine::make(graph, options));
  NamedTensors named;
  for (size_t i = 0; i < inputs.size(); ++i)
    named.emplace_back(graph->inputs()[i]->name, inputs[i]);
  std::vector<Tensor> results;
  for (auto& [name, tensor] : context.run(named)) results.push_back(tensor);
  return contents(std::move(results), count);
}

/// By place: the order of the first graph's inputs.
std::vector<Tensor> inputs_of(const Graph& graph, const ModelOptions& model, InputOptions options) {
  if (options.inputs.empty())
    for (const Value* input : graph.inputs()) options.inputs.push_back(input->name + "=random");
  NamedTensors named = read_inputs(graph, model, options);
  std::vector<Tensor> inputs;
  for (const Value* input : graph.inputs())
    for (const auto& [name, tensor] : named)
      if (name == input->name) inputs.push_back(tensor);
  return inputs;
}

std::string layer(const Value* value) {
  if (value->producer == nullptr) return cat("%", value->name, ", no node's result");
  const Node& node = *value->producer;
  std::string text = cat("%", value->name, "  ", node.op.name());
  if (!node.origin.empty()) text += cat("  ", origins_text(node.origin));
  if (!node.by.empty()) text += cat("  (by ", node.by, ")");
  return text;
}

std::string place_text(const Tensor& tensor, int64_t at) {
  std::vector<int64_t> places(static_cast<size_t>(tensor.rank()));
  for (size_t i = places.size(); i-- > 0;) {
    places[i] = at % tensor.shape()[i];
    at /= tensor.shape()[i];
  }
  return shape_text(places);
}

std::string difference_text(const Distance& apart, const Tensor& a, const Tensor& b) {
  if (!apart.incomparable.empty()) return apart.incomparable;
  return cat(describe(a), ", ", short_number(apart.share), " of its largest magnitude, ",
             short_number(apart.largest), "; most at ", place_text(a, apart.at), ": ",
             short_number(a.number(apart.at), 9), " and ", short_number(b.number(apart.at), 9));
}

}  // namespace

std::string compare_data(const Graph& first, const Graph& second, const ModelOptions& model,
                         const DataOptions& options, bool& differs) {
  check(first.inputs().size() == second.inputs().size(), Code::usage, "the first has ",
        first.inputs().size(), " inputs, the second ", second.inputs().size());
  check(options.tolerance >= 0, Code::usage, "--tolerance ", options.tolerance,
        ": wanted a share that is not negative");
  const std::vector<ValuePair> pairs = common_values(first, second);
  const std::vector<Tensor> inputs = inputs_of(first, model, options.inputs);
  const std::vector<Tensor> a =
      run_engine(watched(first, pairs, &ValuePair::a), model, inputs, pairs.size());
  const auto other = watched(second, pairs, &ValuePair::b);
  const std::vector<Tensor> b = options.reference ? contents(evaluate(*other, inputs), pairs.size())
                                                  : run_engine(other, model, inputs, pairs.size());
  std::string told;
  size_t apart_count = 0, outputs_apart = 0, worst_at = 0;
  double worst = 0;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Distance apart = distance(a[i], b[i]);
    if (apart.share > worst) worst = apart.share, worst_at = i;
    if (apart.share <= options.tolerance) continue;
    outputs_apart += first.is_output(pairs[i].a);
    if (apart_count++ > 0) continue;
    told = cat("first difference  value ", i + 1, " of ", pairs.size(), ": ",
               difference_text(apart, a[i], b[i]), "\n  first   ", layer(pairs[i].a),
               "\n  second  ", layer(pairs[i].b), "\n");
  }
  differs = outputs_apart > 0;
  const std::string most =
      worst > 0 ? cat("at most ", short_number(worst), " apart (%", pairs[worst_at].a->name, ")")
                : "the same in every bit of their numbers";
  if (apart_count == 0) return cat("same values  ", pairs.size(), " compared, ", most, "\n");
  return cat(told, "values  ", apart_count, " of ", pairs.size(),
             " compared are farther apart than ", short_number(options.tolerance), " (",
             outputs_apart, " of ", first.outputs().size(), " outputs), ", most, "\n");
}

}  // namespace hone::cli
