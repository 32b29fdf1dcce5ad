// Accuracy of the row functions against the C library in double.

#include "device/cpu/rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

namespace hone::cpu::rows_test {

class RowsTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    limit_isa(GetParam());
    if (isa() != GetParam()) GTEST_SKIP() << "this processor lacks " << name(GetParam());
  }
  void TearDown() override { limit_isa(Isa::avx512); }
};
INSTANTIATE_TEST_SUITE_P(Isas, RowsTest, testing::Values(Isa::generic, Isa::avx2, Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

std::vector<float> spread(double low, double high) {
  std::vector<float> values;
  for (int i = 0; i <= 100'000; ++i)
    values.push_back(static_cast<float>(low + (high - low) * i / 100'000));
  return values;
}

/// The largest error in units of the last place of the true result (of normal numbers).
double worst_ulp(void (*function)(long, const float*, float*), double (*truth)(double), double low,
                 double high) {
  const std::vector<float> from = spread(low, high);
  std::vector<float> to(from.size());
  function(static_cast<long>(from.size()), from.data(), to.data());
  double worst = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    const double wanted = truth(from[i]);
    const double size = std::max(std::fabs(wanted), 1.2e-38);
    const double ulp = std::ldexp(1.0, std::ilogb(size) - 23);
    worst = std::max(worst, std::fabs(static_cast<double>(to[i]) - wanted) / ulp);
  }
  return worst;
}

TEST_P(RowsTest, FunctionsAreAccurate) {
  const RowFunctions& rows = row_functions();
  EXPECT_LE(worst_ulp(
                rows.exp, [](double x) { return std::exp(x); }, -87, 88),
            2);
  EXPECT_LE(worst_ulp(
                rows.sigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, -80, 30),
            3.5);
  EXPECT_LE(worst_ulp([](long count, const float* from,
                         float* to) { row_functions().swish(count, 1, from, to); },
                      [](double x) { return x / (1 + std::exp(-x)); }, -80, 30),
            3.5);
  EXPECT_LE(worst_ulp(
                rows.tanh, [](double x) { return std::tanh(x); }, -12, 12),
            3.5);
  EXPECT_LE(worst_ulp(
                rows.tanh, [](double x) { return std::tanh(x); }, -1e-3, 1e-3),
            3.5);
  EXPECT_LE(worst_ulp(
                rows.erf, [](double x) { return std::erf(x); }, -5, 5),
            3);
}

TEST_P(RowsTest, FunctionsKeepTheEnds) {
  const RowFunctions& rows = row_functions();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> from = {-kInfinity, -1000, 0, 1000, kInfinity, std::nanf("")};
  const auto ends = [&](void (*function)(long, const float*, float*)) {
    std::vector<float> to(from.size());
    function(static_cast<long>(from.size()), from.data(), to.data());
    EXPECT_TRUE(std::isnan(to.back()));
    to.pop_back();
    return to;
  };
  EXPECT_EQ(ends(rows.exp), (std::vector<float>{0, 0, 1, kInfinity, kInfinity}));
  EXPECT_EQ(ends(rows.sigmoid), (std::vector<float>{0, 0, 0.5f, 1, 1}));
  EXPECT_EQ(ends(rows.tanh), (std::vector<float>{-1, -1, 0, 1, 1}));
  EXPECT_EQ(ends(rows.erf), (std::vector<float>{-1, -1, 0, 1, 1}));
}

TEST_P(RowsTest, SwishEndsInZero) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> from = {-kInfinity, -1000, -89, 89, 1000, kInfinity, std::nanf("")};
  std::vector<float> to(from.size());
  row_functions().swish(static_cast<long>(from.size()), 1, from.data(), to.data());
  EXPECT_TRUE(std::isnan(to.back()));
  to.pop_back();
  EXPECT_EQ(to, (std::vector<float>{0, 0, 0, 89, 1000, kInfinity}));
}

/// Of whole numbers, so that sums are exact in every order.
TEST_P(RowsTest, ProductsOfRowsTakeEveryElementOnce) {
  const RowFunctions& rows = row_functions();
  constexpr long kCount = 5, kStride = 150;
  std::vector<float> matrix(kCount * kStride), other(kStride), shares(kCount);
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = static_cast<float>(i % 7) - 2;
  for (size_t i = 0; i < other.size(); ++i) other[i] = static_cast<float>(i % 5) - 1;
  for (size_t i = 0; i < shares.size(); ++i) shares[i] = static_cast<float>(i) - 2;
  for (const long length : {0L, 1L, 3L, 8L, 16L, 31L, 33L, 64L, 80L, 129L}) {
    std::vector<float> dots(kCount), sums(kStride, -1);
    rows.dots(kCount, length, 2, matrix.data(), kStride, other.data(), dots.data());
    rows.weighted_sum(kCount, length, shares.data(), matrix.data(), kStride, sums.data());
    for (long i = 0; i < kCount; ++i) {
      float wanted = 0;
      for (long j = 0; j < length; ++j)
        wanted += matrix[static_cast<size_t>(i * kStride + j)] * other[static_cast<size_t>(j)];
      EXPECT_EQ(dots[static_cast<size_t>(i)], 2 * wanted) << length;
    }
    for (long j = 0; j < length; ++j) {
      float wanted = 0;
      for (long i = 0; i < kCount; ++i)
        wanted += shares[static_cast<size_t>(i)] * matrix[static_cast<size_t>(i * kStride + j)];
      EXPECT_EQ(sums[static_cast<size_t>(j)], wanted) << length;
    }
    EXPECT_EQ(sums[static_cast<size_t>(length)], -1) << length;
  }
}

TEST_P(RowsTest, SumsTakeEveryElementOnce) {
  const RowFunctions& rows = row_functions();
  for (const long count : {0L, 1L, 3L, 4L, 7L, 16L, 31L, 33L, 100L, 9000L}) {
    std::vector<float> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7) - 2;
    double sum = 0, squares = 0;
    float most = -std::numeric_limits<float>::infinity(), least = -most;
    for (const float value : values) {
      sum += static_cast<double>(value);
      squares += (static_cast<double>(value) - 1) * (static_cast<double>(value) - 1);
      most = std::max(most, value), least = std::min(least, value);
    }
    EXPECT_EQ(long_sum(rows, count, values.data()), sum) << count;
    EXPECT_EQ(long_squares(rows, count, 1, values.data()), squares) << count;
    EXPECT_EQ(rows.max(count, values.data()), most) << count;
    EXPECT_EQ(rows.min(count, values.data()), least) << count;
  }
}

TEST_P(RowsTest, NanIsTheLargestAndTheSmallest) {
  const RowFunctions& rows = row_functions();
  for (const size_t count : {1U, 3U, 16U, 17U, 31U, 64U, 100U})
    for (size_t place = 0; place < count; ++place) {
      std::vector<float> values(count, 1);
      values[place] = std::nanf("");
      EXPECT_TRUE(std::isnan(rows.max(static_cast<long>(count), values.data())));
      EXPECT_TRUE(std::isnan(rows.min(static_cast<long>(count), values.data())));
    }
}

/// A NaN makes its line NaN, and no other.
TEST_P(RowsTest, SoftmaxOfNan) {
  const RowFunctions& rows = row_functions();
  for (const bool logarithm : {false, true})
    for (size_t size = 1; size <= 300; size += size < 40 ? 1 : 19)
      for (const size_t place : {size_t{0}, size / 2, size - 1}) {
        std::vector<float> from(3 * size, 1), to(3 * size);
        from[size + place] = std::nanf("");
        if (!rows.softmax(3, static_cast<long>(size), logarithm, from.data(), to.data())) continue;
        const float share = 1 / static_cast<float>(size);
        for (size_t i = 0; i < to.size(); ++i) {
          const float made = logarithm ? std::exp(to[i]) : to[i];
          if (i / size == 1) EXPECT_TRUE(std::isnan(made)) << size << " " << place;
          else EXPECT_NEAR(made, share, 1e-6F) << size;
        }
      }
  std::vector<float> line(16, -std::numeric_limits<float>::infinity());
  if (rows.softmax(1, 16, false, line.data(), line.data())) {
    EXPECT_TRUE(std::isnan(line[0]));
  }
}

/// Elements are moved, not numbers.
TEST_P(RowsTest, TurnsKeepBits) {
  constexpr size_t kLines = 21, kColumns = 37;
  std::vector<float> from(kLines * kColumns, -0.0F), to(from.size());
  const uint32_t signalling = 0x7fa00001;
  std::memcpy(&from[kColumns - 1], &signalling, sizeof signalling);
  std::memcpy(&from[1], &signalling, sizeof signalling);
  row_functions().turn(kLines, kColumns, from.data(), kColumns, nullptr, to.data(), kLines);
  for (size_t i = 0; i < kLines; ++i)
    for (size_t j = 0; j < kColumns; ++j)
      EXPECT_EQ(std::memcmp(&from[i * kColumns + j], &to[j * kLines + i], sizeof(float)), 0);
}

}  // namespace hone::cpu::rows_test
