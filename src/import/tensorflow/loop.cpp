#include "import/tensorflow/loop.hpp"

#include <algorithm>

#include "import/builder/steps.hpp"
#include "ir/bodies/structural.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::tensorflow {
namespace {

/// What becomes of a state.
enum class Role : uint8_t {
  kept,     ///< no turn changes it: the body reads it from outside
  carried,  ///< a value that turns change
  stacked,  ///< a list whose elements are there before, which turns change
  filled,   ///< a list that gets an element each turn
  last,     ///< a list of one element, which every turn writes anew
};

/// The type as a closed body states it: compound sizes become symbols of its own, and so do the
/// `open` ones.
Type own_type(const Type& type, const std::vector<bool>& open, size_t state) {
  if (!type.is_tensor() || !type.tensor().has_rank()) return type;
  Dims dims = type.tensor().shape();
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    const bool opens = axis < open.size() && open[axis];
    if (opens || (!dims[axis].is_constant() && !dims[axis].as_symbol()))
      dims[axis] = Dim::symbol(cat("turn", uint64_t{state}, "_d", uint64_t{axis}));
  }
  return Type::tensor(type.tensor().dtype, std::move(dims));
}

class LoopImport {
 public:
  LoopImport(NodeReader& node, const std::vector<Item>& states, const LoopParts& parts)
      : node_(node), states_(states), parts_(parts), roles_(states.size()), open_(states.size()) {
    for (size_t i = 0; i < states.size(); ++i) roles_[i] = first_role(states[i]);
  }

