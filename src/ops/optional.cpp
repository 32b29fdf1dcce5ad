#include "ops/optional.hpp"

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"
#include "ir/op_class.hpp"

namespace hone {

void Optional::infer(Inference& c) const {
  const bool given = c.has(0);
  c.check(given || !type.is_none(), "has neither an operand nor a type");
  const Type& element = given ? c.type(0) : type;
  c.check(element.is_tensor() || element.kind() == Type::Kind::sequence, "of ", element,
          ", wanted a tensor or a sequence");
  c.set(0, Type::optional(element));
}

void Optional::eval(Evaluation& c) const { c.give(0, c.has(0) ? c.input(0) : Tensor::nothing()); }

void OptionalHasElement::infer(Inference& c) const { c.set(0, DType::boolean, {}); }

void OptionalHasElement::dims(Inference& c) const {
  if (!c.has(0)) return c.set_known(0, {Dim(0)});
  if (c.type(0).kind() != Type::Kind::optional) c.set_known(0, {Dim(1)});
}

void OptionalHasElement::eval(Evaluation& c) const {
  const bool holds = c.has(0) && !c.input(0).is_nothing();
  c.output(0, DType::boolean, {}).set_integer(0, holds ? 1 : 0);
}

void OptionalGetElement::infer(Inference& c) const {
  const Type& x = c.type(0);
  c.set(0, x.kind() == Type::Kind::optional ? x.element() : x);
}

void OptionalGetElement::eval(Evaluation& c) const {
  c.check(!c.input(0).is_nothing(), "the optional holds nothing");
  c.give(0, c.input(0));
}

void register_optional(OpRegistry& registry) {
  registry.add<Optional>();
  registry.add<OptionalHasElement>();
  registry.add<OptionalGetElement>();
}

}  // namespace hone
