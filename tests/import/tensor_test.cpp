// How tensors are stored: raw, in typed fields, in other files, as sparse lists.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/hash.hpp"
#include "import/import.hpp"
#include "import/onnx_writer.hpp"
#include "ir/fields.hpp"
#include "support/refusal.hpp"

namespace hone::tensor_test {

using test::graph;
using test::node;
using test::Proto;
using test::value;

std::string stored(const Proto& tensor) {
  return test::model({graph({.nodes = {node("Identity", {"w"}, {"y"})}, .tensors = {tensor}})});
}

/// The contents as literal text; an error's message when it cannot be read.
std::string contents(const Proto& tensor) try {
  const Imported imported = test::import_text(stored(tensor));
  std::string text;
  append_literal(text, imported.graph->find("w")->weight->tensor());
  return text;
} catch (const Error& error) {
  return error.message();
}

TEST(StoredTensor, TypedFieldsOfEveryElementType) {
  const std::vector<int64_t> two{2};
  EXPECT_EQ(contents(test::header("w", two, 1).real(4, 1.5F).real(4, -2)), "f32[2]{1.5,-2}");
  EXPECT_EQ(contents(test::header("w", two, 7).number(7, -1).number(7, 5)), "i64[2]{-1,5}");
  EXPECT_EQ(contents(test::header("w", two, 6).number(5, -1).number(5, 5)), "i32[2]{-1,5}");
  EXPECT_EQ(contents(test::header("w", two, 3).number(5, -1).number(5, 5)), "i8[2]{-1,5}");
  EXPECT_EQ(contents(test::header("w", two, 2).number(5, 255).number(5, 5)), "u8[2]{255,5}");
  EXPECT_EQ(contents(test::header("w", two, 9).number(5, 1).number(5, 0)), "bool[2]{true,false}");
  EXPECT_EQ(contents(test::header("w", two, 10).number(5, 0x3c00).number(5, 0xc000)),
            "f16[2]{1,-2}");
  EXPECT_EQ(contents(test::header("w", two, 16).number(5, 0x3f80).number(5, 0xc000)),
            "bf16[2]{1,-2}");
  EXPECT_EQ(contents(test::header("w", two, 12).number(11, 7).number(11, 8)), "u32[2]{7,8}");
  EXPECT_EQ(contents(test::header("w", two, 13).number(11, 7).number(11, -1)),
            "u64[2]{7,18446744073709551615}");
  EXPECT_EQ(contents(test::header("w", {3}, 22).number(5, 0xe1).number(5, 0x07)), "i4[3]{1,-2,7}");
  EXPECT_EQ(contents(test::header("w", two, 27).number(5, 31).number(5, 33)),
            "f6e2m3[2]{7.5,-0.125}");
  EXPECT_EQ(contents(test::header("w", two, 28).number(5, 31).number(5, 33)),
            "f6e3m2[2]{28,-0.0625}");
  EXPECT_NE(contents(test::header("w", two, 28).number(5, 31).number(5, 64)).find("the code 64"),
            std::string::npos);
  EXPECT_EQ(contents(test::header("w", two, 8).bytes(6, "a").bytes(6, "b")), "str[2]{\"a\",\"b\"}");
  EXPECT_EQ(contents(test::header("w", {2, 0}, 1)), "f32[2,0]{}");
}

TEST(StoredTensor, PackedFloatsAreTakenAsTheyLie) {
  const std::vector<float> values{1, 2, 3};
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()), 12);
  EXPECT_EQ(contents(test::header("w", {3}, 1).bytes(4, bytes)), "f32[3]{1,2,3}");
  EXPECT_EQ(contents(test::header("w", {3}, 1).bytes(4, bytes.substr(0, 10))),
            "1 problem (net.onnx, opset 17, made by acme-export 2.1):\n"
            "  1x  initializer \"w\"  float_data is cut short");
}

TEST(StoredTensor, SparseTensorsAreMadeDense) {
  const auto sparse = [](const Proto& values, const Proto& indices) {
    const Proto tensor = Proto().message(1, values).message(2, indices).number(3, 2).number(3, 3);
    Proto whole = graph({.nodes = {node("Identity", {"w"}, {"y"})}});
    return test::model({whole.message(15, tensor)});
  };
  const Proto values = test::floats("w", {2}, {1, 2});
  const auto text = [](const std::string& file) {
    std::string out;
    append_literal(out, test::import_text(file).graph->find("w")->weight->tensor());
    return out;
  };
  EXPECT_EQ(text(sparse(values, test::int64s("", {1, 5}))), "f32[2,3]{0,1,0,0,0,2}");
  EXPECT_EQ(test::refusal_of([&] {
              (void)text(sparse(values, test::int64s("", {1, 6})));
            }),
            "invalid_model: 1 problem (net.onnx, opset 17, made by acme-export 2.1):\n  1x  "
            "initializer \"w\"  a sparse tensor's index 6 is outside of 6");
  EXPECT_EQ(test::refusal_of([&] { (void)text(sparse(values, test::int64s("", {1}))); }),
            "invalid_model: 1 problem (net.onnx, opset 17, made by acme-export 2.1):\n  1x  "
            "initializer \"w\"  indices of a sparse tensor are i64[1], wanted i64[2] or i64[2,2]");
}

class ExternalData : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / cat("hone_external_", getpid());
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "w.bin", std::ios::binary) << std::string(100, '\0');
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Imported import(const Proto& tensor, const ImportOptions& options = {}) {
    std::ofstream(folder_ / "net.onnx", std::ios::binary) << stored(tensor);
    return import_file(folder_ / "net.onnx", options);
  }
  std::string failure(const Proto& tensor) try {
    import(tensor);
    return {};
  } catch (const Error& error) {
    return cat(name(error.code()), ": ", error.message());
  }
  std::filesystem::path folder_;
};

TEST_F(ExternalData, IsMappedFromTheFileBesideTheModel) {
  const Imported imported = import(test::external("w", {20}, "w.bin", 16));
  const Weight& weight = *imported.graph->find("w")->weight;
  EXPECT_EQ(weight.source(), "w.bin+0x10");
  EXPECT_EQ(weight.tensor().number(19), 0);
}

TEST_F(ExternalData, MustLieWithinTheFile) {
  EXPECT_EQ(failure(test::external("w", {20}, "w.bin", 24)),
            "invalid_model: 1 problem (net.onnx, opset 17, made by acme-export 2.1):\n  1x  "
            "initializer \"w\"  external data ends at byte 104 of \"w.bin\", which has 100");
  EXPECT_NE(failure(test::external("w", {20}, "../w.bin")).find("invalid_model"),
            std::string::npos);
}

TEST_F(ExternalData, MayBeMadeFromASeedWhereItIsAbsent) {
  const Proto absent = test::external("w", {20, 4}, "gone.bin");
  EXPECT_EQ(failure(absent).substr(0, 14), "io: 1 problem ");
  EXPECT_NE(failure(absent).find("gone.bin"), std::string::npos);
  ImportOptions options;
  options.random_weights = 7;
  options.random_gain = 0.7;
  const Imported imported = import(absent, options);
  const Weight& weight = *imported.graph->find("w")->weight;
  EXPECT_TRUE(weight.is_random());
  EXPECT_EQ(weight.seed(), hash_text("w").low ^ 7);
  EXPECT_EQ(weight.gain(), 0.7);
}

}  // namespace hone::tensor_test
