// Accuracy of the functions of f64 against the C library in long double.

#include "device/cpu/doubles.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "device/kernel_case.hpp"

namespace hone::cpu::doubles_test {

using Truth = long double (*)(long double);

/// The largest error in units of the last place of the true result.
double worst_ulp(DoubleFunctions::Function function, Truth truth, double low, double high) {
  std::vector<double> from, to;
  for (int i = 0; i <= 100'001; ++i) from.push_back(low + (high - low) * i / 100'001);
  to.resize(from.size());
  function(static_cast<long>(from.size()), from.data(), to.data());
  double worst = 0;
  for (size_t i = 0; i < from.size(); ++i) {
    const long double wanted = truth(static_cast<long double>(from[i]));
    const double size = std::max(std::fabs(static_cast<double>(wanted)), 2.3e-308);
    const double ulp = std::ldexp(1.0, std::ilogb(size) - 52);
    const auto error = static_cast<double>(std::fabs(static_cast<long double>(to[i]) - wanted));
    worst = std::max(worst, error / ulp);
  }
  return worst;
}

using hone::test::KernelTest;

TEST_P(KernelTest, FunctionsOfDoublesAreAccurate) {
  const DoubleFunctions& rows = double_functions();
  const Truth exp = [](long double x) { return std::exp(x); };
  const Truth tanh = [](long double x) { return std::tanh(x); };
  const Truth sigmoid = [](long double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_LE(worst_ulp(rows.exp, exp, -707, 709), 1.5);
  EXPECT_LE(worst_ulp(rows.exp, exp, -1, 1), 1.5);
  EXPECT_LE(worst_ulp(rows.tanh, tanh, -25, 25), 3);
  EXPECT_LE(worst_ulp(rows.tanh, tanh, -1e-3, 1e-3), 3);
  EXPECT_LE(worst_ulp(rows.sigmoid, sigmoid, -50, 50), 3);
  EXPECT_LE(worst_ulp(
                rows.sqrt, [](long double x) { return std::sqrt(x); }, 0, 9),
            0.51);
}

TEST_P(KernelTest, FunctionsOfDoublesKeepTheEnds) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> from = {-kInfinity, -1000, -740, 0, 1000, kInfinity, std::nan("")};
  const auto ends = [&](DoubleFunctions::Function function) {
    std::vector<double> to(from.size());
    function(static_cast<long>(from.size()), from.data(), to.data());
    EXPECT_TRUE(std::isnan(to.back()));
    to.pop_back();
    return to;
  };
  const DoubleFunctions& rows = double_functions();
  EXPECT_EQ(ends(rows.exp), (std::vector<double>{0, 0, std::exp(-740.0), 1, kInfinity, kInfinity}));
  EXPECT_EQ(ends(rows.sigmoid), (std::vector<double>{0, 0, 0, 0.5, 1, 1}));
  EXPECT_EQ(ends(rows.tanh), (std::vector<double>{-1, -1, -1, 0, 1, 1}));
  EXPECT_TRUE(std::isnan(ends(rows.sqrt)[0]));
}

TEST_P(KernelTest, DoublesAreChosenFromEveryPlace) {
  const DoubleFunctions& rows = double_functions();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(rows.max(0, nullptr), -kInfinity);
  EXPECT_EQ(rows.min(0, nullptr), kInfinity);
  for (const size_t count : {1U, 2U, 7U, 8U, 33U, 70U})
    for (size_t place = 0; place < count; ++place) {
      std::vector<double> values(count, 1);
      values[place] = 3;
      EXPECT_EQ(rows.max(static_cast<long>(count), values.data()), 3) << count << " " << place;
      values[place] = -3;
      EXPECT_EQ(rows.min(static_cast<long>(count), values.data()), -3) << count << " " << place;
      values[place] = std::nan("");
      EXPECT_TRUE(std::isnan(rows.max(static_cast<long>(count), values.data())));
      EXPECT_TRUE(std::isnan(rows.min(static_cast<long>(count), values.data())));
    }
}

}  // namespace hone::cpu::doubles_test