  std::vector<Item> import() {
    constexpr int kMostAttempts = 8;
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      changed_ = false;
      const builder::Bodies bodies =
          builder::make_bodies(node_.frame(), {{"body", [&](Graph& graph) { declare(graph); },
                                                [&](builder::Frame& frame) { fill(frame); }}});
      if (!changed_) return emit(bodies);
    }
    node_.unsupported("a loop whose states change their sizes in many ways");
  }

 private:
  static Role first_role(const Item& item) {
    if (item.is_value()) return Role::carried;
    const bool is_new = item.kind == Item::Kind::list && item.list->kind != List::Kind::stacked;
    return is_new ? Role::filled : Role::kept;
  }

  Value* initial(size_t i) const {
    const Item& item = states_[i].is_value() ? states_[i] : states_[i].list->stacked;
    return node_.frame().bring(item.value, *item.frame);
  }
  bool is_tensor(size_t i) const {
    return roles_[i] == Role::carried || roles_[i] == Role::stacked;
  }

  void declare(Graph& graph) {
    graph.add_input("turn", Type::tensor(DType::i64, Dims{}));
    graph.add_input("goes_on", Type::tensor(DType::boolean, Dims{}));
    for (size_t i = 0; i < states_.size(); ++i)
      if (is_tensor(i))
        graph.add_input(cat("state", uint64_t{i}), own_type(initial(i)->type, open_[i], i));
  }

  /// The states as a turn finds them.
  std::vector<Item> own_states(builder::Frame& frame) const {
    std::vector<Item> own;
    size_t input = 2;
    for (size_t i = 0; i < states_.size(); ++i) {
      if (roles_[i] == Role::kept) {
        own.push_back(states_[i]);
      } else if (is_tensor(i)) {
        const Item value = Item::of(frame.graph().inputs()[input++], frame);
        if (roles_[i] == Role::carried) own.push_back(value);
        else own.push_back(Item::of(std::make_shared<List>(List::all(value))));
      } else {
        own.push_back(Item::of(std::make_shared<List>(List::of_turn(i))));
      }
    }
    return own;
  }

  /// Learns from one turn what the states are; false: otherwise than it was taken to be.
  bool learn(const std::vector<Item>& own, const std::vector<Item>& next) {
    for (size_t i = 0; i < states_.size(); ++i) {
      const Role before = roles_[i];
      if (next[i] == own[i]) {
        roles_[i] = Role::kept;
      } else if (roles_[i] == Role::kept) {
        const bool stacked =
            next[i].kind == Item::Kind::list && next[i].list->kind == List::Kind::stacked;
        if (!stacked) node_.unsupported("a loop that changes what is no tensor");
        roles_[i] = Role::stacked;
      } else if (roles_[i] == Role::filled || roles_[i] == Role::last) {
        roles_[i] = role_of_list(own, next, i);
      } else {
        changed_ |= open_sizes(own, next, i);
      }
      changed_ |= roles_[i] != before;
    }
    return !changed_;
  }

  /// Sizes that the turn changes; true: more of them than were known.
  bool open_sizes(const std::vector<Item>& own, const std::vector<Item>& next, size_t i) {
    const Value* before = tensor_of(own[i]);
    const Value* after = tensor_of(next[i]);
    if (after == nullptr) node_.unsupported("a state that is no tensor after a turn");
    if (!before->type.is_tensor() || !before->type.tensor().has_rank()) return false;
    const Dims& sizes = before->type.tensor().shape();
    const bool known = after->type.is_tensor() && after->type.tensor().has_rank() &&
                       after->type.tensor().shape().size() == sizes.size();
    if (!known) node_.unsupported("a state whose number of axes changes");
    bool more = false;
    open_[i].resize(sizes.size());
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      if (sizes[axis] == after->type.tensor().shape()[axis] || open_[i][axis]) continue;
      open_[i][axis] = more = true;
    }
    return more;
  }

  static const Value* tensor_of(const Item& item) {
    if (item.is_value()) return item.value;
    const bool stacked = item.kind == Item::Kind::list && item.list->kind == List::Kind::stacked;
    return stacked ? item.list->stacked.value : nullptr;
  }

  Role role_of_list(const std::vector<Item>& own, const std::vector<Item>& next, size_t i) {
    const bool written = next[i].kind == Item::Kind::list &&
                         next[i].list->kind == List::Kind::written && next[i].list->state == i;
    if (!written) node_.unsupported("a list that a turn exchanges for another one");
    const List& before = *states_[i].list;
    const Item& place = next[i].list->place;
    if (place.kind == Item::Kind::absent) {
      const bool is_empty = before.kind == List::Kind::reserved || before.elements.empty();
      if (!is_empty) node_.unsupported("a list that grows and was not empty before");
      return Role::filled;
    }
    if (before.kind != List::Kind::reserved)
      node_.unsupported("a list that was written to before the loop");
    if (counts_turns(place.value, own, next)) return Role::filled;
    const bool is_zero = place.value->is_literal() && place.value->weight->count() == 1 &&
                         place.value->weight->tensor().integer(0) == 0;
    if (!is_zero) node_.unsupported("a list that is written at other places than its turn's");
    return Role::last;
  }

  static Value* uncast(Value* value) {
    while (value->producer != nullptr &&
           (value->producer->op.name() == "Cast" || value->producer->op.name() == "Reshape"))
      value = value->producer->input(0);
    return value;
  }
  static std::optional<int64_t> number_of(const Value* value) {
    if (!value->is_literal() || value->weight->count() != 1 || !is_integer(value->weight->dtype()))
      return std::nullopt;
    return value->weight->tensor().integer(0);
  }

  /// It is a state that is 0 at first and one more after every turn.
  bool counts_turns(Value* value, const std::vector<Item>& own,
                    const std::vector<Item>& next) const {
    value = uncast(value);
    for (size_t i = 0; i < own.size(); ++i)
      if (own[i].is_value() && own[i].value == value) return counts(i, own, next);
    return false;
  }
  bool counts(size_t i, const std::vector<Item>& own, const std::vector<Item>& next) const {
    if (roles_[i] != Role::carried || !next[i].is_value()) return false;
    const std::optional<int64_t> first = number_of(initial(i));
    const Node* sum = next[i].value->producer;
    if (first != 0 || sum == nullptr || sum->op.as<Add>() == nullptr) return false;
    for (size_t k = 0; k < 2; ++k)
      if (sum->input(k) == own[i].value && number_of(sum->input(1 - k)) == 1) return true;
    return false;
  }

  Value* tested(builder::Frame& frame, const std::vector<Item>& states) {
    const Item item = parts_.test(frame, states);
    if (item.kind == Item::Kind::failed) throw builder::FailedBefore();
    node_.check(item.is_value(), "its test gives no tensor");
    return frame.bring(item.value, *item.frame);
  }

  void fill(builder::Frame& frame) {
    const std::vector<Item> own = own_states(frame);
    const std::vector<Item> next = parts_.turn(frame, own);
    for (const Item& item : next)
      if (item.kind == Item::Kind::failed) throw builder::FailedBefore();
    node_.check(next.size() == own.size(), "a turn gives ", uint64_t{next.size()},
                " states, wanted ", uint64_t{own.size()});
    if (!learn(own, next)) return;
    builder::StepWriter write(frame, node_.frame(), node_.origin());
    Value* again = tested(frame, next);
    counted_ = true;
    bounds_.clear();
    first_ = tested(node_.frame(), states_);
    find_bounds(frame, first_, again, own, next);
    if (counted_) again = frame.constant("goes_on_always", Weight::of(true_value()));
    frame.graph().add_output("again", write(Reshape{.shape = Dims{}}, {again}, "again"));
    const auto bring = [&](const Item& item) { return frame.bring(item.value, *item.frame); };
    for (size_t i = 0; i < states_.size(); ++i)
      if (is_tensor(i))
        frame.graph().add_output(cat("next", uint64_t{i}),
                                 bring(next[i].is_value() ? next[i] : next[i].list->stacked));
    for (size_t i = 0; i < states_.size(); ++i)
      if (roles_[i] == Role::filled || roles_[i] == Role::last)
        frame.graph().add_output(cat("element", uint64_t{i}), bring(next[i].list->element));
  }

  static Tensor true_value() {
    Tensor value(DType::boolean, {});
    value.set_integer(0, 1);
    return value;
  }

  /// The test as it stands outside and within is "turns < bound", or several such: how many turns
  /// there are is known before the first one.
  void find_bounds(builder::Frame& frame, Value* outer, Value* inner, const std::vector<Item>& own,
                   const std::vector<Item>& next) {
    const Node *a = outer->producer, *b = inner->producer;
    if (a != nullptr && b != nullptr && a->op.as<And>() != nullptr && b->op.as<And>() != nullptr) {
      for (size_t k = 0; k < 2; ++k) find_bounds(frame, a->input(k), b->input(k), own, next);
      return;
    }
    const bool compares =
        a != nullptr && b != nullptr && a->op.as<Less>() != nullptr && b->op.as<Less>() != nullptr;
    if (!compares || !is_next_count(b->input(0), own, next) || !is_fixed(b->input(1), own)) {
      counted_ = false;
      return;
    }
    if (std::find(bounds_.begin(), bounds_.end(), a->input(1)) == bounds_.end())
      bounds_.push_back(a->input(1));
  }
  bool is_next_count(const Value* value, const std::vector<Item>& own,
                     const std::vector<Item>& next) const {
    for (size_t i = 0; i < next.size(); ++i)
      if (next[i].is_value() && next[i].value == value) return counts(i, own, next);
    return false;
  }
  /// Read from outside, or a constant.
  static bool is_fixed(const Value* value, const std::vector<Item>& own) {
    if (value->is_constant()) return true;
    const auto is_it = [&](const Item& item) { return item.is_value() && item.value == value; };
    return value->is_input() && std::none_of(own.begin(), own.end(), is_it);
  }

  Value* scalar_of(Value* value, std::string_view hint) {
    return node_.intermediate(Reshape{.shape = Dims{}}, {value}, hint);
  }
  Value* most_turns() {
    Value* most = nullptr;
    for (Value* bound : bounds_) {
      Value* wide = scalar_of(node_.cast(bound, DType::i64, "bound"), "turns");
      most = most == nullptr ? wide : node_.intermediate(Min{}, {most, wide}, "fewest_turns");
    }
    return most;
  }

  std::vector<Item> emit(const builder::Bodies& bodies) {
    const bool counted = counted_ && !bounds_.empty();
    std::vector<Value*> inputs{counted ? most_turns() : nullptr,
                               counted ? nullptr : scalar_of(first_, "first")};
    int64_t tensors = 0;
    int count = 0;
    for (size_t i = 0; i < states_.size(); ++i) {
      if (roles_[i] != Role::kept) ++count;
      if (!is_tensor(i)) continue;
      inputs.push_back(initial(i));
      ++tensors;
    }
    inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
    const auto made = node_.intermediates(Loop{.body = bodies.bodies[0], .states = tensors}, inputs,
                                          count, "loop");
    std::vector<Item> results;
    auto tensor = static_cast<size_t>(0), list = static_cast<size_t>(tensors);
    for (size_t i = 0; i < states_.size(); ++i) {
      if (roles_[i] == Role::kept) {
        results.push_back(states_[i]);
        continue;
      }
      Value* value = made[is_tensor(i) ? tensor++ : list++];
      if (roles_[i] == Role::last)
        value = node_.intermediate(
            Slice{.starts = Dims{Dim(-1)}, .ends = Dims{Dim(INT64_MAX)}, .axes = Dims{Dim(0)}},
            {value}, cat("last", uint64_t{i}));
      const Item item = Item::of(value, node_.frame());
      if (roles_[i] == Role::carried) results.push_back(item);
      else results.push_back(Item::of(std::make_shared<List>(List::all(item))));
    }
    return results;
  }

  NodeReader& node_;
  const std::vector<Item>& states_;
  const LoopParts& parts_;
  std::vector<Role> roles_;
  std::vector<std::vector<bool>> open_;  // of each state: which axes turns change
  bool changed_ = false;
  // Of the last attempt.
  bool counted_ = false;
  std::vector<Value*> bounds_;
  Value* first_ = nullptr;
};

}  // namespace

std::vector<Item> import_loop(NodeReader& node, const std::vector<Item>& states,
                              const LoopParts& parts) {
  return LoopImport(node, states, parts).import();
}

}  // namespace hone::tensorflow
