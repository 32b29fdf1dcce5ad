#include "device/cuda/emit/plain_product.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/quantized_text.hpp"
#include "device/cuda/emit/writing.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

/// Without the casts around it: what a library computes is rounded once, at its end.
const Expr& bare(const Expr& expr) {
  const Expr* inner = &expr;
  while (inner->kind() == Expr::Kind::cast && is_float(inner->dtype()) &&
         is_float(inner->operands()[0].dtype()))
    inner = &inner->operands()[0];
  return *inner;
}

class Reading {
 public:
  Reading(const Problem& problem, PlainProduct& made)
      : problem_(problem), made_(made), of_(made.contraction) {}

  void run() {
    of_ = contraction_of(*problem_.region.body, emitter::strides_of(problem_));
    if (!of_.declined.empty()) throw Refusal{of_.declined};
    made_.a = operand(*of_.a, of_.rows, of_.depth, made_.a_steps);
    made_.b = operand(*of_.b, of_.depth, of_.columns, made_.b_steps);
    made_.result = of_.stage->value;
    Dim place;
    const Dims strides = emitter::strides_of(made_.result, of_.stage->extents, of_.strides);
    for (size_t axis = 0; axis < strides.size(); ++axis)
      place = place + loop(static_cast<int>(axis)) * strides[axis];
    made_.result_steps = steps(place, of_.rows, of_.columns);
    results(of_.stage->expr);
    const DType dtype = made_.a->type.tensor().dtype;
    const bool good = dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
    if (!good || made_.b->type.tensor().dtype != dtype || of_.stage->dtype != dtype)
      throw Refusal{"its operands and result are no floats of one type"};
    for (const Value* value : {made_.bias, made_.summand})
      if (value != nullptr && value->type.tensor().dtype != dtype)
        throw Refusal{cat("it adds ", value->type.tensor().dtype)};
    // An axis of one element moves nowhere: its step is any number.
    const auto is_one = [](const Dim& step, const Dim& count) { return step.is(1) || count.is(1); };
    if (!is_one(made_.a_steps.row, of_.row_count()) &&
        !is_one(made_.a_steps.column, of_.depth_count()))
      throw Refusal{"its first operand has no elements side by side"};
    if (!is_one(made_.b_steps.row, of_.depth_count()) &&
        !is_one(made_.b_steps.column, of_.column_count()))
      throw Refusal{"its second operand has no elements side by side"};
    const auto repeats = [](const Dim& step, const Dim& count) {
      return step.is(0) && !count.is(1);
    };
    if (repeats(made_.a_steps.row, of_.row_count()) ||
        repeats(made_.a_steps.column, of_.depth_count()) ||
        repeats(made_.b_steps.row, of_.depth_count()) ||
        repeats(made_.b_steps.column, of_.column_count()))
      throw Refusal{"a row or column of an operand is all of them"};
    if (!is_one(made_.result_steps.column, of_.column_count()))
      throw Refusal{"its result has no columns side by side"};
  }

 private:
  /// The one step along all of these axes; what is left of the place without them goes on.
  Dim merged(const std::vector<Axis>& axes, const Dim& place, Dim& rest) const {
    std::optional<Dim> first;
    Dim wanted;
    for (size_t i = axes.size(); i-- > 0;) {
      const Axis& axis = axes[i];
      if (axis.extent.is(1)) {
        rest = at_places(rest, {{name_of(axis), 0}});
        continue;
      }
      const Dim step = at_places(place, {{name_of(axis), axis.variable + 1}}) - place;
      std::set<std::string, std::less<>> variables;
      step.collect_variables(variables);
      if (!variables.empty()) throw Refusal{"its elements lie at no even steps"};
      if (first && !(step == wanted)) throw Refusal{"an operand is no matrix"};
      if (!first) first = step;
      wanted = step * axis.extent;
      rest = rest - step * axis.variable;
    }
    return first.value_or(0);
  }

  Steps steps(const Dim& place, const std::vector<Axis>& rows,
              const std::vector<Axis>& columns) const {
    Dim rest = place;
    Steps made;
    made.batch = merged(of_.batches, place, rest);
    made.row = merged(rows, place, rest);
    made.column = merged(columns, place, rest);
    if (!rest.is(0)) throw Refusal{"an operand does not begin at its first element"};
    return made;
  }

