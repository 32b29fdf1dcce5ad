// A damaged engine file is refused with a reason, wherever the damage is. `make fuzz` runs this
// under AddressSanitizer and UndefinedBehaviorSanitizer as well.

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "base/error.hpp"
#include "base/file.hpp"
#include "build/build.hpp"
#include "runtime/engine_file.hpp"

namespace hone::test {
namespace {

constexpr size_t kTableAt = 40, kEntryBytes = 40;  // as engine_file.hpp says
constexpr int kCuts = 1000, kFlips = 5000;

class EngineDamage : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::temp_directory_path() / ("hone-damage-" + std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
    const std::filesystem::path model = HONE_SOURCE_DIR "/examples/digits/digits.onnx";
    save(*build(import_file(model).graph), path());
    whole_ = read_text(path());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path path() const { return folder_ / "digits.hone"; }

  /// Why `bytes` are refused; "" when they are not, or not as they should be.
  std::string refusal(std::string_view bytes) const {
    std::ofstream(path(), std::ios::binary) << bytes;
    try {
      read_engine_file(path());
    } catch (const Error& error) {
      return error.code() == Code::incompatible_engine ? error.message() : std::string();
    }
    return {};
  }

  uint64_t number(size_t at, size_t bytes) const {
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<uint8_t>(whole_[at + i]);
    return value;
  }

  std::filesystem::path folder_;
  std::string whole_;
};

TEST_F(EngineDamage, TheWholeFileIsFine) { EXPECT_NO_THROW(read_engine_file(path())); }

TEST_F(EngineDamage, TruncatedAtEverySectionEdge) {
  const uint64_t sections = number(12, 4);
  ASSERT_GE(sections, 4u);
  std::vector<uint64_t> edges{0, 8, kTableAt, kTableAt + kEntryBytes * sections};
  for (size_t i = 0; i < sections; ++i) {
    const uint64_t offset = number(kTableAt + kEntryBytes * i + 8, 8);
    edges.push_back(offset);
    edges.push_back(offset + number(kTableAt + kEntryBytes * i + 16, 8));
  }
  for (const uint64_t edge : edges) {
    ASSERT_LE(edge, whole_.size());
    if (edge == whole_.size()) continue;
    EXPECT_NE(refusal(std::string_view(whole_).substr(0, edge)), "") << "cut at " << edge;
  }
}

TEST_F(EngineDamage, TruncatedAnywhere) {
  std::mt19937_64 random(1);
  for (int i = 0; i < kCuts; ++i) {
    const uint64_t cut = random() % whole_.size();
    ASSERT_NE(refusal(std::string_view(whole_).substr(0, cut)), "") << "cut at " << cut;
  }
}

TEST_F(EngineDamage, OneBitFlippedAnywhere) {
  std::mt19937_64 random(2);
  // Half of them in the header and the metadata, which are small beside the weights.
  for (int i = 0; i < kFlips; ++i) {
    const uint64_t at =
        random() % (i % 2 == 0 ? whole_.size() : std::min<size_t>(whole_.size(), 4096));
    std::string bytes = whole_;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    ASSERT_NE(refusal(bytes), "") << "flipped at " << at;
  }
}

TEST_F(EngineDamage, SomethingAfterTheEnd) { EXPECT_NE(refusal(whole_ + '\0'), ""); }

}  // namespace
}  // namespace hone::test
