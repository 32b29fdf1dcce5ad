// Numbers of all kinds through generated code.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include "device/emit/run_emitted.hpp"
#include "ir/nest/evaluate.hpp"
#include "ir/nest/verify.hpp"

namespace hone::test::functions_test {

using cpu::Isa;
using cpu::emitter::emit;
using cpu::emitter::Emitted;

/// NaN, infinities and zeros of both signs, at every lane.
TEST(EmittedFunctions, OddNumbersAreAsInterpreted) {
  const Nest nest = parse_nest(
      "nest odd\n"
      "  x: f32[n] input\n"
      "  z: f32[n] input\n"
      "  y: f32[13,n] output\n"
      "  vector 8 $i < n\n"
      "    y[0, $i] = min(x[$i], z[$i])\n"
      "    y[1, $i] = max(x[$i], z[$i])\n"
      "    y[2, $i] = select(less(x[$i], z[$i]), f32{1}, f32{2})\n"
      "    y[3, $i] = select(less_equal(x[$i], z[$i]), f32{1}, f32{2})\n"
      "    y[4, $i] = select(equal(x[$i], z[$i]), f32{1}, f32{2})\n"
      "  vector 8 $j < n\n"
      "    y[5, $j] = negate(absolute(x[$j]))\n"
      "    y[6, $j] = round(x[$j])\n"
      "    y[7, $j] = floor(x[$j])\n"
      "    y[8, $j] = ceil(x[$j])\n"
      "  vector 8 $k < n\n"
      "    y[9, $k] = max(x[$k], f32{0})\n"
      "    y[10, $k] = min(x[$k], f32{-0})\n"
      "    y[11, $k] = max(min(x[$k], f32{1}), f32{-2})\n"
      "    y[12, $k] = sub(f32{2}, mul(f32{2}, x[$k]))\n");
  verify(nest);
  const double kOdd[] = {0.0, -0.0, 1.5, 2.5, -0.5, HUGE_VAL, -HUGE_VAL, std::nan("")};
  Tensor x(DType::f32, {64}), z(DType::f32, {64});
  for (int64_t i = 0; i < 64; ++i) {
    x.set_number(i, kOdd[i % 8]);
    z.set_number(i, kOdd[i / 8]);
  }
  for (const Isa isa : sets()) {
    const Emitted emitted = emit(nest, isa);
    ASSERT_EQ(emitted.declined, "");
    const Tensor got = run(nest, emitted, {{"n", 64}}, {x, z}, true)[0];
    const Tensor want = evaluate(nest, {{"n", 64}}, {x, z})[0];
    for (int64_t i = 0; i < want.count(); ++i) {
      const double a = got.number(i), b = want.number(i);
      EXPECT_TRUE((std::isnan(a) && std::isnan(b)) ||
                  (a == b && std::signbit(a) == std::signbit(b)))
          << name(isa) << " row " << i / 64 << " of " << x.number(i % 64) << ", "
          << z.number(i % 64) << ": " << a << ", wanted " << b;
    }
  }
}

/// How many floats lie between a number and the nearest one to `want`.
double ulps(float got, double want) {
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) == std::isnan(want) ? 0 : 1e9;
  const auto nearest = static_cast<float>(want);
  if (got == nearest) return 0;
  if (std::isinf(got) || std::isinf(nearest)) return 1e9;
  const double unit = std::max(std::abs(std::nextafter(nearest, 2 * nearest) - nearest),
                               std::numeric_limits<float>::denorm_min());
  return std::abs(got - want) / unit;
}

/// Floats of all exponents, both signs, infinite ones and NaN among them.
TEST(EmittedFunctions, AreWithinFourUnitsOfTheLastPlace) {
  const std::map<std::string, double (*)(double)> functions{
      {"exp", std::exp}, {"log", std::log}, {"tanh", std::tanh}, {"erf", std::erf}};
  const char* stride_text = std::getenv("HONE_ULP_STRIDE");
  const uint64_t stride = stride_text != nullptr ? std::stoull(stride_text) : 9973;
  for (const auto& [name, function] : functions)
    for (const Isa isa : sets()) {
      const Nest nest = parse_nest(cat("nest f\n  x: f32[n] input\n  y: f32[n] output\n",
                                       "  vector 8 $i < n\n    y[$i] = ", name, "(x[$i])\n"));
      const Emitted emitted = emit(nest, isa);
      ASSERT_EQ(emitted.declined, "");
      constexpr int64_t kCount = 1 << 16;
      Tensor x(DType::f32, {kCount});
      double most = 0;
      float worst = 0;
      uint64_t bits = 0;
      while (bits <= 0xFFFFFFFF) {
        int64_t count = 0;
        for (; count < kCount && bits <= 0xFFFFFFFF; bits += stride)
          x.put(count++, static_cast<uint32_t>(bits));
        const Tensor y = run(nest, emitted, {{"n", kCount}}, {x}, true)[0];
        for (int64_t i = 0; i < count; ++i) {
          const auto at = x.at<float>(i);
          const double off = ulps(y.at<float>(i), function(at));
          if (off > most) most = off, worst = at;
        }
      }
      EXPECT_LE(most, 4) << name << " on " << cpu::name(isa) << " at " << worst;
      std::cout << name << " on " << cpu::name(isa) << ": " << most << " at " << worst << "\n";
    }
}

}  // namespace hone::test::functions_test
