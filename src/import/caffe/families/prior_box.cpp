// The boxes that detections are told relative to. (Source: weiliu89/caffe, branch ssd.)

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "import/caffe/layer_reader.hpp"

namespace hone::caffe {
namespace {

struct Extent {
  float width, height;
};

struct Priors {
  std::vector<Extent> boxes;  // of each place, in pixels
  std::vector<float> variances;
  float image_width = 0, image_height = 0, step_x = 0, step_y = 0, offset = 0;
  bool clip = false;
};

/// 1, then those that the layer lists, each once, each also upside down where it says so.
std::vector<float> read_ratios(LayerReader& layer, Params& params) {
  const bool flip = params.flag("flip", true);
  std::vector<float> ratios{1};
  for (const float ratio : params.reals("aspect_ratio")) {
    layer.check(ratio > 0, "an aspect ratio of ", ratio);
    const auto known = [&](float other) { return std::fabs(ratio - other) < 1e-6f; };
    if (std::any_of(ratios.begin(), ratios.end(), known)) continue;
    ratios.push_back(ratio);
    if (flip) ratios.push_back(1 / ratio);
  }
  return ratios;
}

/// Sizes count in whole pixels.
std::vector<Extent> read_boxes(LayerReader& layer, Params& params) {
  const std::vector<float> least = params.reals("min_size"), most = params.reals("max_size");
  layer.check(!least.empty() && least.size() <= 1000, "states ", least.size(), " of min_size");
  layer.check(most.empty() || most.size() == least.size(), "states ", least.size(),
              " of min_size and ", most.size(), " of max_size");
  const std::vector<float> ratios = read_ratios(layer, params);
  std::vector<Extent> boxes;
  for (size_t i = 0; i < least.size(); ++i) {
    layer.check(least[i] > 0 && least[i] < 1e6f, "min_size is ", least[i]);
    const float size = std::trunc(least[i]);
    boxes.push_back({size, size});
    if (!most.empty()) {
      layer.check(most[i] > least[i] && most[i] < 1e6f, "max_size ", most[i], " of min_size ",
                  least[i]);
      const float side = std::sqrt(size * std::trunc(most[i]));
      boxes.push_back({side, side});
    }
    for (const float ratio : ratios)
      if (std::fabs(ratio - 1) >= 1e-6f)
        boxes.push_back({size * std::sqrt(ratio), size / std::sqrt(ratio)});
  }
  return boxes;
}

/// NAME for both directions, or NAME_h and NAME_w; 0: not stated.
std::pair<float, float> read_pair(LayerReader& layer, Params& params, std::string_view name,
                                  std::string_view short_name) {
  const float both = params.real(name, 0);
  const float height = params.real(cat(short_name, "_h"), both);
  const float width = params.real(cat(short_name, "_w"), both);
  layer.check(both >= 0 && height >= 0 && width >= 0, name, " is negative");
  return {height, width};
}

Priors read_priors(LayerReader& layer, int64_t height, int64_t width) {
  Params params = layer.params("prior_box_param");
  Priors priors;
  priors.boxes = read_boxes(layer, params);
  priors.clip = params.flag("clip", false);
  priors.offset = params.real("offset", 0.5f);
  priors.variances = params.reals("variance");
  if (priors.variances.empty()) priors.variances.push_back(0.1f);
  if (priors.variances.size() == 1) priors.variances.resize(4, priors.variances.front());
  layer.check(priors.variances.size() == 4, priors.variances.size(), " variances, wanted 4");
  std::tie(priors.image_height, priors.image_width) = read_pair(layer, params, "img_size", "img");
  if (priors.image_height == 0 || priors.image_width == 0) {
    const std::vector<int64_t> image = layer.sizes(1);
    layer.check(image.size() == 4, "an image of ", image.size(), " axes, wanted 4");
    priors.image_height = static_cast<float>(image[2]);
    priors.image_width = static_cast<float>(image[3]);
  }
  std::tie(priors.step_y, priors.step_x) = read_pair(layer, params, "step", "step");
  if (priors.step_x == 0 || priors.step_y == 0) {
    priors.step_x = priors.image_width / static_cast<float>(width);
    priors.step_y = priors.image_height / static_cast<float>(height);
  }
  return priors;
}

/// [1, 2, 4 * boxes]: left, top, right and bottom of each, over the image's size; the variances.
void import_prior_box(LayerReader& layer) {
  const std::vector<int64_t> map = layer.sizes(0);
  layer.check(map.size() == 4 && map[2] > 0 && map[3] > 0, "a map of sizes ", shape_text(map));
  const Priors priors = read_priors(layer, map[2], map[3]);
  const auto each = static_cast<int64_t>(priors.boxes.size());
  const int64_t numbers = checked_mul(checked_mul(map[2], map[3]), each * 4);
  layer.check(static_cast<uint64_t>(numbers) <= layer.most_bytes() / 8, "makes ", numbers,
              " numbers");
  Tensor made(DType::f32, {1, 2, numbers});
  int64_t at = 0;
  const auto put = [&](double value) {
    made.put(at++, static_cast<float>(priors.clip ? std::clamp(value, 0.0, 1.0) : value));
  };
  for (int64_t y = 0; y < map[2]; ++y) {
    for (int64_t x = 0; x < map[3]; ++x) {
      const double center_x = (static_cast<float>(x) + priors.offset) * priors.step_x;
      const double center_y = (static_cast<float>(y) + priors.offset) * priors.step_y;
      for (const Extent& box : priors.boxes) {
        put((center_x - box.width / 2.) / priors.image_width);
        put((center_y - box.height / 2.) / priors.image_height);
        put((center_x + box.width / 2.) / priors.image_width);
        put((center_y + box.height / 2.) / priors.image_height);
      }
    }
  }
  for (int64_t i = 0; i < numbers; ++i)
    made.put(numbers + i, priors.variances[static_cast<size_t>(i % 4)]);
  layer.give(0, layer.constant(std::move(made), ""));
}

}  // namespace

void register_prior_box(Importers& importers) { importers.add("PriorBox", import_prior_box); }

}  // namespace hone::caffe
