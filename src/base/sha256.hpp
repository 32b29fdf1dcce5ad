#pragma once
// SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104): who has the key wrote these bytes.

#include <array>
#include <cstddef>
#include <span>

namespace hone {

using Sha256 = std::array<std::byte, 32>;

Sha256 sha256(std::span<const std::byte> bytes);
Sha256 hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> bytes);
/// In a time that does not tell where they differ.
bool is_same(const Sha256& a, const Sha256& b);

}  // namespace hone
