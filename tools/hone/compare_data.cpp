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

/// What was found on these inputs.
struct Found {
  std::string text;
  bool differs = false;  // an output
};

Found compare_on(const std::vector<Tensor>& inputs, const Operand& first, const Operand& second,
                 const DataOptions& options) {
  const std::vector<Compared> all = side_by_side(first, second, inputs, options.reference);
  Found found;
  size_t apart_count = 0, outputs_apart = 0, worst_at = 0;
  double worst = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const Distance apart = distance(all[i].first, all[i].second);
    if (apart.share > worst) worst = apart.share, worst_at = i;
    if (apart.share <= options.tolerance) continue;
    outputs_apart += all[i].is_output;
    if (apart_count++ > 0) continue;
    found.text = cat("first difference  value ", i + 1, " of ", all.size(), ": ",
                     difference_text(apart, all[i].first, all[i].second), "\n  first   ",
                     layer(all[i].a), "\n  second  ", layer(all[i].b), "\n");
  }
  found.differs = outputs_apart > 0;
  const std::string most = worst > 0 ? cat("at most ", short_number(worst), " apart (%",
                                           printable(all[worst_at].a->name), ")")
                                     : "the same in every bit of their numbers";
  if (apart_count == 0) found.text = cat("same values  ", all.size(), " compared, ", most, "\n");
  else
    found.text +=
        cat("values  ", apart_count, " of ", all.size(), " compared are farther apart than ",
            short_number(options.tolerance), " (", outputs_apart, " of ",
            first.engine->graph().outputs().size(), " outputs), ", most, "\n");
  return found;
}

/// Sizes at which either engine runs another graph than on these inputs; nullopt: there are none,
/// or the inputs are the user's own.
std::optional<InputShapes> other_shapes(const std::vector<Tensor>& inputs, const Operand& first,
                                        const Operand& second, const InputOptions& options) {
  const auto is_made = [](const std::string& each) {
    return each.ends_with("random") || each.ends_with("zeros");
  };
  if (!std::ranges::all_of(options.inputs, is_made)) return std::nullopt;
  InputShapes shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  auto found = shapes_of_other_graph(*first.engine, shapes);
  if (!found && second.engine != nullptr) found = shapes_of_other_graph(*second.engine, shapes);
  return found;
}

std::string sizes_text(const std::vector<int64_t>& shape) {
  return shape.empty() ? "scalar" : join(shape, "x");
}

/// The same comparison where the engines run another graph.
Found compare_at(const InputShapes& shapes, const Operand& first, const Operand& second,
                 ModelOptions model, const DataOptions& options) {
  const Graph& graph = first.engine->stated();
  std::vector<std::string> told;
  model.shapes.clear();
  for (size_t i = 0; i < shapes.size(); ++i) {
    const std::string& name = graph.inputs()[i]->name;
    model.shapes.push_back(cat(name, "=", sizes_text(shapes[i])));
    told.push_back(printable(cat(name, " ", sizes_text(shapes[i]))));
  }
  const std::vector<Tensor> inputs = inputs_of(graph, model, options.inputs);
  const std::string where = cat("at ", join(told, ", "), ", where another graph runs: ");
  try {
    NamedTensors named;
    for (size_t i = 0; i < inputs.size(); ++i)
      named.emplace_back(graph.inputs()[i]->name, inputs[i]);
    Context(first.engine).run(named);
  } catch (const Error& error) {
    if (error.code() != Code::usage) throw;
    return {cat(where, "not compared, the first does not run: ", printable(error.message()), "\n"),
            false};
  }
  Found found = compare_on(inputs, first, second, options);
  found.text = where + found.text;
  return found;
}

}  // namespace

std::string compare_data(const Operand& first, const Operand& second, const ModelOptions& model,
                         const DataOptions& options, bool& differs) {
  const Graph& one = first.engine->stated();
  const Graph& other = second.engine != nullptr ? second.engine->stated() : *second.graph;
  check(one.inputs().size() == other.inputs().size(), Code::usage, "the first has ",
        one.inputs().size(), " inputs, the second ", other.inputs().size());
  check(options.tolerance >= 0, Code::usage, "--tolerance ", options.tolerance,
        ": wanted a share that is not negative");
  const std::vector<Tensor> inputs = inputs_of(one, model, options.inputs);
  const Found found = compare_on(inputs, first, second, options);
  differs = found.differs;
  std::string told = found.text;
  if (const auto shapes = other_shapes(inputs, first, second, options.inputs)) {
    const Found there = compare_at(*shapes, first, second, model, options);
    told += there.text;
    differs |= there.differs;
  }
  const std::string second_what =
      options.reference ? second.what + ", by reference evaluation" : second.what;
  return told + table({{"first", first.what}, {"second", second_what}});
}

}  // namespace hone::cli
