#include "ir/structural.hpp"

#include "ir/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {
namespace {

/// A body's own symbols in terms of the surrounding graph.
using Outside = std::map<std::string, Dim, std::less<>>;

/// The type as a body's input sees it: a symbol keeps its name; a compound dimension becomes a
/// symbol of the body, by a name that is not in `taken`.
Type inside(const Type& type, size_t input, const std::set<std::string, std::less<>>& taken,
            Outside& outside) {
  if (!type.is_tensor() || !type.tensor().has_rank()) return type;
  Dims dims = type.tensor().shape();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].is_constant()) continue;
    const Dim outer = dims[i];
    if (!outer.as_symbol()) {
      std::string name = cat("in", input, "_d", i);
      while (taken.contains(name)) name += '_';
      dims[i] = Dim::symbol(name);
    }
    outside.insert_or_assign(std::string(*dims[i].as_symbol()), outer);
  }
  return Type::tensor(type.tensor().dtype, std::move(dims));
}

std::unique_ptr<Graph> infer_body(const Body& body, Inference& c, Outside& outside) {
  c.check(body != nullptr, "a body is missing");
  const size_t given = c.node().inputs.size() - 1;
  c.check(body->inputs().size() == given, "a body takes ", body->inputs().size(), " values, given ",
          given);
  std::unique_ptr<Graph> inferred = body->clone();
  inferred->clear_requirements();
  std::set<std::string, std::less<>> taken;
  for (int i = 1; i < c.inputs(); ++i) collect_symbols(c.type(i), taken);
  for (size_t i = 0; i < given; ++i)
    inferred->inputs()[i]->type = inside(c.type(static_cast<int>(i) + 1), i, taken, outside);
  infer(*inferred);
  return inferred;
}

/// A dimension of the body in the surrounding graph's terms; nullopt: only running the body tells.
std::optional<Dim> translate(const Dim& dim, const Outside& outside) {
  std::set<std::string, std::less<>> names;
  dim.collect_symbols(names);
  for (const std::string& name : names)
    if (!outside.contains(name)) return std::nullopt;
  return dim.substitute([&](std::string_view name) { return outside.find(name)->second; });
}

Type merge(Inference& c, int output, const Type& a, const Outside& a_outside, const Type& b,
           const Outside& b_outside) {
  c.check(a.is_tensor() && b.is_tensor(), "a branch gives ", a.is_tensor() ? b : a,
          ", wanted a tensor");
  c.check(a.tensor().dtype == b.tensor().dtype, "the branches give ", a, " and ", b, " as result ",
          output);
  if (!a.tensor().has_rank() || !b.tensor().has_rank() || a.tensor().rank() != b.tensor().rank())
    return Type::unranked(a.tensor().dtype);
  Dims dims;
  for (int i = 0; i < a.tensor().rank(); ++i) {
    const auto left = translate(a.tensor().shape()[static_cast<size_t>(i)], a_outside);
    const auto right = translate(b.tensor().shape()[static_cast<size_t>(i)], b_outside);
    dims.push_back(left && right && *left == *right ? *left : c.fresh(output, i));
  }
  return Type::tensor(a.tensor().dtype, std::move(dims));
}

}  // namespace

void If::infer(Inference& c) const {
  const TensorType& condition = c.tensor(0);
  c.check(condition.dtype == DType::boolean, "the condition is ", condition, ", wanted bool[]");
  Outside then_outside, else_outside;
  std::unique_ptr<Graph> taken = infer_body(then_branch, c, then_outside);
  std::unique_ptr<Graph> other = infer_body(else_branch, c, else_outside);
  const auto results = static_cast<size_t>(c.outputs());
  c.check(taken->outputs().size() == results && other->outputs().size() == results,
          "the branches give ", taken->outputs().size(), " and ", other->outputs().size(),
          " results, wanted ", results);
  for (size_t i = 0; i < results; ++i)
    c.set(static_cast<int>(i), merge(c, static_cast<int>(i), taken->outputs()[i].value->type,
                                     then_outside, other->outputs()[i].value->type, else_outside));
  If inferred;
  inferred.then_branch = std::move(taken);
  inferred.else_branch = std::move(other);
  c.replace_op(std::move(inferred));
}

void If::eval(Evaluation& c) const {
  c.check(c.input(0).count() == 1, "the condition has ", c.input(0).count(),
          " elements, wanted one");
  const Body& body = c.input(0).integer(0) != 0 ? then_branch : else_branch;
  std::vector<Tensor> inputs;
  for (int i = 1; i < c.inputs(); ++i) inputs.push_back(c.input(i));
  const std::vector<Tensor> results = evaluate(*body, inputs);
  for (size_t i = 0; i < results.size(); ++i) c.give(static_cast<int>(i), results[i]);
}

void Fused::infer(Inference& c) const {
  c.check(body != nullptr, "the body is missing");
  c.check(static_cast<int>(body->inputs().size()) == c.inputs() &&
              static_cast<int>(body->outputs().size()) == c.outputs(),
          "operands and results do not fit the body");
  std::unique_ptr<Graph> inferred = body->clone();
  inferred->clear_requirements();
  for (int i = 0; i < c.inputs(); ++i) inferred->inputs()[static_cast<size_t>(i)]->type = c.type(i);
  hone::infer(*inferred);
  for (const Require& require : inferred->requirements()) {
    if (require.relation == Require::Relation::equal) c.require_equal(require.a, require.b);
    else c.require_less_equal(require.a, require.b);
  }
  for (int i = 0; i < c.outputs(); ++i) {
    const Value* value = inferred->outputs()[static_cast<size_t>(i)].value;
    c.set(i, value->type);
    if (value->known) c.set_known(i, *value->known);
  }
  c.replace_op(Fused{std::move(inferred), cuts});
}

void Fused::eval(Evaluation& c) const {
  std::vector<Tensor> inputs;
  for (int i = 0; i < c.inputs(); ++i) inputs.push_back(c.input(i));
  const std::vector<Tensor> results = evaluate(*body, inputs, c.symbols());
  for (size_t i = 0; i < results.size(); ++i) c.give(static_cast<int>(i), results[i]);
}

void register_structural(OpRegistry& registry) {
  registry.add<If>();
  registry.add<Fused>();
}

}  // namespace hone
