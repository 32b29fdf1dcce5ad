#pragma once
// What a result of a node is: mostly a value of the graph.

#include <memory>
#include <string_view>
#include <vector>

#include "import/builder/frame.hpp"

namespace hone::tensorflow {

struct Guard;
struct List;

/// What a checkpoint holds of a variable; pairs: of complex numbers, as Item::Kind::pairs.
struct StoredVariable {
  std::shared_ptr<const Weight> contents;
  bool pairs = false;
};

struct Item {
  enum class Kind : uint8_t {
    absent,
    value,
    pairs,     ///< complex numbers: reals with one axis more, of two elements, at the end
    failed,    ///< its node has a problem, reported already
    variable,  ///< a handle of what a checkpoint stores
    list,      ///< a TensorList, or a TensorArray's flow
    dead,      ///< of a branch that is not taken
  };
  Kind kind = Kind::absent;
  Value* value = nullptr;
  builder::Frame* frame = nullptr;  // whose graph the value is of
  std::string_view variable;        // the name of its handle's node
  std::shared_ptr<const List> list;
  std::shared_ptr<const Guard> guard;  // null: it counts always

  static Item of(Value* value, builder::Frame& frame) {
    return {value == nullptr ? Kind::failed : Kind::value, value, &frame, {}, nullptr, nullptr};
  }
  static Item of(std::shared_ptr<const List> list);
  static Item of_variable(std::string_view name) {
    return {Kind::variable, nullptr, nullptr, name, nullptr, nullptr};
  }
  static Item failed() { return {Kind::failed, nullptr, nullptr, {}, nullptr, nullptr}; }
  static Item dead() { return {Kind::dead, nullptr, nullptr, {}, nullptr, nullptr}; }
  bool is_value() const { return kind == Kind::value; }
  friend bool operator==(const Item& a, const Item& b) {
    return a.kind == b.kind && a.value == b.value && a.variable == b.variable && a.list == b.list;
  }
};

/// The branch that an item is of, where only running tells whether it is taken.
struct Guard {
  Item condition;
  bool side = false;  // taken where the condition is this
  std::shared_ptr<const Guard> outer;
};

/// A list of tensors of one shape.
struct List {
  enum class Kind : uint8_t {
    stacked,   ///< all elements, along a first axis
    elements,  ///< one by one; absent ones were not written
    reserved,  ///< nothing was written yet
    carried,   ///< of a loop's turn, as the turn before left it
    written,   ///< the same with an element written to it in this turn
  };
  Kind kind = Kind::reserved;
  Item stacked;
  std::vector<Item> elements;
  Item count;           // of a reserved one: how many elements; absent: it grows
  size_t state = 0;     // of a loop: which of its states
  Item place, element;  // written: where (absent: behind the last), what

  static List all(Item elements);          // stacked
  static List of_turn(size_t loop_state);  // carried
};

inline List List::all(Item elements) {
  List list;
  list.kind = Kind::stacked;
  list.stacked = std::move(elements);
  return list;
}

inline List List::of_turn(size_t loop_state) {
  List list;
  list.kind = Kind::carried;
  list.state = loop_state;
  return list;
}

inline Item Item::of(std::shared_ptr<const List> list) {
  return {Kind::list, nullptr, nullptr, {}, std::move(list), nullptr};
}

}  // namespace hone::tensorflow
