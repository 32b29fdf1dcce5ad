#include "support/random_graph.hpp"

#include <algorithm>
#include <cmath>

#include "ir/evaluation.hpp"
#include "ir/inference.hpp"
#include "support/random_operands.hpp"

namespace hone::test {
namespace {

/// Multiples of 1/1024 that are not large: whoever adds such up in whatever order and precision
/// finds the same sum.
bool is_short(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.count(); ++i) {
    const double scaled = tensor.number(i) * 1024;
    if (!(std::abs(scaled) <= 1 << 20) || scaled != std::floor(scaled)) return false;
  }
  return true;
}

bool any(const Tensor& tensor, bool (*holds)(double size)) {
  for (int64_t i = 0; i < tensor.count(); ++i)
    if (holds(std::abs(tensor.number(i)))) return true;
  return false;
}

/// Where a rounding error is made large, or NaN: beside the ends of a function's domain, far out on
/// one that repeats, by divisors that are nearly 0. Whole numbers have no quotient by 0.
bool is_unstable(const Node& node, const std::vector<const Tensor*>& operands) {
  static constexpr std::string_view kEnding[] = {"Acos", "Acosh", "Asin",       "Atanh", "Log",
                                                 "Sqrt", "Pow",   "Reciprocal", "Probit"};
  const std::string_view name = node.op.name();
  if (name == "Sin" || name == "Cos") return any(*operands[0], [](double x) { return x > 16; });
  if (name == "Div" || name == "Mod") return any(*operands[1], [](double x) { return x < 0.05; });
  return std::find(std::begin(kEnding), std::end(kEnding), name) != std::end(kEnding) &&
         any(*operands[0], [](double x) { return x < 0.01 || std::abs(x - 1) < 0.01; });
}

bool is_tame(const Tensor& tensor) {
  for (int64_t i = 0; i < tensor.count(); ++i)
    if (!(std::abs(tensor.number(i)) <= 4096)) return false;
  return true;
}

/// Floats in, and a rounding error may make quite another result: at a step of the function, or
/// where it is divided by a variance that is nearly 0.
bool is_delicate(const Node& node, const std::vector<Tensor>& results) {
  static constexpr std::string_view kDelicate[] = {"Floor",
                                                   "Ceil",
                                                   "Round",
                                                   "Sign",
                                                   "Mod",
                                                   "Hardmax",
                                                   "Shrink",
                                                   "SoftmaxZero",
                                                   "Unique",
                                                   "Tan",
                                                   "Det",
                                                   "Inverse",
                                                   "ReduceLogSum",
                                                   "MeanVarianceNormalization",
                                                   "GridSample",
                                                   "LayerNormalization",
                                                   "InstanceNormalization",
                                                   "GroupNormalization",
                                                   "RMSNormalization",
                                                   "LpNormalization"};
  const auto is_whole = [](const Tensor& result) { return !is_float(result.dtype()); };
  return std::any_of(results.begin(), results.end(), is_whole) ||
         std::find(std::begin(kDelicate), std::end(kDelicate), node.op.name()) !=
             std::end(kDelicate);
}

class Drawing {
 public:
  Drawing(uint64_t seed, const OpRegistry& registry, OpCounts& counts,
          const RandomGraphOptions& options)
      : rng_(seed), counts_(counts), options_(options), drawn_{*graph_, rng_, options_} {
    for (const OpClass* each : registry.all())
      if (each->eval != nullptr) classes_.push_back(each);
  }

  GraphCase draw() {
    for (int64_t left = rng_.between(1, 3); left > 0; --left)
      drawn_.input(drawn_.any_dtype(), drawn_.any_shape());
    const int64_t wanted = rng_.between(options_.least_nodes, options_.most_nodes);
    for (int64_t tries = 20 * wanted; std::ssize(graph_->nodes()) < wanted && tries > 0; --tries)
      add_some_op();
    give_outputs();
    return {std::move(graph_), std::move(drawn_.inputs)};
  }

 private:
  /// A few draws of one op, so that demanding ones get their chance.
  void add_some_op() {
    const OpClass& op_class = *rng_.among(classes_);
    const auto hints = hints_for(op_class.name);
    for (int attempt = 0; attempt < 6; ++attempt) {
      const bool blind = hints.empty() || rng_.percent(25);
      if (add(op_class, blind ? nullptr : rng_.among(hints))) return;
    }
  }

  bool add(const OpClass& op_class, const Hint* hint) {
    ++counts_[op_class.name].tried;
    std::map<char, int64_t> letters;
    std::vector<Value*> operands =
        hint == nullptr ? draw_operands(drawn_, op_class) : draw_operands(drawn_, *hint, letters);
    Op op = draw_op(op_class, hint, letters, rng_);
    while (!operands.empty() && operands.back() == nullptr) operands.pop_back();
    const auto count = static_cast<int>(operands.size());
    if (count < op_class.inputs.least || count > op_class.inputs.most) return false;
    if (!parameters_given_once(op_class, op, operands)) return false;
    std::vector<std::string> names;
    const Arity results = op_class.outputs;
    const int most = std::min(results.most, results.least + 3);
    for (int64_t left = rng_.between(std::max(1, results.least), std::max(1, most)); left > 0;
         --left)
      names.emplace_back(names.empty() || !rng_.percent(10) ? "v" : "");
    const std::vector<Require> before = graph_->requirements();
    Node* node = graph_->add_node(std::move(op), operands, names);
    if (!keep(*node)) {
      graph_->erase(node);
      graph_->clear_requirements();
      for (const Require& require : before) graph_->add_requirement(require);
      return false;
    }
    ++counts_[op_class.name].kept;
    return true;
  }

