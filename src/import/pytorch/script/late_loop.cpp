#include "import/pytorch/script/late.hpp"
#include "ir/bodies/structural.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {

bool same_item(const Item& a, const Item& b) {
  if (const auto* tensor = a.as<TensorRef>())
    return b.as<TensorRef>() != nullptr && *tensor == *b.as<TensorRef>();
  if (const auto* object = a.as<std::shared_ptr<Object>>())
    return b.as<std::shared_ptr<Object>>() != nullptr &&
           *object == *b.as<std::shared_ptr<Object>>();
  const auto *list = a.list(), *other = b.list();
  if (list == nullptr || other == nullptr) return same_key(a, b);
  if (list->size() != other->size()) return false;
  for (size_t i = 0; i < list->size(); ++i)
    if (!same_item((*list)[i], (*other)[i])) return false;
  return true;
}

namespace {

/// Lists of lists as what is in them.
void flatten(const Item& item, std::vector<Item>& leaves) {
  if (const auto* list = item.list())
    for (const Item& each : *list) flatten(each, leaves);
  else leaves.push_back(item);
}

/// Lists of the same lengths within one another.
bool alike(const Item& a, const Item& b) {
  const auto *list = a.list(), *other = b.list();
  if (list == nullptr || other == nullptr) return list == other;
  if (list->size() != other->size()) return false;
  for (size_t i = 0; i < list->size(); ++i)
    if (!alike((*list)[i], (*other)[i])) return false;
  return true;
}

Item rebuilt(const Item& like, const std::vector<Item>& leaves, size_t& at) {
  const auto* list = like.as<std::shared_ptr<List>>();
  if (list == nullptr) return leaves[at++];
  std::vector<Item> items;
  for (const Item& each : (*list)->items) items.push_back(rebuilt(each, leaves, at));
  return list_of(std::move(items), (*list)->is_tuple);
}

/// Of the same kind as `like`: a tensor or a number that only running tells.
Item item_of(Caller& caller, const Item& like, Value* value) {
  if (like.as<TensorRef>() != nullptr) return caller.cell(value);
  return LateNumber{value, &caller.frame()};
}

/// The type of a state within the body: sizes that are open there are its own.
Type own_type(const Type& type, const std::vector<bool>& open, size_t place) {
  if (!type.is_tensor() || !type.tensor().has_rank()) return type;
  Dims dims = type.tensor().shape();
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    const bool opens = axis < open.size() && open[axis];
    if (opens || !dims[axis].is_constant())
      dims[axis] = Dim::symbol(cat("turn", uint64_t{place}, "_d", uint64_t{axis}));
  }
  return Type::tensor(type.tensor().dtype, std::move(dims));
}

}  // namespace

LateLoop::LateLoop(Interpreter& interpreter, const Statement& statement, Variables& variables)
    : interpreter_(interpreter), statement_(statement), variables_(variables) {
  std::set<std::string> assigned;
  collect_assigned(statement.first, assigned);
  for (const std::string& name : assigned) {
    const auto found = variables.find(name);
    if (found == variables.end()) continue;
    std::vector<Item> items;
    flatten(found->second, items);
    interpreter.materialize("aten::alias", items, {});
    states_.push_back({name, leaves_.size(), items.size()});
    for (const Item& item : items) {
      const bool carried = item.as<TensorRef>() != nullptr || is_number(item);
      leaves_.push_back({item, carried ? value_in(interpreter.caller(), item) : nullptr});
    }
  }
  for (const auto& [name, item] : variables)
    if (const auto* list = item.as<std::shared_ptr<List>>();
        list != nullptr && !(*list)->is_tuple && !assigned.contains(name))
      lists_.push_back({name, *list, nullptr});
}

void LateLoop::declare(Graph& graph) const {
  graph.add_input("turn", Type::tensor(DType::i64, Dims{}));
  graph.add_input("goes_on", Type::tensor(DType::boolean, Dims{}));
  for (size_t i = 0; i < leaves_.size(); ++i)
    if (leaves_[i].initial != nullptr)
      graph.add_input(cat("state_", uint64_t{i}),
                      own_type(leaves_[i].initial->type, leaves_[i].open, i));
}

