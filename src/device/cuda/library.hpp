#pragma once
// Libraries of CUDA, opened while the program runs: nothing of CUDA is needed to build or to start.

#include <span>
#include <string>

namespace hone::cuda {

/// What doctor says of a library: where it is and which version, or why it cannot be used.
struct LibraryState {
  std::string path;     // as it was opened; empty: it is not here
  std::string version;  // "13.0"
  std::string why;      // why it cannot be used; empty: it can
};

/// A function of a library and the pointer that gets its address.
struct Symbol {
  const char* name;
  void** place;
};

/// Opens the first of `files` that there is and finds all of `symbols` in it, or says why not.
LibraryState open_library(std::span<const char* const> files, std::span<const Symbol> symbols);

/// Of the driver and of the compiler, opened once.
const LibraryState& driver_state();
const LibraryState& compiler_state();

}  // namespace hone::cuda
