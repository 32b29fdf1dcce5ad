// Rewrites that change loops and leave buffers as they are.

#include <algorithm>
#include <bit>

#include "base/text.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/site.hpp"

namespace hone {

Declined split(Nest& nest, std::string_view variable, int64_t factor) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& loop = site->loop();
  if (factor < 2) return cat("a factor of ", factor, " splits nothing");
  if (loop.mode == Mode::vector) return cat("$", variable, " is a vector loop");
  const Nest before = nest;
  NestLoop inner, outer;
  outer.variable = fresh(nest, cat(variable, "o"));
  inner.variable = fresh(nest, cat(variable, "i"));
  outer.mode = loop.mode;
  inner.mode = loop.mode == Mode::parallel ? Mode::serial : loop.mode;
  const Dim block = Dim::variable(outer.variable);
  outer.extent = ceil_div(loop.extent, factor);
  inner.extent =
      exact_div(loop.extent, factor) ? Dim(factor) : min(factor, loop.extent - factor * block);
  if (outer.extent.is_too_long() || inner.extent.is_too_long())
    return cat("the turns of $", variable, " are too long to write");
  inner.body = std::move(loop.body);
  substitute(inner.body, variable, factor * block + Dim::variable(inner.variable));
  outer.body.push_back({std::move(inner)});
  loop = std::move(outer);
  return keep_if_proved(nest, before);
}

namespace {

/// Why turns of two nested loops may not run in another order; empty: they may.
Declined keeps_order(const NestLoop& outer, const NestLoop& inner, const Around& around,
                     const Buffers& buffers, Order order) {
  Around between = around;
  const Around moving{{Dim::variable(outer.variable), outer.extent}};
  between.push_back(moving[0]);
  for (const std::string& buffer : written(outer)) {
    const Crossing across_outer = crossing(outer, around, buffers, buffer, {});
    if (across_outer.meeting == Meeting::apart) continue;
    if (crossing(inner, between, buffers, buffer, moving).meeting == Meeting::apart) continue;
    if (across_outer.meeting == Meeting::meet)
      return cat("turns of $", outer.variable, " may meet in ", buffer);
    if (!across_outer.exact && order == Order::kept)
      return cat("folds into ", buffer, " would round in another order");
  }
  return {};
}

}  // namespace

Declined reorder(Nest& nest, std::string_view variable, Order order) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& outer = site->loop();
  NestLoop* inner = only_loop(outer);
  if (inner == nullptr) return cat("$", variable, " has more in it than a loop");
  if (!runs_in_order(outer) || !runs_in_order(*inner))
    return cat("$", variable, " or $", inner->variable, " is no serial loop");
  if (mentions(inner->extent, variable))
    return cat("the turns of $", inner->variable, " depend on $", variable);
  if (Declined why = keeps_order(outer, *inner, site->around, buffers_of(nest), order);
      !why.empty())
    return why;
  std::swap(outer.variable, inner->variable);
  std::swap(outer.extent, inner->extent);
  std::swap(outer.mode, inner->mode);
  return {};
}

Declined fuse_loops(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& outer = site->loop();
  NestLoop* inner = only_loop(outer);
  if (inner == nullptr) return cat("$", variable, " has more in it than a loop");
  const bool modes =
      outer.mode == inner->mode && (outer.mode == Mode::serial || outer.mode == Mode::parallel);
  if (!modes) return cat("$", variable, " and $", inner->variable, " are loops of other kinds");
  if (mentions(inner->extent, variable))
    return cat("the turns of $", inner->variable, " depend on $", variable);
  if (inner->extent.is(0)) return cat("$", inner->variable, " has no turns");
  if ((outer.extent * inner->extent).is_too_long())
    return cat("the turns of $", variable, " are too long to write");
  const Nest before = nest;
  NestLoop fused;
  fused.variable = fresh(nest, cat(outer.variable, inner->variable));
  fused.extent = outer.extent * inner->extent;
  fused.mode = outer.mode;
  fused.body = std::move(inner->body);
  const Dim turn = Dim::variable(fused.variable);
  substitute(fused.body, inner->variable, mod(turn, inner->extent));
  substitute(fused.body, outer.variable, floor_div(turn, inner->extent));
  outer = std::move(fused);
  return keep_if_proved(nest, before);
}