  /// Padding of nothing: each index is a loop over all of its axis.
  bool is_inside(const Expr& load) const {
    const Dims& shape = std::get<const Value*>(load.source())->type.tensor().shape();
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      const Expr& index = load.operands()[axis];
      if (index.kind() != Expr::Kind::index) return false;
      Dim at = index.dim();
      bool inside = false;
      for (const auto* axes : {&of_.batches, &of_.rows, &of_.columns, &of_.depth})
        for (const Axis& each : *axes)
          if (each.extent.is(1)) at = at_places(at, {{name_of(each), 0}});
      for (const auto* axes : {&of_.batches, &of_.rows, &of_.columns, &of_.depth})
        for (const Axis& each : *axes) inside |= at == each.variable && each.extent == shape[axis];
      if (!inside && !(at.is(0) && shape[axis].is(1))) return false;
    }
    return true;
  }

  const Value* loaded(const Expr& expr, Dim& place) const {
    const Expr& load = bare(expr);
    const auto* source =
        load.kind() == Expr::Kind::load ? std::get_if<const Value*>(&load.source()) : nullptr;
    if (source == nullptr || (*source)->is_constant() || (load.outside() && !is_inside(load)))
      throw Refusal{"it computes its operands"};
    const Dims strides =
        emitter::strides_of(*source, (*source)->type.tensor().shape(), of_.strides);
    for (size_t axis = 0; axis < strides.size(); ++axis) {
      const Expr& index = load.operands()[axis];
      if (index.kind() != Expr::Kind::index) throw Refusal{"it computes its places"};
      place = place + index.dim() * strides[axis];
    }
    return *source;
  }

  const Value* operand(const Expr& expr, const std::vector<Axis>& rows,
                       const std::vector<Axis>& columns, Steps& to) const {
    Dim place;
    const Value* value = loaded(expr, place);
    to = steps(place, rows, columns);
    return value;
  }

  /// max(sum * scale + bias + summand, 0), or less of that.
  void results(const Expr& whole) {
    const Expr* expr = &bare(whole);
    if (const Expr* clipped = clipped_in(*expr)) {
      made_.clips = true;
      expr = &bare(*clipped);
    }
    while (is_call(*expr, Function::add)) {
      const bool first = has_sum(expr->operands()[0]);
      add(expr->operands()[first ? 1 : 0]);
      expr = &bare(expr->operands()[first ? 0 : 1]);
    }
    while (is_call(*expr, Function::mul)) {
      const bool first = has_sum(expr->operands()[0]);
      const Expr& factor = bare(expr->operands()[first ? 1 : 0]);
      if (factor.kind() != Expr::Kind::number) break;
      made_.scale *= factor.number();
      expr = &bare(expr->operands()[first ? 0 : 1]);
    }
    if (!(*expr == *of_.sum)) throw Refusal{"it computes more than a library adds"};
  }

  void add(const Expr& expr) {
    Dim place;
    const Value* value = loaded(expr, place);
    const Steps at = steps(place, of_.rows, of_.columns);
    const bool of_columns =
        at.batch.is(0) && at.row.is(0) && (at.column.is(1) || of_.column_count().is(1));
    if (of_columns && made_.bias == nullptr) {
      made_.bias = value;
      return;
    }
    if (made_.summand != nullptr || !(at.column.is(1) || of_.column_count().is(1)) || at.row.is(0))
      throw Refusal{"it adds what a library does not"};
    made_.summand = value;
    made_.summand_steps = at;
  }

  /// What is clipped at 0, as Relu or Max say it; null: nothing is.
  static const Expr* clipped_in(const Expr& expr) {
    const auto& operands = expr.operands();
    if (is_call(expr, Function::max) && is_number(operands[1], 0)) return &operands[0];
    if (!is_call(expr, Function::select) || !is_call(operands[0], Function::less)) return nullptr;
    const auto& compared = operands[0].operands();
    const bool is_relu =
        compared[0] == operands[2] && is_number(compared[1], 0) && is_number(operands[1], 0);
    return is_relu ? &operands[2] : nullptr;
  }

  static bool is_number(const Expr& expr, double number) {
    const Expr& inner = bare(expr);
    return inner.kind() == Expr::Kind::number && is_float(inner.dtype()) &&
           inner.number() == number;
  }
  bool has_sum(const Expr& expr) const {
    bool found = false;
    visit(expr, [&](const Expr& inner) { found |= inner == *of_.sum; });
    return found;
  }

  const Problem& problem_;
  PlainProduct& made_;
  Contraction& of_;
};

}  // namespace

PlainProduct plain_product_of(const Problem& problem) {
  PlainProduct made;
  try {
    Reading(problem, made).run();
  } catch (const Refusal& refusal) {
    made.declined = refusal.why;
  }
  return made;
}

}  // namespace hone::cuda::emitter
