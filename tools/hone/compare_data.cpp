#include "compare_data.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/printable.hpp"
#include "build/compare_values.hpp"
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
  if (value->producer == nullptr) return printable(cat("%", value->name, ", no node's result"));
  const Node& node = *value->producer;
  std::string text = cat("%", value->name, "  ", node.op.name());
  if (!node.origin.empty()) text += cat("  ", origins_text(node.origin));
  if (!node.by.empty()) text += cat("  (by ", node.by, ")");
  return printable(text);
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

std::string compare_data(const Operand& first, const Operand& second, const ModelOptions& model,
                         const DataOptions& options, bool& differs) {
  const Graph& one = first.engine->graph();
  const Graph& other = options.reference ? *second.graph : second.engine->graph();
  check(one.inputs().size() == other.inputs().size(), Code::usage, "the first has ",
        one.inputs().size(), " inputs, the second ", other.inputs().size());
  check(options.tolerance >= 0, Code::usage, "--tolerance ", options.tolerance,
        ": wanted a share that is not negative");
  const std::vector<Compared> all =
      side_by_side(first, second, inputs_of(one, model, options.inputs), options.reference);
  std::string told;
  size_t apart_count = 0, outputs_apart = 0, worst_at = 0;
  double worst = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const Distance apart = distance(all[i].first, all[i].second);
    if (apart.share > worst) worst = apart.share, worst_at = i;
    if (apart.share <= options.tolerance) continue;
    outputs_apart += all[i].is_output;
    if (apart_count++ > 0) continue;
    told = cat("first difference  value ", i + 1, " of ", all.size(), ": ",
               difference_text(apart, all[i].first, all[i].second), "\n  first   ", layer(all[i].a),
               "\n  second  ", layer(all[i].b), "\n");
  }
  differs = outputs_apart > 0;
  const std::string most = worst > 0 ? cat("at most ", short_number(worst), " apart (%",
                                           printable(all[worst_at].a->name), ")")
                                     : "the same in every bit of their numbers";
  if (apart_count == 0) told = cat("same values  ", all.size(), " compared, ", most, "\n");
  else
    told += cat("values  ", apart_count, " of ", all.size(), " compared are farther apart than ",
                short_number(options.tolerance), " (", outputs_apart, " of ", one.outputs().size(),
                " outputs), ", most, "\n");
  const std::string second_what =
      options.reference ? second.what + ", by reference evaluation" : second.what;
  return told + table({{"first", first.what}, {"second", second_what}});
}

}  // namespace hone::cli
