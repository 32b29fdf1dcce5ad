// The two files of a net, found by one of them, by their folder, or named.

#include <gtest/gtest.h>

#include "base/file.hpp"
#include "import/caffe/net_case.hpp"
#include "support/refusal.hpp"

namespace hone::caffe_files_test {

namespace fs = std::filesystem;

constexpr std::string_view kNet =
    "input: \"x\" input_shape { dim: 1 dim: 2 }\n"
    "layer { name: \"fc\" type: \"InnerProduct\" bottom: \"x\" top: \"y\"\n"
    "  inner_product_param { num_output: 1 bias_term: false } }\n";

class CaffeFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              cat("hone_caffe_", testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, std::string_view content) {
    AtomicFile file(folder_ / name);
    file.write(content);
    file.commit();
  }
  /// Weights [1,2] of one number.
  static std::string weights(double number, std::string_view layer = "fc") {
    return test::net_case(cat("@blob ", layer, " [1,2] ", number, " ", number)).weights;
  }
  /// The number that the net by this file multiplies by.
  double number(const std::string& name, const ImportOptions& options = {}) {
    const Imported imported = import_file(folder_ / name, options);
    EXPECT_EQ(imported.format, "caffe");
    return imported.graph->constants().at(0)->weight->tensor().number(0);
  }
  std::string error(const std::string& name, const ImportOptions& options = {}) {
    return test::refusal_of([&] { import_file(folder_ / name, options); });
  }

  fs::path folder_;
};

TEST_F(CaffeFiles, EitherOneFindsTheOtherByItsName) {
  write("a.prototxt", kNet);
  write("a.caffemodel", weights(1));
  write("b.caffemodel", weights(2));
  EXPECT_EQ(number("a.prototxt"), 1);
  EXPECT_EQ(number("a.caffemodel"), 1);
  write("c.prototxt", kNet);
  write("c_iter_900.caffemodel", weights(3));
  EXPECT_EQ(number("c.prototxt"), 3);
  EXPECT_EQ(number("c_iter_900.caffemodel"), 3);
}

TEST_F(CaffeFiles, TheOnlyOneThereIsIsTaken) {
  write("deploy.prototxt", kNet);
  write("net.caffemodel", weights(4));
  EXPECT_EQ(number("deploy.prototxt"), 4);
  EXPECT_EQ(number("."), 4);  // the folder
}

TEST_F(CaffeFiles, AnOptionNamesTheOther) {
  write("a.prototxt", kNet);
  write("a.caffemodel", weights(1));
  write("of_another_name", weights(5));
  ImportOptions options;
  options.weights = folder_ / "of_another_name";
  EXPECT_EQ(number("a.prototxt", options), 5);
}

TEST_F(CaffeFiles, WhatIsMissingOrWrongIsSaid) {
  write("a.prototxt", kNet);
  EXPECT_EQ(error("a.prototxt"),
            "io: 1 of 1 nodes cannot be run (a.prototxt, V2 layers):\n"
            "  1x  InnerProduct  fc  there is no *.caffemodel beside a.prototxt: --weights FILE "
            "names it");
  write("x.caffemodel", weights(1));
  write("y.caffemodel", weights(1));
  EXPECT_EQ(error("a.prototxt"),
            "io: 1 of 1 nodes cannot be run (a.prototxt, V2 layers):\n"
            "  1x  InnerProduct  fc  several *.caffemodel lie beside a.prototxt, none of its name: "
            "x.caffemodel, y.caffemodel: --weights FILE names it");
  write("a.caffemodel", weights(1, "conv9"));
  EXPECT_EQ(error("a.prototxt"),
            "invalid_model: 1 of 1 nodes cannot be run (a.prototxt, V2 layers):\n"
            "  1x  InnerProduct  fc  a.caffemodel has 0 blobs of a layer of this name, wanted more "
            "than 0: does it belong to this net? --weights names another file");
  write("a.caffemodel", "no net");
  EXPECT_EQ(error("a.prototxt"),
            "invalid_model: a.caffemodel stores no Caffe net, which a.prototxt needs for weights");
}

TEST_F(CaffeFiles, WeightsAloneAskForTheDescription) {
  write("a.caffemodel", weights(1));
  EXPECT_EQ(error("a.caffemodel"),
            "io: a.caffemodel stores the weights of a Caffe net; its description is needed, too: "
            "there is no *.prototxt beside a.caffemodel: --weights FILE names it");
}

TEST_F(CaffeFiles, AFolderOfSeveralModelsIsNotGuessedAt) {
  write("a.prototxt", kNet);
  write("b.prototxt", kNet);
  write("notes.txt", "nothing");
  EXPECT_EQ(error("."), "usage: . is a folder of several models, name one: a.prototxt, b.prototxt");
  fs::remove(folder_ / "a.prototxt");
  fs::remove(folder_ / "b.prototxt");
  EXPECT_EQ(error("."), "usage: . is a folder without a model that Hone reads");
}

TEST_F(CaffeFiles, WeightsCanBeMadeFromASeed) {
  write("a.prototxt", kNet);
  ImportOptions options;
  options.random_weights = 7;
  const Imported imported = import_file(folder_ / "a.prototxt", options);
  EXPECT_TRUE(imported.graph->constants().at(0)->weight->is_random());
}

}  // namespace hone::caffe_files_test
