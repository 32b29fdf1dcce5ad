#include "device/cuda/library.hpp"

#include <dlfcn.h>

#include "base/text.hpp"

namespace hone::cuda {

LibraryState open_library(std::span<const char* const> files, std::span<const Symbol> symbols) {
  LibraryState state;
  for (const char* file : files) {
    void* handle = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* error = ::dlerror();
      if (state.why.empty()) state.why = error == nullptr ? file : error;
      continue;
    }
    state.path = file;
    state.why.clear();
    for (const Symbol& symbol : symbols) {
      *symbol.place = ::dlsym(handle, symbol.name);
      if (*symbol.place != nullptr) continue;
      state.why = cat(file, " is too old: it has no ", symbol.name);
      break;
    }
    return state;  // stays open: its code may be used as long as the process runs
  }
  return state;
}

}  // namespace hone::cuda
