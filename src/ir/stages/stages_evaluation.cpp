// Slow interpretation of stages: what generated code is compared to, and what proves that an op's
// stages say the same as its reference evaluation.

#include "base/size.hpp"
#include "ir/stages/scalar.hpp"
#include "ir/stages/stages.hpp"
#include "ir/tensor.hpp"

namespace hone {
namespace {

class Interpreter {
 public:
  Interpreter(const Bindings& symbols, std::unordered_map<const Value*, Tensor>& known)
      : symbols_(symbols), known_(known) {}

  void run(const Stage& stage) {
    std::vector<int64_t> shape;
    for (const Dim& extent : stage.extents) shape.push_back(value_of(extent));
    Tensor tensor(stage.dtype, shape);
    std::vector<int64_t> at(shape.size());
    for (int64_t i = 0; i < tensor.count(); ++i) {
      for (size_t axis = 0; axis < at.size(); ++axis) variables_[cat("i.", axis)] = at[axis];
      const Scalar element = evaluate(stage.expr);
      if (is_float(stage.dtype)) tensor.set_number(i, element.real);
      else tensor.set_integer(i, element.integer);
      for (size_t axis = at.size(); axis-- > 0;) {
        if (++at[axis] < shape[axis]) break;
        at[axis] = 0;
      }
    }
    if (stage.value != nullptr) known_[stage.value] = std::move(tensor);
    else own_[&stage] = std::move(tensor);
  }

 private:
  int64_t value_of(const Dim& dim) const {
    const auto value = dim.evaluate(symbols_, variables_);
    check(value.has_value(), Code::internal, "the dimension ", dim, " cannot be computed");
    return *value;
  }

  const Tensor& contents(const Expr::Source& source) const {
    if (const auto* stage = std::get_if<std::shared_ptr<const Stage>>(&source))
      return own_.at(stage->get());
    const Value* value = std::get<const Value*>(source);
    if (value->is_constant()) return value->weight->tensor();
    const auto found = known_.find(value);
    check(found != known_.end(), Code::internal, "%", value->name, " has no contents");
    return found->second;
  }

  Scalar load(const Expr& expr) {
    const Tensor& tensor = contents(expr.source());
    int64_t offset = 0;
    for (size_t axis = 0; axis < expr.operands().size(); ++axis) {
      const int64_t index = evaluate(expr.operands()[axis]).integer;
      const int64_t size = tensor.shape()[axis];
      if (index < 0 || index >= size) {
        check(expr.outside().has_value(), Code::internal, "index ", index, " of axis ", axis,
              " lies outside ", size);
        return {*expr.outside(), static_cast<int64_t>(*expr.outside())};
      }
      offset = offset * size + index;
    }
    if (is_float(tensor.dtype())) return {tensor.number(offset), 0};
    return {0, tensor.integer(offset)};
  }

  Scalar call(const Expr& expr) {
    const auto& operands = expr.operands();
    if (expr.function() == Function::select)
      return evaluate(operands[evaluate(operands[0]).integer != 0 ? 1 : 2]);
    const Scalar a = evaluate(operands[0]);
    const Scalar b = operands.size() > 1 ? evaluate(operands[1]) : Scalar{};
    return combine(expr.function(), a, b, operands[0].dtype());
  }

  Scalar reduce(const Expr& expr, size_t axis, Scalar sum) {
    if (axis == expr.axes().size())
      return combine(expr.function(), sum, evaluate(expr.operands()[0]), expr.dtype());
    const int64_t extent = value_of(expr.axes()[axis].extent);
    const std::string name(*expr.axes()[axis].variable.as_variable());
    for (int64_t i = 0; i < extent; ++i) {
      variables_[name] = i;
      sum = reduce(expr, axis + 1, sum);
    }
    return sum;
  }

  Scalar evaluate(const Expr& expr) {
    switch (expr.kind()) {
      case Expr::Kind::number: return {expr.number(), expr.integer()};
      case Expr::Kind::index: return {0, value_of(expr.dim())};
      case Expr::Kind::load: return load(expr);
      case Expr::Kind::call: return call(expr);
      case Expr::Kind::cast:
        return hone::cast(evaluate(expr.operands()[0]), expr.operands()[0].dtype(), expr.dtype());
      case Expr::Kind::reduce: break;
    }
    return reduce(expr, 0, identity(expr.function(), expr.dtype()));
  }

  const Bindings& symbols_;
  Bindings variables_;
  std::unordered_map<const Value*, Tensor>& known_;
  std::unordered_map<const Stage*, Tensor> own_;
};

}  // namespace

void evaluate(const Stages& stages, const Bindings& symbols,
              std::unordered_map<const Value*, Tensor>& known) {
  check(static_cast<bool>(stages), Code::internal, "no stages: ", stages.declined);
  Interpreter interpreter(symbols, known);
  for (const auto& stage : stages.list) interpreter.run(*stage);
}

}  // namespace hone
