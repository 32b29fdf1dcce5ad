#include "ops/recurrent.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::recurrent_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

const Tensor kAbsent;
// Operands so small that the states can be told by hand: no function at all in the gates.
const Recurrence kLinear{.activations = {"Affine"}};
const Recurrence kLinear2{.activations = {"Affine", "Affine"}};
const Recurrence kLinear3{.activations = {"Affine", "Affine", "Affine"}};

Tensor cube(std::vector<int64_t> shape, const Doubles& values) {
  return tensor(DType::f32, std::move(shape), values);
}

TEST(Recurrent, Types) {
  const Dim n = Dim::symbol("n"), s = Dim::symbol("s");
  const auto f32_type = [](Dims dims) { return Type::tensor(DType::f32, std::move(dims)); };
  const Type w = f32_type({2, 256, 40}), r = f32_type({2, 256, 64});
  const LSTM both{.recurrence = {.direction = Direction::bidirectional, .hidden_size = 64}};
  EXPECT_EQ(cat(type_of(both, {f32_type({s, n, 40}), w, r})), "f32[s,2,n,64]");
  LSTM batch_first = both;
  batch_first.recurrence.layout = 1;
  EXPECT_EQ(cat(type_of(batch_first, {f32_type({n, s, 40}), w, r})), "f32[n,s,2,64]");
  const auto error = [&](const Op& op, const Type& x) {
    return refusal_of([&] { type_of(op, {x, w, r}); });
  };
  EXPECT_NE(error(LSTM{}, f32_type({s, n, 40})).find("wanted [1,256,40]"), std::string::npos);
  EXPECT_NE(error(both, f32_type({s, n, 41})).find("wanted [2,256,41]"), std::string::npos);
  EXPECT_EQ(error(GRU{.recurrence = both.recurrence}, f32_type({s, n, 40})),
            "invalid_model: operand 1 is f32[2,256,40], wanted [2,192,40] (GRU %y0)");
  EXPECT_NE(error(both, f32_type({n, 40})).find("wanted rank 3"), std::string::npos);
  LSTM odd = both;
  odd.recurrence.activations = {"Tanh"};
  EXPECT_NE(error(odd, f32_type({s, n, 40})).find("wanted 6"), std::string::npos);
  odd.recurrence.activations = {"Tanh", "Tanh", "Tanh", "Tanh", "Tanh", "Tan"};
  EXPECT_NE(error(odd, f32_type({s, n, 40})).find("\"Tan\" is unknown"), std::string::npos);
  const Type any = Type::unranked(DType::f32);
  EXPECT_EQ(type_of(RNN{}, {any, any, any}).tensor().rank(), 4);
}

TEST(Recurrent, Directions) {
  const Tensor x = cube({3, 1, 1}, {1, 2, 3}), w = cube({1, 1, 1}, {1}), r = cube({1, 1, 1}, {10});
  const auto states = [&](Direction direction, const Tensor& lengths) {
    RNN op{.recurrence = kLinear};
    op.recurrence.direction = direction;
    return run_all(op, {x, w, r, kAbsent, lengths}, 2);
  };
  std::vector<Tensor> y = states(Direction::forward, kAbsent);
  EXPECT_EQ(y[0].shape(), (Ints{3, 1, 1, 1}));
  EXPECT_EQ(numbers(y[0]), (Doubles{1, 12, 123}));
  EXPECT_EQ(numbers(y[1]), (Doubles{123}));
  EXPECT_EQ(numbers(states(Direction::reverse, kAbsent)[0]), (Doubles{321, 32, 3}));
  const Tensor two = tensor(DType::i32, {1}, {2});
  y = states(Direction::reverse, two);
  EXPECT_EQ(numbers(y[0]), (Doubles{21, 2, 0}));
  EXPECT_EQ(numbers(y[1]), (Doubles{21}));
  EXPECT_NE(refusal_of([&] {
              states(Direction::forward, tensor(DType::i32, {1}, {4}));
            }).find("has length 4, wanted 0 to 3"),
            std::string::npos);
}

