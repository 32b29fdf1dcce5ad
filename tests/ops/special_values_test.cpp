// What the standard, and where it is silent its reference implementation, says about NaN,
// infinities, negative zero, and integers that do not fit.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/one_node.hpp"
#include "ops/reduction.hpp"
#include "ops/select.hpp"
#include "ops/softmax.hpp"

namespace hone::test::special_values_test {

using Doubles = std::vector<double>;
using Ints = std::vector<int64_t>;
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr DType kFloats[] = {DType::f64, DType::f32, DType::f16, DType::bf16};
constexpr DType kIntegers[] = {DType::i64, DType::i32, DType::i16, DType::i8, DType::i4, DType::i2,
                               DType::u64, DType::u32, DType::u16, DType::u8, DType::u4, DType::u2};

/// Equal with NaN equal to NaN and 0 different from -0.
void expect_same(const Tensor& got, const Doubles& wanted, const char* what) {
  ASSERT_EQ(got.count(), static_cast<int64_t>(wanted.size())) << what;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const double value = got.number(static_cast<int64_t>(i));
    if (std::isnan(wanted[i])) EXPECT_TRUE(std::isnan(value)) << what << i << " is " << value;
    else
      EXPECT_TRUE(value == wanted[i] && std::signbit(value) == std::signbit(wanted[i]))
          << what << i << " is " << value << " in " << name(got.dtype());
  }
}

TEST(SpecialValues, OfOneElement) {
  for (const DType type : kFloats) {
    const Tensor x = tensor(type, {7}, {1, NAN, 3, -0.0, 0, kInf, -kInf});
    expect_same(run(Relu{}, {x}), {1, NAN, 3, -0.0, 0, kInf, 0}, "relu");
    expect_same(run(Abs{}, {x}), {1, NAN, 3, 0, 0, kInf, kInf}, "abs");
    expect_same(run(Neg{}, {x}), {-1, NAN, -3, 0, -0.0, -kInf, kInf}, "neg");
    expect_same(run(Round{}, {x}), {1, NAN, 3, -0.0, 0, kInf, -kInf}, "round");
    expect_same(run(Floor{}, {x}), {1, NAN, 3, -0.0, 0, kInf, -kInf}, "floor");
    expect_same(run(Ceil{}, {x}), {1, NAN, 3, -0.0, 0, kInf, -kInf}, "ceil");
    expect_same(run(HardSwish{}, {x}),
                {run(HardSwish{}, {x}).number(0), NAN, 3, -0.0, 0, kInf, NAN}, "hard swish");
    const Doubles signs = numbers(run(Sign{}, {x}));
    EXPECT_TRUE(signs[0] == 1 && std::isnan(signs[1]) && signs[3] == 0 && signs[6] == -1);
    EXPECT_EQ(run(IsNaN{}, {x}).integers(), (Ints{0, 1, 0, 0, 0, 0, 0}));
    EXPECT_EQ(run(IsInf{}, {x}).integers(), (Ints{0, 0, 0, 0, 0, 1, 1}));
  }
  expect_same(run(Round{}, {f32({0.5, 1.5, 2.5, -0.5, -1.5, 8388609})}),
              {0, 2, 2, -0.0, -2, 8388609}, "round half");
  expect_same(run(Reciprocal{}, {f32({0, -0.0, kInf})}), {kInf, -kInf, 0}, "reciprocal");
  expect_same(run(Sqrt{}, {f32({-0.0, -1, kInf})}), {-0.0, NAN, kInf}, "sqrt");
  expect_same(run(Log{}, {f32({0, -0.0, -1, kInf})}), {-kInf, -kInf, NAN, kInf}, "log");
}

