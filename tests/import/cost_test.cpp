// What an import costs: time, and memory beyond the mapped file.

#include <gtest/gtest.h>
#include <malloc.h>

#include <chrono>
#include <cstdio>

#include "import/import.hpp"
#include "support/paths.hpp"

namespace hone::cost_test {

struct Cost {
  double milliseconds = 0;  // the median of seven, the first one thrown away
  double mebibytes = 0;     // on the heap once it is imported
};

size_t heap_in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

Cost measure(const std::filesystem::path& path) {
  ImportOptions options;
  options.random_weights = 1;
  Cost cost;
  std::vector<double> times;
  for (int i = 0; i < 8; ++i) {
    const size_t before = heap_in_use();
    const auto start = std::chrono::steady_clock::now();
    const Imported imported = import_file(path, options);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    if (i > 0) times.push_back(took.count());
    cost.mebibytes = static_cast<double>(heap_in_use() - before) / (1 << 20);
  }
  std::sort(times.begin(), times.end());
  cost.milliseconds = times[times.size() / 2];
  return cost;
}

void expect_cost(const std::filesystem::path& model, double milliseconds, double mebibytes) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's heap is not the one to measure";
#endif
  if (!test::has_data(model)) GTEST_SKIP() << model << " is not there";
  const Cost cost = measure(test::data_dir() / model);
  std::printf("import of %s: %.1f ms, %.2f MiB beyond the mapping\n", model.filename().c_str(),
              cost.milliseconds, cost.mebibytes);
  EXPECT_LE(cost.milliseconds, milliseconds);
  EXPECT_LE(cost.mebibytes, mebibytes);
}

TEST(ImportCost, OfMiniLm) { expect_cost("models/onnx/minilm/all_minilm_l6_v2.onnx", 50, 2); }
TEST(ImportCost, OfBertTraced) { expect_cost("bench_graphs/bert_base_traced.onnx", 30, 2); }

}  // namespace hone::cost_test