TEST(Recurrent, BothDirectionsAndLayouts) {
  const Tensor w = cube({2, 1, 1}, {1, 1}), r = cube({2, 1, 1}, {10, 100});
  RNN op{.recurrence = kLinear2};
  op.recurrence.direction = Direction::bidirectional;
  // Two sequences, 1 2 and 3 4, sequence first.
  std::vector<Tensor> y = run_all(op, {cube({2, 2, 1}, {1, 3, 2, 4}), w, r}, 2);
  EXPECT_EQ(numbers(y[0]), (Doubles{1, 3, 201, 403, 12, 34, 2, 4}));
  EXPECT_EQ(numbers(y[1]), (Doubles{12, 34, 201, 403}));
  op.recurrence.layout = 1;
  y = run_all(op, {cube({2, 2, 1}, {1, 2, 3, 4}), w, r}, 2);
  EXPECT_EQ(numbers(y[0]), (Doubles{1, 201, 12, 2, 3, 403, 34, 4}));
  EXPECT_EQ(numbers(y[1]), (Doubles{12, 201, 34, 403}));
}

TEST(Recurrent, GatedUnit) {
  // Update gate 0.5, reset gate 2, candidate x + reset * (4 [+ 3]) or x + (reset * 4) + 3.
  const Tensor x = cube({1, 1, 1}, {1}), w = cube({1, 3, 1}, {0, 0, 1}),
               r = cube({1, 3, 1}, {0, 0, 1}), bias = cube({1, 6}, {0.5, 2, 0, 0, 0, 3}),
               initial = cube({1, 1, 1}, {4});
  const std::vector<Tensor> operands{x, w, r, bias, kAbsent, initial};
  EXPECT_EQ(run(GRU{.recurrence = kLinear2}, operands).number(0), 8);
  EXPECT_EQ(run(GRU{.recurrence = kLinear2, .linear_before_reset = true}, operands).number(0), 9.5);
  const double usual = run(GRU{}, operands).number(0);
  const double update = 1 / (1 + std::exp(-0.5)), reset = 1 / (1 + std::exp(-2.0));
  EXPECT_NEAR(usual, (1 - update) * std::tanh(1 + reset * 4 + 3) + update * 4, 1e-6);
}

TEST(Recurrent, LongShortTermMemory) {
  // Gates: input 2, output 3, forget 0.5, cell x = 1; the cell starts at 4.
  const Tensor x = cube({1, 1, 1}, {1}), w = cube({1, 4, 1}, {0, 0, 0, 1}),
               r = cube({1, 4, 1}, {0, 0, 0, 0}), bias = cube({1, 8}, {2, 3, 0.5, 0, 0, 0, 0, 0}),
               initial_cell = cube({1, 1, 1}, {4}), peepholes = cube({1, 3}, {1, 1, 1});
  std::vector<Tensor> operands{x, w, r, bias, kAbsent, kAbsent, initial_cell};
  LSTM op{.recurrence = kLinear3};
  const std::vector<Tensor> y = run_all(op, operands, 3);
  EXPECT_EQ(y[0].number(0), 12);
  EXPECT_EQ(y[1].number(0), 12);
  EXPECT_EQ(y[2].number(0), 4);
  EXPECT_EQ(run(LSTM{.recurrence = kLinear3, .input_forget = true}, operands).number(0), -6);
  op.recurrence.clip = 1;
  EXPECT_EQ(run(op, operands).number(0), 3);
  operands.push_back(peepholes);
  EXPECT_EQ(run(LSTM{.recurrence = kLinear3}, operands).number(0), 648);
}

TEST(Recurrent, ActivationParametersInOrder) {
  // Only those that have an alpha take one: Tanh does not.
  const Recurrence r{.activations = {"Tanh", "Affine", "LEAKYRELU"}, .activation_alpha = {3, 0.5}};
  const Tensor x = cube({1, 1, 1}, {-1}), w = cube({1, 4, 1}, {0, 0, 0, 1}),
               recurrent = cube({1, 4, 1}, {0, 0, 0, 0}),
               bias = cube({1, 8}, {100, 100, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(run(LSTM{.recurrence = r}, {x, w, recurrent, bias}).number(0), -1.5);
}

TEST(Recurrent, Empty) {
  const std::vector<Tensor> y = run_all(
      RNN{}, {Tensor(DType::f32, {0, 2, 1}), cube({1, 1, 1}, {1}), cube({1, 1, 1}, {1})}, 2);
  EXPECT_EQ(y[0].shape(), (Ints{0, 1, 2, 1}));
  EXPECT_EQ(numbers(y[1]), (Doubles{0, 0}));
}

}  // namespace hone::test::recurrent_test
