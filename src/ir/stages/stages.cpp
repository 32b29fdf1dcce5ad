#include "ir/stages/stages.hpp"

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "ir/text/scanner.hpp"

namespace hone {
namespace {

/// Below casts.
const Expr& uncast(const Expr& expr) {
  const Expr* inner = &expr;
  while (inner->kind() == Expr::Kind::cast) inner = &inner->operands()[0];
  return *inner;
}

/// An element as a contraction reads it: as it is, less a zero point, scaled, taken out of a byte,
/// one of two by a condition.
bool is_element(const Expr& expr) {
  const Expr& inner = uncast(expr);
  if (inner.kind() == Expr::Kind::load) return true;
  if (inner.kind() != Expr::Kind::call) return false;
  const std::vector<Expr>& parts = inner.operands();
  switch (inner.function()) {
    case Function::sub:
    case Function::shift_right:
    case Function::bit_and: return is_element(parts[0]);
    case Function::mul: return is_element(parts[0]) && is_element(parts[1]);
    case Function::select:
      return is_element(parts[1]) &&
             (parts[2].kind() == Expr::Kind::number || is_element(parts[2]));
    default: return false;
  }
}

bool is_product_of_loads(const Expr& expr) {
  const Expr& product = uncast(expr);
  if (product.kind() != Expr::Kind::call || product.function() != Function::mul) return false;
  if (product.operands()[0] == product.operands()[1]) return false;  // a square
  return std::all_of(product.operands().begin(), product.operands().end(), is_element);
}

/// An index with both a loop's and a reduction's variable in it.
bool is_moving(const Expr& index) {
  std::set<std::string, std::less<>> names;
  visit(index, [&](const Expr& inner) {
    if (inner.kind() == Expr::Kind::index) inner.dim().collect_variables(names);
  });
  const auto has = [&](std::string_view prefix) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return name.starts_with(prefix); });
  };
  return has("i.") && has("r.");
}

}  // namespace

Stage::Kind Stage::kind() const {
  Kind kind = Kind::map;
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() != Expr::Kind::reduce || kind != Kind::map) return;
    kind = Kind::reduce;
    if (inner.function() == Function::add && is_product_of_loads(inner.operands()[0])) {
      kind = Kind::contract;
      return;
    }
    visit(inner, [&](const Expr& load) {
      if (load.kind() == Expr::Kind::load &&
          std::any_of(load.operands().begin(), load.operands().end(), is_moving))
        kind = Kind::window;
    });
  });
  return kind;
}

std::string_view name(Stage::Kind kind) {
  constexpr std::string_view kNames[] = {"map", "reduce", "contract", "window"};
  return kNames[static_cast<size_t>(kind)];
}

const Stage* Stages::find(const Value* value) const {
  for (const auto& stage : list)
    if (stage->value == value) return stage.get();
  return nullptr;
}

namespace {

bool is_too_long(const Stage& stage) {
  const auto too_long = [](const Dim& dim) { return dim.is_too_long(); };
  bool found = std::any_of(stage.extents.begin(), stage.extents.end(), too_long);
  visit(stage.expr, [&](const Expr& expr) {
    found |= expr.kind() == Expr::Kind::index && too_long(expr.dim());
    for (const Axis& axis : expr.axes()) found |= too_long(axis.extent);
  });
  return found;
}

bool is_plain(const Value* value) {
  return value == nullptr ||
         (value->type.is_tensor() && value->type.tensor().has_rank() &&
          value->type.tensor().dtype != DType::string && !is_complex(value->type.tensor().dtype));
}

}  // namespace

/// An expression of more would be as deep, and regions of as many values are none that fuse.
constexpr size_t kMostParts = 1024;

Stages stages_of(const Node& node) {
  if (const Fused* fused = node.op.as<Fused>()) return stages_of(*fused->body);
  Expression expression(node);
  if (!control_bodies(node.op).empty()) {
    expression.decline("it runs bodies");
  } else if (!node.op.op_class().pure) {
    expression.decline("it draws random numbers");
  } else if (!std::all_of(node.inputs.begin(), node.inputs.end(), is_plain) ||
             !std::all_of(node.outputs.begin(), node.outputs.end(), is_plain)) {
    expression.decline("an operand or result is no dense tensor of known rank");
  } else if (node.inputs.size() + node.outputs.size() > kMostParts) {
    expression.decline(cat("it has more than ", kMostParts, " operands and results"));
  } else if (node.op.op_class().express == nullptr) {
    expression.decline(cat(node.op.name(), " has no description in closed terms"));
  } else {
    node.op.op_class().express(node.op.data(), expression);
  }
  Stages stages = expression.take();
  if (std::any_of(stages.list.begin(), stages.list.end(),
                  [](const auto& stage) { return is_too_long(*stage); }))
    stages.declined = "where it reads is too long to write";
  if (!stages.declined.empty()) stages.list.clear();
  return stages;
}

