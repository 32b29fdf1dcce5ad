// What ops say of themselves in closed terms is what their reference evaluation does.

#include <gtest/gtest.h>

#include <cmath>

#include "ir/evaluation.hpp"
#include "ir/stages.hpp"
#include "ops/common/registry.hpp"
#include "support/graph_case.hpp"
#include "support/random_graph.hpp"

namespace hone::test {
namespace {

TEST(Stages, Cases) {
  expect_text_cases("ops/stages.test", {{"stages", [](std::string_view given) {
                                           return print(stages_of(*parse(given, all_ops())));
                                         }}});
}

/// The largest difference of two tensors, relative to the second's largest finite magnitude;
/// infinity where one has a NaN or an infinity that the other does not.
double difference(const Tensor& got, const Tensor& want) {
  if (!is_float(want.dtype())) {
    for (int64_t i = 0; i < want.count(); ++i)
      if (got.integer(i) != want.integer(i)) return HUGE_VAL;
    return 0;
  }
  double most = 0, off = 0;
  for (int64_t i = 0; i < want.count(); ++i) {
    const double a = got.number(i), b = want.number(i);
    if (std::isnan(a) != std::isnan(b) || std::isinf(a) != std::isinf(b)) return HUGE_VAL;
    if (std::isnan(a) || a == b) continue;
    if (std::isinf(a)) return HUGE_VAL;
    off = std::max(off, std::fabs(a - b));
  }
  for (int64_t i = 0; i < want.count(); ++i)
    if (std::isfinite(want.number(i))) most = std::max(most, std::fabs(want.number(i)));
  return off == 0 ? 0 : off / std::max(most, 1e-30);
}

double tolerance(DType dtype) {
  switch (dtype) {
    case DType::f64: return 1e-12;
    case DType::f16: return 2e-3;
    case DType::bf16: return 2e-2;
    default: return 1e-5;
  }
}

struct Judge {
  std::map<std::string_view, int> compared;
  std::map<std::string, int> declined;

  void node(const Node& node, const std::unordered_map<const Value*, Tensor>& values,
            const Bindings& symbols) {
    const Stages stages = stages_of(node);
    if (!stages) {
      ++declined[stages.declined];
      return;
    }
    std::vector<const Tensor*> inputs;
    std::unordered_map<const Value*, Tensor> known;
    for (const Value* input : node.inputs) {
      if (input != nullptr && !input->is_constant()) known[input] = values.at(input);
      inputs.push_back(input == nullptr       ? nullptr
                       : input->is_constant() ? &input->weight->tensor()
                                              : &values.at(input));
    }
    const std::vector<Tensor> want = evaluate(node, inputs, symbols);
    try {
      evaluate(stages, symbols, known);
    } catch (const Error& error) {
      FAIL() << error.message() << "\n" << print(node) << "\n" << print(stages);
    }
    for (size_t i = 0; i < want.size(); ++i) {
      if (node.output(i) == nullptr) continue;
      const Tensor& got = known.at(node.outputs[i]);
      ASSERT_EQ(got.shape(), want[i].shape()) << print(node);
      ASSERT_LE(difference(got, want[i]), tolerance(want[i].dtype())) << print(node) << "\n"
                                                                      << print(stages);
    }
    ++compared[node.op.name()];
  }
};

TEST(Stages, AreWhatReferenceEvaluationDoesInRandomGraphs) {
  Judge judge;
  OpCounts counts;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    const GraphCase drawn = random_graph(seed, all_ops(), counts, {.most_elements = 256});
    std::unordered_map<const Value*, Tensor> values;
    Bindings symbols;
    for (size_t i = 0; i < drawn.inputs.size(); ++i) {
      values[drawn.graph->inputs()[i]] = drawn.inputs[i];
      bind_contents(drawn.graph->inputs()[i]->type, drawn.inputs[i], symbols);
    }
    for (const Node& node : drawn.graph->nodes()) {
      std::vector<const Tensor*> inputs;
      for (const Value* input : node.inputs)
        inputs.push_back(input == nullptr       ? nullptr
                         : input->is_constant() ? &input->weight->tensor()
                                                : &values.at(input));
      const std::vector<Tensor> results = evaluate(node, inputs, symbols);
      for (size_t i = 0; i < results.size(); ++i) {
        if (node.output(i) == nullptr) continue;
        bind_contents(node.outputs[i]->type, results[i], symbols);
        values[node.outputs[i]] = results[i];
      }
      judge.node(node, values, symbols);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(judge.compared.size(), 60u);
  EXPECT_FALSE(judge.declined.empty());  // Loop, TopK and others never describe themselves
}

}  // namespace
}  // namespace hone::test
