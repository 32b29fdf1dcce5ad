#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// Labelled pictures of 8x8 grey values in 0..1, 0 is paper.
struct Samples {
  std::vector<float> pictures;  // 64 a sample
  std::vector<int64_t> labels;
};

/// Reads samples.npz. std::runtime_error where it is not as train.py writes it.
Samples read_samples(const std::string& path);
