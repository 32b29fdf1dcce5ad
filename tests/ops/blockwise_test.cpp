#include "ops/blockwise.hpp"

#include <gtest/gtest.h>

#include "ops/one_node.hpp"

// Expected numbers: ONNX Runtime 1.31 on the same operands.

namespace hone::test::blockwise_test {

using Doubles = std::vector<double>;

/// (row * 37 + block * 11 + i * 29) mod 256, `bytes` a block.
Tensor packed(int64_t bytes) {
  Doubles values;
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t i = 0; i < bytes; ++i)
        values.push_back(static_cast<double>((n * 37 + b * 11 + i * 29) % 256));
  return tensor(DType::u8, {3, 2, bytes}, values);
}

Tensor left() {
  Doubles values;
  for (int i = 0; i < 20; ++i) values.push_back((i * 7 % 11 - 5) / 4.0);
  for (int i = 0; i < 20; ++i) values.push_back((i * 5 % 13 - 6) / 8.0);
  return tensor(DType::f32, {2, 20}, values);
}

Tensor u8(std::vector<int64_t> shape, const Doubles& values) {
  return tensor(DType::u8, std::move(shape), values);
}

const Tensor kScales = tensor(DType::f32, {3, 2}, {.1, .2, .3, .05, .25, .15});

MatMulNBits product(int64_t bits) { return {.K = 20, .N = 3, .bits = bits, .block_size = 16}; }

/// Weights of few bits are sums of many rounded products.
void expect_close(const Tensor& found, const Doubles& wanted) { expect_near(found, wanted, 1e-5); }

TEST(MatMulNBits, Unpacks2And4And8Bits) {
  const Tensor bias = f32({1, 2, 3}), none;
  expect_close(
      run(product(2), {left(), packed(4), kScales, u8({3, 1}, {77, 154, 231}), none, bias}),
      {1.4, 1.625, 3.6875, 1.025, 1.425, 3.03125});
  expect_close(
      run(product(4), {left(), packed(8), kScales, u8({3, 1}, {77, 154, 231}), none, bias}),
      {.2750001, -.8625, -4.7875, 1.8875, 1.35, -.33125});
  const Tensor zeros = u8({3, 2}, {77, 108, 154, 185, 231, 6});
  expect_close(run(product(8), {left(), packed(16), kScales, zeros, none, bias}),
               {11.1, 99.487503, 62.287498, 5.875, 61.587498, 37.349998});
}

TEST(MatMulNBits, WithoutZeroPointsTheMiddleIsZero) {
  expect_close(run(product(2), {left(), packed(4), kScales}),
               {.225, -.375, .86249995, .0875, -.575, -.08125});
  expect_close(run(product(4), {left(), packed(8), kScales}),
               {0, -2.75, -8.525, .6, -.86875, -3.125});
  // The same, said by real zero points, by packed ones and by the blocks' own order.
  const Tensor eights = tensor(DType::f32, {3, 2}, {8, 8, 8, 8, 8, 8});
  const Doubles wanted = numbers(run(product(4), {left(), packed(8), kScales}));
  EXPECT_EQ(numbers(run(product(4), {left(), packed(8), kScales, eights})), wanted);
  EXPECT_EQ(numbers(run(product(4), {left(), packed(8), kScales, u8({3, 1}, {136, 136, 136})})),
            wanted);
  std::vector<int64_t> blocks(20, 0);
  for (size_t k = 16; k < 20; ++k) blocks[k] = 1;
  EXPECT_EQ(numbers(run(product(4),
                        {left(), packed(8), kScales, Tensor(), Tensor::ints(blocks, DType::i32)})),
            wanted);
}

