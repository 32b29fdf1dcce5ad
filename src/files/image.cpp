#include "files/image.hpp"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it
#include <cstring>
#include <string>

// These two come after what they need.
#include <jpeglib.h>
#include <png.h>

#include "base/error.hpp"
#include "base/file.hpp"

namespace hone {
namespace {

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

bool is_jpeg(std::span<const std::byte> bytes) {
  return bytes.size() > 3 && std::memcmp(bytes.data(), "\xff\xd8\xff", 3) == 0;
}

bool is_png(std::span<const std::byte> bytes) {
  return bytes.size() > 8 && std::memcmp(bytes.data(), "\x89PNG\r\n\x1a\n", 8) == 0;
}

Image make_image(int64_t width, int64_t height, std::string_view name) {
  check(width > 0 && height > 0 && width <= kMostPixels / height, Code::usage, name, " is ", width,
        " x ", height, " pixels; at most ", kMostPixels, " pixels are read");
  Image image{width, height, {}};
  image.pixels.resize(static_cast<size_t>(3 * width * height));
  return image;
}

/// libjpeg reports errors by a call that must not return. The functions that set the jump hold
/// nothing with a destructor, so that jumping over them loses nothing.
class JpegReader {
 public:
  JpegReader() {
    state_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = [](j_common_ptr state) {
      auto* errors = reinterpret_cast<Errors*>(state->err);
      state->err->format_message(state, errors->text);
      std::longjmp(errors->jump, 1);
    };
    errors_.base.emit_message = [](j_common_ptr state, int level) {
      auto* errors = reinterpret_cast<Errors*>(state->err);
      if (level < 0 && state->err->num_warnings++ == 0)  // the first says most
        state->err->format_message(state, errors->text);
    };
    jpeg_create_decompress(&state_);
  }
  ~JpegReader() { jpeg_destroy_decompress(&state_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header(const unsigned char* data, size_t size) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_mem_src(&state_, data, static_cast<unsigned long>(size));
    jpeg_read_header(&state_, TRUE);
    state_.out_color_space = JCS_RGB;
    state_.dct_method = JDCT_ISLOW;
    return true;
  }
  int64_t width() const { return state_.image_width; }
  int64_t height() const { return state_.image_height; }

  bool read_rows(unsigned char* pixels) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&state_);
    while (state_.output_scanline < state_.output_height) {
      unsigned char* row = pixels + size_t{3} * state_.output_width * state_.output_scanline;
      jpeg_read_scanlines(&state_, &row, 1);
    }
    jpeg_finish_decompress(&state_);
    return true;
  }
  /// Data that is cut short is only worth a warning to libjpeg, the rest of the picture is grey.
  bool damaged() const { return errors_.base.num_warnings != 0; }
  const char* message() const { return errors_.text; }

 private:
  struct Errors {
    jpeg_error_mgr base;  // first: libjpeg knows this part
    std::jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
  };
  jpeg_decompress_struct state_{};
  Errors errors_{};
};

Image decode_jpeg(std::span<const std::byte> bytes, std::string_view name) {
  JpegReader reader;
  check(reader.read_header(raw(bytes), bytes.size()), Code::usage, name,
        " is no sound JPEG file: ", reader.message());
  Image image = make_image(reader.width(), reader.height(), name);
  const bool read = reader.read_rows(image.pixels.data());
  check(read && !reader.damaged(), Code::usage, name, " is no sound JPEG file: ", reader.message());
  return image;
}

Image decode_png(std::span<const std::byte> bytes, std::string_view name) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  const struct Free {
    png_image& image;
    ~Free() { png_image_free(&image); }
  } free{header};
  const auto sound = [&](int result) {
    check(result != 0 && (header.warning_or_error & PNG_IMAGE_ERROR) == 0, Code::usage, name,
          " is no sound PNG file: ", header.message);
  };
  sound(png_image_begin_read_from_memory(&header, bytes.data(), bytes.size()));
  Image image = make_image(header.width, header.height, name);
  header.format = PNG_FORMAT_RGBA;  // with alpha, else libpng would blend with a background
  std::vector<uint8_t> pixels(image.pixels.size() / 3 * 4);
  sound(png_image_finish_read(&header, nullptr, pixels.data(), 0, nullptr));
  for (size_t i = 0; i < pixels.size() / 4; ++i)
    std::memcpy(image.pixels.data() + 3 * i, pixels.data() + 4 * i, 3);
  return image;
}