TEST(SpecialValues, OfTwoElements) {
  for (const DType type : kFloats) {
    const Tensor a = tensor(type, {5}, {1, NAN, 3, kInf, -kInf});
    const Tensor b = tensor(type, {5}, {NAN, 1, NAN, 1, 1});
    expect_same(run(Max{}, {a, b}), {NAN, NAN, NAN, kInf, 1}, "max");
    expect_same(run(Max{}, {b, a}), {NAN, NAN, NAN, kInf, 1}, "max");
    expect_same(run(Min{}, {a, b}), {NAN, NAN, NAN, 1, -kInf}, "min");
    expect_same(run(Min{}, {b, a, b}), {NAN, NAN, NAN, 1, -kInf}, "min");
    const Tensor least = Tensor::scalar(type, 0), most = Tensor::scalar(type, 2);
    expect_same(run(Clip{}, {a, least, most}), {1, NAN, 2, 2, 0}, "clip");
    expect_same(run(Clip{}, {tensor(type, {1}, {-0.0}), least}), {-0.0}, "clip");
    EXPECT_EQ(run(Equal{}, {a, a}).integers(), (Ints{1, 0, 1, 1, 1}));
    EXPECT_EQ(run(Less{}, {a, b}).integers(), (Ints{0, 0, 0, 0, 1}));
    EXPECT_EQ(run(GreaterOrEqual{}, {a, b}).integers(), (Ints{0, 0, 0, 1, 0}));
  }
  EXPECT_EQ(run(Equal{}, {f32({0}), f32({-0.0})}).integers(), Ints{1});
  expect_same(
      run(Clip{}, {f32({1, 9}), Tensor::scalar(DType::f32, 5), Tensor::scalar(DType::f32, 2)}),
      {2, 2}, "clip with its bounds crossed");
  expect_same(run(Div{}, {f32({1, -1, 0, kInf}), f32({0, 0, 0, kInf})}), {kInf, -kInf, NAN, NAN},
              "div");
  expect_same(run(Pow{}, {f32({4, -1, NAN, 1, 0, 2}), f32({0, 0.5, 0, NAN, -1, kInf})}),
              {1, NAN, 1, 1, kInf, kInf}, "pow");
  Mod fmod;
  fmod.fmod = true;
  const Tensor a = f32({5.5, -5.5, NAN, 1, -0.0, kInf, 2}), b = f32({NAN, 3, 1, 0, 3, 2, -kInf});
  expect_same(run(fmod, {a, b}), {NAN, -2.5, NAN, NAN, -0.0, NAN, 2}, "fmod");
  expect_same(run(Mod{}, {a, b}), {NAN, 0.5, NAN, NAN, 0, NAN, -kInf}, "mod");
  expect_same(run(Mod{}, {f32({5.5, 0, -6, 2, -2}), f32({-2, -3, 3, kInf, -kInf})}),
              {-0.5, -0.0, 0, 2, -2}, "mod");
}

TEST(SpecialValues, OfManyElements) {
  for (const Doubles& row : {Doubles{NAN, 1, 3}, Doubles{1, NAN, 3}, Doubles{1, 3, NAN}}) {
    const Tensor x = tensor(DType::f32, {1, 3}, row);
    const auto place = static_cast<int64_t>(
        std::find_if(row.begin(), row.end(), [](double v) { return std::isnan(v); }) - row.begin());
    expect_same(run(ReduceMax{}, {x}), {NAN}, "max");
    expect_same(run(ReduceMin{}, {x}), {NAN}, "min");
    expect_same(run(ReduceSum{}, {x}), {NAN}, "sum");
    for (const bool last : {false, true}) {
      EXPECT_EQ(run(ArgMax{.axis = 1, .select_last_index = last}, {x}).integer(0), place);
      EXPECT_EQ(run(ArgMin{.axis = 1, .select_last_index = last}, {x}).integer(0), place);
    }
    EXPECT_EQ(run_all(TopK{.k = Dims{1}}, {x}, 2)[1].integer(0), place);
    Doubles marked(3, 0);
    marked[static_cast<size_t>(place)] = 1;
    expect_same(run(Hardmax{}, {x}), marked, "hardmax");
    expect_same(run(Softmax{}, {x}), {NAN, NAN, NAN}, "softmax");
  }
  const Tensor two = tensor(DType::f32, {1, 3}, {NAN, 1, NAN});
  EXPECT_EQ(run(ArgMax{.axis = 1}, {two}).integer(0), 0);
  EXPECT_EQ(run(ArgMax{.axis = 1, .select_last_index = true}, {two}).integer(0), 2);
  EXPECT_EQ(run(ArgMax{.axis = 0, .select_last_index = true}, {f32({0, -0.0})}).integer(0), 1);
  const Ints least =
      run_all(TopK{.k = Dims{2}, .largest = false}, {f32({1, NAN, 3})}, 2)[1].integers();
  EXPECT_EQ(least, (Ints{0, 2}));
  expect_same(run(Softmax{}, {tensor(DType::f32, {2, 2}, {kInf, 1, -kInf, 0})}), {NAN, NAN, 0, 1},
              "softmax");
  expect_same(run(ReduceMax{.axes = Dims{1}, .keepdims = false}, {Tensor(DType::f32, {2, 0})}),
              {-kInf, -kInf}, "max of none");
  expect_same(run(ReduceMin{.axes = Dims{1}, .keepdims = false}, {Tensor(DType::f32, {1, 0})}),
              {kInf}, "min of none");
}

