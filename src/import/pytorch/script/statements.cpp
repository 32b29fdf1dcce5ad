// Statements: loops run turn by turn, branches where the condition is known.

#include <set>
#include <tuple>

#include "import/pytorch/script/late.hpp"
#include "ir/bodies/structural.hpp"

namespace hone::pytorch {
namespace {

constexpr int64_t kMostTurns = 100'000;

/// Whether the block can only end in an exception.
bool raises(const Block& block) {
  for (const Statement& statement : block) {
    if (statement.kind != Statement::Kind::evaluate || statement.value == nullptr) continue;
    const Expression& call = *statement.value;
    if (call.kind == Expression::Kind::call && call.parts[0]->kind == Expression::Kind::attribute &&
        call.parts[0]->text == "RaiseException")
      return true;
  }
  return false;
}

}  // namespace

void collect_assigned(const Block& block, std::set<std::string>& names) {
  for (const Statement& statement : block) {
    for (const ExpressionRef& target : statement.targets)
      if (target != nullptr && target->kind == Expression::Kind::name) names.insert(target->text);
    collect_assigned(statement.first, names);
    collect_assigned(statement.second, names);
  }
}

std::optional<Interpreter::Returned> Interpreter::run(const Block& block, Variables& variables) {
  for (const Statement& statement : block)
    if (auto returned = run_one(statement, variables)) return returned;
  return std::nullopt;
}

std::optional<Interpreter::Returned> Interpreter::run_one(const Statement& statement,
                                                          Variables& variables) {
  count_step();
  line_ = statement.line;
  using Kind = Statement::Kind;
  switch (statement.kind) {
    case Kind::assign: assign(statement, variables); return std::nullopt;
    case Kind::evaluate: evaluate(*statement.value, variables); return std::nullopt;
    case Kind::branch: return run_branch(statement, variables);
    case Kind::count:
    case Kind::repeat: return run_loop(statement, variables);
    case Kind::with: evaluate(*statement.value, variables); return run(statement.first, variables);
    case Kind::give: break;
  }
  return Returned{statement.value == nullptr ? Item() : evaluate(*statement.value, variables)};
}

void Interpreter::assign(const Statement& statement, Variables& variables) {
  Item value = evaluate(*statement.value, variables);
  if (statement.targets.size() == 1) return assign_to(*statement.targets[0], value, variables);
  const size_t count = statement.targets.size() - 1;  // the last one says that it is taken apart
  std::vector<Item> parts;
  if (const auto* list = value.list()) {
    parts = *list;
  } else if (const auto* object = value.as<std::shared_ptr<Object>>()) {
    for (const auto& [name, item] : (*object)->attributes) parts.push_back(item);
  } else {
    fail(Code::invalid_model, "takes apart ", kind_of(value));
  }
  check(parts.size() == count, Code::invalid_model, "takes ", uint64_t{parts.size()},
        " values apart into ", uint64_t{count});
  for (size_t i = 0; i < count; ++i) assign_to(*statement.targets[i], parts[i], variables);
}

void Interpreter::assign_to(const Expression& target, Item value, Variables& variables) {
  using Kind = Expression::Kind;
  if (target.kind == Kind::name) {
    variables[target.text] = std::move(value);
    return;
  }
  if (target.kind == Kind::attribute) {
    const Item of = evaluate(*target.parts[0], variables);
    const auto* object = of.as<std::shared_ptr<Object>>();
    check(object != nullptr, Code::invalid_model, "sets ", target.text, " of ", kind_of(of));
    check(!fixed_attributes_, Code::unsupported, "a loop that sets the attribute ",
          shown(target.text));
    if (Item* found = (*object)->find(target.text)) *found = std::move(value);
    else (*object)->attributes.emplace_back(target.text, std::move(value));
    return;
  }
  check(target.kind == Kind::index, Code::unsupported, "assigns to what is no name");
  const Item of = evaluate(*target.parts[0], variables);
  const Item at = evaluate(*target.parts[1], variables);
  call_operator("aten::_set_item", {of, at, std::move(value)});
}

std::optional<Interpreter::Returned> Interpreter::run_branch(const Statement& statement,
                                                             Variables& variables) {
  const Item condition = evaluate(*statement.value, variables);
  if (const auto known = truth(condition))
    return run(*known ? statement.first : statement.second, variables);
  // What is checked and raised is none of ours.
  if (raises(statement.first)) return run(statement.second, variables);
  if (raises(statement.second)) return run(statement.first, variables);
  Value* value = nullptr;
  if (const auto* tensor = condition.as<TensorRef>()) value = caller_->read(*tensor);
  else if (const auto* late = condition.as<LateNumber>())
    value = caller_->frame().bring(late->value, *late->frame);
  check(value != nullptr, Code::unsupported, "a branch on sizes that are open: --shape gives them");
  merge_branches(statement, value, variables);
  return std::nullopt;
}

Value* value_in(Caller& caller, const Item& item) {
  if (const auto* tensor = item.as<TensorRef>()) return caller.read(*tensor);
  if (const auto* late = item.as<LateNumber>())
    return caller.frame().bring(late->value, *late->frame);
  const Overload none{.name = "branch"};
  const MadeCall made{&none, {"branch", "if", {"branch"}}, {}};
  Call call(caller, made);
  return call.operand(item,
                      item.as<bool>() != nullptr     ? DType::boolean
                      : item.as<double>() != nullptr ? DType::f32
                                                     : DType::i64,
                      "number");
}

bool is_number(const Item& item) {
  return item.as<LateNumber>() != nullptr || item.as<bool>() != nullptr ||
         item.as<double>() != nullptr || item.as<Dim>() != nullptr;
}

Variables seen_within(Caller& outer, const Variables& variables) {
  Variables seen = variables;
  for (auto& [name, item] : seen)
    if (const auto* dim = item.as<Dim>(); dim != nullptr && !dim->is_constant())
      item = LateNumber{value_in(outer, item), &outer.frame()};
  return seen;
}

namespace {

/// What both branches gave a variable.
struct Merged {
  std::string name;
  Item first, second;
};

/// The branch as a node; its results become the variables.
void emit_branch(Caller& outer, const std::string& place, Value* condition,
                 const builder::Bodies& bodies, const std::vector<Merged>& merged,
                 Variables& variables) {
  const Overload none{.name = "if"};
  const MadeCall made{&none, {cat(place, "/if"), "if", {cat(place, ".if")}}, {}};
  Call call(outer, made);
  std::vector<Value*> inputs{call.cast(call.reshaped(condition, {}, "condition"), DType::boolean)};
  inputs.insert(inputs.end(), bodies.captures.begin(), bodies.captures.end());
  const auto results =
      call.intermediates(If{.then_branch = bodies.bodies[0], .else_branch = bodies.bodies[1]},
                         inputs, static_cast<int>(merged.size()), "taken");
  for (size_t i = 0; i < merged.size(); ++i) {
    if (merged[i].first.as<TensorRef>()) variables[merged[i].name] = outer.cell(results[i]);
    else variables[merged[i].name] = LateNumber{results[i], &outer.frame()};
  }
}

}  // namespace

namespace {

/// Lists that a branch sees as copies: what it does to them only running decides.
class OuterLists {
 public:
  explicit OuterLists(Variables& own) {
    for (auto& [name, item] : own)
      if (const auto* list = item.as<std::shared_ptr<List>>();
          list != nullptr && !(*list)->is_tuple) {
        lists_.emplace_back(name, *list, std::make_shared<List>(**list));
        item = std::get<2>(lists_.back());
      }
  }
  void check_unchanged() const {
    for (const auto& [name, before, after] : lists_) {
      const bool same = same_item(before, after);
      check(same, Code::unsupported, "a branch that changes the list ", shown(name));
    }
  }

