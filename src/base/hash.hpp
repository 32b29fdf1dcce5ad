#pragma once
// Content hashes (XXH3, 128 bits): for identity and damage, not against malice.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hone {

struct Hash {
  uint64_t high = 0, low = 0;
  auto operator<=>(const Hash&) const = default;
};

Hash hash_bytes(std::span<const std::byte> bytes);
Hash hash_text(std::string_view text);
void append(std::string& out, const Hash& hash);  // 32 hex digits
std::optional<Hash> parse_hash(std::string_view text);

/// Streaming form: the same result as hash_bytes of everything added.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);  // length, then bytes
  void add(uint64_t value);
  Hash digest() const;

 private:
  void* state_;
};

}  // namespace hone
