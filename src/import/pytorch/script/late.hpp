#pragma once
// What only running tells: branches and loops of a program that become nodes with graphs in them.

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "import/pytorch/script/interpreter.hpp"

namespace hone::pytorch {

/// A list that a loop fills, an element each turn: all of them, stacked.
struct LateList {
  Value* stacked = nullptr;
  const builder::Frame* frame = nullptr;
};

/// Names that the block gives values to.
void collect_assigned(const Block& block, std::set<std::string>& names);

/// The same tensors, objects, equal numbers and texts, lists of these.
bool same_item(const Item& a, const Item& b);
/// A number, known or not.
bool is_number(const Item& item);
/// A tensor or number as a value of the caller's graph.
Value* value_in(Caller& caller, const Item& item);

/// The variables as a graph within the caller's sees them: open sizes are values of the caller's.
Variables seen_within(Caller& outer, const Variables& variables);

/// What an operator on a list that a loop filled gives; nullopt: none of its arguments is one.
std::optional<Item> call_late_list(Interpreter& interpreter, std::string_view name,
                                   const std::vector<Item>& arguments);

/// A loop whose turns only running counts.
class LateLoop {
 public:
  LateLoop(Interpreter& interpreter, const Statement& statement, Variables& variables);
  /// `turns`: at most how many (null: any number). `goes`: whether there is a first one (null:
  /// there is). Afterwards the variables are what the last turn leaves.
  void import(Value* turns, Value* goes);

 private:
  /// A tensor or number that turns change.
  struct Leaf {
    Item before;
    Value* initial = nullptr;     // null: it is neither, and must stay as it is
    std::vector<bool> open = {};  // which sizes turns change
  };
  struct State {
    std::string name;
    size_t first, count;  // leaves
  };
  /// A list around the loop, and how a turn sees it.
  struct Outer {
    std::string name;
    std::shared_ptr<List> list, own;
    bool grows = false;
  };

  void declare(Graph& graph) const;
  void fill(builder::Frame& frame);
  Variables own_variables(builder::Frame& frame);
  bool learn(Caller& caller, const Variables& own, std::vector<Value*>& next);
  void learn_lists(Caller& caller, std::vector<Value*>& elements);
  Value* with_earlier(Caller& outer, const std::vector<Item>& earlier, Value* stacked) const;
  void leave(const std::vector<Value*>& results, Caller& outer);

  Interpreter& interpreter_;
  const Statement& statement_;
  Variables& variables_;
  Variables seen_;  // as a turn sees them
  std::vector<Leaf> leaves_;
  std::vector<State> states_;
  std::vector<Outer> lists_;
  bool again_ = false;
};

}  // namespace hone::pytorch
