#pragma once
// Where a nest computes a buffer of its own, for the rewrites.

#include "ir/nest/crossing.hpp"
#include "ir/nest/rewrites.hpp"

namespace hone {

/// The loops that fill a whole buffer, one element a turn: the last statement of `body` stores to
/// the place that is the variables of `loops`.
struct Producer {
  size_t at = 0;         // of the loops, in the nest
  size_t allocated = 0;  // of the buffer, in the nest
  NestBuffer buffer;
  Around loops;
  const Block* body = nullptr;
};
/// Why there is none; empty: `found` is it.
Declined find_producer(const Nest& nest, std::string_view buffer, Producer& found);
/// Why what the producer reads is not there any more behind it; empty: it is, as it was.
Declined stays(const Nest& nest, const Producer& producer);
/// All elements are there: of an input, and of a buffer that has a producer.
bool is_whole(const Nest& nest, const NestBuffer& buffer);

}  // namespace hone