 private:
  std::vector<std::tuple<std::string, std::shared_ptr<List>, std::shared_ptr<List>>> lists_;
};

}  // namespace

void Interpreter::run_within(builder::Frame& body, const Block& block,
                             const std::set<std::string>& assigned, std::optional<Caller>& caller,
                             Variables& own) {
  caller.emplace(body);
  caller_ = &*caller;
  const OuterLists lists(own);
  const auto returned = run(block, own);
  check(!returned, Code::unsupported, "returns from a branch that only running decides");
  lists.check_unchanged();
  for (const std::string& name : assigned) {
    const auto found = own.find(name);
    if (found == own.end()) continue;
    const auto* tensor = found->second.as<TensorRef>();
    if (tensor == nullptr) continue;
    materialize("aten::alias", {found->second}, {});
    Value* held = caller_->read(*tensor);
    found->second = caller_->cell(held);
  }
}

void Interpreter::merge_branches(const Statement& statement, Value* condition,
                                 Variables& variables) {
  std::set<std::string> assigned;
  collect_assigned(statement.first, assigned);
  collect_assigned(statement.second, assigned);
  Caller* outer = caller_;
  const Variables seen = seen_within(*outer, variables);
  Variables first, second;
  std::optional<Caller> in_first, in_second;
  std::vector<Merged> merged;
  // A branch: its tensors are read at once, so that what they read from outside is known.
  const auto run_in = [&](builder::Frame& body, const Block& block, std::optional<Caller>& caller,
                          Variables& own) {
    own = seen;
    run_within(body, block, assigned, caller, own);
  };
  const auto merge = [&] {
    for (const std::string& name : assigned) {
      const auto a = first.find(name), b = second.find(name);
      if (a == first.end() || b == second.end()) continue;
      const bool tensors = a->second.as<TensorRef>() && b->second.as<TensorRef>();
      if (tensors ||
          (is_number(a->second) && is_number(b->second) && !same_key(a->second, b->second))) {
        in_first->frame().graph().add_output(name, value_in(*in_first, a->second));
        in_second->frame().graph().add_output(name, value_in(*in_second, b->second));
        merged.push_back({name, a->second, b->second});
      } else if (same_key(a->second, b->second)) {
        variables[name] = a->second;
      } else {
        variables.erase(name);  // whoever reads it is told
      }
    }
    check(!merged.empty(), Code::unsupported, "a branch that gives nothing");
  };
  const auto nothing = [](Graph&) {};
  builder::Bodies bodies;
  try {
    bodies = builder::make_bodies(
        outer->frame(),
        {{"true", nothing,
          [&](builder::Frame& body) { run_in(body, statement.first, in_first, first); }},
         {"false", nothing, [&](builder::Frame& body) {
            run_in(body, statement.second, in_second, second);
            merge();
          }}});
  } catch (...) {
    caller_ = outer;
    throw;
  }
  caller_ = outer;
  emit_branch(*outer, place(), condition, bodies, merged, variables);
}

/// How many turns `range(n)` makes, where only running tells; nullopt: it is known, or it is no
/// range.
std::optional<Item> Interpreter::late_turns(const Expression& over, Variables& variables) {
  const bool is_range = over.kind == Expression::Kind::call && over.parts.size() == 2 &&
                        over.parts[0]->kind == Expression::Kind::name &&
                        over.parts[0]->text == "range" && !variables.contains("range");
  if (!is_range) return std::nullopt;
  Item count = evaluate(*over.parts[1], variables);
  if (const auto* dim = count.as<Dim>())
    return dim->is_constant() ? std::nullopt : std::optional(count);
  const auto* late = count.as<LateNumber>();
  if (late == nullptr) return std::nullopt;
  const Item known = number_of(*late, caller_->frame());
  const auto* dim = known.as<Dim>();
  return dim != nullptr && dim->is_constant() ? std::nullopt : std::optional(count);
}

std::optional<Interpreter::Returned> Interpreter::run_loop(const Statement& statement,
                                                           Variables& variables) {
  if (statement.kind == Statement::Kind::repeat) {
    std::set<std::string, std::less<>> outer;
    for (const auto& [name, item] : variables) outer.insert(name);
    for (int64_t turn = 0;; ++turn) {
      const Item condition = evaluate(*statement.value, variables);
      const auto goes = truth(condition);
      if (!goes) {
        // What turns so far named for themselves alone is no state.
        std::erase_if(variables, [&](const auto& each) { return !outer.contains(each.first); });
        LateLoop(*this, statement, variables).import(nullptr, value_in(*caller_, condition));
        return std::nullopt;
      }
      if (!*goes) return std::nullopt;
      check(turn < kMostTurns, Code::unsupported, "a loop of more than ", kMostTurns, " turns");
      if (auto returned = run(statement.first, variables)) return returned;
    }
  }
  if (const auto turns = late_turns(*statement.value, variables)) {
    LateLoop(*this, statement, variables).import(value_in(*caller_, *turns), nullptr);
    return std::nullopt;
  }
  const Item over = evaluate(*statement.value, variables);
  check(over.list() != nullptr, Code::unsupported, "a loop over ", kind_of(over));
  const std::vector<Item> items = *over.list();
  for (const Item& item : items) {
    assign_to(*statement.targets[0], item, variables);
    if (auto returned = run(statement.first, variables)) return returned;
  }
  return std::nullopt;
}

}  // namespace hone::pytorch
