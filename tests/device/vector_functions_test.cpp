// The vector functions against the C library in double, over all floats.

#include "device/cpu/vector_functions.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "device/cpu/isa.hpp"
#include "device/fenced.hpp"

namespace hone::test::vector_functions_test {

using cpu::Isa;
using cpu::VectorFunctions;

class VectorFunctionsTest : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    cpu::limit_isa(GetParam());
    if (cpu::isa() != GetParam()) GTEST_SKIP() << "this processor lacks " << name(GetParam());
  }
  void TearDown() override { cpu::limit_isa(Isa::avx512); }
};
INSTANTIATE_TEST_SUITE_P(Isas, VectorFunctionsTest, testing::Values(Isa::avx2, Isa::avx512),
                         [](const auto& info) { return std::string(name(info.param)); });

struct Known {
  const char* name;
  VectorFunctions::Function function;
  double (*truth)(double);
  double most;  // error, in units of the last place
};

std::vector<Known> all_of(const VectorFunctions& f) {
  const auto elu = [](long count, const float* from, float* to) {
    cpu::vector_functions()->elu(count, 1, 1, 1, from, to);
  };
  return {{"log", f.log, [](double x) { return std::log(x); }, 1.5},
          {"sin", f.sin, [](double x) { return std::sin(x); }, 2},
          {"cos", f.cos, [](double x) { return std::cos(x); }, 2},
          {"tan", f.tan, [](double x) { return std::tan(x); }, 4},
          {"asin", f.asin, [](double x) { return std::asin(x); }, 3},
          {"acos", f.acos, [](double x) { return std::acos(x); }, 3},
          {"atan", f.atan, [](double x) { return std::atan(x); }, 2},
          {"sinh", f.sinh, [](double x) { return std::sinh(x); }, 3},
          {"cosh", f.cosh, [](double x) { return std::cosh(x); }, 3},
          {"asinh", f.asinh, [](double x) { return std::asinh(x); }, 4},
          {"acosh", f.acosh, [](double x) { return std::acosh(x); }, 4},
          {"atanh", f.atanh, [](double x) { return std::atanh(x); }, 4},
          {"softplus", f.softplus,
           [](double x) { return std::log1p(std::exp(-std::fabs(x))) + std::fmax(x, 0.0); }, 3},
          {"softsign", f.softsign, [](double x) { return x / (1 + std::fabs(x)); }, 2},
          {"sqrt", f.sqrt, [](double x) { return std::sqrt(x); }, 0.5},
          {"reciprocal", f.reciprocal, [](double x) { return 1 / x; }, 0.5},
          {"floor", f.floor, [](double x) { return std::floor(x); }, 0},
          {"ceil", f.ceil, [](double x) { return std::ceil(x); }, 0},
          {"round", f.round, [](double x) { return std::nearbyint(x); }, 0},
          {"elu", elu, [](double x) { return x < 0 ? std::expm1(x) : x; }, 3}};
}

/// Every so many floats, of both signs, infinities and NaN among them.
std::vector<float> floats() {
  const char* given = std::getenv("HONE_ULP_STRIDE");
  const uint64_t stride = given == nullptr ? 19997 : std::strtoull(given, nullptr, 10);
  std::vector<float> values = {0.0F, -0.0F, 1.0F, -1.0F, HUGE_VALF, -HUGE_VALF, std::nanf("")};
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += stride)
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  for (int i = -300'000; i <= 300'000; i += 13)  // where functions change their way
    values.push_back(static_cast<float>(i) / 65536);
  return values;
}

/// In units of the last place of the true result.
double error_of(float got, double wanted) {
  const auto nearest = static_cast<float>(wanted);
  if (std::isnan(nearest)) return std::isnan(got) ? 0 : HUGE_VAL;
  if (std::isinf(nearest) || std::isinf(got)) return got == nearest ? 0 : HUGE_VAL;
  const double size = std::fmax(std::fabs(wanted), 0x1p-126);
  return std::fabs(double{got} - wanted) / std::ldexp(1.0, std::ilogb(size) - 23);
}

TEST_P(VectorFunctionsTest, AreAccurateOverTheWholeRange) {
  const std::vector<float> from = floats();
  std::vector<float> to(from.size());
  for (const Known& known : all_of(*cpu::vector_functions())) {
    known.function(static_cast<long>(from.size()), from.data(), to.data());
    double worst = 0;
    float at = 0;
    for (size_t i = 0; i < from.size(); ++i) {
      const double error = error_of(to[i], known.truth(double{from[i]}));
      if (error > worst) worst = error, at = from[i];
    }
    RecordProperty(known.name, std::to_string(worst));
    if (std::getenv("HONE_ULP_STRIDE") != nullptr)
      std::printf("%s %s: %.2f at %.9g\n", name(GetParam()), known.name, worst, double{at});
    EXPECT_LE(worst, known.most) << known.name << " of " << at;
  }
}

/// Rows of every length, in place and not, before and behind pages that may not be touched.
TEST_P(VectorFunctionsTest, WriteTheirRowAndNothingElse) {
  for (const Known& known : all_of(*cpu::vector_functions()))
    for (long count = 1; count <= 67; ++count)
      for (const bool at_end : {false, true}) {
        const size_t bytes = static_cast<size_t>(count) * sizeof(float);
        Fenced from(bytes, at_end), to(bytes, at_end);
        auto* x = reinterpret_cast<float*>(from.data());
        auto* y = reinterpret_cast<float*>(to.data());
        for (long i = 0; i < count; ++i) x[i] = static_cast<float>(i) / 70;
        known.function(count, x, y);
        known.function(count, x, x);
        for (long i = 0; i < count; ++i)
          ASSERT_EQ(std::bit_cast<uint32_t>(x[i]), std::bit_cast<uint32_t>(y[i]))
              << known.name << " of " << count;
      }
}

/// -0 stays what it is, as the ops' own evaluation has it.
TEST_P(VectorFunctionsTest, KeepTheSignOfZero) {
  const VectorFunctions& f = *cpu::vector_functions();
  for (const Known& known : all_of(f)) {
    const float zero = -0.0F;
    float got = 1;
    known.function(1, &zero, &got);
    if (std::isnan(got)) continue;
    EXPECT_EQ(std::signbit(got), std::signbit(known.truth(-0.0))) << known.name;
  }
}

}  // namespace hone::test::vector_functions_test