/// Which old elements make a new one, and how much of each.
struct Mix {
  int64_t first = 0;
  std::vector<double> weights;
};

std::vector<Mix> mixes(int64_t from, int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(1.0, scale);
  std::vector<Mix> made;
  for (int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(centre - reach + 0.5));
    const auto end = std::min<int64_t>(from, static_cast<int64_t>(centre + reach + 0.5));
    Mix mix{first, {}};
    double sum = 0;
    for (int64_t x = first; x < end; ++x) {
      const double apart = std::abs((static_cast<double>(x) + 0.5 - centre) / reach);
      mix.weights.push_back(std::max(0.0, 1 - apart));
      sum += mix.weights.back();
    }
    for (double& weight : mix.weights) weight /= sum;
    made.push_back(std::move(mix));
  }
  return made;
}

/// One direction: `lines` lines of `from` pixels; a pixel lies `step` bytes after the one before, a
/// line `line_step` bytes.
void mix_lines(const std::vector<Mix>& mixed, const uint8_t* in, size_t in_line, size_t in_step,
               uint8_t* out, size_t out_line, size_t out_step, int64_t lines) {
  for (int64_t line = 0; line < lines; ++line) {
    const uint8_t* from = in + static_cast<size_t>(line) * in_line;
    uint8_t* to = out + static_cast<size_t>(line) * out_line;
    for (const Mix& mix : mixed) {
      double sums[3] = {0.5, 0.5, 0.5};  // to round
      const uint8_t* at = from + static_cast<size_t>(mix.first) * in_step;
      for (const double weight : mix.weights) {
        for (int c = 0; c < 3; ++c) sums[c] += weight * at[c];
        at += in_step;
      }
      for (int c = 0; c < 3; ++c) to[c] = static_cast<uint8_t>(std::min(sums[c], 255.0));
      to += out_step;
    }
  }
}

}  // namespace

bool is_image(std::span<const std::byte> bytes) { return is_jpeg(bytes) || is_png(bytes); }

Image decode_image(std::span<const std::byte> bytes, std::string_view name) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, name);
  check(is_png(bytes), Code::usage, name, " is neither a JPEG nor a PNG file");
  return decode_png(bytes, name);
}

Image read_image(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return decode_image(file->bytes(), path.filename().string());
}

Image resize(const Image& image, int64_t width, int64_t height) {
  if (width == image.width && height == image.height) return image;
  Image wide = make_image(width, image.height, "a resized image");
  const auto old_row = static_cast<size_t>(3 * image.width), row = static_cast<size_t>(3 * width);
  mix_lines(mixes(image.width, width), image.pixels.data(), old_row, 3, wide.pixels.data(), row, 3,
            image.height);
  if (height == image.height) return wide;
  Image made = make_image(width, height, "a resized image");
  mix_lines(mixes(image.height, height), wide.pixels.data(), 3, row, made.pixels.data(), 3, row,
            width);
  return made;
}

Image crop_centre(const Image& image, int64_t width, int64_t height) {
  check(width <= image.width && height <= image.height, Code::usage, "an image of ", image.width,
        "x", image.height, " cannot be cropped to ", width, "x", height);
  Image made = make_image(width, height, "a cropped image");
  const int64_t left = (image.width - width) / 2, top = (image.height - height) / 2;
  for (int64_t y = 0; y < height; ++y)
    std::memcpy(made.pixels.data() + 3 * y * width,
                image.pixels.data() + 3 * ((top + y) * image.width + left),
                static_cast<size_t>(3 * width));
  return made;
}

}  // namespace hone
