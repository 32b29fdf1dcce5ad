#pragma once
// A zip archive of stored entries, in memory.

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hone::test {

inline void put_bytes(std::string& bytes, uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
}

/// What the local header and the directory say alike: version, flags, method, time, checksum,
/// sizes, the name's length, no more.
inline void put_zip_fields(std::string& bytes, const std::string& name,
                           const std::string& contents) {
  const auto* data = reinterpret_cast<const Bytef*>(contents.data());
  put_bytes(bytes, 20, 2), put_bytes(bytes, 0, 2), put_bytes(bytes, 0, 2);
  put_bytes(bytes, 0x00210000, 4);
  put_bytes(bytes, ::crc32(0, data, static_cast<uInt>(contents.size())), 4);
  put_bytes(bytes, contents.size(), 4), put_bytes(bytes, contents.size(), 4);
  put_bytes(bytes, name.size(), 2), put_bytes(bytes, 0, 2);
}

inline std::string zip_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string bytes, directory;
  for (const auto& [name, contents] : entries) {
    const size_t at = bytes.size();
    put_bytes(bytes, 0x04034b50, 4);
    put_zip_fields(bytes, name, contents);
    bytes += name + contents;
    put_bytes(directory, 0x02014b50, 4), put_bytes(directory, 20, 2);
    put_zip_fields(directory, name, contents);
    for (int i = 0; i < 3; ++i) put_bytes(directory, 0, 2);
    put_bytes(directory, 0, 4), put_bytes(directory, at, 4);
    directory += name;
  }
  const size_t start = bytes.size();
  bytes += directory;
  put_bytes(bytes, 0x06054b50, 4), put_bytes(bytes, 0, 4);
  put_bytes(bytes, entries.size(), 2), put_bytes(bytes, entries.size(), 2);
  put_bytes(bytes, directory.size(), 4), put_bytes(bytes, start, 4), put_bytes(bytes, 0, 2);
  return bytes;
}

}  // namespace hone::test