/// The variables as a turn finds them.
Variables LateLoop::own_variables(builder::Frame& frame) {
  Caller caller(frame);
  Variables own = seen_;
  size_t input = 2;
  std::vector<Item> items;
  for (const Leaf& leaf : leaves_)
    items.push_back(leaf.initial == nullptr
                        ? leaf.before
                        : item_of(caller, leaf.before, frame.graph().inputs()[input++]));
  for (const State& state : states_) {
    size_t at = state.first;
    own[state.name] = rebuilt(variables_.at(state.name), items, at);
  }
  for (Outer& list : lists_) {
    list.own = std::make_shared<List>(*list.list);
    own[list.name] = list.own;
  }
  if (statement_.kind == Statement::Kind::count)
    own[statement_.targets.at(0)->text] = LateNumber{frame.graph().inputs()[0], &frame};
  return own;
}

/// What a turn leaves of the states, as values of the body; false: it changes more sizes than were
/// known to change.
bool LateLoop::learn(Caller& caller, const Variables& own, std::vector<Value*>& next) {
  bool good = true;
  for (const State& state : states_) {
    const Item& before = variables_.at(state.name);
    const auto found = own.find(state.name);
    check(found != own.end(), Code::unsupported, "a loop that gives ", shown(state.name),
          " in one branch alone");
    const Item& after = found->second;
    check(alike(before, after), Code::unsupported, "a loop that makes ", shown(state.name), " ",
          kind_of(after), ", before it is ", kind_of(before));
    std::vector<Item> items;
    flatten(after, items);
    for (size_t i = 0; i < items.size(); ++i) {
      Leaf& leaf = leaves_[state.first + i];
      if (leaf.initial == nullptr) {
        check(same_item(leaf.before, items[i]), Code::unsupported, "a loop that makes ",
              shown(state.name), " ", kind_of(items[i]), ", before it is ", kind_of(leaf.before));
        continue;
      }
      const bool fits = leaf.before.as<TensorRef>() != nullptr ? items[i].as<TensorRef>() != nullptr
                                                               : is_number(items[i]);
      check(fits, Code::unsupported, "a loop that makes ", shown(state.name), " ",
            kind_of(items[i]), ", before it is ", kind_of(leaf.before));
      Value* value = value_in(caller, items[i]);
      next.push_back(value);
      const TensorType &was = leaf.initial->type.tensor(), &is = value->type.tensor();
      check(was.dtype == is.dtype, Code::unsupported, "a loop that makes ", shown(state.name), " ",
            name(is.dtype), ", before it is ", name(was.dtype));
      check(was.has_rank() && is.has_rank() && was.rank() == is.rank(), Code::unsupported,
            "a loop that changes how many axes ", shown(state.name), " has");
      leaf.open.resize(was.shape().size());
      for (size_t axis = 0; axis < was.shape().size(); ++axis) {
        if (leaf.open[axis] || !was.shape()[axis].is_constant() ||
            was.shape()[axis] == is.shape()[axis])
          continue;
        leaf.open[axis] = true;
        good = false;
      }
    }
  }
  return good;
}

/// A list may get one tensor each turn, and is otherwise left as it is.
void LateLoop::learn_lists(Caller& caller, std::vector<Value*>& elements) {
  for (Outer& list : lists_) {
    const auto &before = list.list->items, &after = list.own->items;
    list.grows = after.size() == before.size() + 1;
    check(after.size() >= before.size() && after.size() <= before.size() + 1, Code::unsupported,
          "a loop that changes the list ", shown(list.name), " by more than a tensor each turn");
    for (size_t i = 0; i < before.size(); ++i)
      check(same_item(before[i], after[i]), Code::unsupported, "a loop that changes the list ",
            shown(list.name));
    if (!list.grows) continue;
    for (const Item& item : after)
      check(item.as<TensorRef>() != nullptr, Code::unsupported, "a loop that fills the list ",
            shown(list.name), " with what is no tensor");
    const auto* tensor = after.back().as<TensorRef>();
    elements.push_back(caller.read(*tensor));
  }
}

