#include "picture.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "base/error.hpp"

namespace hone::cli {
namespace {

/// "0.5" or "1/255".
double number(std::string_view text, std::string_view option) {
  const size_t slash = text.find('/');
  const auto top = parse_double(text.substr(0, slash));
  const auto bottom =
      slash == std::string_view::npos ? std::optional(1.0) : parse_double(text.substr(slash + 1));
  check(top && bottom && std::isfinite(*top / *bottom), Code::usage, option, ": \"", text,
        "\" is no number");
  return *top / *bottom;
}

/// One number for each of three channels.
std::array<double, 3> channel_numbers(const std::string& text, std::string_view option,
                                      double otherwise) {
  if (text.empty()) return {otherwise, otherwise, otherwise};
  const auto words = split(text, ',');
  check(words.size() == 1 || words.size() == 3, Code::usage, option, " ", text,
        ": wanted one number, or three with commas between");
  const double first = number(words[0], option);
  if (words.size() == 1) return {first, first, first};
  return {first, number(words[1], option), number(words[2], option)};
}

std::pair<int64_t, int64_t> two_sizes(const std::string& text, std::string_view option) {
  const auto words = split(text, 'x');
  const auto width = parse_int(words[0]), height = parse_int(words.back());
  check(words.size() <= 2 && width && height && *width > 0 && *height > 0, Code::usage, option, " ",
        text, ": wanted a size such as 224 or 640x480 (width x height)");
  return {*width, *height};
}

/// Where rows, columns and channels stand in an input that takes pictures.
struct Order {
  size_t channels, rows, columns;
  int64_t channel_count;
};

Order order_of(const TensorType& wanted, std::string_view name) {
  check(wanted.has_rank() && (wanted.rank() == 3 || wanted.rank() == 4), Code::usage, "input \"",
        name, "\" is ", wanted, ": a picture needs channels, rows and columns");
  const Dims& dims = wanted.shape();
  const size_t first = dims.size() - 3, last = dims.size() - 1;
  const auto usual = [](const Dim& dim) { return dim.is(1) || dim.is(3); };
  const bool channels_last = !usual(dims[first]) && usual(dims[last]);
  const Dim& count = dims[channels_last ? last : first];
  check(!count.is_constant() || usual(count), Code::usage, "input \"", name, "\" is ", wanted,
        ": a picture has 1 or 3 channels");
  const int64_t channels = count.constant().value_or(3);
  if (channels_last) return {last, first, first + 1, channels};
  return {first, first + 1, last, channels};
}

Image prepared(const Image& image, std::optional<int64_t> width, std::optional<int64_t> height,
               const PictureOptions& options) {
  Image made = image;
  if (!options.resize.empty()) {
    auto [w, h] = two_sizes(options.resize, "--resize");
    if (options.resize.find('x') == std::string::npos) {
      const int64_t shorter = std::min(image.width, image.height);
      h = std::max<int64_t>(1, (image.height * w + shorter / 2) / shorter);
      w = std::max<int64_t>(1, (image.width * w + shorter / 2) / shorter);
    }
    made = resize(made, w, h);
  }
  if (!options.crop.empty()) {
    const auto [w, h] = two_sizes(options.crop, "--crop");
    made = crop_centre(made, w, h);
  }
  if (options.resize.empty() && options.crop.empty())
    made = resize(made, width.value_or(made.width), height.value_or(made.height));
  return made;
}

/// Writes (pixel - mean) * scale.
class Writer {
 public:
  Writer(Tensor& to, const PictureOptions& options, bool from_bytes)
      : to_(to),
        whole_(!is_float(to.dtype())),
        mean_(channel_numbers(options.mean, "--mean", 0)),
        scale_(channel_numbers(options.scale, "--scale", from_bytes && !whole_ ? 1.0 / 255 : 1.0)) {
  }
  void put(int64_t at, size_t channel, double pixel) {
    const double value = (pixel - mean_[channel]) * scale_[channel];
    if (!whole_) return to_.set_number(at, value);
    const int width = std::min(bits(to_.dtype()), 32);
    const double least = is_signed(to_.dtype()) ? -std::exp2(width - 1) : 0;
    const double most = std::exp2(is_signed(to_.dtype()) ? width - 1 : width) - 1;
    to_.set_number(at, std::clamp(std::nearbyint(value), least, most));
  }

