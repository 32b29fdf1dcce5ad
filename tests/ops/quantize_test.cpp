#include "ops/quantize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::quantize_test {

using Doubles = std::vector<double>;

Tensor scalar(DType type, double value) { return tensor(type, {}, {value}); }

TEST(QuantizeLinear, RoundsHalfToEvenAndSaturates) {
  const Tensor x = f32({0, 1, 3, 5, -1, 1000, -1000}), two = scalar(DType::f32, 2);
  EXPECT_EQ(numbers(run(QuantizeLinear{}, {x, two})), (Doubles{0, 0, 2, 2, 0, 255, 0}));
  EXPECT_EQ(numbers(run(QuantizeLinear{}, {x, two, scalar(DType::u8, 128)})),
            (Doubles{128, 128, 130, 130, 128, 255, 0}));
  QuantizeLinear op;
  op.output_dtype = DType::i8;
  EXPECT_EQ(numbers(run(op, {x, two, scalar(DType::i8, -3)})),
            (Doubles{-3, -3, -1, -1, -3, 127, -128}));
  op.output_dtype = DType::i4;
  EXPECT_EQ(numbers(run(op, {x, two})), (Doubles{0, 0, 2, 2, 0, 7, -8}));
  op.output_dtype = DType::u16;
  EXPECT_EQ(numbers(run(op, {f32({1e6}), two})), Doubles{65535});
  EXPECT_EQ(numbers(run(QuantizeLinear{}, {f32({std::nan(""), 1}), scalar(DType::f32, 0)})),
            (Doubles{0, 255}));
}

TEST(QuantizeLinear, RoundsTheQuotientToItsPrecision) {
  // 2.5 + 2^-24 is 2.5 as a f32, which rounds to 2; in f64 it rounds to 3.
  const Tensor x = scalar(DType::f64, 2.5 + 0x1p-24), one = scalar(DType::f64, 1);
  QuantizeLinear op;
  EXPECT_EQ(run(op, {x, one}).number(0), 2);
  op.precision = DType::f64;
  EXPECT_EQ(run(op, {x, one}).number(0), 3);
}

TEST(QuantizeLinear, PerAxisAndBlocked) {
  const Tensor x = tensor(DType::f32, {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  QuantizeLinear op;
  op.axis = 0;
  EXPECT_EQ(numbers(run(op, {x, f32({1, 2}), tensor(DType::u8, {2}, {0, 10})})),
            (Doubles{1, 2, 3, 4, 12, 13, 14, 14}));
  op.axis = -1;
  EXPECT_EQ(numbers(run(op, {x, f32({1, 2, 1, 0.5})})), (Doubles{1, 1, 3, 8, 5, 3, 7, 16}));
  op.block_size = 3;  // the last block is short
  EXPECT_EQ(numbers(run(op, {x, tensor(DType::f32, {2, 2}, {1, 2, 0.5, 4})})),
            (Doubles{1, 2, 3, 2, 10, 12, 14, 2}));
  op.axis = 0;
  op.block_size = 2;
  EXPECT_EQ(numbers(run(op, {x, tensor(DType::f32, {1, 4}, {1, 2, 1, 2})})),
            (Doubles{1, 1, 3, 2, 5, 3, 7, 4}));
  op.block_size = 0;
  EXPECT_EQ(numbers(run(op, {f32({4}), scalar(DType::f32, 2), tensor(DType::u8, {1}, {1})})),
            Doubles{3});
  EXPECT_EQ(refusal_of([&] {
              run(op, {x, f32({1, 2, 3})});
            }),
            "invalid_model: sizes 2 and 3 differ, wanted the same (QuantizeLinear %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(op, {x, f32({1, 2}), tensor(DType::u8, {1}, {0})});
            }),
            "invalid_model: sizes 1 and 2 differ, wanted the same (QuantizeLinear %y0)");
}

