// Loops beside each other.

#include <algorithm>

#include "base/text.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/site.hpp"

namespace hone {
namespace {

bool is_costly(const Expr& whole) {
  bool found = false;
  visit(whole, [&](const Expr& expr) {
    if (expr.kind() != Expr::Kind::call) return;
    const Function f = expr.function();
    found |= f == Function::power || (f >= Function::exp && f != Function::sqrt);
  });
  return found;
}

/// Costly expressions of a loop's stores, the largest first in each.
std::vector<Expr> costly(const NestLoop& loop) {
  std::vector<Expr> found;
  for (const Statement& statement : loop.body)
    each_expr(statement, [&](const Expr& whole) {
      visit(whole, [&](const Expr& expr) {
        if (expr.kind() == Expr::Kind::call && is_costly(expr)) found.push_back(expr);
      });
    });
  return found;
}

Expr with_variable(const Expr& expr, std::string_view old, const Dim& by) {
  Change renaming;
  renaming.dim = [&](const Dim& dim) {
    return dim.substitute_variables(
        [&](std::string_view name) { return name == old ? std::optional<Dim>(by) : std::nullopt; });
  };
  return changed(expr, renaming);
}

void read_instead(NestLoop& loop, const Expr& what, const Expr& by) {
  for (Statement& statement : loop.body)
    if (Store* store = statement.as<Store>())
      store->value = replace(store->value, [&](const Expr& inner) {
        return inner == what ? std::optional<Expr>(by) : std::nullopt;
      });
}

bool only_stores(const NestLoop& loop) {
  return loop.mode == Mode::serial &&
         std::all_of(loop.body.begin(), loop.body.end(),
                     [](const Statement& statement) { return statement.as<Store>() != nullptr; });
}

/// Whether the expression reads what the block writes.
bool reads_written(const Expr& expr, const Block& block) {
  std::set<std::string, std::less<>> names;
  for (const Access& access : accesses_of(block, true))
    if (access.writes) names.insert(access.buffer);
  bool found = false;
  visit(expr, [&](const Expr& load) {
    if (load.kind() == Expr::Kind::load)
      found |= names.contains(std::get<BufferName>(load.source()).text);
  });
  return found;
}

}  // namespace

Declined share(Nest& nest, std::string_view first, std::string_view second, Order order) {
  const auto one = find_loop(nest, first), other = find_loop(nest, second);
  if (!one || !other) return no_loop(one ? second : first);
  if (one->block != other->block || one->at >= other->at)
    return cat("$", second, " does not follow $", first, " in one block");
  NestLoop &early = one->loop(), &late = other->loop();
  if (!only_stores(early) || !only_stores(late))
    return cat("$", first, " or $", second, " is no serial loop of stores");
  if (!(early.extent == late.extent) || mentions_any(early.extent, one->around))
    return cat("$", first, " and $", second, " may have other turns");
  const std::vector<Expr> wanted = costly(late);
  const Block between(one->block->begin() + static_cast<ptrdiff_t>(one->at),
                      one->block->begin() + static_cast<ptrdiff_t>(other->at) + 1);
  for (const Expr& expr : costly(early)) {
    const Expr there = with_variable(expr, first, Dim::variable(std::string(second)));
    if (std::find(wanted.begin(), wanted.end(), there) == wanted.end()) continue;
    if (reads_written(expr, between)) continue;
    if (is_float(expr.dtype()) && order == Order::kept)
      return cat("what is kept of $", first, " would round");
    const NestBuffer kept{
        fresh(nest, cat(first, ".s")), expr.dtype(), {early.extent}, Scope::local};
    const auto load = [&](std::string_view variable) {
      return Expr::load(BufferName{kept.name}, kept.dtype,
                        {Expr::index(Dim::variable(std::string(variable)))});
    };
    read_instead(early, expr, load(first));
    read_instead(late, there, load(second));
    early.body.insert(early.body.begin(),
                      {Store{kept.name, {Dim::variable(std::string(first))}, std::nullopt, expr}});
    one->block->insert(one->block->begin() + static_cast<ptrdiff_t>(one->at), {Allocate{kept}});
    return {};
  }
  return cat("$", first, " and $", second, " compute nothing costly alike");
}

Declined merge(Nest& nest, std::string_view variable) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  Block& block = *site->block;
  NestLoop* next = site->at + 1 < block.size() ? block[site->at + 1].as<NestLoop>() : nullptr;
  NestLoop& loop = site->loop();
  if (next == nullptr) return cat("no loop follows $", variable);
  if (loop.mode != Mode::serial || next->mode != Mode::serial)
    return cat("$", variable, " or $", next->variable, " is no serial loop");
  if (!(loop.extent == next->extent))
    return cat("$", variable, " and $", next->variable, " have other turns");
  const Nest before = nest;
  substitute(next->body, next->variable, Dim::variable(loop.variable));
  std::move(next->body.begin(), next->body.end(), std::back_inserter(loop.body));
  block.erase(block.begin() + static_cast<ptrdiff_t>(site->at) + 1);
  const Crossing found = crossing(site->loop(), site->around, buffers_of(nest));
  if (found.meeting == Meeting::apart) return keep_if_proved(nest, before);
  nest = before;
  return cat("turns of $", variable, " may meet in ", found.buffer);
}

}  // namespace hone
