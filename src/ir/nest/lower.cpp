#include "ir/nest/lower.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/text.hpp"
#include "ir/graph.hpp"
#include "ir/stages/scalar.hpp"

namespace hone {
namespace {

class Lowering {
 public:
  Lowering(const Stages& stages, std::string name, const std::vector<const Value*>& outputs)
      : stages_(stages), outputs_(outputs) {
    lowered_.nest.name = std::move(name);
  }

  Lowered run() {
    for (const auto& stage : stages_.list) collect_inputs(*stage);
    for (const auto& stage : stages_.list) declare(*stage);
    for (const auto& stage : stages_.list) lower(*stage);
    return std::move(lowered_);
  }

 private:
  using Variables = std::map<std::string, Dim, std::less<>>;  // a stage's, as the nest's

  std::string free_name(std::string_view wanted) {
    std::string name(wanted);
    for (int i = 1; !names_.insert(name).second; ++i) name = cat(wanted, ".", i);
    return name;
  }

  void add_parameter(const Value* value, DType dtype, Dims shape, Scope scope) {
    NestBuffer buffer{free_name(value->name), dtype, std::move(shape), scope};
    of_value_.emplace(value, buffer.name);
    lowered_.nest.parameters.push_back(std::move(buffer));
    lowered_.operands.push_back(value);
  }

  void collect_inputs(const Stage& stage) {
    visit(stage.expr, [&](const Expr& expr) {
      if (expr.kind() != Expr::Kind::load) return;
      const auto* value = std::get_if<const Value*>(&expr.source());
      if (value == nullptr || of_value_.contains(*value) || stages_.find(*value) != nullptr) return;
      if (const Value* same = same_literal(**value)) {
        of_value_.emplace(*value, of_value_.at(same));
        return;
      }
      const TensorType& type = (*value)->type.tensor();
      add_parameter(*value, type.dtype, type.shape(), Scope::input);
    });
  }

  /// A text has a literal again for each node that reads it: equal ones are one buffer, however the
  /// graph came to be. Null: there was none.
  const Value* same_literal(const Value& value) const {
    if (!value.is_literal()) return nullptr;
    for (const Value* operand : lowered_.operands)
      if (operand->is_literal() && operand->type == value.type &&
          operand->weight->hash() == value.weight->hash())
        return operand;
    return nullptr;
  }

  void declare(const Stage& stage) {
    const bool is_output =
        stage.value != nullptr &&
        (outputs_.empty() || std::count(outputs_.begin(), outputs_.end(), stage.value) > 0);
    if (is_output) return add_parameter(stage.value, stage.dtype, stage.extents, Scope::output);
    NestBuffer buffer{free_name(stage.value != nullptr ? stage.value->name : stage.name),
                      stage.dtype, stage.extents, Scope::arena};
    if (stage.value != nullptr) of_value_.emplace(stage.value, buffer.name);
    else of_stage_.emplace(&stage, buffer.name);
    lowered_.nest.body.push_back({Allocate{std::move(buffer)}});
  }

  Axis loop(Variables& variables, const Dim& old, const Dim& extent, std::string_view letter) {
    std::string name = free_name(cat(letter, loops_++));
    const Dim variable = Dim::variable(name);
    variables.insert_or_assign(std::string(*old.as_variable()), variable);
    return {variable, renamed(extent, variables)};
  }

  static Dim renamed(const Dim& dim, const Variables& variables) {
    return dim.substitute_variables([&](std::string_view name) -> std::optional<Dim> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional<Dim>(found->second);
    });
  }

  /// The body inside of serial loops over these axes.
  static Block inside(const std::vector<Axis>& axes, Block body) {
    for (size_t i = axes.size(); i-- > 0;) {
      Block outer;
      outer.push_back({NestLoop{std::string(*axes[i].variable.as_variable()), axes[i].extent,
                                Mode::serial, 1, std::move(body)}});
      body = std::move(outer);
    }
    return body;
  }

  void lower(const Stage& stage) {
    Variables variables;
    std::vector<Axis> axes;
    Dims place;
    for (size_t i = 0; i < stage.extents.size(); ++i) {
      axes.push_back(loop(variables, hone::loop(static_cast<int>(i)), stage.extents[i], "i"));
      place.push_back(axes.back().variable);
    }
    Block body;
    Expr value = lower(stage.expr, variables, body);
    if (value.dtype() != stage.dtype) value = Expr::cast(stage.dtype, std::move(value));
    const std::string& name =
        stage.value != nullptr ? of_value_.at(stage.value) : of_stage_.at(&stage);
    body.push_back({Store{name, std::move(place), std::nullopt, std::move(value)}});
    Block whole = inside(axes, std::move(body));
    std::move(whole.begin(), whole.end(), std::back_inserter(lowered_.nest.body));
  }

  /// The expression with its reductions replaced by accumulators, which statements in `before`
  /// fill.
  Expr lower(const Expr& expr, Variables& variables, Block& before) {
    switch (expr.kind()) {
      case Expr::Kind::number: return expr;
      case Expr::Kind::index: return Expr::index(renamed(expr.dim(), variables));
      case Expr::Kind::reduce: return reduce(expr, variables, before);
      default: break;
    }
    std::vector<Expr> operands;
    for (const Expr& operand : expr.operands())
      operands.push_back(lower(operand, variables, before));
    if (expr.kind() == Expr::Kind::call) return Expr::call(expr.function(), std::move(operands));
    if (expr.kind() == Expr::Kind::cast) return Expr::cast(expr.dtype(), std::move(operands[0]));
    const auto* value = std::get_if<const Value*>(&expr.source());
    const std::string& name =
        value != nullptr
            ? of_value_.at(*value)
            : of_stage_.at(std::get<std::shared_ptr<const Stage>>(expr.source()).get());
    return Expr::load(BufferName{name}, expr.dtype(), std::move(operands), expr.outside());
  }

  Expr reduce(const Expr& expr, Variables& variables, Block& before) {
    const DType dtype = expr.dtype();
    NestBuffer sum{free_name(cat("acc", sums_++)), dtype, {}, Scope::registers};
    const std::string name = sum.name;
    const Scalar start = identity(expr.function(), dtype);
    const Expr number =
        is_float(dtype) ? Expr(start.real, dtype) : Expr::integer(start.integer, dtype);
    before.push_back({Allocate{std::move(sum)}});
    before.push_back({Store{name, {}, std::nullopt, number}});
    std::vector<Axis> axes;
    for (const Axis& axis : expr.axes())
      axes.push_back(loop(variables, axis.variable, axis.extent, "r"));
    Block body;
    Expr operand = lower(expr.operands()[0], variables, body);
    body.push_back({Store{name, {}, expr.function(), std::move(operand)}});
    Block whole = inside(axes, std::move(body));
    std::move(whole.begin(), whole.end(), std::back_inserter(before));
    return Expr::load(BufferName{name}, dtype, {});
  }

  const Stages& stages_;
  const std::vector<const Value*>& outputs_;
  Lowered lowered_;
  std::set<std::string, std::less<>> names_;
  std::unordered_map<const Value*, std::string> of_value_;
  std::unordered_map<const Stage*, std::string> of_stage_;
  int loops_ = 0, sums_ = 0;
};

}  // namespace

Lowered lower(const Stages& stages, std::string name, const std::vector<const Value*>& outputs) {
  check(static_cast<bool>(stages), Code::internal, "no stages: ", stages.declined);
  return Lowering(stages, std::move(name), outputs).run();
}

}  // namespace hone
