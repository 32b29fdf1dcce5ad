#include "device/cuda/attention_tiles.hpp"

#include <algorithm>
#include <cmath>

#include "device/cuda/device.hpp"

namespace hone::cuda {

using emitter::AttentionTile;
using emitter::FewQueries;

namespace {

int64_t most_shared_bytes(const Target& target) {
  const int capability = capability_of(target);
  return (capability >= 90 && capability < 120 ? 227 : capability == 80 ? 163 : 99) << 10;
}

}  // namespace

std::vector<AttentionTile> attention_tiles(const Target& target, int64_t head, int64_t value) {
  std::vector<AttentionTile> tiles;
  const auto add = [&](int groups, int keys) {
    for (const int stages : {2, 1}) {
      const AttentionTile tile{head, value, groups, keys, stages};
      if (tile.shared_bytes() > most_shared_bytes(target)) continue;
      tiles.push_back(tile);
      return;
    }
  };
  if (capability_of(target) == 90)
    for (const auto& [groups, keys] : {std::pair{1, 64}, {1, 128}, {2, 64}, {2, 128}})
      add(groups, keys);
  add(0, 64);
  return tiles;
}

FewQueries few_queries_for(const Target& target, int64_t head, int64_t value) {
  constexpr int64_t kOfHalf = 96 << 10;
  FewQueries few{head, value, 4};
  while (few.stages > 2 && few.shared_bytes() > kOfHalf) --few.stages;
  if (few.shared_bytes() > most_shared_bytes(target)) few.stages = 1;
  return few;
}

double seconds_of_few_queries(const Target& target, const AttentionWork& work, int64_t elements,
                              bool kept) {
  constexpr double kBlock = 2e-6, kStep = 4e-7, kBytesPerSecond = 3e12;
  const double turns = std::ceil(work.keys / 64);
  const double parts = std::clamp(std::floor(FewQueries::kMostParts / work.kv_heads), 1.0, turns);
  const double bytes =
      work.kv_heads * work.keys * static_cast<double>(elements) * 2 * (kept ? 2 : 1);
  return target.launch_seconds * (parts > 1 ? 2 : 1) + kBlock +
         std::max(kStep * turns / parts, bytes / kBytesPerSecond);
}

double seconds_of_attention(const Target& target, const AttentionTile& tile,
                            const AttentionWork& work, bool masked) {
  constexpr double kMultiprocessors = 132;
  // Of a warpgroup with 64 queries that has a multiprocessor for itself, heads of 64 elements: to
  // begin and end, and for 128 keys.
  constexpr double kBlock = 5.5e-7, kKeys = 7.8e-7, kMasked = 3e-7;
  constexpr double kBegin = 1.4e-6, kTile = 2.5e-7;  // of the first result
  const double columns = static_cast<double>(tile.head + tile.value) / 128;
  const double groups = std::max(1, tile.groups), tiles = std::ceil(work.keys / tile.keys);
  const double keys = tiles * tile.keys / 128;
  // Small tiles begin sooner; groups wait for each other, warps multiply slower.
  const double small = tile.keys < 128 ? 1.05 : 1, large = tile.keys < 128 ? 1 : 1.2;
  // What does not fit into registers comes and goes.
  const bool crowded = tile.keys / 2 + (tile.value + 63) / 64 * 32 > 96;
  const double slower = (tile.groups == 0 ? 1.35 : 0.9 + 0.1 * groups) * (crowded ? 1.4 : 1);
  const double block =
      slower * groups *
      (kBlock * large * columns + keys * (kKeys * small * columns + (masked ? kMasked : 0)));
  const double blocks = work.heads * std::ceil(work.queries / tile.queries());
  const double first = kBegin + slower * tiles * kTile * (1 + tile.keys / 128.0) * columns;
  return target.launch_seconds + std::max(first, blocks / kMultiprocessors * block);
}

}  // namespace hone::cuda
