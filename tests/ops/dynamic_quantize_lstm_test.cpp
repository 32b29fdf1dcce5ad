#include "ops/dynamic_quantize_lstm.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

// Expected numbers: ONNX Runtime 1.31 on the same operands.

namespace hone::test::dynamic_quantize_lstm_test {

using Doubles = std::vector<double>;

const Tensor kAbsent;
const Tensor kX = tensor(DType::f32, {3, 2, 2}, {.5, -1, 2, .25, -.75, 1.5, 0, -2, 1, 1, .5, -.5});

/// (direction * a + row * b + gate * c + d) mod 256 - less, [directions, 2, 8].
Tensor weight(DType type, int directions, int a, int b, int c, int d, int less) {
  Doubles values;
  for (int direction = 0; direction < directions; ++direction)
    for (int row = 0; row < 2; ++row)
      for (int gate = 0; gate < 8; ++gate)
        values.push_back((direction * a + row * b + gate * c + d) % 256 - less);
  return tensor(type, {directions, 2, 8}, values);
}

std::vector<Tensor> both_ways() {
  Doubles bias;
  for (int k = 0; k < 16; ++k) bias.push_back((k % 5 - 2) / 10.0);
  for (int k = 0; k < 16; ++k) bias.push_back((k % 7 - 3) / 10.0);
  return {kX,
          weight(DType::u8, 2, 5, 37, 53, 0, 0),
          weight(DType::u8, 2, 11, 29, 71, 100, 0),
          tensor(DType::f32, {2, 16}, bias),
          Tensor::ints({3, 2}, DType::i32),
          kAbsent,
          kAbsent,
          tensor(DType::f32, {2, 6}, {.1, -.1, .2, .05, 0, .3, .1, .1, -.2, .05, .2, .3}),
          f32({.01, .02}),
          tensor(DType::u8, {2}, {128, 120}),
          f32({.015, .01}),
          tensor(DType::u8, {2}, {125, 130})};
}

TEST(DynamicQuantizeLSTM, BothDirectionsAndLengths) {
  const DynamicQuantizeLSTM op{
      .recurrence = {.direction = Direction::bidirectional, .hidden_size = 2}};
  const std::vector<Tensor> found = run_all(op, both_ways(), 3);
  expect_near(found[0],
              {.012589878, -.088735782, -.016080819, -.047794223, -.052345447, -.040777307,
               .205353737, -.023806071, .069120318,  .032501847,  .204982772,  -.088946432,
               .043411132, .232357964,  .101402372,  -.023061333, .016629905,  -.022752626,
               0,          0,           -.006254836, .025377143,  0,           0});
  EXPECT_EQ(found[1].shape(), (std::vector<int64_t>{2, 2, 2}));
  expect_near(found[1], {.016629905, -.022752626, .204982772, -.088946432, -.052345447, -.040777307,
                         .205353737, -.023806071});
  expect_near(found[2], {.036852673, -.031987652, .539996147, -.455463469, -.183650836, -.177582651,
                         .51659435, -.026442144});
}

TEST(DynamicQuantizeLSTM, AScaleForEachGate) {
  Doubles w_scale, r_scale;
  for (int k = 0; k < 8; ++k) w_scale.push_back(.01 * (k + 1)), r_scale.push_back(.02 - .001 * k);
  DynamicQuantizeLSTM op{.recurrence = {.hidden_size = 2, .clip = 1}, .input_forget = true};
  const Tensor zeros = tensor(DType::i8, {1, 8}, Doubles(8, 0));
  const std::vector<Tensor> found = run_all(
      op,
      {kX, weight(DType::i8, 1, 5, 37, 53, 0, 128), weight(DType::i8, 1, 11, 29, 71, 100, 128),
       kAbsent, kAbsent, tensor(DType::f32, {1, 2, 2}, {.5, -.5, .25, 1}),
       tensor(DType::f32, {1, 2, 2}, {1, -1, 0, .5}), kAbsent, tensor(DType::f32, {1, 8}, w_scale),
       zeros, tensor(DType::f32, {1, 8}, r_scale), zeros},
      3);
  expect_near(found[0], {.200932264, -.192186221, -.054328091, .11648377, .210306957, -.083746851,
                         .124638408, -.12713033, .006912242, .066763386, -.023921272, -.168531701});
  expect_near(found[2], {.011590451, .091579437, -.048946172, -.6105057});
}

TEST(DynamicQuantizeLSTM, TypesAndRefusals) {
  const DynamicQuantizeLSTM op{.recurrence = {.direction = Direction::bidirectional}};
  std::vector<Type> types;
  for (const Tensor& each : both_ways())
    types.push_back(each.empty()
                        ? Type()
                        : Type::tensor(each.dtype(), {each.shape().begin(), each.shape().end()}));
  types[0] = Type::tensor(DType::f32, {Dim::symbol("s"), Dim::symbol("n"), 2});
  EXPECT_EQ(cat(type_of(op, types)), "f32[s,2,n,2]");
  const auto refused = [&](size_t operand, const Tensor& wrong) {
    std::vector<Tensor> operands = both_ways();
    operands[operand] = wrong;
    return refusal_of([&] { run_all(op, operands, 3); });
  };
  EXPECT_NE(refused(4, Tensor::ints({4, 2}, DType::i32)).find("sequence 0 has length 4"),
            std::string::npos);
  EXPECT_NE(refused(8, f32({1})).find("operand 8 does not have the shape [2]"), std::string::npos);
  EXPECT_NE(refused(8, kAbsent).find("has no scale"), std::string::npos);
  EXPECT_NE(refused(3, f32({1, 2})).find("operand 3"), std::string::npos);
  EXPECT_EQ(refused(1, f32({1, 2})),
            "invalid_model: operand 1 is f32[2], wanted rank 3 (DynamicQuantizeLSTM %y0)");
  EXPECT_EQ(refusal_of([] { run(DynamicQuantizeLSTM{}, both_ways()); }),
            "invalid_model: operand 1 does not have the shape [1,2,8] (DynamicQuantizeLSTM %y0)");
}

TEST(DynamicQuantizeLSTM, NothingToDo) {
  const DynamicQuantizeLSTM op{.recurrence = {.direction = Direction::bidirectional}};
  std::vector<Tensor> operands = both_ways();
  operands[0] = tensor(DType::f32, {0, 2, 2}, {});
  operands[4] = kAbsent;
  const std::vector<Tensor> found = run_all(op, operands, 3);
  EXPECT_EQ(found[0].shape(), (std::vector<int64_t>{0, 2, 2, 2}));
  EXPECT_EQ(numbers(found[1]), Doubles(8, 0));
}

}  // namespace hone::test::dynamic_quantize_lstm_test
