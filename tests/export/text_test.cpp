// Graphs in our own text form as model files: their weights lie where the text says.

#include "import/text.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "export/export.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"

namespace hone::text_test {

namespace fs = std::filesystem;

class ImportText : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / cat("hone_text_", ::getpid());
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }
  /// "io: ..." of what importing throws.
  static std::string error_of(const fs::path& path, const ImportOptions& options = {}) {
    try {
      import_file(path, options);
    } catch (const Error& error) {
      return cat(name(error.code()), ": ", error.message());
    }
    return "fine";
  }
  fs::path folder_;
};

Tensor counting(const std::vector<int64_t>& shape) {
  Tensor tensor(DType::f32, shape);
  for (int64_t i = 0; i < tensor.count(); ++i) tensor.set_number(i, static_cast<double>(i));
  return tensor;
}

constexpr std::string_view kText =
    "graph g(%c: bool[], %x: f32[n,20]) -> (%y)\n"
    "  %a = Add(%x, @w)\n"
    "  %b = Mul(%a, @w)\n"
    "  %y = If(%c, %b)\n"
    "    then_branch(%x: f32[n,20]) -> (%t)\n"
    "      %t = Add(%x, @v)\n"
    "    weights\n"
    "      @v : f32[20] 80 bytes\n"
    "    else_branch(%x: f32[n,20]) -> (%x)\n"
    "weights\n"
    "  @w : f32[20] 80 bytes\n";

TEST_F(ImportText, WhatWasWrittenIsReadBack) {
  const auto graph = parse(kText, all_ops(),
                           [](std::string_view, DType, const std::vector<int64_t>& shape,
                              const Hash&) { return Weight::of(counting(shape)); });
  infer(*graph);
  const fs::path path = folder_ / "net.graph";
  const Exported made = export_text(*graph, path);
  EXPECT_EQ(made.data, fs::path(folder_ / "net.graph.data"));
  EXPECT_EQ(fs::file_size(made.data), made.data_bytes);
  const Imported read = import_file(path);
  EXPECT_EQ(read.format, "graph text");
  EXPECT_TRUE(same_structure(*graph, *read.graph));
  EXPECT_EQ(fingerprint(*graph), fingerprint(*read.graph));
  export_text(*read.graph, folder_ / "again.graph");
  EXPECT_EQ(error_of(folder_ / "again.graph"), "fine");
  // Other contents than the text was written with.
  std::fstream(made.data, std::ios::in | std::ios::out | std::ios::binary).write("x", 1);
  EXPECT_TRUE(
      error_of(path).starts_with("invalid_model: @w at net.graph.data+0x0 has other "
                                 "contents than the text was written with"))
      << error_of(path);
  fs::resize_file(made.data, 8);
  EXPECT_TRUE(error_of(path).starts_with(
      "invalid_model: @w has 80 bytes at net.graph.data+0x0, the file has 8"))
      << error_of(path);
  fs::remove(made.data);
  EXPECT_TRUE(error_of(path).starts_with("io: cannot open external file ")) << error_of(path);
  ImportOptions seeded;
  seeded.random_weights = 1;
  EXPECT_EQ(error_of(path, seeded), "fine");
}

TEST_F(ImportText, StringsAreReadBack) {
  std::vector<std::string> words;
  for (int i = 0; i < 20; ++i) words.push_back(cat("word ", i, std::string(1, '\0'), "é"));
  constexpr std::string_view kWords =
      "graph g(%x: str[20]) -> (%y)\n  %y = Equal(%x, @w)\n"
      "weights\n  @w : str[20]\n";
  const auto graph =
      parse(kWords, all_ops(),
            [&](std::string_view, DType, const std::vector<int64_t>& shape, const Hash&) {
              return Weight::of(Tensor::of_strings(shape, words));
            });
  infer(*graph);
  const fs::path path = folder_ / "words.graph";
  const Exported made = export_text(*graph, path);
  const Imported read = import_file(path);
  EXPECT_EQ(fingerprint(*graph), fingerprint(*read.graph));
  EXPECT_EQ(read.graph->find("w")->weight->tensor().strings()[19], words[19]);
  fs::resize_file(made.data, made.data_bytes - 1);
  EXPECT_EQ(error_of(path),
            "invalid_model: @w has 20 strings at words.graph.data+0x0, the file ends before "
            "(words.graph)");
}

TEST_F(ImportText, LimitsHold) {
  const fs::path path = write("net.graph", kText);
  ImportOptions options;
  options.random_weights = 1;
  EXPECT_EQ(error_of(path, options), "fine");
  options.limits.nodes = 3;  // those of bodies count
  const auto refused = [&](std::string_view why) {
    const std::string message = error_of(path, options);
    EXPECT_TRUE(message.starts_with(why) && message.ends_with(" (net.graph)")) << message;
  };
  refused("invalid_model: line 6: found more than 3 nodes");
  options.limits = {.interface = 1};
  refused("invalid_model: line 1: found more than 1 inputs");
  options.limits = {.tensors = 0};
  refused("invalid_model: line 11: found more than 0 weights");
  options.limits = {.depth = 0};
  refused("invalid_model: line 5: found bodies nested deeper than 0");
  options.limits = {.rank = 1};
  refused("invalid_model: line 1: found a tensor of 2 dimensions");
}

TEST_F(ImportText, WhatIsNoGraphIsRefused) {
  const auto refused = [&](std::string_view text, std::string_view why) {
    const std::string message = error_of(write("bad.graph", text));
    EXPECT_TRUE(message.starts_with(why)) << message;
    EXPECT_TRUE(message.ends_with("(bad.graph)")) << message;
  };
  refused("", "invalid_model: found an empty text");
  refused("graph g(%x: f32[2]) -> (%y)\n  %y = Nge(%x)\n", "invalid_model: line 2: found the op");
  refused("graph g(%x: f32[2]) -> (%y)\n  %y = Neg(%x) : f32[3]\n",
          "invalid_model: after reading, graph g: %y has the type f32[3]");
  refused("graph g(%x: f32[20]) -> (%y)\n  %y = Add(%x, @w)\nweights\n  @w : f32[20] memory\n",
          "io: the contents of @w are not here: the text says memory");
  refused("graph g(%x: f32[20]) -> (%y)\n  %y = Add(%x, @w)\nweights\n  @w : f32[20] ../s+0x0\n",
          "invalid_model: external file \"../s\" is refused: \"..\" leaves");
  refused(
      "graph g(%x: f32[20]) -> (%y)\n  %y = Add(%x, @w)\nweights\n"
      "  @w : f32[20] bad.graph+0xffffffffffffffff\n",
      "invalid_model: @w has 80 bytes at");
}

}  // namespace hone::text_test