Stages stages_of(const Graph& body) {
  Stages all;
  for (const Node& node : body.nodes()) {
    Stages stages = stages_of(node);
    if (!stages) return stages;
    all.list.insert(all.list.end(), stages.list.begin(), stages.list.end());
  }
  return all;
}

std::string print(const Stages& stages) {
  std::string out;
  for (const auto& stage : stages.list) {
    out += cat(name(stage->kind()), " ", stage->name, " ",
               Type::tensor(stage->dtype, stage->extents), " = ");
    append(out, stage->expr);
    out += '\n';
  }
  if (!stages) out += cat("declined: ", stages.declined, "\n");
  return out;
}

const TensorType& Expression::type(int input) const {
  return node_.inputs[static_cast<size_t>(input)]->type.tensor();
}

const TensorType& Expression::result_type(int output) const {
  return node_.outputs[static_cast<size_t>(output)]->type.tensor();
}

std::optional<Dims> Expression::parameter(const std::optional<Dims>& field, int operand) const {
  if (field) return field;
  const Value* value = node_.input(static_cast<size_t>(operand));
  if (value == nullptr) return std::nullopt;
  if (value->known) return value->known;
  if (!value->is_literal() || is_float(value->type.tensor().dtype)) return std::nullopt;
  Dims dims;
  for (const int64_t each : value->weight->tensor().integers()) dims.emplace_back(each);
  return dims;
}

Expr Expression::at(int input, std::vector<Expr> indices, std::optional<double> outside) const {
  const Value* value = node_.inputs[static_cast<size_t>(input)];
  return Expr::load(value, type(input).dtype, std::move(indices), outside);
}

Expr Expression::at(int input, const Dims& indices, std::optional<double> outside) const {
  std::vector<Expr> list;
  for (const Dim& index : indices) list.push_back(Expr::index(index));
  return at(input, std::move(list), outside);
}

Expr Expression::broadcast(int input, int rank) const {
  const Dims& own = shape(input);
  const int skipped = rank - static_cast<int>(own.size());
  const bool of_result = wants(0) && result_shape().size() == static_cast<size_t>(rank);
  Dims indices;
  for (size_t axis = 0; axis < own.size(); ++axis) {
    const Dim& size = own[axis];
    const Dim place = loop(static_cast<int>(axis) + skipped);
    // Another symbol than the result's is equal to it or 1, by what is required of them.
    const bool may_be_one = of_result && !size.is_constant() &&
                            !(size == result_shape()[axis + static_cast<size_t>(skipped)]);
    indices.push_back(size.is(1) ? Dim(0) : may_be_one ? min(place, size - 1) : place);
  }
  return at(input, indices);
}

Expr Expression::at(const std::shared_ptr<const Stage>& stage, const Dims& indices) {
  std::vector<Expr> list;
  for (const Dim& index : indices) list.push_back(Expr::index(index));
  return Expr::load(stage, stage->dtype, std::move(list));
}

Axis Expression::axis(const Dim& extent) { return {Dim::variable(cat("r.", axes_++)), extent}; }

std::shared_ptr<const Stage> Expression::stage(DType dtype, Dims extents, Expr expr) {
  const auto made = std::make_shared<const Stage>(
      Stage{cat("t.", stages_.list.size()), nullptr, dtype, std::move(extents), std::move(expr)});
  stages_.list.push_back(made);
  return made;
}

void Expression::set(int output, Expr expr) {
  if (!wants(output)) return;
  const Value* value = node_.outputs[static_cast<size_t>(output)];
  std::string name = "%";
  append_name(name, value->name);
  const TensorType& type = value->type.tensor();
  stages_.list.push_back(std::make_shared<const Stage>(
      Stage{std::move(name), value, type.dtype, type.shape(), std::move(expr)}));
}

}  // namespace hone
