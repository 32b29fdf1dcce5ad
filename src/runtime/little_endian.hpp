#pragma once
// Integers as bytes, the lowest first.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/hash.hpp"

namespace hone {

template <class T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>((value >> (8 * i)) & 0xff);
}
inline void put(std::string& out, const Hash& hash) {
  put(out, hash.low);
  put(out, hash.high);
}

/// `bytes` has at least sizeof(T) of them from `at` on.
template <class T>
T get(std::span<const std::byte> bytes, size_t at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value |
                           (static_cast<T>(std::to_integer<uint8_t>(bytes[at + i])) << (8 * i)));
  return value;
}
inline Hash get_hash(std::span<const std::byte> bytes, size_t at) {
  return {get<uint64_t>(bytes, at + 8), get<uint64_t>(bytes, at)};
}

}  // namespace hone
