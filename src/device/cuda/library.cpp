#include "device/cuda/library.hpp"

#include <dlfcn.h>

#include <cstdlib>

#include "base/text.hpp"

namespace hone::cuda {

LibraryState open_library(std::span<const std::string> files, std::span<const Symbol> symbols) {
  LibraryState state;
  for (const std::string& file : files) {
    void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
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

std::vector<std::string> library_files(const char* variable, std::string_view stem,
                                       std::initializer_list<std::string_view> versions) {
  std::vector<std::string> files;
  if (const char* given = std::getenv(variable); given != nullptr) files.emplace_back(given);
  for (const std::string_view version : versions) files.push_back(cat(stem, ".", version));
  files.emplace_back(stem);
  files.push_back(cat("/usr/local/cuda/lib64/", stem));
  for (const std::string_view version : versions)
    files.push_back(cat("/usr/local/cuda/lib/", stem, ".", version));
  return files;
}

}  // namespace hone::cuda
