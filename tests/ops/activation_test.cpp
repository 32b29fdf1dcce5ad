#include "ops/activation.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "ops/one_node.hpp"

namespace hone::test::activation_test {

using Doubles = std::vector<double>;

// Expected values: numpy's, in double, of the formulas in the ONNX standard.
void expect_near(Op op, const std::vector<double>& x, const std::vector<double>& expected) {
  const Doubles found = numbers(run(std::move(op), {f32(x)}));
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 2e-7 * std::max(1.0, std::fabs(expected[i]))) << i;
}

TEST(Activation, Rectifiers) {
  EXPECT_EQ(numbers(run(Relu{}, {f32({-1, 0, 2})})), (Doubles{0, 0, 2}));
  EXPECT_EQ(numbers(run(Relu{}, {tensor(DType::i8, {2}, {-5, 5})})), (Doubles{0, 5}));
  EXPECT_TRUE(std::isnan(run(Relu{}, {f32({std::nan("")})}).number(0)));
  LeakyRelu leaky;
  leaky.alpha = 0.5f;
  EXPECT_EQ(numbers(run(leaky, {f32({-1, 2})})), (Doubles{-0.5, 2}));
  EXPECT_FLOAT_EQ(run(LeakyRelu{}, {f32({-1})}).at<float>(0), -0.01f);
  EXPECT_EQ(numbers(run(ThresholdedRelu{}, {f32({0.5, 1, 1.5})})), (Doubles{0, 0, 1.5}));
}

TEST(Activation, Exponentials) {
  Elu elu;
  elu.alpha = 2;
  expect_near(elu, {-1, 0, 2}, {-1.2642411176571153, 0, 2});
  expect_near(Selu{}, {-1, 2}, {-1.1113307378125627, 2.101402044296265});
  Celu celu;
  celu.alpha = 2;
  expect_near(celu, {-1, 2}, {-0.7869386805747332, 2});
  expect_near(Sigmoid{}, {-2, 0, 200}, {0.11920292202211755, 0.5, 1});
  expect_near(Softplus{}, {-2, 0, 100}, {0.1269280110429725, 0.6931471805599453, 100});
  expect_near(Softsign{}, {-3, 1}, {-0.75, 0.5});
  expect_near(Mish{}, {-1, 2}, {-0.3034014613741089, 1.9439589595339946});
  expect_near(Swish{}, {-1, 2}, {-0.2689414213699951, 1.7615941559557649});
  Swish steep;
  steep.alpha = 2;
  expect_near(steep, {-1}, {-0.11920292202211755});
}

TEST(Activation, Hard) {
  expect_near(HardSigmoid{}, {-3, 1, 3}, {0, 0.7, 1});
  expect_near(HardSwish{}, {-4, -1, 1, 4}, {0, -0.3333333333333333, 0.6666666666666666, 4});
  Shrink shrink;
  shrink.lambd = 1.5f;
  EXPECT_EQ(numbers(run(shrink, {f32({-2, -1, 1, 2})})), (Doubles{-2, 0, 0, 2}));
  shrink.bias = 1.5f;
  EXPECT_EQ(numbers(run(shrink, {f32({-2, -1, 1, 2})})), (Doubles{-0.5, 0, 0, 0.5}));
}

TEST(Activation, Gelu) {
  expect_near(Gelu{}, {-1, 0, 2}, {-0.15865525393145707, 0, 1.9544997361036416});
  Gelu approximate;
  approximate.approximate = Gelu::Approximate::tanh;
  expect_near(approximate, {-1, 0, 2}, {-0.15880800939172324, 0, 1.954597694087775});
}

TEST(Activation, Clip) {
  const Tensor x = f32({-2, 0.5, 3}), low = tensor(DType::f32, {}, {-1}),
               high = tensor(DType::f32, {}, {1});
  EXPECT_EQ(numbers(run(Clip{}, {x, low, high})), (Doubles{-1, 0.5, 1}));
  EXPECT_EQ(numbers(run(Clip{}, {x, Tensor(), high})), (Doubles{-2, 0.5, 1}));
  EXPECT_EQ(numbers(run(Clip{}, {x, low})), (Doubles{-1, 0.5, 3}));
  EXPECT_EQ(numbers(run(Clip{}, {x})), (Doubles{-2, 0.5, 3}));
  // The upper bound wins where the bounds cross.
  EXPECT_EQ(numbers(run(Clip{}, {x, high, low})), (Doubles{-1, -1, -1}));
  const int64_t huge = std::numeric_limits<int64_t>::max() - 1;
  EXPECT_EQ(run(Clip{}, {i64({huge, 0}), Tensor::ints({1})}).integers(),
            (std::vector<int64_t>{huge, 1}));
  EXPECT_EQ(refusal_of([&] {
              run(Clip{}, {x, f32({1, 2})});
            }),
            "invalid_model: sizes 2 and 1 differ, wanted the same (Clip %y0)");
  // A bound that is absent is the largest finite number.
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const Tensor ends = tensor(DType::f16, {2}, {-kInfinity, kInfinity});
  EXPECT_EQ(numbers(run(Clip{}, {ends})), (Doubles{-65504, 65504}));
}

TEST(Activation, ClipKnowsContents) {
  const Dim n = Dim::symbol("n");
  const DType type = DType::i64;
  EXPECT_EQ(known_of(Clip{}, {{type, {n, 9}}, {type, {1}}, {type, {4}}}), "[min(max(n,1),4),4]");
}

}  // namespace hone::test::activation_test