TEST(QuantizeLinear, NarrowFloats) {
  QuantizeLinear op;
  op.output_dtype = DType::f8e4m3fn;
  const Tensor x = f32({1, 1000, 3.3}), two = scalar(DType::f32, 2);
  EXPECT_EQ(numbers(run(op, {x, two})), (Doubles{0.5, 448, 1.625}));
  op.saturate = false;
  EXPECT_TRUE(std::isnan(run(op, {x, two}).number(1)));
  op.output_dtype = DType::f4e2m1;
  EXPECT_EQ(numbers(run(op, {x, two})), (Doubles{0.5, 6, 1.5}));
  op.output_dtype = DType::f6e2m3;
  EXPECT_EQ(numbers(run(op, {x, two})), (Doubles{0.5, 7.5, 1.625}));
  op.output_dtype = DType::f6e3m2;
  EXPECT_EQ(numbers(run(op, {x, two})), (Doubles{0.5, 28, 1.75}));
  EXPECT_EQ(numbers(run(DequantizeLinear{}, {run(op, {x, two}), two})), (Doubles{1, 56, 3.5}));
}

TEST(DequantizeLinear, SubtractsThenScales) {
  const Tensor x = tensor(DType::u8, {4}, {0, 3, 128, 255});
  EXPECT_EQ(numbers(run(DequantizeLinear{}, {x, scalar(DType::f32, 2), scalar(DType::u8, 128)})),
            (Doubles{-256, -250, 0, 254}));
  DequantizeLinear op;
  op.axis = 0;
  EXPECT_EQ(numbers(run(op, {tensor(DType::i8, {2, 2}, {1, -2, 3, 4}), f32({0.5, 2}),
                             tensor(DType::i8, {2}, {0, 1})})),
            (Doubles{0.5, -1, 4, 6}));
  op.output_dtype = DType::f16;
  const Tensor half = run(op, {tensor(DType::i4, {1}, {-8}), scalar(DType::f16, 0.1)});
  EXPECT_EQ(half.dtype(), DType::f16);
  EXPECT_NEAR(half.number(0), -0.8, 1e-3);
  EXPECT_EQ(
      run(DequantizeLinear{}, {tensor(DType::f8e5m2, {1}, {1.5}), scalar(DType::f32, 2)}).number(0),
      3);
  EXPECT_EQ(
      run(DequantizeLinear{}, {Tensor::ints({-2147483648LL}, DType::i32), scalar(DType::f32, 1)})
          .number(0),
      -2147483648.0);
  EXPECT_EQ(
      refusal_of([] {
        run(DequantizeLinear{}, {f32({1}), f32({1})});
      }),
      "invalid_model: operand 0 is f32, wanted integers, f8, f6 or f4 (DequantizeLinear %y0)");
}

TEST(QuantizeLinear, Types) {
  const Dim n = Dim::symbol("n");
  const Type x = Type::tensor(DType::f32, {n, 3}), scale = Type::tensor(DType::f32, {3});
  EXPECT_EQ(type_of(QuantizeLinear{}, {x, scale}), Type::tensor(DType::u8, {n, 3}));
  EXPECT_EQ(type_of(QuantizeLinear{}, {Type::unranked(DType::f32), scale}),
            Type::unranked(DType::u8));
  EXPECT_EQ(refusal_of([&] {
              type_of(QuantizeLinear{}, {x, Type::tensor(DType::f32, {4})});
            }),
            "invalid_model: sizes 3 and 4 differ, wanted the same (QuantizeLinear %y0)");
  QuantizeLinear op;
  op.output_dtype = DType::f32;
  EXPECT_EQ(refusal_of([&] {
              type_of(op, {x, scale});
            }),
            "invalid_model: output_dtype is f32, wanted integers of at most 32 bits, f8, f6 or f4 "
            "(QuantizeLinear %y0)");
}

TEST(DynamicQuantizeLinear, TakesTheRangeOfItsInput) {
  const std::vector<Tensor> found =
      run_all(DynamicQuantizeLinear{}, {f32({0, 2, -3, -2.5, 1.34, 0.5})}, 3);
  EXPECT_EQ(numbers(found[0]), (Doubles{153, 255, 0, 26, 221, 179}));
  EXPECT_EQ(found[1].at<float>(0), 0.0196078438f);
  EXPECT_EQ(found[2].number(0), 153);
  const std::vector<Tensor> zeros = run_all(DynamicQuantizeLinear{}, {f32({0, 0})}, 3);
  EXPECT_EQ(numbers(zeros[0]), (Doubles{0, 0}));
  EXPECT_EQ(zeros[1].number(0), 1);
  const std::vector<Tensor> empty = run_all(DynamicQuantizeLinear{}, {Tensor(DType::f32, {0})}, 3);
  EXPECT_EQ(empty[0].count(), 0);
}

}  // namespace hone::test::quantize_test
