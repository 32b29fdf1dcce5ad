#include "base/string_bytes.hpp"

#include <limits>

#include "base/error.hpp"

namespace hone {
namespace {

constexpr size_t kLength = 4;  // bytes

}  // namespace

std::vector<std::byte> string_bytes(std::span<const std::string> strings) {
  std::vector<std::byte> bytes;
  for (const std::string& each : strings) {
    check(each.size() <= std::numeric_limits<uint32_t>::max(), Code::unsupported, "a string of ",
          each.size(), " bytes");
    for (size_t i = 0; i < kLength; ++i)
      bytes.push_back(static_cast<std::byte>(each.size() >> (8 * i)));
  }
  for (const std::string& each : strings) {
    const auto characters = std::as_bytes(std::span(each));
    bytes.insert(bytes.end(), characters.begin(), characters.end());
  }
  return bytes;
}

std::optional<std::vector<std::string>> read_string_bytes(std::span<const std::byte> bytes,
                                                          int64_t count) {
  if (count < 0 || static_cast<uint64_t>(count) > bytes.size() / kLength) return std::nullopt;
  auto rest = bytes.subspan(static_cast<size_t>(count) * kLength);
  std::vector<std::string> strings;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    size_t length = 0;
    for (size_t k = 0; k < kLength; ++k)
      length |= std::to_integer<size_t>(bytes[i * kLength + k]) << (8 * k);
    if (length > rest.size()) return std::nullopt;
    strings.emplace_back(reinterpret_cast<const char*>(rest.data()), length);
    rest = rest.subspan(length);
  }
  return strings;
}

}  // namespace hone
