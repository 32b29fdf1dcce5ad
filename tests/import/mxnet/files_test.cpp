// The two files of a network, found by one of them, by their folder, or named; a network that is
// here in Caffe's format, too.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/file.hpp"
#include "import/mxnet/network_case.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "support/paths.hpp"
#include "support/refusal.hpp"

namespace hone::mxnet_files_test {

namespace fs = std::filesystem;

class MxnetFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              cat("hone_mxnet_", testing::UnitTest::GetInstance()->current_test_info()->name());
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
  static test::NetworkCase network(double number, std::string_view weight = "w") {
    return test::network_case(cat("FullyConnected fc(x, w) num_hidden=1 no_bias=True\n@w ", weight,
                                  " [1,2] ", number, "\n"));
  }
  void write_network(const std::string& name, double number, const std::string& epoch = "0000") {
    write(cat(name, "-symbol.json"), network(number).symbol);
    write(cat(name, "-", epoch, ".params"), network(number).weights);
  }
  /// The number that the network by this file multiplies by.
  double number(const std::string& name, const ImportOptions& options = {}) {
    const Imported imported = import_file(folder_ / name, options);
    EXPECT_EQ(imported.format, "mxnet");
    return imported.graph->constants().at(0)->weight->tensor().number(0);
  }
  std::string error(const std::string& name, const ImportOptions& options = {}) {
    return test::refusal_of([&] { import_file(folder_ / name, options); });
  }

  fs::path folder_;
};

TEST_F(MxnetFiles, EitherOneFindsTheOtherByItsName) {
  write_network("a", 1);
  write_network("a-b", 2, "0012");
  EXPECT_EQ(number("a-symbol.json"), 1);
  EXPECT_EQ(number("a-0000.params"), 1);
  EXPECT_EQ(number("a-b-symbol.json"), 2);
  EXPECT_EQ(number("a-b-0012.params"), 2);
}

TEST_F(MxnetFiles, TheOnlyOneThereIsIsTakenAndAFolderStandsForIt) {
  write("net-symbol.json", network(3).symbol);
  write("weights.params", network(3).weights);
  write("labels.json", "{\"0\": \"cat\"}");
  EXPECT_EQ(number("net-symbol.json"), 3);
  EXPECT_EQ(number("."), 3);
}

TEST_F(MxnetFiles, AnOptionNamesTheOther) {
  write_network("a", 1);
  write("b", network(5).weights);
  ImportOptions options;
  options.weights = folder_ / "b";
  EXPECT_EQ(number("a-symbol.json", options), 5);
}

TEST_F(MxnetFiles, WhatIsMissingOrWrongIsSaid) {
  write("a-symbol.json", network(1).symbol);
  EXPECT_EQ(error("a-symbol.json"),
            "io: 1 problem (a-symbol.json, made by mxnet 1.7.0):\n"
            "  1x  variable \"w\"  there is no *.params beside a-symbol.json: --weights FILE names "
            "it");
  write("a-0001.params", network(1).weights);
  write("a-0002.params", network(2).weights);
  EXPECT_EQ(error("a-symbol.json"),
            "io: 1 problem (a-symbol.json, made by mxnet 1.7.0):\n"
            "  1x  variable \"w\"  several *.params lie beside a-symbol.json, more than one of its "
            "name: a-0001.params, a-0002.params: --weights FILE names it");
  EXPECT_EQ(number("a-0002.params"), 2);
  fs::remove(folder_ / "a-0002.params");
  write("a-0001.params", network(1, "other").weights);
  EXPECT_EQ(
      error("a-symbol.json"),
      "invalid_model: 1 problem (a-symbol.json, made by mxnet 1.7.0):\n"
      "  1x  variable \"w\"  a weight that a-0001.params does not store: does it belong to this "
      "network? --weights names another file");
  write("a-0001.params", "no tensors");
  EXPECT_EQ(
      error("a-symbol.json"),
      "invalid_model: a-0001.params stores no tensors of MXNet, which a-symbol.json needs for "
      "weights");
  fs::remove(folder_ / "a-symbol.json");
  write("a-0001.params", network(1).weights);
  EXPECT_EQ(error("a-0001.params"),
            "io: a-0001.params stores the weights of an MXNet network; its description "
            "(NAME-symbol.json) is needed, too: there is no *-symbol.json beside a-0001.params: "
            "--weights FILE names it");
}

TEST_F(MxnetFiles, WeightsCanBeMadeFromASeedWhereTheirSizesAreStated) {
  write("a-symbol.json", test::network_case("@var w __shape__=(1,2)\n"
                                            "FullyConnected fc(x, w) num_hidden=1 no_bias=True\n"
                                            "@w other [1] 1\n")
                             .symbol);
  ImportOptions options;
  options.random_weights = 7;
  const Imported imported = import_file(folder_ / "a-symbol.json", options);
  EXPECT_TRUE(imported.graph->constants().at(0)->weight->is_random());
}

Tensor drawn(const std::vector<int64_t>& shape) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  Tensor made(DType::f32, shape);
  for (int64_t i = 0; i < made.count(); ++i) made.put(i, normal(random));
  return made;
}

/// Height and width exchanged; channels in the other order, where `flips`.
Tensor turned(const Tensor& x, bool flips) {
  if (x.rank() != 4) return x;
  const int64_t channels = x.dim(1), height = x.dim(2), width = x.dim(3);
  Tensor made(DType::f32, {x.dim(0), channels, width, height});
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t h = 0; h < height; ++h)
      for (int64_t w = 0; w < width; ++w)
        made.put((c * width + w) * height + h,
                 x.at<float>(((flips ? channels - 1 - c : c) * height + h) * width + w));
  return made;
}

/// Both have the same weights; those of MXNet are for images turned, and for red before blue.
TEST(MxnetTwins, MtcnnEqualsItsCopyInCaffesFormat) {
  const fs::path data = test::data_dir() / "models";
  if (!test::has_data("models/mxnet/mtcnn")) GTEST_SKIP() << data / "mxnet/mtcnn is not here";
  const std::pair<const char*, int64_t> networks[] = {{"det1", 12}, {"det2", 24}, {"det3", 48}};
  for (const auto& [name, size] : networks) {
    const Imported caffe = import_file(data / "caffe/mtcnn" / cat(name, ".prototxt"));
    const Imported mxnet = import_file(data / "mxnet/mtcnn" / cat(name, "-symbol.json"));
    const Tensor image = drawn({1, 3, size, size});
    const std::vector<Tensor> wanted = evaluate(*caffe.graph, {image});
    const std::vector<Tensor> got = evaluate(*mxnet.graph, {turned(image, true)});
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i) {
      std::string output = mxnet.graph->outputs()[i].name;
      std::replace(output.begin(), output.end(), '_', '-');
      size_t at = 0;
      while (at < wanted.size() && caffe.graph->outputs()[at].name != output) ++at;
      ASSERT_LT(at, wanted.size()) << output;
      const Tensor same = turned(got[i], false);
      ASSERT_EQ(same.shape(), wanted[at].shape()) << output;
      for (int64_t k = 0; k < same.count(); ++k)
        EXPECT_NEAR(same.number(k), wanted[at].number(k), 1e-4) << name << " " << output;
    }
  }
}

}  // namespace hone::mxnet_files_test
