#pragma once
// How a nest is scheduled: named rewrites. Each leaves what the nest computes as it was: to the
// bit, but where a sum of floats is folded in another order, which a caller must allow. Loops are
// named by their variables, new names are made of old ones ($i is split into $io and $ii). What
// does not apply is declined, and the nest is then as it was. After each, verify(nest) holds if it
// did before.

#include <string>
#include <string_view>

#include "ir/nest/nest.hpp"

namespace hone {

/// Why a rewrite was not done, in words; empty: it was.
using Declined = std::string;

/// Whether folds may be put in another order: of floats, which round, `any` gives other last bits.
enum class Order : uint8_t {
  kept,
  any
};

/// One loop becomes two, the inner one of `factor` turns, fewer in the last turn of the outer one:
///   for $i < n  ->  for $io < ceildiv(n,8)
///                     for $ii < min(8,n-8*$io)
/// A parallel loop's outer part is parallel.
Declined split(Nest& nest, std::string_view variable, int64_t factor);

/// Exchanges a loop and the only statement in it, a loop whose turns do not depend on it. Both
/// serial or unrolled.
Declined reorder(Nest& nest, std::string_view variable, Order order = Order::kept);

/// One loop for a loop and the only statement in it, a loop whose turns do not depend on it: places
/// become quotients and remainders. Both serial or both parallel.
Declined fuse_loops(Nest& nest, std::string_view variable);

/// The loop becomes one with the statement behind it in its block, a loop of as many turns: each
/// turn does what both did, where none needs what another one does. Both serial.
Declined merge(Nest& nest, std::string_view variable);

/// Parts a serial loop with several statements into one loop for each of them. Buffers allocated in
/// a turn get an axis for the turns: a scalar accumulator becomes a block of them.
Declined distribute(Nest& nest, std::string_view variable);

/// A serial loop without loops inside runs `width` turns at a time.
Declined vectorize(Nest& nest, std::string_view variable, int width, Order order = Order::kept);

/// A serial loop of few turns is written out.
Declined unroll(Nest& nest, std::string_view variable);

/// A serial loop's turns run at once.
Declined parallelize(Nest& nest, std::string_view variable);

/// Where a buffer is read, the expression that it was filled with stands instead; the buffer goes.
/// Of one that a perfect nest of loops fills with one store, from what is not changed later.
Declined inline_buffer(Nest& nest, std::string_view buffer);

/// The loops that fill a buffer move to the beginning of each turn of a later loop, where all that
/// read it are, and fill only what the turn reads: the buffer shrinks to that and lives in `scope`.
/// Parallel loops among them become serial.
Declined compute_at(Nest& nest, std::string_view buffer, std::string_view variable, Scope scope);

/// What a turn of a loop reads of a buffer is copied at the turn's beginning to one in `scope`. Of
/// an input, or of a buffer that a perfect nest of loops fills whole.
Declined cache(Nest& nest, std::string_view buffer, std::string_view variable, Scope scope);

/// What is computed of sizes and of loads whose places no turn of the loop changes is computed
/// once, before it, into registers. Of buffers as with cache(). Truths stay where they are.
Declined hoist(Nest& nest, std::string_view variable);

/// A serial loop of stores, one of which folds into a register, does that in parts of `factor`
/// turns, each into a register of its own first: sums of many floats round less.
Declined fold_in_parts(Nest& nest, std::string_view variable, int64_t factor,
                       Order order = Order::kept);

/// What two loops of one block and of as many turns both compute by a costly function, the largest
/// such expression, is kept in a local buffer by the first for the second. Floats of it round to
/// their dtype then, which a caller must allow as another order.
Declined share(Nest& nest, std::string_view first, std::string_view second,
               Order order = Order::kept);

/// Parameters that are dense become one axis of all their elements: what callers pass has the same
/// bytes. Not those that are read with padding or at computed places, or have no axes.
Declined flatten_parameters(Nest& nest);

/// Loops of one turn go, and axes of size 1 of buffers of the nest's own.
Declined drop_units(Nest& nest);

/// Perfectly nested loops, from this one inwards, around `b[$r, $c] += mul(x, y)` into a block of
/// registers become one statement.
Declined contract(Nest& nest, std::string_view variable);

}  // namespace hone
