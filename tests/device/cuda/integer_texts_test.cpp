// Products of integers as texts for tensor cores: NVRTC takes them for every architecture, and what
// is computed beside the GPU's own arithmetic is right.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "device/cuda/compiler.hpp"
#include "device/cuda/emit/cluster_text.hpp"
#include "device/cuda/emit/grouped_text.hpp"
#include "device/cuda/emit/quantized_text.hpp"
#include "device/cuda/emit/resident_text.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/cuda/emit/tensor_text.hpp"
#include "device/cuda/integers.hpp"

namespace hone::test::integer_texts_test {

using namespace cuda;

void compiles(const emitter::ContractText& written, int capability, std::string_view name) {
  ASSERT_EQ(written.declined, "") << name;
  const auto compiled = compile(written.text.narrow(), architecture(capability));
  EXPECT_GT(compiled->image.size(), 100u) << name;
  EXPECT_EQ(compiled->log.find("(C75"), std::string::npos) << name << compiled->log;
}

TEST(IntegerTexts, Compile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  // Not each with each: compiling takes long.
  size_t number = 0;
  for (const RegionCase& region : kIntegers) {
    const auto problem = problem_of(*graph_of(region), true, true);
    const auto made = emitter::half_product_of(*problem);
    ASSERT_EQ(made->declined, "") << region.name;
    ASSERT_TRUE(made->integers()) << region.name;
    const int words = emitter::words_of(*made);
    struct Way {
      emitter::TensorTile tile;
      int capability;
    };
    const Way ways[] = {{{128, 64, 3, 1, false, false, 1, words}, 75},
                        {{64, 32, 4, 4, false, false, 1, words}, 80},
                        {{128, 128, 4, 1, true, true, 1, words}, 90},
                        {{64, 64, 6, 4, true, true, 1, words}, 90},
                        {{64, 64, 3, 1, false, false, 1, words}, 100}};
    const Way& way = made->adds_up ? ways[0] : ways[number++ % std::size(ways)];
    compiles(text_of(*made, way.tile), way.capability, region.name);
    const auto brought = emitter::brought_product_of(*problem);
    if (!brought.declined.empty()) continue;
    const bool odd = number % 2 != 0;
    const int bytes = brought.form.row_bytes;
    compiles(text_of(brought, odd ? emitter::ResidentTile{2, 1, 128, 4, 4, false, 1, words, bytes}
                                  : emitter::ResidentTile{2, 2, 64, 4, 4, true, 1, words, bytes}),
             90, region.name);
    compiles(text_of(brought, odd ? emitter::ClusterTile{64, 4, 1, 2, 1, words, bytes}
                                  : emitter::ClusterTile{32, 4, 4, 1, 1, words, bytes}),
             90, region.name);
  }
}

TEST(IntegerTexts, OfGroupsCompile) {
  if (!compiler_state().why.empty()) GTEST_SKIP() << "NVRTC: " << compiler_state().why;
  for (const RegionCase& region : kGroupedIntegers) {
    const auto problem = problem_of(*graph_of(region), true, true);
    const auto grouped = emitter::grouped_of(*problem);
    ASSERT_EQ(grouped->declined, "") << region.name;
    compiles(text_of(*grouped, {2, 1}), 75, region.name);
    compiles(text_of(*grouped, {1, static_cast<int>(grouped->down.taps)}), 90, region.name);
  }
}

/// Which way operands come to blocks that stay.
TEST(IntegerTexts, TakeMatricesAndPictures) {
  using Kind = emitter::Brought::Kind;
  struct Wanted {
    std::string_view name;
    Kind a;
    int64_t padded, taps;
    bool windows = false, keeps = false;
  };
  for (const Wanted& wanted :
       {Wanted{"a picture of integers", Kind::picture, 64, 0},
        Wanted{"a picture of integers with a zero point, and a sum", Kind::picture, 128, 9, false,
               true},
        Wanted{"a picture of 80 channels", Kind::picture, 128, 9},
        Wanted{"points of a picture of integers, halved", Kind::picture, 128, 0},
        Wanted{"integers of few channels", Kind::picture, 0, 0, true},
        Wanted{"a picture that is quantized first", Kind::picture, 0, 0, true},
        Wanted{"rows of integers", Kind::rows, 0, 0},
        Wanted{"a large product of integers", Kind::rows, 0, 0, false, true}}) {
    for (const RegionCase& region : kIntegers) {
      if (region.name != wanted.name) continue;
      const auto problem = problem_of(*graph_of(region), true, true);
      const auto made = emitter::brought_product_of(*problem);
      EXPECT_EQ(made.declined, "") << wanted.name;
      EXPECT_EQ(made.a.kind, wanted.a) << wanted.name;
      EXPECT_EQ(made.form.padded, wanted.padded) << wanted.name;
      EXPECT_EQ(made.product->taps, wanted.taps) << wanted.name;
      EXPECT_EQ(made.windows.has_value(), wanted.windows) << wanted.name;
      EXPECT_EQ(made.kept_value != nullptr, wanted.keeps) << wanted.name;
    }
  }
}

/// Behind a constant's elements are its sums, of rows and of taps.
TEST(IntegerTexts, PackSums) {
  for (const RegionCase& region : kIntegers) {
    if (region.name != "a picture of 80 channels") continue;
    const auto problem = problem_of(*graph_of(region), true, true);
    const auto made = emitter::brought_product_of(*problem);
    const Tensor& weight = problem->weights[1]->tensor();
    const auto& b = made.product->b;
    const Tensor packed = pack_halves(*made.product, b, weight, made.form);
    ASSERT_EQ(std::ssize(packed.bytes()), packed_bytes(*made.product, b, made.form));
    std::vector<int32_t> sums(10 * 128);
    std::memcpy(sums.data(), packed.bytes().data() + sums_begin(*made.product, b, made.form),
                sums.size() * 4);
    for (size_t filter = 0; filter < 128; ++filter) {
      std::vector<int32_t> wanted(10);
      for (size_t channel = 0; channel < 80; ++channel)
        for (size_t tap = 0; tap < 9; ++tap) {
          const auto number = static_cast<int32_t>(
              weight.integer(static_cast<int64_t>((filter * 80 + channel) * 9 + tap)));
          wanted[0] += number;
          wanted[1 + tap] += number;
        }
      for (size_t i = 0; i < 10; ++i) ASSERT_EQ(sums[i * 128 + filter], wanted[i]) << filter;
    }
  }
}

/// What f32 says of a sum of quantized numbers is what f64 rounds to, but near to halves.
TEST(IntegerTexts, RoundInF32WhatThatTells) {
  const auto number = [](double x, DType dtype) { return Expr(x, dtype); };
  const Expr x = Expr::load(BufferName{"x"}, DType::i8, {}),
             y = Expr::load(BufferName{"y"}, DType::u8, {});
  const double a = static_cast<float>(0.7123), b = 0.25;
  const auto term = [&](const Expr& of, double zero, double factor) {
    return Expr::cast(DType::f64, Expr::cast(DType::f32, of) - number(zero, DType::f32)) *
           Expr::cast(DType::f64, number(factor, DType::f32));
  };
  const auto made =
      emitter::nearly_rounded(term(x, -3, a) + term(y, 128, b) + number(5, DType::f64));
  ASSERT_TRUE(made.has_value());
  EXPECT_GT(made->apart, 0.4998);
  EXPECT_LT(made->apart, 0.4999);
  int near = 0;
  for (int i = -128; i < 128; ++i)
    for (int j = 0; j < 256; ++j) {
      const double exact = (i + 3) * a + (j - 128) * b + 5;
      const float nearly = static_cast<float>(i + 3) * static_cast<float>(a) +
                           static_cast<float>(j - 128) * static_cast<float>(b) + 5;
      const float whole = std::rint(nearly);
      if (std::abs(nearly - whole) > static_cast<float>(made->apart)) ++near;
      else ASSERT_EQ(whole, static_cast<float>(std::rint(exact))) << i << " " << j;
    }
  EXPECT_LT(near, 200);
  // What has no bound is no such sum.
  const Expr open = Expr::cast(DType::f64, Expr::load(BufferName{"z"}, DType::f32, {}));
  EXPECT_FALSE(emitter::nearly_rounded(open).has_value());
}

/// A sum of two bytes in f64 that f32 computes: all of them round to the same, or it is refused.
TEST(IntegerTexts, ProveSumsOfTwoBytes) {
  const auto number = [](double x, DType dtype) { return Expr(x, dtype); };
  const Expr x = Expr::load(BufferName{"x"}, DType::i8, {}),
             y = Expr::load(BufferName{"y"}, DType::u8, {});
  const auto term = [&](const Expr& of, double zero, float factor) {
    return Expr::cast(DType::f64, Expr::cast(DType::f32, of) - number(zero, DType::f32)) *
           Expr::cast(DType::f64, number(factor, DType::f32));
  };
  Rng rng(3);
  int proven = 0;
  constexpr int kTurns = 12;
  for (int turn = 0; turn < kTurns; ++turn) {
    const float a = static_cast<float>(200 + rng.below(1000)) / 997,
                b = static_cast<float>(200 + rng.below(1000)) / 991;
    const auto made =
        emitter::proven_sum(term(x, -3, a) + term(y, 128, b) + number(5, DType::f64), -128, 127);
    if (!made) continue;
    ++proven;
    const bool is_x = made->x == Expr::cast(DType::f32, x);
    for (int i = -128; i < 128; ++i)
      for (int j = 0; j < 256; ++j) {
        const double exact = double(i + 3) * a + double(j - 128) * b + 5;
        const auto first = static_cast<float>(is_x ? i : j),
                   second = static_cast<float>(is_x ? j : i);
        const float got = std::fma(first, made->of_x, std::fma(second, made->of_y, made->rest));
        ASSERT_EQ(std::clamp(std::nearbyint(got), -128.0f, 127.0f),
                  static_cast<float>(std::clamp(std::nearbyint(exact), -128.0, 127.0)))
            << a << " " << b << " " << i << " " << j;
      }
  }
  EXPECT_GE(proven, kTurns / 2);
  // A sixth of all sums are halves in f64, but not quite.
  EXPECT_FALSE(emitter::proven_sum(
      term(x, 0, 0.05f / 0.06f) + term(y, 0, 0.04f / 0.06f) + number(0, DType::f64), -128, 127));
  // What is no sum of two bytes.
  EXPECT_FALSE(emitter::proven_sum(term(x, 0, 0.5f) + number(1, DType::f64), -128, 127));
  EXPECT_FALSE(emitter::proven_sum(term(x, 0, 0.5f) * term(y, 0, 0.5f), -128, 127));
}

/// A thread of a warpgroup has columns 2 * q and 2 * q + 1 of each 8: of 16, they are neighbours.
TEST(IntegerTexts, PackRowsInFours) {
  for (const RegionCase& region : kIntegers) {
    if (region.name != "rows of 64 integers") continue;
    const auto problem = problem_of(*graph_of(region), true, true);
    const auto made = emitter::brought_product_of(*problem);
    ASSERT_TRUE(made.form.in_fours);
    ASSERT_EQ(made.form.row_bytes, 64);
    for (size_t q = 0; q < 4; ++q)
      for (size_t i = 0; i < 4; ++i)
        EXPECT_EQ(made.form.place_of(32 + 4 * q + i), 32 + i / 2 * 8 + 2 * q + i % 2);
    const Tensor& weight = problem->weights[1]->tensor();
    const Tensor packed = pack_halves(*made.product, made.product->b, weight, made.form);
    for (size_t column = 0; column < 176; ++column)
      for (size_t k = 0; k < 64; ++k) {
        const size_t row = made.form.place_of(column);
        const size_t at = row * 64 + (k / 16 ^ row / 2 % 4) * 16 + k % 16;
        ASSERT_EQ(static_cast<int8_t>(packed.bytes()[at]),
                  weight.integer(static_cast<int64_t>(k * 176 + column)))
            << k << " " << column;
      }
  }
}

/// A box of results is 128 columns: parts that lie behind each other have as many, or twice ...
TEST(IntegerTexts, TakePartsOfWholeBoxes) {
  const auto made_of = [](int columns) {
    const std::string text = cat(
        "graph g(%x: u8[2,40,64], %w: i8[3,1,64,", columns,
        "]) -> (%y)\n  %y = QLinearMatMul(%x, f32{0.02}, u8{9}, %w, f32{0.01}, i8{0}, f32{0.7}, "
        "u8{120})\n");
    const auto graph = parse(text, all_ops());
    infer(*graph);
    const auto made = emitter::brought_product_of(*problem_of(*graph, true, false));
    return std::pair(made.declined, made.result.part);
  };
  EXPECT_EQ(made_of(256), std::pair(std::string(), int64_t{256}));
  EXPECT_EQ(made_of(192), std::pair(std::string("its result does not lie in boxes"), int64_t{0}));
}

}  // namespace hone::test::integer_texts_test
