#include "base/text.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/site.hpp"
#include "ir/stages/scalar.hpp"

namespace hone {

Declined fold_in_parts(Nest& nest, std::string_view variable, int64_t factor, Order order) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  if (site->loop().mode != Mode::serial) return cat("$", variable, " is no serial loop");
  const Store* store = nullptr;
  for (const Statement& statement : site->loop().body) {
    const Store* one = statement.as<Store>();
    if (one == nullptr || (one->fold && store != nullptr))
      return cat("$", variable, " does not only fold into one register");
    if (one->fold) store = one;
  }
  if (store == nullptr) return cat("$", variable, " does not fold");
  const std::string whole = store->buffer;
  const Function fold = *store->fold;
  const NestBuffer into = buffers_of(nest).find(whole)->second;
  if (into.scope != Scope::registers || !into.shape.empty())
    return cat(whole, " is no single register");
  const Crossing found = crossing(site->loop(), site->around, buffers_of(nest));
  if (found.meeting == Meeting::meet)
    return cat("turns of $", variable, " may meet in ", found.buffer);
  if (!found.exact && order == Order::kept)
    return cat("folds into ", whole, " would round in another order");
  if (Declined why = split(nest, variable, factor); !why.empty()) return why;
  NestBuffer part = into;
  part.name = fresh(nest, cat(whole, ".p"));
  const Scalar start = identity(fold, into.dtype);
  const Expr none = is_float(into.dtype) ? Expr(start.real, into.dtype)
                                         : Expr::integer(start.integer, into.dtype);
  Block& body = site->loop().body;  // split() puts its outer loop where the loop was
  for (Statement& statement : body[0].as<NestLoop>()->body)
    if (statement.as<Store>()->fold) statement.as<Store>()->buffer = part.name;
  body.push_back({Store{whole, {}, fold, Expr::load(BufferName{part.name}, into.dtype, {})}});
  body.insert(body.begin(), {Store{part.name, {}, std::nullopt, none}});
  body.insert(body.begin(), {Allocate{std::move(part)}});
  return {};
}

}  // namespace hone