Declined vectorize(Nest& nest, std::string_view variable, int width, Order order) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& loop = site->loop();
  if (loop.mode != Mode::serial) return cat("$", variable, " is no serial loop");
  if (width < 2 || width > 64 || !std::has_single_bit(static_cast<unsigned>(width)))
    return cat("no machine has ", width, " lanes");
  for (const Statement& statement : loop.body)
    if (statement.as<NestLoop>() != nullptr || statement.as<BlockProduct>() != nullptr)
      return cat("$", variable, " has a loop in it");
  const Crossing found = crossing(loop, site->around, buffers_of(nest));
  if (found.meeting == Meeting::meet)
    return cat("turns of $", variable, " may meet in ", found.buffer);
  if (found.meeting == Meeting::folds && !found.exact && order == Order::kept)
    return cat("folds into ", found.buffer, " would round in another order");
  loop.mode = Mode::vector;
  loop.width = width;
  return {};
}

Declined unroll(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& loop = site->loop();
  if (loop.mode != Mode::serial) return cat("$", variable, " is no serial loop");
  const auto turns = most_turns(loop.extent, site->around);
  if (!turns || *turns > 64) return cat("$", variable, " may have more than 64 turns");
  bool parallel = false;
  walk(loop.body, [&](const Statement& statement) {
    const NestLoop* inner = statement.as<NestLoop>();
    parallel |= inner != nullptr && inner->mode == Mode::parallel;
    return true;
  });
  if (parallel) return cat("$", variable, " has a parallel loop in it");
  loop.mode = Mode::unrolled;
  return {};
}

Declined parallelize(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& loop = site->loop();
  if (loop.mode != Mode::serial) return cat("$", variable, " is no serial loop");
  for (const NestLoop* around : site->loops)
    if (around->mode == Mode::unrolled)
      return cat("$", variable, " is in the unrolled loop $", around->variable);
  const Buffers buffers = buffers_of(nest);
  const Crossing found = crossing(loop, site->around, buffers);
  if (found.meeting != Meeting::apart)
    return cat("turns of $", variable, " may meet in ", found.buffer);
  for (const std::string& name : written(loop))
    if (bits(buffers.find(name)->second.dtype) < 8)
      return cat("turns of $", variable, " share bytes of ", name);
  loop.mode = Mode::parallel;
  return {};
}

namespace {

/// Registers may be too few for a block of so many.
constexpr int64_t kMostBlock = 1024;

/// The places of these buffers get `by` in front.
void put_in_front(Statement& statement, const Dim& by,
                  const std::set<std::string, std::less<>>& buffers) {
  Change change_loads;
  change_loads.load = [&](const Expr& load) -> std::optional<Expr> {
    const auto* name = std::get_if<BufferName>(&load.source());
    if (name == nullptr || !buffers.contains(name->text)) return std::nullopt;
    std::vector<Expr> places{Expr::index(by)};
    for (const Expr& index : load.operands()) places.push_back(changed(index, change_loads));
    return Expr::load(load.source(), load.dtype(), std::move(places), load.outside());
  };
  change(statement, change_loads);
  const std::function<void(Statement&)> stores = [&](Statement& one) {
    if (Store* store = one.as<Store>(); store != nullptr && buffers.contains(store->buffer))
      store->place.insert(store->place.begin(), by);
    if (NestLoop* loop = one.as<NestLoop>())
      for (Statement& inner : loop->body) stores(inner);
  };
  stores(statement);
}

/// Why the statements of a loop cannot be parted; empty: they can.
Declined keeps_apart(const NestLoop& loop, const Around& around, const Buffers& buffers) {
  std::map<std::string, int, std::less<>> users;  // statements that reach a buffer
  for (const Statement& statement : loop.body) {
    std::set<std::string, std::less<>> here;
    for (const Access& access : accesses_of({statement})) here.insert(access.buffer);
    for (const std::string& buffer : here) ++users[buffer];
  }
  for (const std::string& buffer : written(loop))
    if (users[buffer] > 1 && crossing(loop, around, buffers, buffer, {}).meeting != Meeting::apart)
      return cat("turns of $", loop.variable, " may meet in ", buffer);
  return {};
}

}  // namespace

