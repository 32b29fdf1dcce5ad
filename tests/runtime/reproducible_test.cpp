// Two builds of the same model with the same options give the same bytes, whatever else the machine
// does meanwhile.

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "base/file.hpp"
#include "build/build.hpp"
#include "support/paths.hpp"

namespace hone::test::reproducible_test {

/// The bytes of an engine built of `model` and saved as `path`.
std::string engine_bytes(const std::filesystem::path& model, const std::filesystem::path& path) {
  BuildOptions options;
  options.engine.workers = 2;
  ImportOptions weights;
  weights.random_weights = 7;
  save(*build(import_file(model, weights).graph, options), path);
  std::string bytes = read_text(path);
  std::filesystem::remove(path);
  return bytes;
}

void expect_same_bytes(const std::filesystem::path& model) {
  const auto path = [](int i) {
    return std::filesystem::temp_directory_path() / cat("hone-same-", ::getpid(), "-", i, ".hone");
  };
  const std::string alone = engine_bytes(model, path(0));
  // Three at a time, and threads that take the processor away from them at odd moments.
  std::string found[3];
  std::atomic<bool> done = false;
  std::vector<std::thread> builders, others;
  for (int i = 0; i < 2; ++i)
    others.emplace_back([&done, i] {
      for (auto pause = std::chrono::microseconds(50 + 170 * i); !done.load();)
        std::this_thread::sleep_for(pause);
    });
  for (int i = 0; i < 3; ++i)
    builders.emplace_back([&, i] { found[i] = engine_bytes(model, path(1 + i)); });
  for (std::thread& each : builders) each.join();
  done = true;
  for (std::thread& each : others) each.join();
  for (const std::string& each : found) EXPECT_TRUE(each == alone) << model << " differs";
}

TEST(Reproducible, Digits) { expect_same_bytes(HONE_SOURCE_DIR "/examples/digits/digits.onnx"); }

TEST(Reproducible, SharedModels) {
  for (const char* name :
       {"models/onnx/quantized/resnet20_qdq_u8s8.onnx", "models/onnx/yunet/yunet_n_dynamic.onnx",
        "models/onnx/silero_vad/silero_vad_16k_op15.onnx", "models/onnx/basic_pitch/nmp.onnx",
        "bench_graphs/squeezenet1_1.onnx"}) {
    if (!has_data(name)) GTEST_SKIP() << data_dir() / name << " is not here";
    expect_same_bytes(data_dir() / name);
  }
}

}  // namespace hone::test::reproducible_test
