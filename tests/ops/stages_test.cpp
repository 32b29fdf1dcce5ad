// What ops say of themselves in closed terms is what their reference evaluation does.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "ir/stages/stages.hpp"
#include "ops/common/registry.hpp"
#include "ops/stage_judge.hpp"
#include "support/graph_case.hpp"
#include "support/node_by_node.hpp"
#include "support/random_graph.hpp"

namespace hone::test::stages_test {

TEST(Stages, Cases) {
  expect_text_cases("ops/stages.test", {{"stages", [](std::string_view given) {
                                           return print(stages_of(*parse(given, all_ops())));
                                         }}});
}

/// Evaluates a drawn graph node by node and compares each with its stages; the first that differs.
std::string judge_graph(const GraphCase& drawn, StageTally& tally) {
  std::string wrong;
  evaluate_nodes(drawn, [&](const Node& node, const auto& inputs, const auto& results,
                            const Bindings& symbols) {
    // Sizes are as the types say; else the rest of a graph is specialized before it runs.
    if (is_planned_otherwise(*drawn.graph, symbols)) return false;
    wrong = judge_stages(node, inputs, symbols, results, tally);
    return wrong.empty();
  });
  return wrong;
}

TEST(Stages, AreWhatReferenceEvaluationDoesInRandomGraphs) {
  StageTally tally;
  OpCounts counts;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const GraphCase drawn = random_graph(seed, all_ops(), counts, {.most_elements = 256});
    const std::string wrong = judge_graph(drawn, tally);
    ASSERT_EQ(wrong, "") << "seed " << seed;
  }
  EXPECT_GE(tally.compared.size(), 90u);
}

/// Every op that may describe itself, drawn by itself until it was compared often.
StageTally tally_of_each_op() {
  StageTally tally;
  OpCounts counts;
  for (const OpClass* each : all_ops().all()) {
    if (each->express == nullptr) continue;
    OpRegistry only;
    only.add(*each);
    constexpr uint64_t kSeeds = 40;
    constexpr int kEnough = 60;
    for (uint64_t seed = 1; seed <= kSeeds && tally.compared[each->name] < kEnough; ++seed) {
      const RandomGraphOptions options{
          .least_nodes = 3, .most_nodes = 9, .most_elements = 128, .motifs = 0, .joins = 0};
      const std::string wrong = judge_graph(random_graph(seed, only, counts, options), tally);
      EXPECT_EQ(wrong, "") << each->name << ", seed " << seed;
      if (!wrong.empty()) break;
    }
  }
  return tally;
}

/// Names in lines of at most 100 columns.
std::string lines_of(const std::vector<std::string>& names) {
  std::string text, line;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string word = names[i] + (i + 1 < names.size() ? "," : ".");
    if (!line.empty() && line.size() + 1 + word.size() > 100) {
      text += line + "\n";
      line.clear();
    }
    line += line.empty() ? word : " " + word;
  }
  return text + line + "\n";
}

constexpr std::string_view kIntroduction =
    R"(# Ops in closed terms

An op may describe a node as stages (`src/ir/stages/stages.hpp`): loops over elements, where each
element is one expression. Fusion reads these and knows no op. This page lists which ops do so, as
random nodes of each op found it;
`HONE_BLESS=1 build/dev/tests/hone_tests_ops --gtest_filter=Stages.*` writes it anew.

## Opaque

These give no stages, for the reason beside them. Fusion knows nothing of what happens inside.

| op | why |
|---|---|
)";

constexpr std::string_view kBeforeClosed = R"(
## Closed

These give stages, some of them not for every field or operand. `hone build --dump` writes the
stages of a model's nodes.

)";
constexpr std::string_view kBeforeOthers = R"(
## Without a description

Nothing to describe, or nobody has yet: bodies, random numbers, sequences, strings, sizes, and what
stands beside networks.

)";

/// Which ops are opaque and why, as the draws found it.
std::string page_of(const StageTally& tally) {
  std::string page(kIntroduction);
  std::vector<std::string> closed, none;
  for (const OpClass* each : all_ops().all()) {
    const auto compared = tally.compared.find(each->name);
    if (each->express == nullptr) none.emplace_back(each->name);
    else if (compared->second > 0) closed.emplace_back(each->name);
    else page += cat("| ", each->name, " | ", join(tally.declined.at(each->name), "; "), " |\n");
  }
  return cat(page, kBeforeClosed, lines_of(closed), kBeforeOthers, lines_of(none));
}

TEST(Stages, OfEveryOpAreComparedOrDeclined) {
  const StageTally tally = tally_of_each_op();
  for (const OpClass* each : all_ops().all()) {
    if (each->express == nullptr) continue;
    const auto declined = tally.declined.find(each->name);
    EXPECT_TRUE(tally.compared.at(each->name) > 0 || declined != tally.declined.end())
        << each->name << " was never drawn";
  }
  const auto path = std::filesystem::path(HONE_SOURCE_DIR) / "docs/stages.md";
  const std::string page = page_of(tally);
  const char* bless = std::getenv("HONE_BLESS");
  if (bless != nullptr && std::string_view(bless) == "1") std::ofstream(path) << page;
  std::stringstream kept;
  kept << std::ifstream(path).rdbuf();
  EXPECT_EQ(kept.str(), page) << "HONE_BLESS=1 writes docs/stages.md anew";
}

}  // namespace hone::test::stages_test
