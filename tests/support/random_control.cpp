// Control flow for random graphs: nodes with bodies that are drawn like graphs.

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "ir/bodies/turns.hpp"
#include "support/random_drawing.hpp"

namespace hone::test {
namespace {

bool is_one(const Tensor& contents, DType dtype) {
  return contents.is_tensor() && contents.dtype() == dtype && contents.rank() == 0;
}

/// A value that is read from within a body: a tensor, now and then a sequence.
Value* captured(DrawnGraph& drawn) {
  std::vector<Value*> sequences;
  for (Value* value : drawn.others)
    if (drawn.of(value).is_sequence()) sequences.push_back(value);
  if (!sequences.empty() && drawn.rng.percent(30)) return drawn.rng.among(sequences);
  return recent(drawn);
}

/// A bool scalar; now and then a constant.
Value* condition(DrawnGraph& drawn) {
  std::vector<Value*> fitting;
  for (Value* value : drawn.pool)
    if (is_one(drawn.of(value), DType::boolean)) fitting.push_back(value);
  if (!fitting.empty() && drawn.rng.percent(70)) return drawn.rng.among(fitting);
  if (!drawn.closed && std::ssize(drawn.inputs) < 6 && drawn.rng.percent(80))
    return drawn.input(DType::boolean, {});
  return drawn.constant(drawn.numbers(DType::boolean, {}));
}

/// How many turns: a constant, or what some value holds.
Value* limit(DrawnGraph& drawn) {
  std::vector<Value*> fitting;
  for (Value* value : drawn.pool)
    if (const Tensor& contents = drawn.of(value); is_one(contents, DType::i64))
      if (contents.integer(0) >= -2 && contents.integer(0) <= 4) fitting.push_back(value);
  if (!fitting.empty() && drawn.rng.percent(50)) return drawn.rng.among(fitting);
  return drawn.constant(drawn.numbers(DType::i64, {}, 0, 3));
}

/// A value of the body that may take the place of what `contents` is: mostly of the same sizes, at
/// least of the same dtype. Null: there is none.
Value* like(DrawnGraph& body, const Tensor& contents) {
  std::vector<Value*> alike, others;
  for (Value* value : contents.is_sequence() ? body.others : body.pool) {
    const Tensor& own = body.of(value);
    if (own.dtype() != contents.dtype() || own.is_sequence() != contents.is_sequence()) continue;
    others.push_back(value);
    if (own.shape() == contents.shape()) alike.push_back(value);
  }
  if (!alike.empty() && body.rng.percent(85)) return body.rng.among(alike);
  return others.empty() ? nullptr : body.rng.among(others);
}

/// The bodies of one node with what they take; inputs are added to all of them alike.
class Bodies {
 public:
  Bodies(Drawing& outer, int count) : outer_(outer) {
    for (int i = 0; i < count; ++i)
      bodies_.push_back(std::make_unique<Drawing>(outer.source(), outer.depth() + 1));
  }

  Drawing& body(size_t i = 0) { return *bodies_[i]; }
  DrawnGraph& drawn(size_t i = 0) { return bodies_[i]->drawn(); }

  /// An input that `contents` are an example of. The first body's.
  Value* take(std::string_view name, const Tensor& contents, bool rounded) {
    Value* first = nullptr;
    for (const auto& body : bodies_) {
      Value* input = body->take(name, contents, rounded);
      if (first == nullptr) first = input;
    }
    return first;
  }
  /// Operand and inputs at once. A state (`changes`) may hold a rounded number in a later turn.
  Value* take(std::string_view name, Value* outside, bool changes) {
    const Tensor& contents = outer_.drawn().of(outside);
    const bool rounded = outer_.drawn().rounded.contains(outside);
    operands.push_back(outside);
    return take(name, contents, rounded || (changes && is_float(contents.dtype())));
  }

