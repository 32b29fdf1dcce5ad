#include "base/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <new>

#include <xxhash.h>  // XXH_INLINE_ALL is set by src/CMakeLists.txt: no library to link

namespace hone {
namespace {

static_assert(std::endian::native == std::endian::little);

Hash from_xxh(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

XXH3_state_t* state_of(void* state) { return static_cast<XXH3_state_t*>(state); }

}  // namespace

Hash hash_bytes(std::span<const std::byte> bytes) {
  return from_xxh(XXH3_128bits(bytes.data(), bytes.size()));
}

Hash hash_text(std::string_view text) { return from_xxh(XXH3_128bits(text.data(), text.size())); }

void append(std::string& out, const Hash& hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const uint64_t half : {hash.high, hash.low})
    for (int shift = 60; shift >= 0; shift -= 4) out += kDigits[(half >> shift) & 15];
}

std::optional<Hash> parse_hash(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 32 || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  Hash hash;
  std::from_chars(text.data(), text.data() + 16, hash.high, 16);
  std::from_chars(text.data() + 16, text.data() + 32, hash.low, 16);
  return hash;
}

Hasher::Hasher() : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(state_of(state_));
}

Hasher::~Hasher() { XXH3_freeState(state_of(state_)); }

void Hasher::add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_of(state_), bytes.data(), bytes.size());
}

void Hasher::add(std::string_view text) {
  add(static_cast<uint64_t>(text.size()));
  add(std::as_bytes(std::span(text)));
}

void Hasher::add(uint64_t value) {
  const auto bytes = std::bit_cast<std::array<std::byte, sizeof value>>(value);
  add(std::span<const std::byte>(bytes));
}

Hash Hasher::digest() const { return from_xxh(XXH3_128bits_digest(state_of(state_))); }

}  // namespace hone
