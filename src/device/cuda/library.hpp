#pragma once
// Libraries of CUDA, opened while the program runs: nothing of CUDA is needed to build or to start.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// Where a pointer to a function stands, for a Symbol.
void** place(auto& function) { return reinterpret_cast<void**>(&function); }

/// Opens the first of `files` that there is and finds all of `symbols` in it, or says why not.
LibraryState open_library(std::span<const std::string> files, std::span<const Symbol> symbols);

/// Where a library may be: what the environment variable names, where the loader looks for
/// "STEM.VERSION" and "STEM", where the toolkit is installed.
std::vector<std::string> library_files(const char* variable, std::string_view stem,
                                       std::initializer_list<std::string_view> versions);

/// Of the driver and of the compiler, opened once.
const LibraryState& driver_state();
const LibraryState& compiler_state();

}  // namespace hone::cuda
