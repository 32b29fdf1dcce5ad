#include "ir/nest/nest.hpp"

#include "base/text.hpp"

namespace hone {

std::string_view name(Scope scope) {
  constexpr std::string_view kNames[] = {"input",  "output", "arena",
                                         "shared", "local",  "registers"};
  return kNames[static_cast<size_t>(scope)];
}

std::string_view name(Mode mode) {
  constexpr std::string_view kNames[] = {"for", "parallel", "vector", "unrolled"};
  return kNames[static_cast<size_t>(mode)];
}

// The text tells all of it.
bool operator==(const Nest& a, const Nest& b) { return print(a) == print(b); }

void walk(const Block& block, const std::function<bool(const Statement&)>& visit) {
  for (const Statement& statement : block) {
    const bool inside = visit(statement);
    if (const NestLoop* loop = statement.as<NestLoop>(); loop != nullptr && inside)
      walk(loop->body, visit);
  }
}

void each_expr(const Statement& statement, const std::function<void(const Expr&)>& visit) {
  if (const Store* store = statement.as<Store>()) visit(store->value);
  if (const BlockProduct* contract = statement.as<BlockProduct>()) {
    visit(contract->a);
    visit(contract->b);
  }
}

Expr changed(const Expr& expr, const Change& change) {
  return replace(expr, [&](const Expr& inner) -> std::optional<Expr> {
    if (inner.kind() == Expr::Kind::index && change.dim)
      return Expr::index(change.dim(inner.dim()));
    if (inner.kind() == Expr::Kind::load && change.load) return change.load(inner);
    return std::nullopt;
  });
}

void change(Statement& statement, const Change& by) {
  const auto dim = [&](Dim& old) {
    if (by.dim) old = by.dim(old);
  };
  if (NestLoop* loop = statement.as<NestLoop>()) {
    dim(loop->extent);
    change(loop->body, by);
  } else if (Store* store = statement.as<Store>()) {
    for (Dim& place : store->place) dim(place);
    store->value = changed(store->value, by);
  } else if (BlockProduct* contract = statement.as<BlockProduct>()) {
    dim(contract->row.extent);
    dim(contract->column.extent);
    for (Axis& axis : contract->depth) dim(axis.extent);
    contract->a = changed(contract->a, by);
    contract->b = changed(contract->b, by);
  }
}

void change(Block& block, const Change& by) {
  for (Statement& statement : block) change(statement, by);
}

void substitute(Block& block, std::string_view variable, const Dim& by) {
  Change replacing;
  replacing.dim = [&](const Dim& dim) {
    return dim.substitute_variables([&](std::string_view name) {
      return name == variable ? std::optional<Dim>(by) : std::nullopt;
    });
  };
  change(block, replacing);
}

std::set<std::string, std::less<>> names_of(const Nest& nest) {
  std::set<std::string, std::less<>> names;
  for (const NestBuffer& buffer : nest.parameters) names.insert(buffer.name);
  walk(nest.body, [&](const Statement& statement) {
    if (const Allocate* made = statement.as<Allocate>()) names.insert(made->buffer.name);
    if (const NestLoop* loop = statement.as<NestLoop>()) names.insert(loop->variable);
    if (const BlockProduct* contract = statement.as<BlockProduct>()) {
      contract->row.variable.collect_variables(names);
      contract->column.variable.collect_variables(names);
      for (const Axis& axis : contract->depth) axis.variable.collect_variables(names);
    }
    return true;
  });
  return names;
}

std::string fresh(const Nest& nest, std::string_view wanted) {
  const auto names = names_of(nest);
  std::string name(wanted);
  for (int i = 1; names.contains(name); ++i) name = cat(wanted, ".", i);
  return name;
}

}  // namespace hone
