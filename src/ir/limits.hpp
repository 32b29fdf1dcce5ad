#pragma once
// What a file, of a model or of an engine, may ask for at most. One struct, so that a service can
// tighten all of it.

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
  int64_t captures = 50'000;       ///< values of outer graphs that bodies read, once for each body
  size_t name_bytes = 2 << 20;     ///< one name
  /// All names of values and nodes together, beside four times what the file itself has: each call
  /// of a function names all nodes of the function anew.
  size_t made_name_bytes = 8 << 20;
  size_t folded_bytes = 64 << 20;  ///< one constant made while importing (a sparse one made dense)
  size_t random_bytes = 16 << 20;  ///< all weights that an engine file has made from seeds
};

}  // namespace hone
