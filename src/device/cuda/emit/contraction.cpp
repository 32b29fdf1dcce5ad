#include <algorithm>

#include "base/text.hpp"
#include "device/cuda/emit/contract_text.hpp"
#include "device/cuda/emit/expr_text.hpp"
#include "device/cuda/emit/inline_stages.hpp"
#include "ir/graph.hpp"
#include "ops/blockwise.hpp"

namespace hone::cuda::emitter {
namespace {

using Variables = std::set<std::string, std::less<>>;

void collect(const Expr& expr, Variables& names) {
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() == Expr::Kind::index) inner.dim().collect_variables(names);
  });
}

std::string variable_name(const Dim& variable) { return std::string(*variable.as_variable()); }

/// The sum that an expression has, if it has one and nothing else that folds.
struct Sums {
  std::optional<Expr> only;
  bool others = false;
};
void find_sums(const Expr& expr, Sums& sums) {
  if (expr.kind() == Expr::Kind::reduce) {
    if (sums.only && !(*sums.only == expr)) sums.others = true;
    sums.only = expr;
    sums.others |= folds_of(expr.operands()[0]).count > 0;
    return;
  }
  for (const Expr& operand : expr.operands()) find_sums(operand, sums);
}

/// From element to element in memory, a load in the expression moves along one of the axes.
bool runs_along(const Expr& expr, const std::vector<Axis>& axes, const Strides& strides) {
  bool found = false;
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() != Expr::Kind::load || inner.operands().empty()) return;
    const Value* value = std::get<const Value*>(inner.source());
    const int last = innermost(value, value->type.tensor().shape(), strides);
    if (last < 0) return;
    Variables names;
    collect(inner.operands()[static_cast<size_t>(last)], names);
    for (const Axis& axis : axes) found |= names.contains(variable_name(axis.variable));
  });
  return found;
}

/// A dtype of less than 16 bits that it reads, computes or makes.
std::optional<DType> small_in(const Stage& stage) {
  std::optional<DType> small;
  if (is_small(stage.dtype)) small = stage.dtype;
  visit(stage.expr, [&](const Expr& inner) {
    if (is_small(inner.dtype())) small = inner.dtype();
  });
  return small;
}

const Expr* product_in(const Expr& sum) {
  const Expr* product = &sum.operands()[0];
  while (product->kind() == Expr::Kind::cast) product = &product->operands()[0];
  const bool is_product =
      product->kind() == Expr::Kind::call && product->function() == Function::mul;
  return is_product ? product : nullptr;
}

/// Halves of several operands are in it: tensor cores would have each element picked and computed,
/// as often as tiles read it, where one that lies in memory is copied.
bool computes_of_several(const Expr& factor) {
  std::set<const Value*> read;
  visit(factor, [&](const Expr& inner) {
    if (inner.kind() != Expr::Kind::load || inner.operands().empty()) return;
    const auto* value = std::get_if<const Value*>(&inner.source());
    if (value == nullptr || (*value)->is_constant() || bits(inner.dtype()) != 16) return;
    if (is_float(inner.dtype())) read.insert(*value);
  });
  return read.size() > 1;
}

/// The axes of its results, what lies side by side first (and once more where it stands).
std::vector<int> from_the_innermost(const Stage& stage, const Strides& strides) {
  std::vector<int> axes;
  for (size_t axis = stage.extents.size(); axis-- > 0;) axes.push_back(static_cast<int>(axis));
  if (const int last = innermost(stage.value, stage.extents, strides); last >= 0)
    axes.insert(axes.begin(), last);
  return axes;
}

/// What follows such products is a region of its own, so that a kernel for them takes them.
bool has_few_bits(const Graph& body) {
  return std::ranges::any_of(body.nodes(),
                             [](const Node& node) { return node.op.as<MatMulNBits>() != nullptr; });
}

}  // namespace

Contraction contraction_of(const Graph& body, const Strides& strides) {
  Contraction made;
  made.strides = strides;
  const auto no = [&](std::string why) {
    made.declined = std::move(why);
    return made;
  };
  if (body.outputs().size() != 1) return no("it has several results");
  if (body.nodes().size() > 1 && has_few_bits(body)) return no("its weights have a few bits");
  const Stages all = stages_of(body);
  if (!all) return no(all.declined);
  const Stages stages = inlined(all, {body.outputs().front().value});
  if (!stages) return no(stages.declined);
  if (stages.list.size() != 1) return no("it needs more than one pass");
  made.stage = stages.list.front();
  if (made.stage->value != body.outputs().front().value) return no("its result is another's");
  if (const auto small = small_in(*made.stage)) return no(cat("it has ", *small));
  Sums sums;
  find_sums(made.stage->expr, sums);
  if (!sums.only || sums.others || sums.only->function() != Function::add)
    return no("it is no sum of products");
  const DType dtype = sums.only->dtype();
  if (computed_type(dtype) == nullptr || bits(dtype) < 16) return no(cat("it sums ", dtype));
  const Expr* product = product_in(*sums.only);
  if (product == nullptr) return no("it is no sum of products");
  made.sum = sums.only;
  made.a = product->operands()[0];
  made.b = product->operands()[1];
  if (body.nodes().size() > 1 && (computes_of_several(*made.a) || computes_of_several(*made.b)))
    return no("a factor is computed of several operands");
  made.depth = sums.only->axes();
  Variables of_a, of_b;
  collect(*made.a, of_a);
  collect(*made.b, of_b);
  // Columns are what lies side by side: neighbours in memory are stored by neighbours.
  const size_t rank = made.stage->extents.size();
  for (const int axis : from_the_innermost(*made.stage, strides)) {
    const std::string name = variable_name(loop(axis));
    if (of_a.contains(name) == of_b.contains(name)) continue;
    if (of_a.contains(name)) {
      std::swap(made.a, made.b);
      std::swap(of_a, of_b);
    }
    break;
  }
  for (size_t axis = 0; axis < rank; ++axis) {
    const Dim variable = loop(static_cast<int>(axis));
    const bool a = of_a.contains(variable_name(variable)),
               b = of_b.contains(variable_name(variable));
    auto& kind = a == b ? made.batches : a ? made.rows : made.columns;
    kind.push_back({variable, made.stage->extents[axis]});
  }
  // Of a picture, neighbours are both: of a filter's taps, and of results.
  made.a_runs_along_depth =
      runs_along(*made.a, made.depth, strides) && !runs_along(*made.a, made.rows, strides);
  made.b_runs_along_depth =
      runs_along(*made.b, made.depth, strides) && !runs_along(*made.b, made.columns, strides);
  return made;
}

}  // namespace hone::cuda::emitter
