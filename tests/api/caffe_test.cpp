// A net in two files through the C++ interface.

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <hone/hone.hpp>

namespace caffe_test {

namespace fs = std::filesystem;

/// A field of bytes of a protobuf message.
std::string field(unsigned number, std::string_view bytes) {
  std::string made;
  for (unsigned key = number << 3 | 2; key > 0; key >>= 7)
    made += static_cast<char>((key & 127) | (key > 127 ? 128 : 0));
  return made + static_cast<char>(bytes.size()) + std::string(bytes);
}

/// What a .caffemodel stores of layer "s": one factor for two channels.
std::string stored(float first, float second) {
  std::string numbers(8, '\0');
  std::memcpy(numbers.data(), &first, 4);
  std::memcpy(numbers.data() + 4, &second, 4);
  const std::string shape = std::string("\x08\x02", 2);  // dim: 2
  const std::string blob = field(7, shape) + field(5, numbers);
  return field(1, "net") + field(100, field(1, "s") + field(7, blob));
}

void write(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::vector<float> run(const std::string& path, const hone::ImportOptions& options = {}) {
  hone::Engine engine = hone::build(hone::import(path, options));
  hone::Context context(engine);
  std::vector<float> pixels{1, 10};
  auto results = context.run({hone::Tensor::view("x", pixels, {1, 2})});
  const auto y = results.at("y").data<float>();
  return {y[0], y[1]};
}

TEST(Caffe, EitherFileIsAModelAndTheOtherMayBeNamed) {
  const fs::path folder = fs::temp_directory_path() / "hone_api_caffe";
  fs::create_directories(folder);
  write(folder / "net.prototxt",
        "input: \"x\" input_shape { dim: 1 dim: 2 }\n"
        "layer { name: \"s\" type: \"Scale\" bottom: \"x\" top: \"y\" }\n");
  write(folder / "net.caffemodel", stored(2, 3));
  write(folder / "other", stored(5, 7));
  EXPECT_EQ(run(folder / "net.prototxt"), (std::vector<float>{2, 30}));
  EXPECT_EQ(run(folder / "net.caffemodel"), (std::vector<float>{2, 30}));
  hone::ImportOptions options;
  options.weights = folder / "other";
  EXPECT_EQ(run(folder / "net.prototxt", options), (std::vector<float>{5, 70}));
  fs::remove_all(folder);
}

}  // namespace caffe_test
