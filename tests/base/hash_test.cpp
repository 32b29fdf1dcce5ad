#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/text.hpp"

namespace hone::hash_test {

TEST(Hash, IsXxh3OfTheBytes) {
  // The published XXH3-128 of nothing: a change of algorithm would orphan every stored engine.
  EXPECT_EQ(cat(hash_text("")), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(hash_text("a"), hash_text("b"));
  EXPECT_EQ(hash_text("abc"), hash_bytes(std::as_bytes(std::span("abc", 3))));
}

TEST(Hash, PrintsAndParses) {
  const Hash hash{0x0123456789abcdef, 0x00000000000000ff};
  EXPECT_EQ(cat(hash), "0123456789abcdef00000000000000ff");
  EXPECT_EQ(parse_hash(cat(hash)), hash);
  EXPECT_FALSE(parse_hash("0123"));
  EXPECT_FALSE(parse_hash("0123456789ABCDEF00000000000000ff"));
  EXPECT_FALSE(parse_hash("-123456789abcdef00000000000000ff"));
}

TEST(Hash, StreamsToTheSameResult) {
  std::vector<std::byte> bytes(100000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 131 >> 3);
  Hasher hasher;
  for (size_t at = 0, step = 1; at < bytes.size(); at += step, step = step * 3 % 7001)
    hasher.add(std::span(bytes).subspan(at, std::min(step, bytes.size() - at)));
  EXPECT_EQ(hasher.digest(), hash_bytes(bytes));
}

TEST(Hash, TextIsDelimited) {
  Hasher split_early, split_late;
  split_early.add("a"), split_early.add("bc");
  split_late.add("ab"), split_late.add("c");
  EXPECT_NE(split_early.digest(), split_late.digest());
}

}  // namespace hone::hash_test
