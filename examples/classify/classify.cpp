// One picture through a network, in C++: classify digits.onnx
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "hone/hone.hpp"
#include "picture.h"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s digits.onnx\n", arguments[0]);
    return HONE_USAGE;
  }
  try {
    const hone::Model model = hone::import(arguments[1]);
    const hone::Engine engine = hone::build(model);
    hone::Context context(engine);

    std::vector<float> pixels;
    for (const unsigned char grey : kPicture) pixels.push_back(grey / 16.0f);
    const auto results = context.run({hone::Tensor::view("image", pixels, {1, 1, 8, 8})});

    const auto logits = results.at("logits").data<float>();
    const auto best = std::ranges::max_element(logits);
    double sum = 0;
    for (const float logit : logits) sum += std::exp(logit - *best);
    std::printf("this is a %d (%.0f %%)\n", static_cast<int>(best - logits.begin()), 100 / sum);
  } catch (const hone::Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return error.code();
  }
  return 0;
}
