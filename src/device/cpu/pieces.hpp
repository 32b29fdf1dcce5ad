#pragma once
// What several ops that move elements make together: pieces of their operands, each of which stays
// whole, in another order. Slices, concatenations and transposes behind one another, as shifted
// windows are, are one table of places.

#include <optional>
#include <vector>

#include "ir/graph.hpp"

namespace hone::cpu {

/// Piece i of a value has `size` elements from the element places[i].at of a source on.
struct Pieces {
  struct Place {
    size_t source;
    int64_t at;
  };
  int64_t size = 1;
  std::vector<const Value*> sources;
  std::vector<Place> places;
};

/// Those of a value of a body for these sizes. nullopt: a size is not known, the value has no
/// elements, or no op that moves makes it.
std::optional<Pieces> pieces_of(const Value& value, const Bindings& symbols);

/// Their size alone.
std::optional<int64_t> piece_size_of(const Value& value, const Bindings& symbols);

/// Whether such ops make the value, and of which values, in the order in which they are found.
struct Sources {
  std::vector<const Value*> values;
  size_t nodes = 0;  // that move
};
std::optional<Sources> sources_of(const Value& value);

}  // namespace hone::cpu