Declined distribute(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  const NestLoop loop = site->loop();
  if (!runs_in_order(loop)) return cat("$", variable, " is no serial loop");
  Block made;
  std::set<std::string, std::less<>> own;
  const auto turns = most_turns(loop.extent, site->around);
  size_t statements = 0;
  for (const Statement& statement : loop.body) {
    const Allocate* allocate = statement.as<Allocate>();
    statements += allocate == nullptr;
    if (allocate == nullptr) continue;
    NestBuffer buffer = allocate->buffer;
    if (!turns || *turns > kMostBlock)
      return cat(buffer.name, " would need a place for every turn of $", variable);
    own.insert(buffer.name);
    buffer.shape.insert(buffer.shape.begin(), Dim(*turns));
    made.push_back({Allocate{std::move(buffer)}});
  }
  if (statements < 2) return cat("$", variable, " has one statement");
  bool contracts = false;
  walk(loop.body, [&](const Statement& inner) {
    const BlockProduct* contract = inner.as<BlockProduct>();
    contracts |= contract != nullptr && own.contains(contract->into);
    return true;
  });
  if (contracts) return cat("$", variable, " has a contraction in it");
  if (Declined why = keeps_apart(loop, site->around, buffers_of(nest)); !why.empty()) return why;
  for (const Statement& statement : loop.body) {
    if (statement.as<Allocate>() != nullptr) continue;
    NestLoop one{loop.variable, loop.extent, loop.mode, loop.width, {statement}};
    const bool first = made.empty() || made.back().as<NestLoop>() == nullptr;
    if (!first) one.variable = fresh(nest, cat(variable, ".", made.size()));
    put_in_front(one.body[0], Dim::variable(variable), own);
    substitute(one.body, variable, Dim::variable(one.variable));
    made.push_back({std::move(one)});
  }
  Block& block = *site->block;
  const auto at = block.begin() + static_cast<std::ptrdiff_t>(site->at);
  block.insert(block.erase(at), std::make_move_iterator(made.begin()),
               std::make_move_iterator(made.end()));
  return {};
}

Declined contract(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  std::vector<Axis> axes;
  NestLoop* loop = &site->loop();
  for (;; loop = only_loop(*loop)) {
    if (!runs_in_order(*loop)) return cat("$", loop->variable, " is no serial loop");
    axes.push_back({Dim::variable(loop->variable), loop->extent});
    if (only_loop(*loop) == nullptr) break;
  }
  const Store* store = loop->body.size() == 1 ? loop->body[0].as<Store>() : nullptr;
  if (store == nullptr || store->fold != Function::add || store->place.size() != 2 ||
      store->value.kind() != Expr::Kind::call || store->value.function() != Function::mul)
    return cat("$", variable, " adds no products to a block");
  const Buffers buffers = buffers_of(nest);
  const NestBuffer& into = buffers.find(store->buffer)->second;
  if (into.scope != Scope::registers) return cat(store->buffer, " is no block of registers");
  Axis row, column;
  std::vector<Axis> depth;
  for (const Axis& axis : axes) {
    if (axis.variable == store->place[0]) row = axis;
    else if (axis.variable == store->place[1]) column = axis;
    else depth.push_back(axis);
  }
  if (!row.variable.as_variable() || !column.variable.as_variable() || depth.empty())
    return cat("$", variable, " adds no products to a block");
  for (const Axis& axis : axes)
    if (mentions_any(axis.extent, {row, column}) ||
        (&axis != &axes[0] && mentions_any(axis.extent, axes)))
      return cat("the turns of ", axis.variable, " depend on another loop");
  if (!always_at_most(row.extent, into.shape[0], site->around) ||
      !always_at_most(column.extent, into.shape[1], site->around))
    return cat("turns may leave ", store->buffer);
  const auto depends = [](const Expr& expr, const Axis& axis) {
    bool found = false;
    visit(expr, [&](const Expr& inner) {
      found |=
          inner.kind() == Expr::Kind::index && mentions(inner.dim(), *axis.variable.as_variable());
    });
    return found;
  };
  bool reads = false;
  visit(store->value, [&](const Expr& expr) {
    reads |=
        expr.kind() == Expr::Kind::load && expr.source() == Expr::Source(BufferName{into.name});
  });
  if (reads) return cat("what is added reads ", into.name);
  Expr a = store->value.operands()[0], b = store->value.operands()[1];
  if (depends(a, column) || depends(b, row)) std::swap(a, b);
  if (depends(a, column) || depends(b, row)) return "a factor depends on row and column";
  BlockProduct made{store->buffer, row, column, depth, a, b};
  (*site->block)[site->at] = {std::move(made)};
  return {};
}

}  // namespace hone
