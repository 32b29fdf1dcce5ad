#pragma once
// What several ops that move elements make together: pieces of their operands, each of which stays
// whole, in another order. Slices, concatenations and transposes behind one another, as shifted
// windows are, are one table of places.

#include <memory>
#include <optional>
#include <vector>

#include "device/cpu/moves.hpp"
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

/// The same ops one after the other, for sizes at which pieces that all of them leave whole would
/// be too short: every element is moved once by each.
class StepwiseMoves {
 public:
  /// To `value`, of elements of `width` bytes. Every size has to be known; Error(usage) where sizes
  /// do not fit each other.
  StepwiseMoves(const Value& value, const Bindings& symbols, int64_t width);
  /// source(i): where the i-th of sources_of() lies. `to` gets the value's dense elements.
  template <class Source>
  void run(const Source& source, std::byte* to, Stream& stream) const {
    const auto place = [&](size_t i) {
      return i == sources_ ? to : between_[i - sources_ - 1].get();
    };
    for (const Copy& copy : copies_)
      run_move(copy.move, width_, copy.from < sources_ ? source(copy.from) : place(copy.from),
               place(copy.to), stream);
  }

 private:
  struct Copy {
    size_t from, to;  // places: those of sources, of the value, of what is between
    Move move;
  };
  int64_t width_;
  size_t sources_ = 0;
  std::vector<Copy> copies_;
  std::vector<std::unique_ptr<std::byte[]>> between_;
};

}  // namespace hone::cpu
