// Branches and loops of TensorFlow 2, whose parts are functions; branches of TensorFlow 1.

#include "import/tensorflow/graph_import.hpp"
#include "import/tensorflow/loop.hpp"
#include "ir/bodies/structural.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

/// Anything but 0 holds.
Value* truth(NodeReader& node, builder::Frame& frame, const Item& item) {
  if (item.kind == Item::Kind::failed) throw builder::FailedBefore();
  node.check(item.is_value(), "its condition is no tensor");
  return frame.bring(item.value, *item.frame);
}

std::vector<Item> without_first(const std::vector<Item>& items) {
  return {items.begin() + 1, items.end()};
}

void give_all(NodeReader& node, const std::vector<Item>& results) {
  for (size_t i = 0; i < results.size(); ++i) node.give_item(static_cast<int>(i), results[i]);
}

/// A branch reads what it is given from outside; its results become the body's outputs.
builder::BodySource branch(NodeReader& node, std::string name, std::string_view function) {
  const auto fill = [&node, function](builder::Frame& frame) {
    const std::vector<Item> results =
        node.import().call(function, frame, without_first(node.items()), node.def().name);
    for (size_t i = 0; i < results.size(); ++i)
      frame.graph().add_output(cat("y", uint64_t{i}), truth(node, frame, results[i]));
  };
  return {std::move(name), [](Graph&) {}, fill};
}

void import_if(NodeReader& node) {
  Value* condition = node.required(0);
  const std::string_view then_branch = node.function("then_branch");
  const std::string_view else_branch = node.function("else_branch");
  if (const auto known = node.known_scalar(0))
    return give_all(node, node.import().call(*known != 0 ? then_branch : else_branch, node.frame(),
                                             without_first(node.items()), node.def().name));
  if (node.type_of(0) != DType::boolean) {
    Value* none = node.intermediate(Equal{}, {condition, node.scalar(0, "zero")}, "is_zero");
    condition = node.intermediate(Not{}, {none}, "holds");
  }
  condition = node.reshaped(condition, Dims{}, "condition");
  const builder::Bodies bodies = builder::make_bodies(
      node.frame(),
      {branch(node, "then_branch", then_branch), branch(node, "else_branch", else_branch)});
  std::vector<Value*> inputs{condition};
  inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
  const auto count = static_cast<int>(bodies.bodies[0]->outputs().size());
  node.emit_all(If{.then_branch = bodies.bodies[0], .else_branch = bodies.bodies[1]}, inputs,
                count);
}

void import_while(NodeReader& node) {
  const std::string_view test = node.function("cond"), body = node.function("body");
  GraphImport& graph = node.import();
  const LoopParts parts{
      [&](builder::Frame& frame, const std::vector<Item>& states) {
        const std::vector<Item> results = graph.call(test, frame, states, node.def().name);
        node.check(results.size() == 1, "its test gives ", uint64_t{results.size()}, " results");
        return results.front();
      },
      [&](builder::Frame& frame, const std::vector<Item>& states) {
        return graph.call(body, frame, states, node.def().name);
      }};
  give_all(node, import_loop(node, node.items(), parts));
}

/// Passes data on on one of two ways: result 1 where the condition holds, else result 0.
void import_switch(NodeReader& node) {
  const auto known = node.known_scalar(1);
  if (!known) {
    node.required(1);
    for (const bool side : {false, true}) {
      Item item = node.item(0);
      item.guard = std::make_shared<Guard>(Guard{node.item(1), side, item.guard});
      node.give_item(side ? 1 : 0, std::move(item));
    }
    return;
  }
  node.give_item(*known != 0 ? 1 : 0, node.item(0));
  node.give_item(*known != 0 ? 0 : 1, Item::dead());
}

/// Both ways are computed, and one of the results chosen: they have no effects, and equal sizes.
void bring_together(NodeReader& node, size_t first, size_t second) {
  const Item &a = node.items()[first], &b = node.items()[second];
  const bool opposite = a.guard != nullptr && b.guard != nullptr &&
                        a.guard->condition == b.guard->condition && a.guard->side != b.guard->side;
  if (!opposite || !a.is_value() || !b.is_value())
    node.unsupported("branches that it brings together are not told by one condition");
  Value *x = node.required(static_cast<int>(first)), *y = node.required(static_cast<int>(second));
  if (!(x->type == y->type)) node.unsupported("branches that give other sizes");
  Value* condition = node.import().value_of(a.guard->condition);
  condition = node.reshaped(condition, Dims{}, "condition");
  Value* chosen = a.guard->side ? node.intermediate(Where{}, {condition, x, y}, "chosen")
                                : node.intermediate(Where{}, {condition, y, x}, "chosen");
  Item result = Item::of(chosen, node.frame());
  result.guard = a.guard->outer;
  node.give_item(0, std::move(result));
}

/// The one that is alive, and which it was.
void import_merge(NodeReader& node) {
  std::vector<size_t> alive;
  for (size_t i = 0; i < node.items().size(); ++i)
    if (node.items()[i].kind != Item::Kind::dead) alive.push_back(i);
  if (alive.empty()) {
    for (int i = 0; i < 2; ++i) node.give_item(i, Item::dead());
  } else if (alive.size() == 1) {
    node.give_item(0, node.items()[alive[0]]);
    if (node.wants(1))
      node.give(1, node.constant(Tensor::scalar(DType::i32, static_cast<double>(alive[0])), "way"));
  } else {
    if (alive.size() > 2 || node.wants(1)) node.unsupported("which of several ways was taken");
    bring_together(node, alive[0], alive[1]);
  }
}

}  // namespace

void register_control(Importers& importers) {
  importers.add({"If", "StatelessIf", "XlaIf"}, import_if);
  importers.add({"While", "StatelessWhile", "XlaWhile"}, import_while);
  importers.add("Switch", {import_switch, {"output_false", "output_true"}});
  importers.add("RefSwitch", {import_switch, {"output_false", "output_true"}});
  importers.add("Merge", {import_merge, {"output", "value_index"}});
}

}  // namespace hone::tensorflow
