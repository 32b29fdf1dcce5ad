#pragma once
// Compiled kernels, kept on disk for the next process: files in "hone/code" of the user's cache
// ($XDG_CACHE_HOME, else ~/.cache), or in the folder that HONE_CODE_CACHE names (empty: nothing is
// kept). A folder that others than the user may write to is not used: what lies there is run.

#include <optional>
#include <string>

#include "base/hash.hpp"

namespace hone::cuda {

/// What is kept under this name; nullopt: nothing, or it is damaged.
std::optional<std::string> kept_code(const Hash& name);
/// A disk that is full, or not to be written to, is no error.
void keep_code(const Hash& name, const std::string& image);

}  // namespace hone::cuda
