#include "import/tflite/flex_map.hpp"

#include <cstring>

#include "base/error.hpp"

namespace hone::tflite {
namespace {

// Types of values, two bits of width below them in a packed type.
constexpr uint64_t kInt = 1, kUint = 2, kFloat = 3, kMap = 9, kBool = 26;

class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}

  /// Error(invalid_model) where [at, at + width) is not inside.
  uint64_t load(uint64_t at, uint64_t width) const {
    check(at < bytes_.size() && width <= bytes_.size() - at, Code::invalid_model,
          "options that lead outside of themselves");
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + at, static_cast<size_t>(width));
    return value;
  }
  /// Where the offset that lies at `at` leads to: backwards.
  uint64_t target(uint64_t at, uint64_t width) const {
    const uint64_t back = load(at, width);
    check(back <= at, Code::invalid_model, "options that lead outside of themselves");
    return at - back;
  }
  std::string text(uint64_t at) const {
    std::string found;
    while (const auto next = static_cast<char>(load(at, 1))) found += next, ++at;
    return found;
  }
  double number(uint64_t at, uint64_t width, uint64_t type) const {
    const uint64_t value = load(at, width);
    if (type == kUint || type == kBool) return static_cast<double>(value);
    if (type == kInt) {
      const uint64_t unused = 64 - 8 * width;
      return static_cast<double>(static_cast<int64_t>(value << unused) >> unused);
    }
    check(width >= 4, Code::unsupported, "options that are floats of ", width, " bytes");
    if (width == 8) {
      double real = 0;
      std::memcpy(&real, &value, 8);
      return real;
    }
    float real = 0;
    std::memcpy(&real, &value, 4);
    return double{real};
  }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace

FlexMap::FlexMap(std::span<const std::byte> given) {
  if (given.empty()) return;
  const Bytes bytes(given);
  const uint64_t size = given.size();
  check(size >= 3, Code::invalid_model, "options of ", size, " bytes");
  const uint64_t width = bytes.load(size - 1, 1), packed = bytes.load(size - 2, 1);
  check(width == 1 || width == 2 || width == 4 || width == 8, Code::invalid_model,
        "options of elements of ", width, " bytes");
  check(packed >> 2 == kMap && size >= 2 + width, Code::invalid_model, "options that are no map");
  const uint64_t each = uint64_t{1} << (packed & 3);  // bytes of an element of the map
  const uint64_t first = bytes.target(size - 2 - width, width);
  check(first >= 3 * each, Code::invalid_model, "options that lead outside of themselves");
  const uint64_t count = bytes.load(first - each, each);
  const uint64_t key_width = bytes.load(first - 2 * each, each);
  const uint64_t keys = bytes.target(first - 3 * each, each);
  check(count <= size && key_width >= 1 && key_width <= 8, Code::invalid_model, "a map of ", count,
        " entries");
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t type = bytes.load(first + count * each + i, 1) >> 2;
    if (type != kInt && type != kUint && type != kFloat && type != kBool) continue;
    numbers_[bytes.text(bytes.target(keys + i * key_width, key_width))] =
        bytes.number(first + i * each, each, type);
  }
}

double FlexMap::number(std::string_view name, double otherwise) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? otherwise : found->second;
}

}  // namespace hone::tflite
