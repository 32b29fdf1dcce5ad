#include "ops/signal.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/one_node.hpp"

namespace hone::test::signal_test {

using Ints = std::vector<int64_t>;

const Tensor kRamp = tensor(DType::f32, {1, 4, 1}, {1, 2, 3, 4});

TEST(Dft, OfRealNumbers) {
  expect_near(run(Dft{}, {kRamp}), {10, 0, -2, 2, -2, 0, -2, -2});
  expect_near(run(Dft{.onesided = true}, {kRamp}), {10, 0, -2, 2, -2, 0});
  // Cut to 3 elements, padded to 5.
  expect_near(run(Dft{}, {kRamp, Tensor::scalar(DType::i64, 3)}),
              {6, 0, -1.5, std::sqrt(3) / 2, -1.5, -std::sqrt(3) / 2});
  EXPECT_EQ(run(Dft{.onesided = true}, {kRamp, Tensor::scalar(DType::i32, 5)}).shape(),
            (Ints{1, 3, 2}));
}

TEST(Dft, ThereAndBack) {
  const Tensor there = run(Dft{}, {kRamp});
  expect_near(run(Dft{.inverse = true}, {there}), {1, 0, 2, 0, 3, 0, 4, 0});
  const Tensor half = run(Dft{.onesided = true}, {kRamp});
  expect_near(run(Dft{.inverse = true, .onesided = true}, {half}), {1, 2, 3, 4});
  const Tensor three = Tensor::scalar(DType::i64, 3);
  const Tensor odd = run(Dft{.onesided = true}, {kRamp, three});
  expect_near(run(Dft{.inverse = true, .onesided = true}, {odd, three}), {1, 2, 3});
}

TEST(Dft, AlongAnyAxis) {
  const Tensor x = tensor(DType::f64, {2, 2, 1}, {1, 2, 3, 5});
  expect_near(run(Dft{.axis = Dims{0}}, {x}), {4, 0, 7, 0, -2, 0, -3, 0});
  expect_near(run(Dft{}, {x, Tensor(), Tensor::scalar(DType::i64, -2)}),
              {3, 0, -1, 0, 8, 0, -2, 0});
  EXPECT_EQ(refusal_of([&] { run(Dft{.axis = Dims{2}}, {x}); }),
            "invalid_model: axis 2 holds the parts of complex numbers (DFT %y0)");
  EXPECT_EQ(refusal_of([&] { run(Dft{.axis = Dims{-4}}, {x}); }),
            "invalid_model: axis -4 is out of range for rank 3 (DFT %y0)");
}

TEST(Dft, EmptyAndWrong) {
  EXPECT_EQ(run(Dft{}, {Tensor(DType::f32, {0, 4, 1})}).shape(), (Ints{0, 4, 2}));
  EXPECT_EQ(run(Dft{}, {Tensor(DType::f32, {1, 0, 1})}).shape(), (Ints{1, 0, 2}));
  const Tensor complex(DType::f32, {1, 4, 2}), three(DType::f32, {1, 4, 3});
  EXPECT_EQ(refusal_of([&] { run(Dft{.onesided = true}, {complex}); }),
            "invalid_model: onesided of f32[1,4,2]: wanted a last axis of 1 (DFT %y0)");
  EXPECT_EQ(refusal_of([&] { run(Dft{.inverse = true, .onesided = true}, {kRamp}); }),
            "invalid_model: onesided and inverse of f32[1,4,1]: wanted a last axis of 2 (DFT %y0)");
  EXPECT_EQ(
      refusal_of([&] { run(Dft{}, {three}); }),
      "invalid_model: the last axis has 3 elements, wanted 1 (real) or 2 (complex) (DFT %y0)");
  EXPECT_EQ(refusal_of([&] { run(Dft{.dft_length = Dims{-1}}, {kRamp}); }),
            "invalid_model: size 0 is larger than -1 (DFT %y0)");
}

TEST(Dft, SymbolicSizes) {
  const Dim n = Dim::symbol("n");
  const Type x = Type::tensor(DType::f32, {2, n, 1}), y = Type::tensor(DType::f32, {2, n, 2});
  EXPECT_EQ(cat(type_of(Dft{.onesided = true}, {x})), "f32[2,floordiv(n,2)+1,2]");
  EXPECT_EQ(cat(type_of(Dft{.inverse = true, .onesided = true}, {y})), "f32[2,2*n-2,1]");
  EXPECT_EQ(cat(type_of(Dft{.dft_length = Dims{n}, .axis = Dims{0}}, {x})), "f32[n,n,2]");
  EXPECT_EQ(cat(type_of(Dft{}, {Type::unranked(DType::f16)})), "f16[*]");
  const Type known = type_of(Dft{}, {x, Type::tensor(DType::i64, {})});
  EXPECT_EQ(cat(known.tensor().shape()[0]), "2");
  EXPECT_TRUE(known.tensor().shape()[1].as_symbol());
}

TEST(Stft, Frames) {
  const Tensor step = Tensor::scalar(DType::i64, 2), none;
  const Tensor x = tensor(DType::f32, {1, 5, 1}, {1, 2, 3, 4, 5});
  // Frames 1 2 and 3 4 of length 2: sums and differences.
  expect_near(run(Stft{}, {x, step, none, step}), {3, 0, -1, 0, 7, 0, -1, 0});
  // A window of 3 elements says the length.
  expect_near(run(Stft{}, {x, step, f32({0, 1, 0})}),
              {2, 0, -1, -std::sqrt(3), 4, 0, -2, -2 * std::sqrt(3)});
  EXPECT_EQ(run(Stft{.onesided = false}, {x, step}).shape(), (Ints{1, 1, 5, 2}));
  EXPECT_EQ(run(Stft{}, {Tensor(DType::f32, {0, 5, 1}), step, none, step}).shape(),
            (Ints{0, 2, 2, 2}));
}

TEST(Stft, Wrong) {
  const Tensor x(DType::f32, {1, 5, 1}), complex(DType::f32, {1, 5, 2});
  EXPECT_EQ(refusal_of([&] { run(Stft{.frame_step = Dims{0}}, {x}); }),
            "invalid_model: size 1 is larger than 0 (STFT %y0)");
  EXPECT_EQ(refusal_of([&] { run(Stft{.frame_step = Dims{1}, .frame_length = Dims{6}}, {x}); }),
            "invalid_model: size 6 is larger than 5 (STFT %y0)");
  EXPECT_EQ(refusal_of([&] { run(Stft{.frame_step = Dims{1}}, {complex}); }),
            "invalid_model: sizes 2 and 1 differ, wanted the same (STFT %y0)");
  const Stft op{.frame_step = Dims{1}, .frame_length = Dims{2}};
  EXPECT_EQ(refusal_of([&] {
              run(op, {x, Tensor(), f32({1, 1, 1})});
            }),
            "invalid_model: sizes 2 and 3 differ, wanted the same (STFT %y0)");
  const Type type = Type::tensor(DType::f32, {2, Dim::symbol("n"), 1});
  EXPECT_EQ(cat(type_of(op, {type})), "f32[2,n-1,2,2]");
}

TEST(Windows, Values) {
  expect_near(run(HannWindow{.size = Dims{4}}, {}), {0, 0.5, 1, 0.5});
  expect_near(run(HannWindow{.size = Dims{3}, .periodic = false}, {}), {0, 1, 0});
  const double a0 = 25.0 / 46, a1 = 21.0 / 46;
  expect_near(run(HammingWindow{}, {Tensor::scalar(DType::i32, 4)}), {a0 - a1, a0, a0 + a1, a0});
  expect_near(run(BlackmanWindow{.size = Dims{4}}, {}), {0, 0.34, 1, 0.34});
  expect_near(run(HammingWindow{.size = Dims{2}, .output_datatype = DType::i8}, {}), {0, 1});
  EXPECT_EQ(run(HannWindow{.size = Dims{0}}, {}).shape(), (Ints{0}));
  EXPECT_EQ(refusal_of([] { run(HannWindow{.size = Dims{-1}}, {}); }),
            "invalid_model: size 0 is larger than -1 (HannWindow %y0)");
  EXPECT_EQ(refusal_of([] { run(HannWindow{}, {}); }),
            "invalid_model: the size is missing (HannWindow %y0)");
  EXPECT_EQ(cat(type_of(HannWindow{.size = Dims{Dim::symbol("n")}}, {})), "f32[n]");
}

TEST(Mel, Bands) {
  const MelWeightMatrix op{.num_mel_bins = Dims{1}, .dft_length = Dims{8}, .sample_rate = Dims{9}};
  const auto hertz = [](double f) { return Tensor::scalar(DType::f32, f); };
  const Tensor none;
  // Edges 700 (10^(mel / 2595) - 1) at a third and two thirds of mel(6) are near 2 (below it)
  // and 4 (below it): rows 0, 1, 3.
  const Tensor y = run(op, {none, none, none, hertz(0), hertz(6)});
  expect_near(y, {0, 1, 0.5, 0, 0});
  EXPECT_EQ(refusal_of([&] {
              run(op, {none, none, none, hertz(0), hertz(900)});
            }),
            "invalid_model: an edge at 222.0872584116893 hertz, wanted ascending ones within the 5 "
            "frequencies of a transform of 8 at 9 samples a second (MelWeightMatrix %y0)");
  EXPECT_EQ(refusal_of([&] {
              run(op, {none, none, none, hertz(NAN), hertz(4)});
            }),
            "invalid_model: an edge at nan hertz, wanted ascending ones within the 5 frequencies "
            "of a transform of 8 at 9 samples a second (MelWeightMatrix %y0)");
  MelWeightMatrix rate = op;
  rate.sample_rate = Dims{0};
  EXPECT_EQ(
      refusal_of([&] {
        run(rate, {none, none, none, hertz(0), hertz(4)});
      }),
      "invalid_model: 1 bands of a transform of 8 at 0 samples a second (MelWeightMatrix %y0)");
}

}  // namespace hone::test::signal_test