TEST(MatMulNBits, ShapesAndRefusals) {
  EXPECT_EQ(run(product(4), {tensor(DType::f32, {0, 20}, {}), packed(8), kScales}).shape(),
            (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(run(product(4), {f32(Doubles(20, 1)), packed(8), kScales}).shape(),
            (std::vector<int64_t>{3}));
  const Dim n = Dim::symbol("n");
  EXPECT_EQ(type_of(product(4), {Type::tensor(DType::f16, {n, 2, 20}), Type::unranked(DType::u8),
                                 Type::unranked(DType::f16)}),
            Type::tensor(DType::f16, {n, 2, 3}));
  const auto error = [](const MatMulNBits& op, const Tensor& b, const Tensor& scales) {
    return refusal_of([&] { run(op, {left(), b, scales}); });
  };
  EXPECT_NE(error(product(3), packed(8), kScales).find("bits is 3"), std::string::npos);
  EXPECT_NE(error(product(4), packed(4), kScales).find("wanted 3 rows of 16 bytes"),
            std::string::npos);
  EXPECT_NE(error(product(4), packed(8), f32({1, 2})).find("operand 2 has 2 elements, wanted 6"),
            std::string::npos);
  EXPECT_NE(error({.K = 20, .N = 3}, packed(8), kScales).find("block_size is 0"),
            std::string::npos);
  EXPECT_EQ(
      error({.K = 20, .N = int64_t{1} << 62, .bits = 8, .block_size = int64_t{1} << 31}, packed(8),
            kScales),
      "invalid_model: size overflows 63 bits: 4611686018427387904 x 2147483648 (MatMulNBits %y0)");
  const Tensor wild = Tensor::ints(std::vector<int64_t>(20, 2), DType::i32);
  EXPECT_NE(refusal_of([&] {
              run(product(4), {left(), packed(8), kScales, Tensor(), wild});
            }).find("index 0 names block 2 of 2"),
            std::string::npos);
}

Tensor rows(int64_t bytes) {
  Doubles values;
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t i = 0; i < bytes; ++i)
      values.push_back(static_cast<double>((n * 37 + i * 29) % 256));
  return u8({3, bytes}, values);
}

const Tensor kRowScales = tensor(DType::f32, {3, 2}, {.5, .25, .125, 1, 2, .0625});

TEST(GatherBlockQuantized, PackedBytes) {
  GatherBlockQuantized op{.block_size = 16};
  const Tensor indices = tensor(DType::i32, {1, 2}, {2, -3});
  const Tensor found = run(op, {rows(9), indices, kRowScales, u8({3, 1}, {0x5a, 0x07, 0xf1})});
  EXPECT_EQ(found.shape(), (std::vector<int64_t>{1, 2, 18}));
  EXPECT_EQ(numbers(found),
            (Doubles{18,   6,    12, 10,   6,      14,   0,  18, 26,  20,   20,  24,
                     14,   28,   8,  0,    -.8125, -.75, -5, -5, 1.5, -4.5, 0,   -3.5,
                     -1.5, -2.5, -3, -1.5, -4.5,   -.5,  2,  0,  .5,  1,    .75, 2.25}));
  op.bits = 2;
  EXPECT_EQ(numbers(run(op, {rows(5), tensor(DType::i64, {}, {1}), kRowScales})),
            (Doubles{-.125, -.125, 0,    -.25, 0,    -.25,  -.25, -.125, .125, .125,
                     -.125, -.125, -.25, .125, .125, -.125, -1,   0,     -1,   0}));
}

TEST(GatherBlockQuantized, SignedAlongOtherAxes) {
  const Tensor data = tensor(DType::i4, {1, 3, 4}, {7, -8, -7, -6, -8, -7, -6, -5, -7, -6, -5, -4});
  const Tensor scales = tensor(DType::f32, {1, 1, 4}, {.5, .25, 1, 2});
  const GatherBlockQuantized op{.gather_axis = 2, .block_size = 16};
  EXPECT_EQ(numbers(run(op, {data, i64({3, 0}), scales})), (Doubles{-12, 3.5, -10, -4, -8, -3.5}));
}

TEST(GatherBlockQuantized, OutOfRangeIsZero) {
  const GatherBlockQuantized op{.bits = 8, .block_size = 16};
  const Tensor scales = tensor(DType::f32, {2, 1}, {.5, 2});
  EXPECT_EQ(numbers(run(op, {u8({2, 1}, {130, 131}), i64({2, 1, -3}), scales})),
            (Doubles{0, 6, 0}));
  EXPECT_EQ(numbers(run(op, {u8({0, 1}, {}), i64({0}), tensor(DType::f32, {0, 1}, {})})),
            Doubles{0});
  EXPECT_EQ(run(op, {u8({2, 1}, {1, 2}), i64({}), scales}).shape(), (std::vector<int64_t>{0, 1}));
}

TEST(GatherBlockQuantized, Types) {
  const Dim n = Dim::symbol("n"), m = Dim::symbol("m");
  const GatherBlockQuantized op{.block_size = 32};
  EXPECT_EQ(type_of(op, {Type::tensor(DType::u8, {n, 16}), Type::tensor(DType::i64, {1, m}),
                         Type::tensor(DType::f16, {n, 1})}),
            Type::tensor(DType::f16, {1, m, 32}));
  EXPECT_EQ(type_of(op, {Type::unranked(DType::u4), Type::tensor(DType::i64, {m}),
                         Type::tensor(DType::f32, {n, 1})}),
            Type::unranked(DType::f32));
  const auto refused = [](const GatherBlockQuantized& wrong) {
    return refusal_of([&] { run(wrong, {rows(9), i64({0}), kRowScales}); });
  };
  EXPECT_NE(refused({.gather_axis = 1, .block_size = 16}).find("wanted quantize_axis"),
            std::string::npos);
  EXPECT_NE(refused({.bits = 3}).find("bits is 3"), std::string::npos);
  EXPECT_EQ(refused({.block_size = -1}),
            "invalid_model: block_size is -1, wanted 0 or more (GatherBlockQuantized %y0)");
  EXPECT_EQ(refused({.block_size = 4}),
            "invalid_model: sizes 2 and 5 differ, wanted the same (GatherBlockQuantized %y0)");
}

}  // namespace hone::test::blockwise_test
