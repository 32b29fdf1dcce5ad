#include "ops/quantized.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"
#include "ops/qlinear.hpp"

// Expected numbers: ONNX Runtime 1.31 on the same operands.

namespace hone::test::quantized_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;

Tensor scale(double value) { return tensor(DType::f32, {}, {value}); }
Tensor zero(double value) { return tensor(DType::u8, {}, {value}); }
Tensor u8(Ints shape, const Doubles& values) { return tensor(DType::u8, std::move(shape), values); }
Tensor i8(Ints shape, const Doubles& values) { return tensor(DType::i8, std::move(shape), values); }
Tensor i32(const Ints& values) { return Tensor::ints(values, DType::i32); }

const Tensor kA = u8({2, 3}, {255, 228, 34, 121, 243, 189});
const Tensor kB = i8({3, 2}, {-26, 40, -46, 65, 59, 22});
const Tensor kX = u8({1, 2, 3, 3}, {205, 24, 236, 8, 246, 164, 231, 36, 210, 111, 172, 210, 174,
                                    176, 218, 242, 169, 114});
const Doubles kW = {32, -81, 84, -49, -56, -16, -8, 94, -59, -97, -33, -20, -92, -19, 110, -59};

TEST(Quantized, MatMulInteger) {
  const Tensor found = run(MatMulInteger{}, {kA, kB, zero(7), i8({2}, {3, -2})});
  EXPECT_EQ(found.dtype(), DType::i32);
  EXPECT_EQ(found.integers(), (Ints{-16509, 25871, -4678, 24968}));
  // A zero point for each row, and none.
  EXPECT_EQ(
      run(MatMulInteger{}, {u8({2, 1}, {5, 6}), u8({1, 1}, {10}), u8({2}, {1, 2})}).integers(),
      (Ints{40, 40}));
  EXPECT_EQ(run(MatMulInteger{}, {u8({1}, {5}), u8({1}, {10})}).shape(), Ints{});
  EXPECT_EQ(run(MatMulInteger{}, {u8({2, 0}, {}), u8({0, 1}, {})}).integers(), (Ints{0, 0}));
  EXPECT_EQ(
      refusal_of([] {
        run(MatMulInteger{}, {f32({1}), f32({1})});
      }),
      "invalid_model: operand 0 is f32, wanted integers of at most 16 bits (MatMulInteger %y0)");
}

TEST(Quantized, QLinearMatMul) {
  const Tensor found = run(QLinearMatMul{}, {kA, scale(0.05), zero(120), kB, f32({0.02, 0.01}),
                                             i8({2}, {3, -2}), scale(0.11), zero(100)});
  EXPECT_EQ(numbers(found), (Doubles{0, 149, 80, 145}));
  EXPECT_EQ(found.dtype(), DType::u8);
}

TEST(Quantized, QGemm) {
  const Tensor bt = i8({2, 3}, {-26, -46, 59, 40, 65, 22});
  QGemm op;
  op.transB = true;
  EXPECT_EQ(numbers(run(op, {kA, scale(0.05), zero(120), bt, scale(0.02), i8({}, {3}),
                             i32({50, -900}), scale(0.11), zero(100)})),
            (Doubles{0, 183, 81, 173}));
  op.alpha = 0.5f;
  const Tensor real =
      run(op, {kA, scale(0.05), zero(120), bt, scale(0.02), i8({}, {3}), i32({50, -900})});
  EXPECT_EQ(real.dtype(), DType::f32);
  const std::vector<float> expected{-6.986500263214111f, 4.578500270843506f, -1.071000099182129f,
                                    4.0370001792907715f};
  for (size_t i = 0; i < expected.size(); ++i)
    EXPECT_EQ(real.at<float>(static_cast<int64_t>(i)), expected[i]);
  // The same product from a transposed A.
  op.transA = true;
  EXPECT_EQ(numbers(run(op, {u8({3, 2}, {255, 121, 228, 243, 34, 189}), scale(0.05), zero(120), bt,
                             scale(0.02), i8({}, {3}), i32({50, -900})})),
            numbers(real));
}

TEST(Quantized, ConvInteger) {
  ConvInteger op;
  op.window.pads = {1, 1, 0, 0};
  Doubles unsigned_weight = kW;
  for (double& value : unsigned_weight) value = value < 0 ? value + 256 : value;
  EXPECT_EQ(run(op, {kX, u8({2, 2, 2, 2}, unsigned_weight), zero(9), zero(4)}).integers(),
            (Ints{48968, 58283, 105143, 72235, 169834, 228604, 104805, 206744, 206650, 65158, 88675,
                  112020, 85759, 198938, 256895, 134763, 212313, 234953}));
}

TEST(Quantized, QLinearConv) {
  QLinearConv op;
  op.window.pads = {1, 1, 0, 0};
  op.window.strides = {2, 1};
  const Tensor w = i8({2, 2, 2, 2}, kW);
  EXPECT_EQ(numbers(run(op, {kX, scale(0.03), zero(110), w, f32({0.02, 0.004}), i8({2}, {0, 0}),
                             scale(0.21), zero(90), i32({100, -2000})})),
            (Doubles{77, 142, 77, 129, 88, 43, 88, 86, 90, 88, 86, 80}));
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(
      type_of(QLinearConv{}, {Type::tensor(DType::u8, {n, 2, 8, 8}), Type::tensor(DType::f32, {}),
                              Type::tensor(DType::u8, {}), Type::tensor(DType::i8, {4, 2, 3, 3}),
                              Type::tensor(DType::f32, {4}), Type::tensor(DType::i8, {4}),
                              Type::tensor(DType::f32, {}), Type::tensor(DType::i8, {})}),
      Type::tensor(DType::i8, {n, 4, 6, 6}));
}

