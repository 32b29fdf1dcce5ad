// Every model at hand through the text form: import, verify, print, read back, print again.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "import/import.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ir/verify.hpp"
#include "ops/common/registry.hpp"
#include "support/paths.hpp"

namespace hone::test::model_text_test {

std::vector<std::filesystem::path> models_in(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  if (!has_data(folder)) return found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(data_dir() / folder))
    if (entry.path().extension() == ".onnx") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

/// Line by line, so that a difference is told and not the whole text.
void expect_same(std::string_view wanted, std::string_view got) {
  const auto a = split(wanted, '\n'), b = split(got, '\n');
  EXPECT_EQ(a.size(), b.size());
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (a[i] != b[i]) {
      ADD_FAILURE() << "line " << i + 1 << "\n  wanted " << a[i] << "\n  got    " << b[i];
      return;
    }
}

/// Weights come from the graph itself, by name.
WeightResolver weights_of(const Graph& graph) {
  return [&](std::string_view name, DType, const std::vector<int64_t>&, const Hash&) {
    const Value* value = graph.find(name);
    return value == nullptr ? nullptr : value->weight;
  };
}

void check_text(const Graph& graph) {
  verify(graph, "import");
  const std::string text = print(graph);
  const auto again = parse(text, all_ops(), weights_of(graph));
  expect_same(text, print(*again));
  infer(*again);  // finds known contents again
  verify(*again, "reading the text");
  EXPECT_TRUE(same_structure(graph, *again));
  expect_same(text, print(*again));

  const std::string bare = print(graph, {.types = false});
  expect_same(text, print(*parse(bare, all_ops(), weights_of(graph))));
}

class ModelText : public ::testing::TestWithParam<std::string> {};

TEST_P(ModelText, RoundTrips) {
  const auto models = models_in(GetParam());
  if (models.empty()) GTEST_SKIP() << "no models in " << (data_dir() / GetParam());
  ImportOptions options;
  options.random_weights = 1;
  size_t read = 0;
  for (const auto& path : models) {
    SCOPED_TRACE(path.filename().string());
    std::unique_ptr<Graph> graph;
    try {
      graph = import_file(path, options).graph;
    } catch (const Error& error) {
      log(Level::warning, "not read: ", error.message());  // the importer's tests fail for it
      continue;
    }
    ++read;
    EXPECT_NO_THROW(check_text(*graph));
  }
  EXPECT_GT(read, models.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(Folders, ModelText, ::testing::Values("bench_graphs", "models/onnx"),
                         [](const auto& folder) {
                           std::string name = folder.param;
                           std::replace(name.begin(), name.end(), '/', '_');
                           return name;
                         });

}  // namespace hone::test::model_text_test
