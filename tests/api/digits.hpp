#pragma once
// What the tests of the C and C++ interfaces share: the digits, a folder, small models.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "hone/hone.hpp"

namespace api_test {

inline const std::string kDigits = HONE_SOURCE_DIR "/examples/digits/digits.onnx";

inline std::vector<float> pictures(int64_t count) {
  std::vector<float> pixels(static_cast<size_t>(count) * 64);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i * 7 % 17) / 16;
  return pixels;
}

inline std::vector<float> copy_of(const hone::Tensor& tensor) {
  const auto data = tensor.data<float>();
  return {data.begin(), data.end()};
}

/// What the first `count` pictures give, run by a context of their own.
inline std::vector<float> logits_of(const hone::Engine& engine, int64_t count) {
  hone::Context context(engine);
  const std::vector<float> pixels = pictures(count);
  return copy_of(context.run({hone::Tensor::view("image", pixels, {count, 1, 8, 8})}).at("logits"));
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("hone-api-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& contents) const {
    std::ofstream(folder_ / name, std::ios::binary) << contents;
    return folder_ / name;
  }
  std::string file(const std::string& name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

/// The code and message of what `run` throws.
template <class Run>
std::pair<hone_code, std::string> error_of(Run run) {
  try {
    run();
  } catch (const hone::Error& error) {
    return {error.code(), error.what()};
  }
  return {HONE_OK, ""};
}

/// A model of one node as ONNX bytes: length-delimited fields of fewer than 128 bytes.
inline std::string one_node(const std::string& op) {
  const auto field = [](int number, const std::string& bytes) {
    return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
  };
  const std::string node = field(1, "x") + field(2, "y") + field(4, op);
  const std::string type = field(1, std::string("\x08\x01", 2));  // f32, no shape
  const std::string graph = field(1, node) + field(2, "g") +
                            field(11, field(1, "x") + field(2, type)) +
                            field(12, field(1, "y") + field(2, type));
  return std::string("\x08\x08", 2) + field(7, graph) + field(8, std::string("\x10\x11", 2));
}

/// A C tensor of f32 values.
inline hone_tensor dense(const char* name, const std::vector<int64_t>& shape,
                         std::vector<float>& values) {
  hone_tensor tensor{};
  tensor.name = name;
  tensor.dtype = HONE_F32;
  tensor.rank = static_cast<int32_t>(shape.size());
  tensor.shape = shape.data();
  tensor.data = values.data();
  tensor.bytes = values.size() * sizeof(float);
  return tensor;
}

}  // namespace api_test
