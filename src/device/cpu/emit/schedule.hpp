#pragma once
// In which order a region's loops run on the CPU.

#include "ir/nest/rewrites.hpp"

namespace hone::cpu::emitter {

/// Schedules a nest as lower() made it of stages, by the rewrites: maps are computed where they are
/// read, what is folded for a row is computed at the beginning of the row, several results share
/// their loops, rows run at once on the workers, and elements side by side run as vectors.
/// Declines, in words, what would be left slow; the nest is then somewhere between.
Declined schedule(Nest& nest);

/// What a nest takes, about, where sizes of the model are `sizes` and loops run to their ends.
struct Work {
  double operations = 0;  // of a length that Target::flops_per_second counts
  double loops = 0;       // times that a loop is entered
};
Work work_of(const Nest& nest, const Bindings& sizes);

}  // namespace hone::cpu::emitter