  void draw_nodes() {
    for (const auto& body : bodies_) body->add_nodes(outer_.source().rng.between(1, 5));
  }
  void give(Value* value, size_t i = 0) {
    Graph& graph = drawn(i).graph;
    graph.add_output(cat("y", graph.outputs().size()), value);
  }
  /// What no output needs goes, mostly.
  Body finish(size_t i = 0) {
    Graph& graph = drawn(i).graph;
    if (outer_.source().rng.percent(80)) graph.remove_unused();
    for (Value* value : graph.constants())
      if (value->users.empty() && !graph.is_output(value)) graph.erase(value);
    return bodies_[i]->finish();
  }

  std::vector<Value*> operands;

 private:
  Drawing& outer_;
  std::vector<std::unique_ptr<Drawing>> bodies_;
};

Node* add_if(Drawing& outer) {
  DrawnGraph& drawn = outer.drawn();
  Bodies bodies(outer, 2);
  bodies.operands.push_back(condition(drawn));
  for (int64_t i = drawn.rng.between(1, 3); i > 0; --i) bodies.take("x", captured(drawn), false);
  bodies.draw_nodes();
  std::vector<std::string> names;
  for (int64_t left = drawn.rng.between(1, 3); left > 0; --left) {
    if (bodies.drawn().pool.empty()) break;
    Value* then = recent(bodies.drawn());
    Value* other = like(bodies.drawn(1), bodies.drawn().of(then));
    if (other == nullptr) continue;
    bodies.give(then), bodies.give(other, 1);
    names.emplace_back("v");
  }
  if (names.empty()) return nullptr;
  If op;
  op.then_branch = bodies.finish(), op.else_branch = bodies.finish(1);
  return outer.add(op, bodies.operands, names);
}

/// Adds what a state is in the next turn; a sequence grows. false: nothing fits.
bool give_next(Bodies& bodies, Value* state) {
  const Tensor contents = bodies.drawn().of(state);
  Value* next = like(bodies.drawn(), contents);
  if (contents.is_sequence()) {
    std::vector<Value*> fitting;
    for (Value* value : bodies.drawn().pool)
      if (bodies.drawn().of(value).dtype() == contents.dtype()) fitting.push_back(value);
    if (fitting.empty()) return false;
    const Op insert = bodies.body().op_named("SequenceInsert");
    const Node* node =
        bodies.body().add(insert, {next, bodies.drawn().rng.among(fitting)}, {"grown"});
    if (node == nullptr) return false;
    next = node->output();
  }
  if (next != nullptr) bodies.give(next);
  return next != nullptr;
}

/// The next states, then up to two tensors that every turn adds to. Names of all results; empty:
/// nothing fits.
std::vector<std::string> give_results(Bodies& bodies, const std::vector<Value*>& states) {
  for (Value* state : states)
    if (!give_next(bodies, state)) return {};
  std::vector<std::string> names(states.size(), "v");
  DrawnGraph& body = bodies.drawn();
  for (int64_t left = body.rng.between(states.empty() ? 1 : 0, 2); left > 0; --left) {
    if (body.pool.empty()) break;
    bodies.give(recent(body));
    names.emplace_back("v");
  }
  return names;
}

/// Whether a loop goes on: always, while the turn's number is small, or what the body finds.
Value* going_on(Bodies& bodies, Value* turn, Value* before, bool must_end) {
  Rng& rng = bodies.drawn().rng;
  if (must_end || rng.percent(25)) {
    Value* last = bodies.drawn().constant(Tensor::scalar(DType::i64, rng.among({0, 1, 2})));
    const Node* node = bodies.body().add(bodies.body().op_named("Less"), {turn, last}, {"go_on"});
    return node == nullptr ? nullptr : node->output();
  }
  if (rng.percent(40)) return before;
  if (rng.percent(50)) return bodies.drawn().constant(Tensor::scalar(DType::boolean, 1));
  return like(bodies.drawn(), Tensor::scalar(DType::boolean, 1));
}

Node* add_loop(Drawing& outer) {
  DrawnGraph& drawn = outer.drawn();
  Bodies bodies(outer, 1);
  const bool limited = drawn.rng.percent(85);
  bodies.operands = {limited ? limit(drawn) : nullptr,
                     drawn.rng.percent(60) ? nullptr : condition(drawn)};
  Value* turn = bodies.take("turn", Tensor::scalar(DType::i64, 0), false);
  Value* before = bodies.take("again", Tensor::scalar(DType::boolean, 1), false);
  Loop op;
  op.states = drawn.rng.between(0, 2);
  std::vector<Value*> states;
  for (int64_t i = 0; i < op.states; ++i)
    states.push_back(bodies.take("state", captured(drawn), true));
  for (int64_t left = drawn.rng.between(0, 2); left > 0; --left)
    bodies.take("x", captured(drawn), false);
  bodies.draw_nodes();
  Value* again = going_on(bodies, turn, before, !limited);
  if (again == nullptr || bodies.drawn().of(again).rank() != 0) return nullptr;
  bodies.give(again);
  const std::vector<std::string> names = give_results(bodies, states);
  if (names.empty()) return nullptr;
  op.body = bodies.finish();
  return outer.add(op, bodies.operands, names);
}

/// A tensor and an axis of `size` places (0: any but an empty one). Null: there is none.
std::pair<Value*, int64_t> scannable(DrawnGraph& drawn, int64_t size) {
  for (int tries = 0; tries < 8; ++tries) {
    Value* value = recent(drawn);
    const Tensor& contents = drawn.of(value);
    if (contents.rank() == 0) continue;
    const int64_t axis = drawn.rng.percent(60) ? 0 : drawn.rng.below(contents.rank());
    const int64_t places = contents.dim(static_cast<int>(axis));
    if (places > 0 && places <= 8 && (size == 0 || places == size)) return {value, axis};
  }
  return {nullptr, 0};
}

Node* add_scan(Drawing& outer) {
  DrawnGraph& drawn = outer.drawn();
  Rng& rng = drawn.rng;
  Bodies bodies(outer, 1);
  Scan op;
  op.states = rng.between(0, 2), op.scanned = 0;
  std::vector<Value*> states;
  for (int64_t i = 0; i < op.states; ++i)
    states.push_back(bodies.take("state", recent(drawn), true));
  int64_t size = 0;
  for (int64_t left = rng.between(1, 2); left > 0; --left) {
    const auto [value, axis] = scannable(drawn, size);
    if (value == nullptr) continue;
    const Tensor& contents = drawn.of(value);
    size = contents.dim(static_cast<int>(axis));
    op.input_axes.push_back(rng.percent(20) ? axis - contents.rank() : axis);
    op.input_directions.push_back(rng.percent(30) ? 1 : 0);
    bodies.operands.push_back(value);
    bodies.take("slice", slice_of(contents, static_cast<int>(axis), 0),
                drawn.rounded.contains(value));
    ++op.scanned;
  }
  if (op.scanned == 0) return nullptr;
  if (rng.percent(40)) bodies.take("x", captured(drawn), false);
  bodies.draw_nodes();
  const std::vector<std::string> names = give_results(bodies, states);
  if (names.empty()) return nullptr;
  for (int64_t left = std::ssize(names) - op.states; left > 0; --left) {
    op.output_axes.push_back(rng.among({0, 0, 0, -1}));
    op.output_directions.push_back(rng.percent(30) ? 1 : 0);
  }
  op.body = bodies.finish();
  return outer.add(op, bodies.operands, names);
}

}  // namespace

Node* add_control(Drawing& drawing, std::string_view op) {
  if (op == If::kName) return add_if(drawing);
  return op == Loop::kName ? add_loop(drawing) : add_scan(drawing);
}

}  // namespace hone::test