  /// A parameter is a field or an operand, not both.
  static bool parameters_given_once(const OpClass& op_class, const Op& op,
                                    const std::vector<Value*>& operands) {
    const FieldList fields = op.fields();
    return std::none_of(
        op_class.parameters.begin(), op_class.parameters.end(), [&](const Parameter& parameter) {
          const auto at = static_cast<size_t>(parameter.operand);
          if (at >= operands.size() || operands[at] == nullptr) return false;
          for (const Field& field : fields.list())
            if (const auto* const dims = std::get_if<std::optional<Dims>*>(&field.ref))
              if (field.name == parameter.field && (*dims)->has_value()) return true;
          return false;
        });
  }

  /// Types and contents of the node's results; false: refused.
  bool keep(Node& node) {
    try {
      infer(*graph_, node);
      if (!requirements_hold() || !is_small(node)) return false;
      std::vector<const Tensor*> operands;
      for (const Value* input : node.inputs)
        operands.push_back(input == nullptr ? nullptr : &drawn_.of(input));
      std::vector<Tensor> results = evaluate(node, operands, drawn_.symbols);
      results.resize(node.outputs.size());
      return accept(node, operands, results);
    } catch (const Error& error) {
      check(error.code() != Code::internal, Code::internal, error.message(), " in a random graph");
      return false;
    }
  }

  bool requirements_hold() const {
    return std::all_of(graph_->requirements().begin(), graph_->requirements().end(),
                       [&](const Require& require) {
                         const auto a = require.a.evaluate(drawn_.symbols);
                         const auto b = require.b.evaluate(drawn_.symbols);
                         if (!a || !b) return true;  // sizes that only running tells
                         return require.relation == Require::Relation::equal ? *a == *b : *a <= *b;
                       });
  }

  bool is_small(const Node& node) const {
    for (const Value* output : node.outputs) {
      if (output == nullptr) continue;
      if (!output->type.is_tensor()) return false;
      if (!output->type.tensor().has_rank()) continue;
      int64_t count = 1;
      for (const Dim& dim : output->type.tensor().shape()) {
        const auto size = dim.evaluate(drawn_.symbols);
        if (size && (*size < 0 || *size > options_.most_elements)) return false;
        count *= size.value_or(1);
        if (count > options_.most_elements) return false;
      }
    }
    return true;
  }

  bool accept(const Node& node, const std::vector<const Tensor*>& operands,
              std::vector<Tensor>& results) {
    std::vector<Tensor> given;
    for (size_t i = 0; i < results.size(); ++i)
      if (node.outputs[i] != nullptr) given.push_back(results[i]);
    for (const Tensor& result : given)
      if (result.empty() || result.dtype() == DType::string || is_complex(result.dtype()) ||
          result.count() > options_.most_elements || !is_tame(result))
        return false;
    const bool exact = std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Value* input) {
      return input == nullptr || !rounded_.contains(input);
    });
    if (is_delicate(node, given) && !exact) return false;
    if (is_unstable(node, operands)) return false;
    Bindings symbols = drawn_.symbols;
    for (size_t i = 0; i < results.size(); ++i)
      if (const Value* value = node.outputs[i]; value != nullptr)
        check(bind(value->type.tensor(), results[i].shape(), symbols), Code::internal, "%",
              value->name, " of ", describe(node), " is ", shape_text(results[i].shape()),
              ", inferred ", value->type);
    drawn_.symbols = std::move(symbols);
    for (size_t i = 0; i < results.size(); ++i) {
      Value* value = node.outputs[i];
      if (value == nullptr) continue;
      if (!exact || !is_short(results[i])) rounded_.insert(value);
      drawn_.contents[value] = std::move(results[i]);
      drawn_.pool.push_back(value);
    }
    return true;
  }

  /// What nobody reads is an output, and here and there something that is read.
  void give_outputs() {
    for (const Node& node : graph_->nodes())
      for (Value* value : node.outputs)
        if (value != nullptr && (value->users.empty() || rng_.percent(8)))
          graph_->add_output(cat("y", graph_->outputs().size()), value);
    if (graph_->outputs().empty()) graph_->add_output("y", graph_->inputs().front());
    for (Value* value : graph_->constants())
      if (value->users.empty()) graph_->erase(value);
    infer(*graph_);  // what later nodes demand may tell the types of earlier ones
  }

  std::unique_ptr<Graph> graph_ = std::make_unique<Graph>("random");
  Rng rng_;
  OpCounts& counts_;
  RandomGraphOptions options_;
  std::vector<const OpClass*> classes_;
  std::set<const Value*> rounded_;  // may differ between two right evaluations
  DrawnGraph drawn_;
};

}  // namespace

GraphCase random_graph(uint64_t seed, const OpRegistry& registry, OpCounts& counts,
                       const RandomGraphOptions& options) {
  constexpr uint64_t kTries = 8;
  for (uint64_t attempt = 0; attempt < kTries; ++attempt) {
    try {
      return Drawing(seed + (attempt << 48), registry, counts, options).draw();
    } catch (const Error& error) {
      // What a later node demands may make a rank known that an earlier one cannot take.
      if (error.code() == Code::internal) throw;
    }
  }
  fail(Code::internal, "no graph came of seed ", seed);
}

}  // namespace hone::test
