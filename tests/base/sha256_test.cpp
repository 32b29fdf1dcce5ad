// The examples of FIPS 180-4 and RFC 4231, and lengths around a block's.

#include "base/sha256.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hone::test::sha256_test {

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string hex(const Sha256& digest) {
  std::string text;
  for (const std::byte each : digest) {
    text += "0123456789abcdef"[std::to_integer<int>(each) >> 4];
    text += "0123456789abcdef"[std::to_integer<int>(each) & 15];
  }
  return text;
}

TEST(Sha256, GivesTheStandardsExamples) {
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(as_bytes(std::string(1000000, 'a')))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, HmacGivesTheStandardsExamples) {
  EXPECT_EQ(hex(hmac_sha256(as_bytes(std::string(20, '\x0b')), as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(as_bytes(std::string(131, '\xaa')),
                            as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Sha256, ComparesAllBytes) {
  const Sha256 one = sha256(as_bytes("one"));
  for (size_t i = 0; i < one.size(); ++i) {
    Sha256 other = one;
    EXPECT_TRUE(is_same(one, other));
    other[i] ^= std::byte{1};
    EXPECT_FALSE(is_same(one, other)) << i;
  }
}

}  // namespace hone::test::sha256_test
