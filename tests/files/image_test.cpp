// Pictures: decoding, damage, resizing, cropping.

#include "files/image.hpp"

#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <string>

// After <cstdio>, which it needs.
#include <jpeglib.h>

#include "base/error.hpp"
#include "support/refusal.hpp"

namespace hone::test::image_test {

std::vector<uint8_t> gradient(int64_t width, int64_t height) {
  std::vector<uint8_t> pixels;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (const int64_t value : {x * 5, y * 7, x + y})
        pixels.push_back(static_cast<uint8_t>(value % 256));
  return pixels;
}

std::string png(const std::vector<uint8_t>& pixels, uint32_t width, uint32_t height,
                uint32_t format) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  std::string bytes(size_t{1} << 20, '\0');
  png_alloc_size_t size = bytes.size();
  EXPECT_NE(png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr),
            0);
  bytes.resize(size);
  return bytes;
}

std::string jpeg(std::vector<uint8_t> pixels, uint32_t width, uint32_t height) {
  jpeg_compress_struct state{};
  jpeg_error_mgr errors{};
  state.err = jpeg_std_error(&errors);
  jpeg_create_compress(&state);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&state, &data, &size);
  state.image_width = width;
  state.image_height = height;
  state.input_components = 3;
  state.in_color_space = JCS_RGB;
  jpeg_set_defaults(&state);
  jpeg_set_quality(&state, 95, TRUE);
  jpeg_start_compress(&state, TRUE);
  while (state.next_scanline < height) {
    unsigned char* row = pixels.data() + size_t{3} * width * state.next_scanline;
    jpeg_write_scanlines(&state, &row, 1);
  }
  jpeg_finish_compress(&state);
  std::string bytes(reinterpret_cast<const char*>(data), size);
  jpeg_destroy_compress(&state);
  std::free(data);
  return bytes;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string refusal(std::string_view bytes) {
  try {
    decode_image(bytes_of(bytes), "a.pic");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::usage);
    return error.message();
  }
  return "";
}

TEST(Image, PngIsExact) {
  const std::vector<uint8_t> pixels = gradient(37, 21);
  const Image image = decode_image(bytes_of(png(pixels, 37, 21, PNG_FORMAT_RGB)), "a.png");
  EXPECT_EQ(image.width, 37);
  EXPECT_EQ(image.height, 21);
  EXPECT_EQ(image.pixels, pixels);
}

TEST(Image, GreyBecomesRgbAndTransparencyGoes) {
  const Image grey = decode_image(bytes_of(png({0, 100, 255, 7}, 2, 2, PNG_FORMAT_GRAY)), "g.png");
  EXPECT_EQ(grey.pixels, (std::vector<uint8_t>{0, 0, 0, 100, 100, 100, 255, 255, 255, 7, 7, 7}));
  const Image clear = decode_image(bytes_of(png({9, 8, 7, 128}, 1, 1, PNG_FORMAT_RGBA)), "c.png");
  EXPECT_EQ(clear.pixels, (std::vector<uint8_t>{9, 8, 7}));
}

TEST(Image, JpegIsClose) {
  const std::vector<uint8_t> pixels = gradient(40, 30);
  const Image image = decode_image(bytes_of(jpeg(pixels, 40, 30)), "a.jpg");
  ASSERT_EQ(image.pixels.size(), pixels.size());
  double apart = 0;
  for (size_t i = 0; i < pixels.size(); ++i) apart += std::abs(image.pixels[i] - pixels[i]);
  EXPECT_LT(apart / static_cast<double>(pixels.size()), 4);
}

TEST(Image, DamageIsRefused) {
  EXPECT_EQ(refusal("GIF89a..........."), "a.pic is neither a JPEG nor a PNG file");
  const std::string whole[] = {png(gradient(37, 21), 37, 21, PNG_FORMAT_RGB),
                               jpeg(gradient(40, 30), 40, 30)};
  for (const std::string& file : whole) {
    EXPECT_EQ(refusal(file), "");
    for (size_t cut = 0; cut + 20 < file.size(); cut += 13)
      EXPECT_NE(refusal(std::string_view(file).substr(0, cut)), "") << "cut at " << cut;
  }
}

TEST(Image, HugePicturesAreRefusedBeforeMemoryIsTaken) {
  std::string file = png(gradient(2, 2), 2, 2, PNG_FORMAT_RGB);
  const std::array<unsigned char, 8> sizes{0, 1, 0, 0, 0, 1, 0, 0};  // 65,536 x 65,536
  std::memcpy(file.data() + 16, sizes.data(), 8);
  const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(file.data() + 12), 17);
  for (int i = 0; i < 4; ++i)
    file[static_cast<size_t>(29 + i)] = static_cast<char>(sum >> (24 - 8 * i));
  EXPECT_EQ(refusal(file), "a.pic is 65536 x 65536 pixels; at most 67108864 pixels are read");
}

TEST(Image, ResizeMixesWhatItCovers) {
  const Image row{4, 1, {0, 0, 0, 100, 100, 100, 200, 200, 200, 40, 40, 40}};
  // Triangles that reach two pixels to either side: weights 3:3:1 and 1:3:3.
  const Image half = resize(row, 2, 1);
  EXPECT_EQ(half.pixels, (std::vector<uint8_t>{71, 71, 71, 117, 117, 117}));
  const Image same{1, 1, {9, 90, 200}};
  const Image large = resize(same, 5, 3);
  for (size_t i = 0; i < large.pixels.size(); ++i) EXPECT_EQ(large.pixels[i], same.pixels[i % 3]);
  const Image flat{50, 40, std::vector<uint8_t>(6000, 77)};
  EXPECT_EQ(resize(flat, 7, 90).pixels, std::vector<uint8_t>(7 * 90 * 3, 77));
  EXPECT_EQ(resize(flat, 50, 40).pixels, flat.pixels);
}

TEST(Image, CropTakesTheMiddle) {
  const Image image{4, 4, gradient(4, 4)};
  const Image middle = crop_centre(image, 2, 2);
  EXPECT_EQ(middle.pixels, (std::vector<uint8_t>{5, 7, 2, 10, 7, 3, 5, 14, 3, 10, 14, 4}));
  EXPECT_EQ(refusal_of([&] { (void)crop_centre(image, 5, 2); }),
            "usage: an image of 4x4 cannot be cropped to 5x2");
}

}  // namespace hone::test::image_test