int64_t least_of(DType type) {
  if (!is_signed(type)) return 0;
  return bits(type) == 64 ? std::numeric_limits<int64_t>::min() : -(int64_t{1} << (bits(type) - 1));
}

/// The largest, by its bits.
int64_t most_of(DType type) {
  if (is_signed(type)) return -(least_of(type) + 1);
  return bits(type) == 64 ? -1 : (int64_t{1} << bits(type)) - 1;
}

TEST(SpecialValues, IntegersOfEveryWidthWrap) {
  for (const DType type : kIntegers) {
    const Tensor least = Tensor::ints({least_of(type)}, type),
                 most = Tensor::ints({most_of(type)}, type);
    const Tensor one = Tensor::ints({1}, type), zero = Tensor::ints({0}, type);
    const auto expect = [&](const Op& op, const Tensor& a, const Tensor& b, const Tensor& wanted) {
      EXPECT_TRUE(same_bits(run(op, {a, b}), wanted)) << op.name() << " of " << name(type);
    };
    expect(Add{}, most, one, least);
    expect(Sub{}, least, one, most);
    expect(Mul{}, least, Tensor::ints({2}, type), zero);
    expect(Div{}, most, zero, zero);
    expect(Mod{}, most, zero, zero);
    expect(Pow{}, Tensor::ints({2}, type), Tensor::ints({bits(type)}, DType::i32), zero);
    EXPECT_TRUE(same_bits(run(Sum{}, {most, one, one}), run(Add{}, {least, one})));
    if (is_signed(type)) {
      const Tensor minus = Tensor::ints({-1}, type);
      expect(Div{}, least, minus, least);
      expect(Mod{}, least, minus, zero);
      expect(Mul{}, least, minus, least);
      EXPECT_TRUE(same_bits(run(Abs{}, {least}), least));
      EXPECT_TRUE(same_bits(run(Neg{}, {least}), least));
      EXPECT_EQ(run(Sign{}, {least}).integer(0), -1);
    }
    EXPECT_TRUE(same_bits(run(Max{}, {least, most}), most)) << name(type);
    EXPECT_TRUE(same_bits(run(Min{}, {least, most}), least)) << name(type);
  }
}

TEST(SpecialValues, ShiftsBeyondTheWidth) {
  for (const DType type : kIntegers) {
    if (bits(type) < 8) continue;
    const int64_t width = bits(type);
    const Tensor x = Tensor::ints({1, most_of(type), least_of(type)}, type);
    for (const int64_t by : {width, width + 1, int64_t{100}}) {
      const Tensor amount = Tensor::ints({by}, type);
      EXPECT_EQ(run(BitShift{}, {x, amount}).integers(), (Ints{0, 0, 0})) << name(type);
      const int64_t sign = is_signed(type) ? -1 : 0;
      EXPECT_EQ(run(BitShift{.direction = BitShift::Direction::right}, {x, amount}).integers(),
                (Ints{0, 0, sign}))
          << name(type);
    }
    EXPECT_TRUE(same_bits(
        run(BitShift{}, {Tensor::ints({1}, type), Tensor::ints({width - 1}, type)}),
        Tensor::ints(
            {is_signed(type) ? least_of(type) : static_cast<int64_t>(uint64_t{1} << (width - 1))},
            type)))
        << name(type);
    if (!is_signed(type)) continue;
    EXPECT_EQ(run(BitShift{.direction = BitShift::Direction::right},
                  {Tensor::ints({-4, -1, 4}, type), Tensor::ints({1, 1, -1}, type)})
                  .integers(),
              (Ints{-2, -1, 0}))
        << name(type);
  }
}

}  // namespace hone::test::special_values_test
