#pragma once
// How far work is that takes a while, for whoever shows it.

#include <cstdint>
#include <functional>
#include <string_view>

namespace hone {

/// Told that `done` of `total` parts of a stage are done; at its beginning with 0 done. A total of
/// 0: nobody knows. May be empty. Called by the thread that does the work.
using Progress = std::function<void(std::string_view stage, int64_t done, int64_t total)>;

}  // namespace hone
