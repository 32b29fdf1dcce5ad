// Folders of TensorFlow: a graph, its signatures, its variables in a checkpoint.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/damage.hpp"
#include "import/tensorflow/graph_case.hpp"
#include "import/tensorflow/saved_model.hpp"
#include "import/tensorflow/table.hpp"
#include "import/values.hpp"
#include "ir/verify.hpp"
#include "support/refusal.hpp"
#include "support/text_case.hpp"

namespace hone::saved_model_test {

namespace fs = std::filesystem;

/// A folder of its own for each test.
class SavedModels : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              cat("hone_saved_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "variables");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view content) {
    AtomicFile file(folder_ / name);
    file.write(content);
    file.commit();
  }
  void write_model(const test::GraphCase& graph) {
    write("saved_model.pb", graph.saved);
    write("variables/variables.index", graph.index);
    write("variables/variables.data-00000-of-00001", graph.shard);
  }
  std::string error(const ImportOptions& options = {}) {
    return test::refusal_of([&] { import_file(folder_, options); });
  }

  fs::path folder_;
};

TEST_F(SavedModels, GiveWhatTheirGraphsCompute) {
  test::expect_text_cases("import/tensorflow/saved.test",
                          {{"values", [&](std::string_view given) {
                              const test::GraphCase graph = test::graph_case(given);
                              write_model(graph);
                              const Imported imported = import_file(folder_);
                              EXPECT_EQ(imported.format, "tensorflow");
                              verify(*imported.graph, "import");
                              return test::values_of(*imported.graph, graph.inputs);
                            }}});
}

constexpr std::string_view kTwo =
    "Placeholder x f32 [2]\n"
    "Neg n(x)\n"
    "Abs a(x)\n"
    "@signature first x=x:0 -> y=n:0\n"
    "@signature second x=x:0 -> y=a:0\n"
    "@in x [2] -1 2\n";

TEST_F(SavedModels, OneOfSeveralSignaturesIsNamed) {
  const test::GraphCase graph = test::graph_case(kTwo);
  write_model(graph);
  EXPECT_EQ(error(),
            "usage: a SavedModel of several signatures, --signature names one: first, second "
            "(saved_model.pb)");
  ImportOptions options;
  options.signature = "second";
  EXPECT_EQ(test::values_of(*import_file(folder_, options).graph, graph.inputs), "y f32[2]: 1 2\n");
  options.signature = "third";
  EXPECT_EQ(error(options),
            "usage: there is no signature \"third\", only first, second (saved_model.pb)");
}

TEST_F(SavedModels, AMissingOrDamagedCheckpointIsTold) {
  const auto cases =
      test::given_of(read_text(HONE_SOURCE_DIR "/tests/import/tensorflow/saved.test"));
  const test::GraphCase graph = test::graph_case(cases.at(1));
  write_model(graph);
  fs::remove(folder_ / "variables/variables.data-00000-of-00001");
  EXPECT_NE(error().find("variables.data-00000-of-00001"), std::string::npos) << error();
  write("variables/variables.data-00000-of-00001", graph.shard.substr(0, 20));
  EXPECT_NE(
      error().find("in 8 bytes at 16 of variables/variables.data-00000-of-00001, which has 20"),
      std::string::npos)
      << error();
  write("variables/variables.index", "no index");
  EXPECT_NE(error().find("variables/variables.index is no index of a checkpoint"),
            std::string::npos)
      << error();
}

TEST_F(SavedModels, DamageEndsInAnErrorOrAGraph) {
  const auto cases =
      test::given_of(read_text(HONE_SOURCE_DIR "/tests/import/tensorflow/saved.test"));
  const test::GraphCase graph = test::graph_case(cases.at(0));
  const auto expect_sound = [&] {
    try {
      verify(*import_file(folder_).graph, "import");
    } catch (const Error& failure) {
      EXPECT_NE(failure.code(), Code::internal) << failure.message();
    }
  };
  write_model(graph);
  test::each_damage(graph.index, 3, [&](const std::string& bytes) {
    write("variables/variables.index", bytes);
    expect_sound();
  });
  write_model(graph);
  test::each_damage(graph.saved, 67, [&](const std::string& bytes) {
    write("saved_model.pb", bytes);
    expect_sound();
  });
}

TEST_F(SavedModels, KerasFilesAreRefusedWithTheLineThatExportsThem) {
  write("net.h5", "\x89HDF\r\n\x1a\n and so on");
  EXPECT_EQ(
      test::refusal_of([&] { import_file(folder_ / "net.h5"); }),
      "unsupported: net.h5 is a file of Keras, which names layers of Python code and holds no "
      "graph. python -c \"import keras; keras.saving.load_model('net.h5').export('net')\" "
      "writes the folder net, which Hone reads");
  write("net.keras", "PK\x03\x04 config.json and model.weights.h5");
  EXPECT_NE(test::refusal_of([&] { import_file(folder_ / "net.keras"); }).find("of Keras"),
            std::string::npos);
}

TEST(Tables, AreReadPackedOrNot) {
  const std::vector<std::pair<std::string, std::string>> entries = {{"a", "1"},
                                                                    {"b", std::string(200, 'x')}};
  for (const bool packed : {false, true}) {
    std::vector<std::pair<std::string, std::string>> found;
    tensorflow::read_table(
        test::table_of(entries, packed), "index", 1 << 20,
        [&](std::string_view key, std::string_view value) { found.emplace_back(key, value); });
    EXPECT_EQ(found, entries) << packed;
  }
}

TEST(Tables, CopiesOfSnappyMayOverlap) {
  // 10 bytes: "ab" as a literal, then 8 bytes from 2 before.
  EXPECT_EQ(tensorflow::unpack_snappy(std::string("\x0a\x04"
                                                  "ab"
                                                  "\x11\x02",
                                                  6),
                                      100),
            "ababababab");
  EXPECT_EQ(
      test::refusal_of([] { tensorflow::unpack_snappy(std::string("\x0a\x11\x02", 3), 100); }),
      "invalid_model: a packed block is damaged: it copies from before its begin");
  EXPECT_EQ(test::refusal_of([] { tensorflow::unpack_snappy("\x7f", 100); }),
            "invalid_model: a packed block unfolds to 127 bytes");
}

}  // namespace hone::saved_model_test
