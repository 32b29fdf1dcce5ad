// Rewrites that change where values are computed and where they stay.

#include <algorithm>

#include "base/text.hpp"
#include "ir/nest/producer.hpp"
#include "ir/nest/rewrites.hpp"
#include "ir/nest/site.hpp"

namespace hone {
namespace {

/// What is stored to it rounds to its dtype.
bool rounds(const NestBuffer& buffer) {
  return is_float(buffer.dtype) && buffer.scope != Scope::registers;
}

/// Why elements of a buffer cannot live in `scope` as they are; empty: they can.
Declined keeps_bits(const NestBuffer& buffer, Scope scope) {
  if (scope <= Scope::output) return cat("no buffer of a nest's own is ", name(scope));
  const bool loses =
      buffer.scope == Scope::registers && is_float(buffer.dtype) && scope != Scope::registers;
  return loses ? cat(buffer.name, " holds more in registers than it would in memory") : "";
}

bool reads(const Expr& expr, std::string_view buffer) {
  const auto* name = std::get_if<BufferName>(&expr.source());
  return expr.kind() == Expr::Kind::load && name != nullptr && name->text == buffer;
}

void erase(Nest& nest, size_t a, size_t b) {
  for (const size_t at : {std::max(a, b), std::min(a, b)})
    nest.body.erase(nest.body.begin() + static_cast<std::ptrdiff_t>(at));
}

}  // namespace

Declined inline_buffer(Nest& nest, std::string_view buffer) {
  Producer producer;
  if (Declined why = find_producer(nest, buffer, producer); !why.empty()) return why;
  if (producer.body->size() != 1) return cat(buffer, " is not filled by one expression");
  if (Declined why = stays(nest, producer); !why.empty()) return why;
  for (const Access& access : accesses_of(nest.body, true)) {
    if (access.buffer != buffer || access.writes) continue;
    if (!access.place) return cat(buffer, " is read at a computed place");
    if (access.padded) return cat(buffer, " is read outside of it, too");
  }
  Expr value = producer.body->back().as<Store>()->value;
  if (rounds(producer.buffer)) value = Expr::cast(producer.buffer.dtype, value);
  const Around loops = producer.loops;
  Change by;
  by.load = [&](const Expr& load) -> std::optional<Expr> {
    if (!reads(load, buffer)) return std::nullopt;
    Change here;
    here.dim = [&](const Dim& dim) {
      return dim.substitute_variables([&](std::string_view name) -> std::optional<Dim> {
        for (size_t i = 0; i < loops.size(); ++i)
          if (loops[i].variable.as_variable() == name) return load.operands()[i].dim();
        return std::nullopt;
      });
    };
    return changed(value, here);
  };
  erase(nest, producer.at, producer.allocated);
  // What was put in may read the buffer's own producers only, so that once is enough.
  change(nest.body, by);
  return {};
}

namespace {

/// What a turn of a loop reads of a buffer: sizes of it along each axis, from `low`.
struct Box {
  Dims low;
  Dims turns;  // with variables of loops around
  Dims sizes;  // that turns never exceed, without
};

/// The least (or greatest) of bounds, where one is provably that; nullopt: none is.
std::optional<Dim> outermost(const Dims& bounds, const Around& loops, bool greatest) {
  for (const Dim& one : bounds)
    if (std::all_of(bounds.begin(), bounds.end(), [&](const Dim& other) {
          return greatest ? always_at_most(other, one, loops) : always_at_most(one, other, loops);
        }))
      return one;
  return std::nullopt;
}

/// Of the accesses of one buffer in the turns of `within`. An axis of which nothing is known is
/// taken whole.
Box box_of(const std::vector<Access>& accesses, const NestBuffer& buffer, const Around& within) {
  Box box;
  const bool whole = std::any_of(accesses.begin(), accesses.end(), [](const Access& access) {
    return access.padded || !access.place;
  });
  for (size_t axis = 0; axis < buffer.shape.size(); ++axis) {
    const Dim& size = buffer.shape[axis];
    Dims lows, highs;
    for (const Access& access : accesses) {
      if (whole) break;
      const Dim& place = (*access.place)[axis];
      const auto low = bound_over(place, access.inner, false);
      const auto high = bound_over(place, access.inner, true);
      if (!low || !high) break;
      lows.push_back(*low);
      highs.push_back(*high);
    }
    std::optional<Dim> low, high;
    if (lows.size() == accesses.size()) {
      low = outermost(lows, within, false);
      high = outermost(highs, within, true);
    }
    const bool known = low && high && is_defined(*low) && is_defined(*high) &&
                       always_at_most(0, *low, within) && always_at_most(*high, size - 1, within);
    const Dim turns = known ? *high - *low + 1 : size;
    const auto most = known ? most_turns(turns, within) : std::nullopt;
    const bool smaller = most || (known && !mentions_any(turns, within));
    box.low.push_back(smaller ? *low : Dim(0));
    box.turns.push_back(smaller ? turns : size);
    box.sizes.push_back(!smaller ? size : most ? Dim(*most) : turns);
  }
  return box;
}

bool has_open_size(const Box& box) {
  return std::any_of(box.sizes.begin(), box.sizes.end(),
                     [](const Dim& size) { return !size.is_constant(); });
}

/// The accesses of a buffer by the body of a loop. Their inner loops are those of the body.
std::vector<Access> accesses_in(const NestLoop& loop, std::string_view buffer) {
  std::vector<Access> all = accesses_of(loop.body);
  std::erase_if(all, [&](const Access& access) { return access.buffer != buffer; });
  return all;
}

/// Loads of a buffer read another one, which has of it what lies from `low` on.
void redirect(Block& block, std::string_view from, const std::string& to, const Dims& low) {
  Change by;
  by.load = [&](const Expr& load) -> std::optional<Expr> {
    if (!reads(load, from)) return std::nullopt;
    std::vector<Expr> places;
    for (size_t axis = 0; axis < low.size(); ++axis) {
      const Expr& index = load.operands()[axis];
      places.push_back(index.kind() == Expr::Kind::index ? Expr::index(index.dim() - low[axis])
                                                         : changed(index, by));
    }
    return Expr::load(BufferName{to}, load.dtype(), std::move(places), load.outside());
  };
  change(block, by);
}

/// A block inside of serial loops.
Block looped(const Around& loops, Block body) {
  for (size_t i = loops.size(); i-- > 0;) {
    NestLoop loop{std::string(*loops[i].variable.as_variable()), loops[i].extent, Mode::serial, 1,
                  std::move(body)};
    body.clear();
    body.push_back({std::move(loop)});
  }
  return body;
}

/// Parallel loops become serial ones.
void serialize(Block& block) {
  for (Statement& statement : block) {
    NestLoop* loop = statement.as<NestLoop>();
    if (loop == nullptr) continue;
    if (loop->mode == Mode::parallel) loop->mode = Mode::serial;
    serialize(loop->body);
  }
}

void put_first(Block& block, Block statements) {
  block.insert(block.begin(), std::make_move_iterator(statements.begin()),
               std::make_move_iterator(statements.end()));
}

}  // namespace

Declined compute_at(Nest& nest, std::string_view buffer, std::string_view variable, Scope scope) {
  Producer producer;
  if (Declined why = find_producer(nest, buffer, producer); !why.empty()) return why;
  if (Declined why = stays(nest, producer); !why.empty()) return why;
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& loop = site->loop();
  if (loop.mode == Mode::vector) return cat("$", variable, " is a vector loop");
  if (Declined why = keeps_bits(producer.buffer, scope); !why.empty()) return why;
  const std::vector<Access> here = accesses_in(loop, buffer), all = accesses_of(nest.body, true);
  const auto everywhere = std::count_if(all.begin(), all.end(), [&](const Access& access) {
    return access.buffer == buffer && !access.writes;
  });
  const bool fills =
      std::any_of(here.begin(), here.end(), [](const Access& access) { return access.writes; });
  if (here.empty() || fills || static_cast<size_t>(everywhere) != here.size())
    return cat(buffer, " is read outside of $", variable, ", too, or not in it");
  const Box box = box_of(here, producer.buffer, site->within());
  if (scope == Scope::registers && has_open_size(box))
    return cat("a turn of $", variable, " reads an open number of elements of ", buffer);
  const Nest before = nest;
  Block body = *producer.body;
  serialize(body);
  Dims place = body.back().as<Store>()->place;
  Around loops;
  for (size_t axis = 0; axis < box.low.size(); ++axis) {
    loops.push_back({producer.loops[axis].variable, box.turns[axis]});
    substitute(body, *loops[axis].variable.as_variable(), box.low[axis] + loops[axis].variable);
  }
  Store& store = *body.back().as<Store>();
  store.place = std::move(place);
  // Registers do not round.
  if (scope == Scope::registers && rounds(producer.buffer))
    store.value = Expr::cast(producer.buffer.dtype, store.value);
  redirect(loop.body, buffer, std::string(buffer), box.low);
  Block moved = looped(loops, std::move(body));
  moved.insert(moved.begin(),
               {Allocate{{std::string(buffer), producer.buffer.dtype, box.sizes, scope}}});
  put_first(loop.body, std::move(moved));
  erase(nest, producer.at, producer.allocated);
  return keep_if_proved(nest, before);
}

Declined cache(Nest& nest, std::string_view buffer, std::string_view variable, Scope scope) {
  const auto site = find_loop(nest, variable);
  if (!site) return no_loop(variable);
  NestLoop& loop = site->loop();
  if (loop.mode == Mode::vector) return cat("$", variable, " is a vector loop");
  const Buffers buffers = buffers_of(nest);
  const auto found = buffers.find(buffer);
  std::vector<Access> here = accesses_in(loop, buffer);
  if (found == buffers.end() || here.empty()) return cat("$", variable, " reads no ", buffer);
  if (std::any_of(here.begin(), here.end(), [](const Access& access) { return access.writes; }))
    return cat("$", variable, " writes ", buffer);
  if (Declined why = keeps_bits(found->second, scope); !why.empty()) return why;
  const bool plain = std::all_of(here.begin(), here.end(), [](const Access& access) {
    return access.place && !access.padded;
  });
  if (!plain) return cat(buffer, " is read at places that nothing is known of");
  if (!is_whole(nest, found->second)) return cat(buffer, " may not be filled whole");
  const Box box = box_of(here, found->second, site->within());
  if (scope == Scope::registers && has_open_size(box))
    return cat("a turn of $", variable, " reads an open number of elements of ", buffer);
  const NestBuffer copy{fresh(nest, cat(buffer, ".c")), found->second.dtype, box.sizes, scope};
  Around loops;
  Dims place;
  std::vector<Expr> from;
  for (size_t axis = 0; axis < box.low.size(); ++axis) {
    const Dim turn = Dim::variable(fresh(nest, cat("c", axis)));
    loops.push_back({turn, box.turns[axis]});
    place.push_back(turn);
    from.push_back(Expr::index(box.low[axis] + turn));
  }
  redirect(loop.body, buffer, copy.name, box.low);
  Block body;
  body.push_back({Store{copy.name, place, std::nullopt,
                        Expr::load(BufferName{std::string(buffer)}, copy.dtype, from)}});
  Block made = looped(loops, std::move(body));
  made.insert(made.begin(), {Allocate{copy}});
  put_first(loop.body, std::move(made));
  return {};
}

}  // namespace hone
