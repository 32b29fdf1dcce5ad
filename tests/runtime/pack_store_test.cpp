// Packed weights: made once, whatever they lie in.

#include "runtime/packs.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "device/problem.hpp"

namespace hone::pack_store_test {

Tensor copy(const Problem&, const Tuning&, const Tensor& weight) { return weight.clone(); }

Tensor numbered(int64_t count, int first) {
  Tensor tensor(DType::i32, {count});
  auto* to = reinterpret_cast<int32_t*>(tensor.mutable_bytes().data());
  for (int64_t i = 0; i < count; ++i) to[i] = first + static_cast<int32_t>(i);
  return tensor;
}

Tensor packed_of(PackStore& store, const Device& device, const Tensor& weight) {
  Problem problem;
  problem.weights = {Weight::of(weight)};
  return store.pack(device, problem, {}, {0, "copy", copy});
}

/// Small ones, some that lie together in several blocks, and large ones.
TEST(PackStore, HasContentsWhereverTheyLie) {
  const auto device = open_device("cpu");
  PackStore store;
  std::vector<Tensor> weights, packed;
  for (const int64_t count :
       {1, 1000, 16'384, 16'385, 900'000, 1'000'000, 999'999, 1'100'000, 20'000})
    weights.push_back(numbered(count, static_cast<int>(weights.size()) * 1000));
  for (const Tensor& weight : weights) packed.push_back(packed_of(store, *device, weight));
  int64_t bytes = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto wanted = weights[i].bytes(), found = packed[i].bytes();
    ASSERT_EQ(found.size(), wanted.size());
    EXPECT_EQ(std::memcmp(found.data(), wanted.data(), wanted.size()), 0) << i;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(found.data()) % kBufferAlignment, 0U) << i;
    EXPECT_EQ(packed_of(store, *device, weights[i]).bytes().data(), found.data()) << i;
    bytes += static_cast<int64_t>(wanted.size());
  }
  EXPECT_EQ(store.bytes(), bytes);
  packed.erase(packed.begin() + 4, packed.end());
  EXPECT_EQ(std::memcmp(packed[3].bytes().data(), weights[3].bytes().data(), 4 * 16'385), 0);
  packed.clear();
  EXPECT_EQ(store.bytes(), 0);
}

/// Two of 64 KiB follow one another: one large page has both.
TEST(PackStore, PutsThoseOfMiddleSizeTogether) {
  const auto device = open_device("cpu");
  PackStore store;
  const Tensor first = packed_of(store, *device, numbered(16'384, 0));
  const Tensor second = packed_of(store, *device, numbered(16'384, 1));
  EXPECT_EQ(second.bytes().data() - first.bytes().data(), 65'536);
}

}  // namespace hone::pack_store_test
