#pragma once
// Pictures: JPEG and PNG files as 8-bit RGB, and what a classifier's preprocessing does to them.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace hone {

/// Rows from the top, pixels from the left, red, green and blue of each.
struct Image {
  int64_t width = 0, height = 0;
  std::vector<uint8_t> pixels;  // 3 * width * height
};

/// Pictures of more pixels are refused before memory is taken for them.
inline constexpr int64_t kMostPixels = int64_t{64} << 20;

/// The bytes begin as a JPEG or PNG file does.
bool is_image(std::span<const std::byte> bytes);
/// Grey and palettes become RGB, transparency is dropped, orientation tags are ignored.
/// Error(usage) with `name` for what is damaged, too large or of no known format.
Image decode_image(std::span<const std::byte> bytes, std::string_view name);
/// The same of a file; Error(io) when it cannot be read.
Image read_image(const std::filesystem::path& path);

/// Linear interpolation; where it shrinks, over all pixels that a new one covers (as Pillow's
/// BILINEAR, to within 1). width, height >= 1.
Image resize(const Image& image, int64_t width, int64_t height);
/// The middle of the picture. Error(usage) when the picture is smaller.
Image crop_centre(const Image& image, int64_t width, int64_t height);

}  // namespace hone
