#include "device/cpu/integer_weights.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/size.hpp"

namespace hone::cpu {
namespace {

constexpr size_t kHeader = 3;  // sums, blocks, further groups
constexpr size_t kAligned = 16;

using Group = std::array<int16_t, 4>;

/// Takes a part off pairs that are too large; what is left of the group. All zero: nothing was.
Group take_rest(Group& group) {
  Group rest{};
  for (size_t i = 0; i < group.size(); i += 2) {
    if (!is_large_pair(group[i], group[i + 1])) continue;
    for (size_t k = i; k < i + 2; ++k) {
      rest[k] = static_cast<int16_t>(group[k] / 2);
      group[k] = static_cast<int16_t>(group[k] - rest[k]);
    }
  }
  return rest;
}

int32_t bits_of(const Group& group, int64_t in_group) {
  std::array<std::byte, 4> bytes{};
  if (in_group == 4)
    for (size_t i = 0; i < 4; ++i) bytes[i] = static_cast<std::byte>(group[i]);
  else std::memcpy(bytes.data(), group.data(), 4);
  int32_t bits = 0;
  std::memcpy(&bits, bytes.data(), 4);
  return bits;
}

}  // namespace

Tensor IntegerWeights::packed(const IntegerPacking& packing, std::span<const int32_t> sums,
                              const Row& row) {
  std::vector<int32_t> starts, mores{0}, ids, data, rests, rest;
  std::vector<int16_t> values;
  const auto depth = static_cast<size_t>(packing.groups * packing.in_group);
  int64_t first = 0;
  for (const int64_t rows : packing.rows) {
    starts.push_back(static_cast<int32_t>(data.size()));
    values.assign(static_cast<size_t>(rows) * depth, 0);
    for (int64_t i = 0; i < rows; ++i)
      row(first + i, std::span(values).subspan(static_cast<size_t>(i) * depth, depth));
    rests.clear();
    for (int64_t g = 0; g < packing.groups; ++g) {
      rest.clear();
      bool parted = false;
      const auto at = static_cast<size_t>(g * packing.in_group);
      for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
        Group group{};
        std::copy_n(&values[i * depth + at], packing.in_group, group.begin());
        if (packing.splits) {
          rest.push_back(bits_of(take_rest(group), packing.in_group));
          parted |= rest.back() != 0;
        }
        data.push_back(bits_of(group, packing.in_group));
      }
      if (!parted) continue;
      ids.push_back(static_cast<int32_t>(g));
      rests.insert(rests.end(), rest.begin(), rest.end());
    }
    data.insert(data.end(), rests.begin(), rests.end());
    mores.push_back(static_cast<int32_t>(ids.size()));
    first += rows;
  }
  std::vector<int32_t> all{static_cast<int32_t>(sums.size()),
                           static_cast<int32_t>(packing.rows.size()),
                           static_cast<int32_t>(ids.size())};
  all.insert(all.end(), sums.begin(), sums.end());
  for (const std::vector<int32_t>* each : {&starts, &mores, &ids})
    all.insert(all.end(), each->begin(), each->end());
  all.resize((all.size() + kAligned - 1) / kAligned * kAligned);
  all.insert(all.end(), data.begin(), data.end());
  Tensor result(DType::i32, {std::ssize(all)});
  std::memcpy(result.mutable_bytes().data(), all.data(), all.size() * sizeof(int32_t));
  return result;
}

IntegerWeights::IntegerWeights(Tensor packed) : tensor_(std::move(packed)) {
  const auto* all = reinterpret_cast<const int32_t*>(tensor_.bytes().data());
  const auto count = static_cast<size_t>(all[0]), ids = static_cast<size_t>(all[2]);
  blocks_ = all[1];
  const auto blocks = static_cast<size_t>(blocks_);
  sums_ = all + kHeader;
  starts_ = sums_ + count;
  mores_ = starts_ + blocks;
  ids_ = mores_ + blocks + 1;
  const size_t head = kHeader + count + 2 * blocks + 1 + ids;
  data_ = all + (head + kAligned - 1) / kAligned * kAligned;
}

std::span<const int32_t> IntegerWeights::more() const {
  return {ids_, static_cast<size_t>(mores_[blocks_])};
}

}  // namespace hone::cpu
