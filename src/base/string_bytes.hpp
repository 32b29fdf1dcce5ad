#pragma once
// Strings as bytes of a file: the length of each, 32 bits little-endian, then all characters.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hone {

/// Error(unsupported) for a string of 4 GiB and more.
std::vector<std::byte> string_bytes(std::span<const std::string> strings);

/// `count` strings from the start of `bytes`; nullopt: there are fewer.
std::optional<std::vector<std::string>> read_string_bytes(std::span<const std::byte> bytes,
                                                          int64_t count);

}  // namespace hone