 private:
  Tensor& to_;
  bool whole_;
  std::array<double, 3> mean_, scale_;
};

bool is_bgr(const PictureOptions& options) {
  check(options.channels.empty() || options.channels == "rgb" || options.channels == "bgr",
        Code::usage, "--channels ", options.channels, ": wanted rgb or bgr");
  return options.channels == "bgr";
}

double grey(const uint8_t* pixel) {
  return std::nearbyint(0.299 * pixel[0] + 0.587 * pixel[1] + 0.114 * pixel[2]);
}

std::vector<int64_t> strides_of(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

}  // namespace

Tensor picture_tensor(const Image& image, const TensorType& wanted, const Bindings& symbols,
                      const PictureOptions& options, std::string_view name) {
  const Order order = order_of(wanted, name);
  const bool bgr = is_bgr(options);
  const Dims& dims = wanted.shape();
  const Image made = prepared(image, dims[order.columns].evaluate(symbols),
                              dims[order.rows].evaluate(symbols), options);
  std::vector<int64_t> shape(dims.size(), 1);
  shape[order.channels] = order.channel_count;
  shape[order.rows] = made.height;
  shape[order.columns] = made.width;
  const std::vector<int64_t> strides = strides_of(shape);
  Tensor tensor(wanted.dtype, shape);
  Writer writer(tensor, options, true);
  const uint8_t* pixel = made.pixels.data();
  for (int64_t y = 0; y < made.height; ++y)
    for (int64_t x = 0; x < made.width; ++x, pixel += 3) {
      const int64_t at = y * strides[order.rows] + x * strides[order.columns];
      if (order.channel_count == 1) {
        writer.put(at, 0, grey(pixel));
        continue;
      }
      for (size_t c = 0; c < 3; ++c)
        writer.put(at + static_cast<int64_t>(c) * strides[order.channels], c,
                   pixel[bgr ? 2 - c : c]);
    }
  return tensor;
}

Tensor arranged(const Tensor& array, std::string_view layout, const TensorType& wanted,
                const PictureOptions& options, std::string_view name) {
  check(layout == "nchw" || layout == "nhwc", Code::usage, "--layout ", layout,
        ": wanted nchw or nhwc");
  check(array.rank() == 3 || array.rank() == 4, Code::usage, "input \"", name, "\" holds ",
        array.dtype(), shape_text(array.shape()), ": --layout is for pictures of rank 3 or 4");
  check(options.resize.empty() && options.crop.empty(), Code::usage,
        "--resize and --crop are for image files, input \"", name, "\" is an array");
  const Order order = order_of(wanted, name);
  const bool bgr = is_bgr(options), nhwc = layout == "nhwc";
  std::vector<int64_t> from = array.shape();
  if (from.size() == 3) from.insert(from.begin(), 1);
  const int64_t channels = from[nhwc ? 3 : 1], rows = from[nhwc ? 1 : 2],
                columns = from[nhwc ? 2 : 3];
  check(channels == 1 || channels == 3, Code::usage, "input \"", name, "\" holds ", array.dtype(),
        shape_text(array.shape()), ", in the order ", layout, ": ", channels,
        " channels, wanted 1 or 3");
  const size_t lead = wanted.shape().size() - 3;
  std::vector<int64_t> shape(wanted.shape().size(), 1);
  if (lead == 1) shape[0] = from[0];
  check(lead == 1 || from[0] == 1, Code::usage, "input \"", name, "\" takes one picture, given ",
        from[0]);
  shape[order.channels] = channels, shape[order.rows] = rows, shape[order.columns] = columns;
  const std::vector<int64_t> to = strides_of(shape), in = strides_of(from);
  Tensor tensor(wanted.dtype, shape);
  if (tensor.count() == 0) return tensor;
  Writer writer(tensor, options, array.dtype() == DType::u8);
  for (int64_t n = 0; n < from[0]; ++n)
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t y = 0; y < rows; ++y)
        for (int64_t x = 0; x < columns; ++x) {
          const int64_t source = bgr ? channels - 1 - c : c;
          const int64_t at =
              n * in[0] + source * in[nhwc ? 3 : 1] + y * in[nhwc ? 1 : 2] + x * in[nhwc ? 2 : 3];
          const int64_t place = n * (lead == 1 ? to[0] : 0) + c * to[order.channels] +
                                y * to[order.rows] + x * to[order.columns];
          writer.put(place, static_cast<size_t>(c), array.number(at));
        }
  return tensor;
}

}  // namespace hone::cli
