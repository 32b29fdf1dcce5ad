#include "base/size.hpp"
#include "base/text.hpp"
#include "plan/memory/demand.hpp"

namespace hone {

std::optional<std::string> validate(const Demand& demand, const Placement& placement) {
  const auto& buffers = demand.buffers;
  if (placement.offsets.size() != buffers.size())
    return cat(placement.offsets.size(), " offsets for ", buffers.size(), " buffers");
  for (size_t i = 0; i < buffers.size(); ++i) {
    const int64_t begin = placement.offsets[i];
    if (begin < 0 || begin % kArenaAlignment != 0) return cat("buffer ", i, " lies at ", begin);
    const auto end = try_add(begin, buffers[i].bytes);
    if (!end || *end > placement.bytes)
      return cat("buffer ", i, " ends past the arena of ", placement.bytes, " bytes");
    for (size_t j = 0; j < i; ++j) {
      const bool together =
          buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      const bool apart =
          *end <= placement.offsets[j] || placement.offsets[j] + buffers[j].bytes <= begin;
      if (together && !apart && buffers[i].bytes > 0 && buffers[j].bytes > 0)
        return cat("buffers ", j, " and ", i, " overlap while both are live");
    }
  }
  return std::nullopt;
}

}  // namespace hone
