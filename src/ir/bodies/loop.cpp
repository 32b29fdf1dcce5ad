#include "ir/bodies/structural.hpp"
#include "ir/bodies/turns.hpp"
#include "ir/evaluation/work.hpp"

namespace hone {
namespace {

/// Operands behind the limit, the condition and the states.
int captures(int operands, int64_t states) {
  return std::max(0, operands - 2 - static_cast<int>(states));
}

/// The body always says to go on.
bool goes_on(const Graph& body) {
  const Value* condition = body.outputs().front().value;
  if (condition->is_literal() && condition->weight->count() == 1)
    return condition->weight->tensor().integer(0) != 0;
  return condition->known && condition->known->size() == 1 &&
         condition->known->front().constant().value_or(0) != 0;
}

/// Operand `i` is one number, as far as that is known before running.
void check_one(Inference& c, int i, std::string_view name) {
  const Dims* known = c.has(i) ? c.known(i) : nullptr;
  c.check(known == nullptr || known->size() == 1, name, " is ", c.has(i) ? c.type(i) : Type(),
          ", wanted one element");
}

/// How many turns there are, for the results from `first` on.
Dim turns(Inference& c, const Graph& body, int first) {
  const Dims* limit = c.has(0) ? c.known(0) : nullptr;
  const Dims* condition = c.has(1) ? c.known(1) : nullptr;
  const bool always =
      goes_on(body) && (!c.has(1) || (condition != nullptr && condition->front().constant() == 1));
  const bool counted =
      limit != nullptr && provably_less_equal(0, limit->front(), c.ranges()) == true;
  if (counted && always) return limit->front();
  const Dim some = c.fresh(first, 0);
  if (counted) c.require_less_equal(some, limit->front());
  return some;
}

/// Result `i`, to which every turn adds such a slice, is wanted and its type states sizes.
bool has_sizes(const Inference& c, int i, const Type& slice) {
  return c.wants(i) && slice.is_tensor() && slice.tensor().has_rank();
}

bool flag(const Evaluation& c, const Tensor& condition) {
  c.check(condition.is_tensor() && condition.count() == 1, "the condition is ", describe(condition),
          ", wanted one bool");
  return condition.integer(0) != 0;
}

}  // namespace

void Loop::infer(Inference& c) const {
  c.check(body != nullptr && states >= 0 && states <= c.outputs(), "has ", states, " states and ",
          c.outputs(), " results");
  const int carried = static_cast<int>(states), captured = captures(c.inputs(), states);
  if (c.has(0))
    c.check(is_integer(c.dtype(0)), "the limit is ", c.tensor(0), ", wanted an integer");
  if (c.has(1))
    c.check(c.dtype(1) == DType::boolean, "the condition is ", c.tensor(1), ", wanted a bool");
  check_one(c, 0, "the limit"), check_one(c, 1, "the condition");
  const size_t taken = body->inputs().size(), given = body->outputs().size();
  c.check(taken == static_cast<size_t>(2 + carried + captured), "the body takes ", taken,
          " values, given ", 2 + carried + captured);
  c.check(given == static_cast<size_t>(c.outputs() + 1), "the body gives ", given,
          " values, wanted ", c.outputs() + 1);
  BodyInference inner(body, c);
  for (int i = 0; i < captured; ++i) {
    const auto input = static_cast<size_t>(2 + carried + i);
    inner.set_input(input, inner.inside(c.type(2 + carried + i), input));
  }
  infer_states(c, body, inner, {carried, 2, 2, 1});
  const Type& go_on = inner.output(0);
  c.check(go_on.is_tensor() && go_on.tensor().dtype == DType::boolean, "the body's condition is ",
          go_on, ", wanted a bool");
  if (carried < c.outputs()) {
    // The first stacked result with sizes defines how many turns there are.
    int first = carried;
    while (first < c.outputs() &&
           !has_sizes(c, first, inner.output(static_cast<size_t>(first) + 1)))
      ++first;
    const Dim count = first < c.outputs() ? turns(c, inner.graph(), first) : Dim(0);
    for (int i = carried; i < c.outputs(); ++i)
      c.set(i, stacked(c, i, inner.output(static_cast<size_t>(i) + 1), inner, 0, count));
  }
  c.replace_op(Loop{.body = inner.take(), .states = states});
}

void Loop::eval(Evaluation& c) const {
  run(c, [&](size_t, const auto& inputs) { return evaluate(*body, inputs); });
}

void Loop::run(Evaluation& c, const RunBody& run_body) const {
  if (c.has(0))
    c.check(c.input(0).count() == 1, "the limit is ", describe(c.input(0)), ", wanted one integer");
  const int64_t most = c.has(0) ? c.input(0).integer(0) : INT64_MAX;
  bool go_on = !c.has(1) || flag(c, c.input(1));
  std::vector<Tensor> inputs(2);
  for (int i = 2; i < c.inputs(); ++i) inputs.push_back(c.input(i));
  std::vector<Slices> slices(static_cast<size_t>(c.outputs()));
  for (int64_t turn = 0; turn < most && go_on; ++turn) {
    spend_work(1);  // a turn may do nothing else
    inputs[0] = one_element(body->inputs()[0]->type, turn);
    inputs[1] = one_element(body->inputs()[1]->type, 1);
    std::vector<Tensor> results = run_body(0, inputs);
    go_on = flag(c, results[0]);
    for (size_t i = 1; i < results.size(); ++i) {
      if (i <= static_cast<size_t>(states)) inputs[i + 1] = std::move(results[i]);
      else slices[i - 1].add(results[i]);
    }
  }
  for (int i = 0; i < c.outputs(); ++i) {
    if (i < states) c.give(i, inputs[static_cast<size_t>(i) + 2]);
    else slices[static_cast<size_t>(i)].give(c, i, 0, false);
  }
}

}  // namespace hone
