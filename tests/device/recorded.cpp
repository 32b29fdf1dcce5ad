#include "device/recorded.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace hone::test {
namespace {

using Contents = std::vector<std::vector<std::byte>>;
using Places = std::vector<std::span<std::byte>>;

Contents contents_of(const Places& places) {
  Contents all;
  for (const auto& each : places) all.emplace_back(each.begin(), each.end());
  return all;
}

void put(const Contents& contents, const Places& places) {
  for (size_t i = 0; i < places.size(); ++i) std::ranges::copy(contents[i], places[i].begin());
}

/// By place and byte: whether one of the boxes has it.
std::vector<std::vector<bool>> told(const std::vector<cpu::Box>& boxes, const Places& places) {
  std::vector<std::vector<bool>> all;
  for (const auto& place : places) {
    std::vector<bool>& own = all.emplace_back(place.size());
    for (const cpu::Box& box : boxes)
      for (int64_t i = 0; i < box.count; ++i) {
        const auto first = box.bytes.first + i * box.stride - place.data();
        const auto last = box.bytes.last + i * box.stride - place.data();
        for (auto at = std::max<std::ptrdiff_t>(first, 0);
             at < std::min<std::ptrdiff_t>(last, std::ssize(place)); ++at)
          own[static_cast<size_t>(at)] = true;
      }
  }
  return all;
}

constexpr size_t kMostBytes = 2'000'000;  // copied, of all tiles

}  // namespace

void expect_touched(const cpu::LaunchList& list, const Places& inputs, const Places& outputs) {
  size_t bytes = 0;
  for (const auto* places : {&inputs, &outputs})
    for (const auto& each : *places) bytes += each.size();
  const Contents given = contents_of(inputs);
  for (const auto& each : outputs) std::ranges::fill(each, std::byte{0x5a});
  for (const cpu::LaunchList::Launch& launch : list.launches)
    for (int64_t tile = 0; tile < launch.tiles; ++tile) {
      const bool tells = !launch.touched.empty();
      if (!tells || bytes * static_cast<size_t>(launch.tiles) > kMostBytes) {
        launch.tile(tile);
        continue;
      }
      const cpu::Touched& touched = launch.touched[static_cast<size_t>(tile)];
      const Contents before = contents_of(outputs);
      launch.tile(tile);
      const Contents after = contents_of(outputs);
      const auto written = told(touched.writes, outputs);
      for (size_t i = 0; i < outputs.size(); ++i)
        for (size_t at = 0; at < after[i].size(); ++at)
          ASSERT_TRUE(written[i][at] || before[i][at] == after[i][at])
              << "tile " << tile << " writes byte " << at << " of result " << i;
      put(before, outputs);
      const auto read = told(touched.reads, inputs);
      for (size_t i = 0; i < inputs.size(); ++i)
        for (size_t at = 0; at < inputs[i].size(); ++at)
          if (!read[i][at]) inputs[i][at] = std::byte{0xff};
      launch.tile(tile);
      put(given, inputs);
      for (size_t i = 0; i < outputs.size(); ++i)
        ASSERT_TRUE(std::ranges::equal(outputs[i], after[i]))
            << "tile " << tile << " reads more than it tells";
    }
}

}  // namespace hone::test
