#pragma once
// The packed weights of a part of an engine file, and the index that says what each of them is of.
// They spare a loader the packing; the file has the weights themselves all the same.

#include <vector>

#include "runtime/engine.hpp"
#include "runtime/engine_sections.hpp"

namespace hone {

/// The sections of part `number`, none where it has no packed weights. The index says "packer
/// HASH", then of each form in a line: weight, hash, dtype, shape, offset, length, name. `part`
/// lives until they are written.
void add_packs(std::vector<SectionBody>& sections, const DevicePart& part, uint32_t number);

/// The forms that part `number` has, mapped, if any. They must lie as they would be written; their
/// hashes are compared when a form is used, see PackStore. Error(incompatible_engine).
void read_packs(const SectionReader& sections, uint32_t number, DevicePart& part);

}  // namespace hone
