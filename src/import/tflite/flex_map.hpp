#pragma once
// Options of custom operators: a map of names to numbers in a flexbuffer.
// (Source: flatbuffers.dev, "FlexBuffers".)

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace hone::tflite {

class FlexMap {
 public:
  /// Reads entries that are numbers or booleans; others are left out. No bytes: an empty map.
  /// Error(invalid_model): offsets that lead outside, or a root that is no map.
  explicit FlexMap(std::span<const std::byte> bytes);

  double number(std::string_view name, double otherwise) const;

 private:
  std::map<std::string, double, std::less<>> numbers_;
};

}  // namespace hone::tflite
