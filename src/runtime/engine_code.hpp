#pragma once
// Compiled code in a part of an engine file. It would run as it is, so that it is used only where
// this user's key signed it, or where the caller trusts the file.

#include <vector>

#include "runtime/engine.hpp"
#include "runtime/engine_sections.hpp"

namespace hone {

/// The section of part `number`, none where it has no code: "signature HEX" (or "signature none"),
/// then of each code in a line: source, bytes; an empty line; the codes, one behind the other.
void add_code(std::vector<SectionBody>& sections, const DevicePart& part, uint32_t number);
/// Error(incompatible_engine).
void read_code(const SectionReader& sections, uint32_t number, DevicePart& part);

/// By the key of this user, 32 random bytes in "hone/key" of $XDG_CONFIG_HOME or ~/.config, made
/// where there is none; no signature where that cannot be, or where others may read it. It is of
/// the target and of all code.
void sign(DevicePart& part);
bool is_signed(const DevicePart& part);

}  // namespace hone
