#pragma once
// Several elements of a row by one thread: 16 bytes are read and written at a time.

#include <string>
#include <string_view>
#include <vector>

#include "device/cuda/emit/expr_text.hpp"
#include "ir/nest/nest.hpp"

namespace hone::cuda::emitter {

/// How many turns of the loop `variable` (of so many turns) around the statements a thread takes at
/// once: what they read and write there lies side by side, from a multiple of as many elements on,
/// or is the same for all of them; 1: no more than one. `places`: the memory that they know.
int elements_at_once(const Block& statements, const Places& places, std::string_view variable,
                     const Dim& extent);

/// The same of the innermost of a thread's own loops. Where it folds for each element, there are
/// threads for all multiprocessors first.
int elements_of_thread(const Block& body, const Places& places, const std::vector<Axis>& loops);
/// Threads that share the turns of vector loops, so that each has a few, where all of these take
/// several elements; nullopt: not all do.
std::optional<int> lanes_of(const Block& body, const Places& places);

/// A row that vector loops read, `width` elements at a time: its load at their first turn.
struct RowRead {
  Expr first;
  DType dtype = DType::f32;
  int64_t extent = 0;  // of the loops, in elements
  int width = 1;
  int loops = 0;  // that read it
};
/// Those of the vector loops among the statements that take several elements at a time, of a known
/// number; of inputs alone, whose contents stay.
std::vector<RowRead> rows_read(const Block& body, const Places& places, const Nest& nest);

/// What a place is when the loop goes on by one; nullopt: that depends on more than places.
std::optional<Dim> step_of(const Place& place, const std::vector<Expr>& indices,
                           std::string_view variable);
Dim at_zero(const Dim& dim, std::string_view variable);
Expr at_zero(const Expr& expr, std::string_view variable);

}  // namespace hone::cuda::emitter
