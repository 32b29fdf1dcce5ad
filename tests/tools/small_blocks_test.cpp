// The tool's operator new: blocks do not overlap, threads may give back what others took, and what
// one size gave back serves another one.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Block {
  unsigned char* bytes;
  size_t size;
  unsigned char mark;
};

Block taken(size_t size, unsigned char mark) {
  auto* bytes = static_cast<unsigned char*>(operator new(size));
  std::memset(bytes, mark, size);
  return {bytes, size, mark};
}

/// Whether all bytes are as they were written.
bool give_back(const Block& block) {
  const bool good = std::all_of(block.bytes, block.bytes + block.size,
                                [&](unsigned char byte) { return byte == block.mark; });
  operator delete(block.bytes);
  return good;
}

TEST(SmallBlocks, DoNotOverlap) {
  std::mt19937 random(1);
  std::vector<Block> blocks;
  size_t spoiled = 0;
  for (int turn = 0; turn < 300'000; ++turn) {
    const size_t size = random() % 700;  // 0 and large ones, too
    blocks.push_back(taken(size, static_cast<unsigned char>(turn)));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks.back().bytes) % 16, 0u);
    if (random() % 3 == 0) continue;
    std::swap(blocks[random() % blocks.size()], blocks.back());
    spoiled += !give_back(blocks.back());
    blocks.pop_back();
  }
  for (const Block& block : blocks) spoiled += !give_back(block);
  EXPECT_EQ(spoiled, 0u);
}

TEST(SmallBlocks, AreGivenBackByOtherThreads) {
  std::vector<Block> blocks;
  size_t spoiled = 0;
  for (int turn = 0; turn < 40; ++turn) {
    std::thread([&] {
      for (const Block& block : blocks) spoiled += !give_back(block);
      blocks.clear();
      for (size_t i = 0; i < 5'000; ++i)
        blocks.push_back(taken(1 + (i * 37) % 512, static_cast<unsigned char>(i + size_t(turn))));
    }).join();
  }
  for (const Block& block : blocks) spoiled += !give_back(block);
  EXPECT_EQ(spoiled, 0u);
}

TEST(SmallBlocks, ServeAnotherSizeWhenAllOfThemAreBack) {
  constexpr size_t kBytes = size_t{200} << 20;
  const auto peak = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<size_t>(usage.ru_maxrss) << 10;
  };
  const auto fill = [&](size_t size) {
    std::vector<Block> blocks;
    blocks.reserve(kBytes / size);
    for (size_t i = 0; i < kBytes / size; ++i) blocks.push_back(taken(size, 7));
    for (const Block& block : blocks) operator delete(block.bytes);
  };
  fill(208);
  const size_t once = peak();
  for (const size_t size : {64, 112, 480}) fill(size);
  // A sweep comes when an eighth more was taken; the list of blocks counts, too.
  EXPECT_LT(peak(), once + kBytes / 2);
}

}  // namespace