void LateLoop::fill(builder::Frame& frame) {
  again_ = false;
  Caller caller(frame);
  const Interpreter::Within within(interpreter_, caller);
  Variables own = own_variables(frame);
  const bool returned = interpreter_.run(statement_.first, own).has_value();
  check(!returned, Code::unsupported, "returns from a loop whose turns only running counts");
  std::vector<Value*> next, elements;
  if (!learn(caller, own, next)) {
    again_ = true;
    return;
  }
  learn_lists(caller, elements);
  Item goes = true;
  if (statement_.kind == Statement::Kind::repeat)
    goes = interpreter_.evaluate(*statement_.value, own);
  const Overload none{.name = "loop"};
  const MadeCall made{&none, {interpreter_.place(), "while", {"goes"}}, {}};
  Call call(caller, made);
  Value* condition = call.operand(goes, DType::boolean, "goes");
  frame.graph().add_output("goes", call.reshaped(condition, {}, "goes"));
  for (size_t i = 0; i < next.size(); ++i)
    frame.graph().add_output(cat("next_", uint64_t{i}), next[i]);
  for (size_t i = 0; i < elements.size(); ++i)
    frame.graph().add_output(cat("element_", uint64_t{i}), elements[i]);
}

/// Elements that the list had before the loop, in front of those that turns gave.
Value* LateLoop::with_earlier(Caller& outer, const std::vector<Item>& earlier,
                              Value* stacked) const {
  if (earlier.empty()) return stacked;
  const Overload none{.name = "list"};
  const std::string place = cat(interpreter_.place(), "/list");
  const MadeCall made{&none, {place, "list", {place}}, {}};
  Call call(outer, made);
  std::vector<Value*> parts;
  for (const Item& item : earlier)
    parts.push_back(call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}},
                                      {outer.read(*item.as<TensorRef>())}, "element"));
  parts.push_back(stacked);
  return call.intermediate(Concat{.axis = 0}, parts, "elements");
}

/// The variables after the last turn.
void LateLoop::leave(const std::vector<Value*>& results, Caller& outer) {
  size_t result = 0;
  std::vector<Item> items;
  for (const Leaf& leaf : leaves_)
    items.push_back(leaf.initial == nullptr ? leaf.before
                                            : item_of(outer, leaf.before, results[result++]));
  for (const State& state : states_) {
    size_t at = state.first;
    variables_[state.name] = rebuilt(variables_.at(state.name), items, at);
  }
  for (const Outer& list : lists_) {
    if (!list.grows) continue;
    Value* stacked = with_earlier(outer, list.list->items, results[result++]);
    const auto late = std::make_shared<LateList>(LateList{stacked, &outer.frame()});
    for (auto& [name, item] : variables_)
      if (const auto* own = item.as<std::shared_ptr<List>>(); own != nullptr && *own == list.list)
        item = late;
    // Whoever else holds the list finds what no operator takes.
    list.list->items.emplace_back(late);
  }
}

void LateLoop::import(Value* turns, Value* goes) {
  constexpr int kMostAttempts = 8;
  Caller& outer = interpreter_.caller();
  seen_ = seen_within(outer, variables_);
  for (int attempt = 0;; ++attempt) {
    check(attempt < kMostAttempts, Code::unsupported,
          "a loop that changes the sizes of its states in many ways");
    const builder::Bodies bodies =
        builder::make_bodies(outer.frame(), {{"turn", [&](Graph& graph) { declare(graph); },
                                              [&](builder::Frame& frame) { fill(frame); }}});
    if (again_) continue;
    const std::string place = interpreter_.place();
    const Overload none{.name = "loop"};
    const MadeCall made{&none, {cat(place, "/loop"), "while", {cat(place, ".loop")}}, {}};
    Call call(outer, made);
    const auto scalar = [&](Value* value, DType dtype) {
      return value == nullptr ? nullptr : call.reshaped(call.cast(value, dtype), {}, "turns");
    };
    std::vector<Value*> inputs{scalar(turns, DType::i64), scalar(goes, DType::boolean)};
    int64_t states = 0;
    for (const Leaf& leaf : leaves_)
      if (leaf.initial != nullptr) {
        inputs.push_back(leaf.initial);
        ++states;
      }
    inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
    const auto count = static_cast<int>(bodies.bodies[0]->outputs().size()) - 1;
    check(count > 0, Code::unsupported, "a loop that gives nothing");
    return leave(
        call.intermediates(Loop{.body = bodies.bodies[0], .states = states}, inputs, count, "last"),
        outer);
  }
}

}  // namespace hone::pytorch