TEST(QLinear, Pointwise) {
  const Tensor a = u8({2, 4}, {51, 81, 228, 211, 202, 58, 202, 65});
  const Tensor b = u8({4}, {76, 70, 193, 104});
  EXPECT_EQ(numbers(run(QLinearAdd{}, {a, scale(0.03), zero(110), b, scale(0.05), zero(20),
                                       scale(0.07), zero(90)})),
            (Doubles{105, 113, 255, 193, 169, 103, 253, 131}));
  EXPECT_EQ(numbers(run(QLinearMul{}, {a, scale(0.03), zero(110), b, scale(0.05), zero(20),
                                       scale(0.17), zero(90)})),
            (Doubles{61, 77, 255, 165, 135, 67, 230, 57}));
  EXPECT_EQ(numbers(run(QLinearAdd{}, {u8({1}, {3}), scale(1), Tensor(), u8({1}, {4}), scale(1),
                                       Tensor(), scale(1)})),
            Doubles{7});
  // Ties: the zero point 3 is added before rounding, so 1.5 + 3 is 4 and 0.5 + 3 is 4, as in ONNX
  // Runtime.
  EXPECT_EQ(numbers(run(QLinearMul{}, {u8({1}, {4}), scale(1), zero(1), u8({1}, {3}), scale(2),
                                       zero(2), scale(4), zero(3)})),
            Doubles{4});
  EXPECT_EQ(numbers(run(QLinearAdd{}, {u8({1}, {3}), scale(1), zero(1), u8({1}, {2}), scale(2),
                                       zero(2), scale(4), zero(3)})),
            Doubles{4});
}

TEST(QLinear, Pooling) {
  QLinearAveragePool op;
  op.window.kernel_shape = {2, 2};
  op.window.pads = {1, 1, 0, 0};
  const std::vector<Tensor> operands{kX, scale(0.03), zero(110), scale(0.05), zero(60)};
  EXPECT_EQ(numbers(run(op, operands)),
            (Doubles{117, 63, 72, 58, 66, 94, 66, 72, 92, 61, 79, 109, 80, 89, 110, 119, 108, 96}));
  op.count_include_pad = true;
  EXPECT_EQ(numbers(run(op, operands)),
            (Doubles{74, 61, 66, 59, 66, 94, 63, 72, 92, 60, 69, 84, 70, 89, 110, 89, 108, 96}));
  const Tensor mean = run(QLinearGlobalAveragePool{}, operands);
  EXPECT_EQ(numbers(mean), (Doubles{85, 100}));
  EXPECT_EQ(mean.shape(), (Ints{1, 2, 1, 1}));
}

TEST(QLinear, AWindowOverTheEndCountsAsWhole) {
  QLinearAveragePool op;
  op.ceil_mode = op.count_include_pad = true;
  op.window.kernel_shape = {2};
  op.window.strides = {2};
  EXPECT_EQ(numbers(run(op, {u8({2, 1, 3}, {10, 200, 90, 0, 255, 7}), scale(0.05), zero(30),
                             scale(0.1), zero(60)})),
            (Doubles{98, 75, 109, 54}));
}

TEST(QLinear, Softmax) {
  EXPECT_EQ(numbers(run(QLinearSoftmax{}, {u8({2, 4}, {200, 180, 255, 254, 0, 3, 10, 7}),
                                           scale(0.1), zero(7), scale(1.0 / 256), zero(0)})),
            (Doubles{1, 0, 134, 121, 36, 49, 98, 73}));
  const Tensor x = i8({2, 2, 2}, {-100, 20, 30, 40, 127, 126, -128, 0});
  const std::vector<Tensor> operands{x, scale(0.02), Tensor(), scale(1.0 / 256), i8({}, {-128})};
  EXPECT_EQ(numbers(run(QLinearSoftmax{.axis = 1}, operands)),
            (Doubles{-110, -25, 110, 25, 126, 109, -126, -109}));
  EXPECT_EQ(numbers(run(QLinearSoftmax{.axis = 1, .flatten = true}, operands)),
            (Doubles{-122, -61, -46, -28, -4, -6, -127, -118}));
}

TEST(QLinear, SoftmaxOfLittle) {
  // 1 is 256 units, one more than there are; ONNX Runtime overflows here.
  EXPECT_EQ(numbers(run(QLinearSoftmax{},
                        {u8({2, 1}, {9, 7}), scale(0.1), zero(7), scale(1.0 / 256), zero(0)})),
            (Doubles{255, 255}));
  EXPECT_EQ(
      run(QLinearSoftmax{}, {u8({2, 0}, {}), scale(0.1), zero(7), scale(0.1), zero(0)}).shape(),
      (Ints{2, 0}));
  const auto refused = [](const QLinearSoftmax& op, const Tensor& x) {
    return refusal_of([&] { run(op, {x, scale(0.1), Tensor(), scale(0.1)}); });
  };
  EXPECT_EQ(refused({.axis = 2}, u8({1, 2}, {1, 2})),
            "invalid_model: axis 2 is out of range for rank 2 (QLinearSoftmax %y0)");
  EXPECT_NE(refused({}, tensor(DType::u16, {1}, {1})).find("at most 8 bits"), std::string::npos);
}

}  // namespace hone::test::quantized_test
