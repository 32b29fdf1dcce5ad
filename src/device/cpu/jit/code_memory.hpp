#pragma once
// Memory for generated machine code. A page is written first and made executable then, never both
// at once. The code of a process lies in few mappings.

#include <cstddef>
#include <memory>
#include <span>

namespace hone::cpu {

/// A copy of position-independent code that may be called, aligned to 64 bytes; its memory is given
/// back with the last code in the same mapping. Null where the system lets no memory become
/// executable: whoever asks runs compiled code instead. Any thread may call this.
std::shared_ptr<const std::byte> executable(std::span<const std::byte> code);

/// Whether executable() gives anything here.
bool may_execute();

/// What lies there as a function.
template <class Function>
Function function_at(const std::byte* code) {
  return reinterpret_cast<Function>(const_cast<std::byte*>(code));
}

/// For tests: from now on executable() answers as such a system does, or as it is.
void refuse_executable(bool refused);

}  // namespace hone::cpu
