#include "ops/random.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/common/random.hpp"
#include "ops/one_node.hpp"

namespace hone::test::random_test {

using Ints = std::vector<int64_t>;

// The sequences of NumPy's RandomState(0).rand and RandomState(7).randn.
TEST(Random, TheGeneratorIsTheMersenneTwister) {
  RandomNumbers zero(0);
  for (const double expected :
       {0.5488135039273248, 0.7151893663724195, 0.6027633760716439, 0.5448831829968969})
    EXPECT_EQ(zero.uniform(), expected);
  RandomNumbers seven(7);
  for (const double expected : {1.690525703800356, -0.4659373705408328, 0.0328201636785844,
                                0.40751628299650783, -0.7889230286257386})
    EXPECT_NEAR(seven.normal(), expected, 1e-14);
}

TEST(Random, PortableFunctionsAreExact) {
  for (double x = 1e-300; x < 1e300; x *= 3.7)
    EXPECT_NEAR(portable_log(x), std::log(x), 4e-16 * std::max(1.0, std::fabs(std::log(x)))) << x;
  EXPECT_EQ(portable_log(1), 0);
  for (double x = -700; x < 700; x += 0.37)
    EXPECT_NEAR(portable_exp(x) / std::exp(x), 1, 2e-13) << x;
  EXPECT_EQ(portable_exp(0), 1);
  EXPECT_EQ(portable_exp(-INFINITY), 0);
  EXPECT_EQ(portable_exp(1000), INFINITY);
  EXPECT_TRUE(std::isnan(portable_exp(NAN)));
}

TEST(Random, SameSeedSameBits) {
  const Tensor like(DType::i8, {3, 50});
  const std::vector<std::pair<Op, Op>> pairs = {
      {RandomNormal{.shape = {3, 50}, .numbers = {.seed = 4}},
       RandomNormal{.shape = {3, 50}, .numbers = {.seed = 5}}},
      {RandomUniform{.shape = {3, 50}, .numbers = {.seed = 4}},
       RandomUniform{.shape = {3, 50}, .numbers = {.seed = 5}}}};
  for (const auto& [one, other] : pairs) {
    EXPECT_TRUE(same_bits(run(one, {}), run(one, {})));
    EXPECT_FALSE(same_bits(run(one, {}), run(other, {})));
  }
  EXPECT_TRUE(
      same_bits(run(RandomNormalLike{.numbers = {.seed = 4}}, {like}), run(pairs[0].first, {})));
  EXPECT_TRUE(
      same_bits(run(RandomUniformLike{.numbers = {.seed = 4}}, {like}), run(pairs[1].first, {})));
}

TEST(Random, DistributionsAreWhatTheySay) {
  constexpr int64_t kCount = 20000;
  double sum = 0, squares = 0;
  for (const double v : numbers(
           run(RandomNormal{.shape = {kCount}, .numbers = {.mean = 3, .scale = 2, .seed = 1}}, {})))
    sum += v, squares += (v - 3) * (v - 3);
  EXPECT_NEAR(sum / kCount, 3, 0.05);
  EXPECT_NEAR(squares / kCount, 4, 0.15);
  double least = 9, most = -9;
  for (const double v : numbers(run(
           RandomUniform{.shape = {kCount}, .numbers = {.dtype = DType::f64, .low = -1, .high = 4}},
           {})))
    least = std::min(least, v), most = std::max(most, v);
  EXPECT_TRUE(least >= -1 && least < -0.99 && most < 4 && most > 3.99) << least << " " << most;
  EXPECT_EQ(run(RandomUniform{.shape = {0, 2}, .numbers = {.dtype = DType::bf16}}, {}).shape(),
            (Ints{0, 2}));
  EXPECT_EQ(run(RandomNormal{}, {}).count(), 1);
  EXPECT_EQ(refusal_of([] { run(RandomUniform{.shape = {-1}}, {}); }),
            "invalid_model: the shape has -1 (RandomUniform %y0)");
  EXPECT_EQ(
      refusal_of([] { run(RandomNormal{.numbers = {.dtype = DType::i32}}, {}); }),
      "invalid_model: no random numbers of i32, wanted f64, f32, f16 or bf16 (RandomNormal %y0)");
}

TEST(Random, Bernoulli) {
  std::vector<double> chances(9000);
  for (size_t i = 0; i < chances.size(); ++i) chances[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? 1 : 0.25;
  const Ints drawn = run(Bernoulli{.dtype = DType::boolean}, {f32(chances)}).integers();
  int64_t found = 0;
  for (size_t i = 0; i < drawn.size(); ++i) {
    if (i % 3 < 2) ASSERT_EQ(drawn[i], static_cast<int64_t>(i % 3)) << i;
    else found += drawn[i];
  }
  EXPECT_NEAR(static_cast<double>(found) / 3000, 0.25, 0.03);
  EXPECT_EQ(numbers(run(Bernoulli{}, {f32({NAN, -1, 2})})), (std::vector<double>{0, 0, 1}));
}

TEST(Random, Multinomial) {
  const Tensor rows = tensor(DType::f32, {2, 3},
                             {std::log(0.2f), std::log(0.5f), std::log(0.3f),  //
                              -INFINITY, 1000, -INFINITY});
  const Tensor y = run(Multinomial{.dtype = DType::i64, .sample_size = 6000}, {rows});
  std::vector<double> counts(3);
  for (int64_t i = 0; i < 6000; ++i) counts[static_cast<size_t>(y.integer(i))] += 1.0 / 6000;
  EXPECT_NEAR(counts[0], 0.2, 0.03);
  EXPECT_NEAR(counts[1], 0.5, 0.03);
  for (int64_t i = 6000; i < 12000; ++i) ASSERT_EQ(y.integer(i), 1);
  EXPECT_EQ(run(Multinomial{}, {Tensor(DType::f32, {0, 3})}).shape(), (Ints{0, 1}));
  const auto refused = [](const Tensor& logarithms, const std::string& why) {
    EXPECT_EQ(refusal_of([&] { run(Multinomial{}, {logarithms}); }),
              cat("invalid_model: ", why, " (Multinomial %y0)"));
  };
  refused(Tensor(DType::f32, {2, 0}), "there are no classes to draw from in f32[2,0]");
  refused(f32({1}), "operand 0 is f32[1], wanted rank 2");
  for (const double bad : {std::nan(""), -double{INFINITY}})
    refused(tensor(DType::f32, {1, 1}, {bad}), "row 0 holds no logarithms of probabilities");
}

TEST(Random, Dropout) {
  const Tensor x = f32(std::vector<double>(1000, 3)), yes = Tensor::scalar(DType::boolean, 1);
  const auto trained = run_all(Dropout{}, {x, Tensor::scalar(DType::f32, 0.25), yes}, 2);
  int64_t kept = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(trained[0].number(i), trained[1].integer(i) != 0 ? 4 : 0);
    kept += trained[1].integer(i);
  }
  EXPECT_NEAR(static_cast<double>(kept), 750, 50);
  const auto whole = run_all(Dropout{}, {x, {}, Tensor::scalar(DType::boolean, 0)}, 2);
  EXPECT_TRUE(same_bits(whole[0], x));
  EXPECT_EQ(whole[1].integers(), Ints(1000, 1));
  EXPECT_EQ(run(Dropout{}, {x}).number(0), 3);
  for (const double ratio : {1.0, -0.5, std::nan("")})
    EXPECT_EQ(
        refusal_of([&] {
          run(Dropout{}, {x, Tensor::scalar(DType::f32, ratio), yes});
        }),
        cat("invalid_model: the ratio is ", ratio, ", wanted 0 to less than 1 (Dropout %y0)"));
  EXPECT_EQ(refusal_of([&] {
              run(Dropout{}, {x, f32({0.5, 0.5}), yes});
            }),
            "invalid_model: sizes 2 and 1 differ, wanted the same (Dropout %y0)");
}

}  // namespace hone::test::random_test
