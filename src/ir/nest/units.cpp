// Axes that tell nothing: of one place, or of elements that lie side by side anyway.

#include <algorithm>

#include "ir/nest/crossing.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/site.hpp"

namespace hone {
namespace {

Block without_loops_of_one(Block block) {
  Block made;
  for (Statement& statement : block) {
    NestLoop* loop = statement.as<NestLoop>();
    if (loop == nullptr) {
      made.push_back(std::move(statement));
      continue;
    }
    loop->body = without_loops_of_one(std::move(loop->body));
    if (!loop->extent.is(1)) {
      made.push_back(std::move(statement));
      continue;
    }
    substitute(loop->body, loop->variable, 0);
    std::move(loop->body.begin(), loop->body.end(), std::back_inserter(made));
  }
  return made;
}

/// Of buffers: which axes stay.
using Kept = std::map<std::string, std::vector<bool>, std::less<>>;

Kept axes_kept(const Nest& nest) {
  Kept kept;
  const auto goes = [](const Dim& size) { return size.is(1); };
  walk(nest.body, [&](const Statement& statement) {
    const Allocate* made = statement.as<Allocate>();
    if (made == nullptr || std::none_of(made->buffer.shape.begin(), made->buffer.shape.end(), goes))
      return true;
    std::vector<bool>& axes = kept[made->buffer.name];
    for (const Dim& size : made->buffer.shape) axes.push_back(!goes(size));
    return true;
  });
  walk(nest.body, [&](const Statement& statement) {  // these want to know where they read
    if (const BlockProduct* contract = statement.as<BlockProduct>()) kept.erase(contract->into);
    each_expr(statement, [&](const Expr& whole) {
      visit(whole, [&](const Expr& load) {
        if (load.kind() == Expr::Kind::load && load.outside())
          kept.erase(std::get<BufferName>(load.source()).text);
      });
    });
    return true;
  });
  return kept;
}

template <class T>
void keep(std::vector<T>& places, const std::vector<bool>& axes) {
  size_t next = 0;
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i]) places[next++] = places[i];
  places.erase(places.begin() + static_cast<std::ptrdiff_t>(next), places.end());
}

void drop_axes(Block& block, const Kept& kept) {
  for (Statement& statement : block) {
    if (NestLoop* loop = statement.as<NestLoop>()) drop_axes(loop->body, kept);
    if (Allocate* made = statement.as<Allocate>())
      if (const auto axes = kept.find(made->buffer.name); axes != kept.end())
        keep(made->buffer.shape, axes->second);
    if (Store* store = statement.as<Store>())
      if (const auto axes = kept.find(store->buffer); axes != kept.end())
        keep(store->place, axes->second);
  }
}

}  // namespace

Declined drop_units(Nest& nest) {
  const Nest before = nest;
  nest.body = without_loops_of_one(std::move(nest.body));
  const Kept kept = axes_kept(nest);
  if (kept.empty()) return keep_if_proved(nest, before);
  drop_axes(nest.body, kept);
  Change loads;
  loads.load = [&](const Expr& load) -> std::optional<Expr> {
    const auto axes = kept.find(std::get<BufferName>(load.source()).text);
    std::vector<Expr> places;
    for (const Expr& place : load.operands()) places.push_back(changed(place, loads));
    if (axes != kept.end()) keep(places, axes->second);
    return Expr::load(load.source(), load.dtype(), std::move(places), load.outside());
  };
  change(nest.body, loads);
  return keep_if_proved(nest, before);
}

namespace {

/// The shapes of dense parameters that are reached at plain places only.
std::map<std::string, Dims, std::less<>> plain_parameters(const Nest& nest) {
  std::map<std::string, Dims, std::less<>> plain;
  for (const NestBuffer& parameter : nest.parameters)
    if (parameter.strides.empty() && parameter.shape.size() > 1)
      plain.emplace(parameter.name, parameter.shape);
  for (const Access& access : accesses_of(nest.body, true))
    if (access.padded || !access.place) plain.erase(access.buffer);
  return plain;
}

Dim place_in(const Dims& shape, const Dims& place) {
  Dim at = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) at = at * shape[axis] + place[axis];
  return at;
}

void flatten_stores(Block& block, const std::map<std::string, Dims, std::less<>>& shapes) {
  for (Statement& statement : block) {
    if (NestLoop* loop = statement.as<NestLoop>()) flatten_stores(loop->body, shapes);
    if (Store* store = statement.as<Store>())
      if (const auto shape = shapes.find(store->buffer); shape != shapes.end())
        store->place = {place_in(shape->second, store->place)};
  }
}

}  // namespace

Declined flatten_parameters(Nest& nest) {
  const Nest before = nest;
  const auto shapes = plain_parameters(nest);
  if (shapes.empty()) return "no parameter has axes that could be one";
  for (NestBuffer& parameter : nest.parameters)
    if (shapes.contains(parameter.name)) parameter.shape = {product(parameter.shape)};
  flatten_stores(nest.body, shapes);
  Change loads;
  loads.load = [&](const Expr& load) -> std::optional<Expr> {
    const auto shape = shapes.find(std::get<BufferName>(load.source()).text);
    std::vector<Expr> places;
    Dims place;
    for (const Expr& index : load.operands()) {
      places.push_back(changed(index, loads));
      if (shape != shapes.end()) place.push_back(index.dim());
    }
    if (shape != shapes.end()) places = {Expr::index(place_in(shape->second, place))};
    return Expr::load(load.source(), load.dtype(), std::move(places), load.outside());
  };
  change(nest.body, loads);
  return keep_if_proved(nest, before);
}

}  // namespace hone
