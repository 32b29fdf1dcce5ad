// Weights of products of few rows, which groups of threads read with the depth innermost.

#include "device/cuda/emit/turned_weights.hpp"

#include <gtest/gtest.h>

#include "device/cuda/device.hpp"
#include "device/cuda/emit/schedule.hpp"
#include "device/cuda/regions.hpp"
#include "device/problem.hpp"
#include "ir/nest/evaluate.hpp"

namespace hone::test::turned_weights_test {

using namespace cuda;

/// Every input but the first is a constant.
std::shared_ptr<Problem> problem_of(const Graph& graph, Rng& rng) {
  auto problem = std::make_shared<Problem>();
  problem->region = {std::shared_ptr<const Graph>(graph.clone())};
  problem->target = std::make_shared<const Target>(target_of(90, nullptr));
  for (const Value* input : problem->region.body->inputs()) {
    problem->weights.push_back(problem->weights.empty() ? nullptr
                                                        : Weight::of(drawn(input->type, {}, rng)));
    problem->inputs.push_back({{}, 16});
  }
  problem->outputs.push_back({{}, 16});
  return problem;
}

std::vector<size_t> turned_of(std::string_view text) {
  Rng rng(3);
  return emitter::weights_to_turn(*problem_of(*graph_of({"", text}), rng));
}

TEST(TurnedWeights, AreConstantsOfProductsAlongTheirFirstAxis) {
  using Inputs = std::vector<size_t>;
  EXPECT_EQ(turned_of("graph g(%x: f16[1,72], %w: f16[72,20]) -> (%y)\n  %y = MatMul(%x, %w)\n"),
            Inputs{1});
  EXPECT_EQ(turned_of("graph g(%x: f16[n,s,72], %w: f16[72,20], %b: f16[20]) -> (%y)\n"
                      "  %a = MatMul(%x, %w)\n  %y = Add(%a, %b)\n"),
            Inputs{1});
  // Along the sum already; computed; no product; read elsewhere, too; several products at a time.
  for (const std::string_view text :
       {"graph g(%x: f16[1,72], %w: f16[20,72]) -> (%y)\n  %y = Gemm(%x, %w) transB=true\n",
        "graph g(%w: f16[72,20], %x: f16[1,72]) -> (%y)\n  %y = MatMul(%x, %w)\n",
        "graph g(%x: f16[72,20], %w: f16[72,20]) -> (%y)\n  %y = Mul(%x, %w)\n",
        "graph g(%x: f16[72,72], %w: f16[72,72]) -> (%y)\n  %a = MatMul(%x, %w)\n"
        "  %y = Add(%a, %w)\n",
        "graph g(%x: f16[3,1,72], %w: f16[3,72,20]) -> (%y)\n  %y = MatMul(%x, %w)\n"})
    EXPECT_EQ(turned_of(text), Inputs{}) << text;
}

TEST(TurnedWeights, HaveTheirAxesInTheOtherOrder) {
  Rng rng(5);
  for (const auto& [rows, columns] : {std::pair{1, 7}, {130, 67}, {64, 64}, {0, 5}})
    for (const DType dtype : {DType::f16, DType::f32, DType::i8}) {
      const Tensor weight = drawn(Type::tensor(dtype, {rows, columns}), {}, rng);
      const Tensor made = emitter::turned(weight);
      ASSERT_EQ(made.shape(), (std::vector<int64_t>{columns, rows}));
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          ASSERT_EQ(made.number(c * rows + r), weight.number(r * columns + c));
    }
}

/// What a group of threads folds, by the nest's interpreter.
TEST(TurnedWeights, GiveTheSameProducts) {
  const RegionCase region{"",
                          "graph g(%x: f32[1,3,300], %w: f32[300,40], %b: f32[40]) -> (%y)\n"
                          "  %a = MatMul(%x, %w)\n  %c = Add(%a, %b)\n  %y = Swish(%c)\n"};
  Rng rng(9);
  const auto graph = graph_of(region);
  const auto problem = problem_of(*graph, rng);
  const Graph& body = *problem->region.body;
  ASSERT_EQ(emitter::weights_to_turn(*problem), std::vector<size_t>{1});
  const auto scheduled =
      emitter::schedule(body, {{body.inputs()[1], emitter::turned_strides(*body.inputs()[1])}});
  ASSERT_EQ(scheduled.declined, "");
  EXPECT_EQ(scheduled.lanes, 128);
  std::vector<Tensor> inputs = {drawn(body.inputs()[0]->type, {}, rng)};
  for (const size_t i : {1, 2}) inputs.push_back(problem->weights[i]->tensor());
  std::vector<Tensor> given;
  for (const Value* operand : scheduled.operands)
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (body.inputs()[i] != operand) continue;
      given.push_back(inputs[i]);
      if (i != 1) continue;
      // The interpreter takes the bytes as they lie.
      Tensor turned = emitter::turned(inputs[i]);
      std::memcpy(given.back().mutable_bytes().data(), turned.bytes().data(),
                  turned.bytes().size());
    }
  const std::vector<Tensor> wanted = evaluate(body, inputs);
  const std::vector<Tensor> got = evaluate(scheduled.nest, {}, given);
  ASSERT_EQ(got.size(), 1u);
  expect_close(got[0], wanted[0]);
}

}  // namespace hone::test::turned_weights_test
