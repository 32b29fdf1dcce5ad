#include "device/cuda/emit/contract_buffers.hpp"

#include "base/text.hpp"
#include "device/cuda/emit/inline_stages.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {

ContractBuffers::ContractBuffers(const Contraction& given) : given_(given) {
  const Stage& stage = *given.stage;
  add_inputs(stage.expr);
  add_parameter(stage.value, stage.dtype, stage.extents, false);
  places.emplace("sum", Place{"sum", given.sum->dtype(), {}, {}, true});
}

void ContractBuffers::add_parameter(const Value* value, DType dtype, const Dims& shape,
                                    bool is_input) {
  const std::string name = cat("b", parameters.size());
  declarations += cat(is_input ? "const " : "", stored_type(dtype), "* __restrict__ ", name, ", ");
  names.emplace(value, name);
  const auto found = given_.strides.find(value);
  places.emplace(name,
                 Place{name, dtype, shape, found == given_.strides.end() ? Dims() : found->second});
  parameters.push_back(value);
}

void ContractBuffers::add_inputs(const Expr& expr) {
  visit(expr, [&](const Expr& inner) {
    if (inner.kind() != Expr::Kind::load) return;
    const Value* value = std::get<const Value*>(inner.source());
    if (names.contains(value)) return;
    const TensorType& type = value->type.tensor();
    if (value->is_constant()) add_table(value);
    else add_parameter(value, type.dtype, type.shape(), true);
  });
}

void ContractBuffers::add_table(const Value* value) {
  const TensorType& type = value->type.tensor();
  Place place{cat("c", names.size()), type.dtype, type.shape(), {}};
  tables += table_text(place, value->weight->tensor());
  names.emplace(value, place.name);
  places.emplace(place.name, std::move(place));
}

Indices ContractBuffers::indices() const {
  Indices at;
  const auto place = [&](const std::vector<Axis>& axes, const char* number) {
    const Dims found = parted(Dim::variable(number), axes);
    for (size_t i = 0; i < axes.size(); ++i)
      at[std::string(*axes[i].variable.as_variable())] = found[i];
  };
  place(given_.batches, "z");
  place(given_.rows, "m");
  place(given_.columns, "n");
  place(given_.depth, "k");
  return at;
}

Dims ContractBuffers::result_place(const Indices& at) const {
  Dims place;
  for (size_t axis = 0; axis < given_.stage->extents.size(); ++axis)
    place.push_back(at.at(std::string(*loop(static_cast<int>(axis)).as_variable())));
  return place;
}

Dim at_places(const Dim& dim, const Indices& at) {
  return dim.substitute_variables([&](std::string_view name) {
    const auto found = at.find(name);
    return found == at.end() ? std::nullopt : std::optional<Dim>(found->second);
  });
}

Expr ContractBuffers::in_text(const Expr& expr, const Indices& at) const {
  if (expr == *given_.sum) return Expr::load(BufferName{"sum"}, expr.dtype(), {});
  if (expr.kind() == Expr::Kind::number) return expr;
  if (expr.kind() == Expr::Kind::index) return Expr::index(at_places(expr.dim(), at));
  std::vector<Expr> operands;
  for (const Expr& operand : expr.operands()) operands.push_back(in_text(operand, at));
  if (expr.kind() == Expr::Kind::call) return Expr::call(expr.function(), std::move(operands));
  if (expr.kind() == Expr::Kind::cast) return Expr::cast(expr.dtype(), std::move(operands[0]));
  return Expr::load(BufferName{names.at(std::get<const Value*>(expr.source()))}, expr.dtype(),
                    std::move(operands), expr.outside());
}

}  // namespace hone::cuda::emitter
