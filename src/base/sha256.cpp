#include "base/sha256.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace hone {
namespace {

constexpr size_t kBlock = 64;

struct Constants {
  std::array<uint32_t, 8> start;
  std::array<uint32_t, 64> rounds;
};

/// The first 32 bits behind the point of the square and cube roots of the first primes: computed,
/// so that there is no table to mistype. A double has 16 bits more than are wanted.
Constants computed() {
  const auto bits = [](double root) {
    return static_cast<uint32_t>((root - std::floor(root)) * 4294967296.0);
  };
  Constants made{};
  size_t count = 0;
  for (int number = 2; count < made.rounds.size(); ++number) {
    bool is_prime = true;
    for (int by = 2; by * by <= number; ++by) is_prime &= number % by != 0;
    if (!is_prime) continue;
    if (count < made.start.size()) made.start[count] = bits(std::sqrt(double(number)));
    made.rounds[count++] = bits(std::cbrt(double(number)));
  }
  return made;
}

const Constants& constants() {
  static const Constants kConstants = computed();
  return kConstants;
}

void add_block(std::array<uint32_t, 8>& state, const std::byte* block) {
  std::array<uint32_t, 64> words;
  for (size_t i = 0; i < 16; ++i) {
    words[i] = 0;
    for (size_t byte = 0; byte < 4; ++byte)
      words[i] = words[i] << 8 | std::to_integer<uint32_t>(block[4 * i + byte]);
  }
  for (size_t i = 16; i < 64; ++i) {
    const uint32_t a = words[i - 15], b = words[i - 2];
    words[i] = words[i - 16] + words[i - 7] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ (a >> 3)) +
               (std::rotr(b, 17) ^ std::rotr(b, 19) ^ (b >> 10));
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (size_t i = 0; i < 64; ++i) {
    const uint32_t first = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) +
                           ((e & f) ^ (~e & g)) + constants().rounds[i] + words[i];
    const uint32_t second =
        (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + first;
    d = c, c = b, b = a, a = first + second;
  }
  const std::array<uint32_t, 8> added{a, b, c, d, e, f, g, h};
  for (size_t i = 0; i < state.size(); ++i) state[i] += added[i];
}

}  // namespace

Sha256 sha256(std::span<const std::byte> bytes) {
  std::array<uint32_t, 8> state = constants().start;
  const size_t whole = bytes.size() / kBlock * kBlock;
  for (size_t at = 0; at < whole; at += kBlock) add_block(state, bytes.data() + at);
  std::array<std::byte, 2 * kBlock> last{};
  const size_t left = bytes.size() - whole;
  std::ranges::copy(bytes.subspan(whole), last.begin());
  last[left] = std::byte{0x80};
  const size_t length = left + 9 <= kBlock ? kBlock : 2 * kBlock;
  for (size_t i = 0; i < 8; ++i)
    last[length - 1 - i] = static_cast<std::byte>(uint64_t{8} * bytes.size() >> (8 * i));
  for (size_t at = 0; at < length; at += kBlock) add_block(state, last.data() + at);
  Sha256 digest;
  for (size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<std::byte>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

Sha256 hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> bytes) {
  std::array<std::byte, kBlock> block{};
  if (key.size() > kBlock) std::ranges::copy(sha256(key), block.begin());
  else std::ranges::copy(key, block.begin());
  const auto with = [&](std::byte pad, std::span<const std::byte> more) {
    std::vector<std::byte> all;
    all.reserve(kBlock + more.size());
    for (const std::byte each : block) all.push_back(each ^ pad);
    all.insert(all.end(), more.begin(), more.end());
    return sha256(all);
  };
  return with(std::byte{0x5c}, with(std::byte{0x36}, bytes));
}

bool is_same(const Sha256& a, const Sha256& b) {
  std::byte differs{0};
  for (size_t i = 0; i < a.size(); ++i) differs |= a[i] ^ b[i];
  return differs == std::byte{0};
}

}  // namespace hone
