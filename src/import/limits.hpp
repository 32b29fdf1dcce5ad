#pragma once
// What a model file may ask for at most. One struct, so that a service can tighten all of it.

#include <cstddef>
#include <cstdint>

namespace hone {

struct Limits {
  int64_t nodes = 100'000;         ///< in all graphs and bodies, calls of functions inlined
  int64_t tensors = 250'000;       ///< stored tensors of one graph
  int64_t interface = 100'000;     ///< inputs and outputs of one graph
  int64_t requirements = 4'000;    ///< facts about sizes that one graph relies on
  int64_t size_terms = 1'000'000;  ///< terms of all values' sizes and known contents together
  int depth = 64;                  ///< nesting of bodies, function calls and types
  int rank = 64;                   ///< dimensions of one tensor
  size_t name_bytes = 2 << 20;     ///< one name
  size_t folded_bytes = 64 << 20;  ///< one constant made while importing (a sparse one made dense)
};

}  // namespace hone
