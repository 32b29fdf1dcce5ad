#pragma once
// Whether turns of a loop meet: whether one writes what another one reads or writes.

#include <map>
#include <string>
#include <vector>

#include "ir/nest/places.hpp"

namespace hone {

using Buffers = std::map<std::string, NestBuffer, std::less<>>;
/// All buffers of a nest, by name.
Buffers buffers_of(const Nest& nest);

/// One way in which a block reaches elements of a buffer.
struct Access {
  std::string buffer;
  std::optional<Dims> place;  // nullopt: an index is computed from contents
  bool writes = false;
  std::optional<Function> fold;  // of a write that folds
  bool padded = false;           // a load that has a value for what lies outside
  Around inner;                  // the loops of the block around it
};
/// All of a block; those of buffers that it allocates only where `own`.
std::vector<Access> accesses_of(const Block& block, bool own = false);

/// What turns of a loop do to a buffer from outside of it.
enum class Meeting : uint8_t {
  apart,  ///< every element that is written belongs to one turn
  folds,  ///< all of them fold into elements, by one function, and read none
  meet,   ///< or it could not be proved that they do not
};
struct Crossing {
  Meeting meeting = Meeting::apart;
  std::string buffer;  // the first one of which this holds
  bool exact = true;   // folds: in any order the result has the same bits
};
/// Of the turns of `loop` that has `around` around it: of the buffer that is worst.
Crossing crossing(const NestLoop& loop, const Around& around, const Buffers& buffers);
/// Of one buffer, while the loops `moving` out of those around may be in different turns, too.
Crossing crossing(const NestLoop& loop, const Around& around, const Buffers& buffers,
                  std::string_view buffer, const Around& moving);
/// Which turns of parallel or vector loops meet that must not, in words; empty: none do.
std::string first_meeting(const Nest& nest);
/// Buffers from outside of it that the loop writes.
std::set<std::string, std::less<>> written(const NestLoop& loop);

}  // namespace hone
