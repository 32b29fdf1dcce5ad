#pragma once
// Fourier transforms, window functions and the mel scale. Fields and defaults are ONNX's.

#include "ir/op.hpp"

namespace hone {

/// The discrete Fourier transform along `axis` (none: -2) of [..., 1] real or [..., 2] complex
/// numbers. Operands: the signal, dft_length (a scalar; cuts the axis or pads it with zeros; none:
/// the axis' size), axis (a scalar).
/// Onesided: of a real signal only the first dft_length / 2 + 1 values; inverse and onesided: a
/// real signal of dft_length (none: 2 * (size - 1)) from these.
struct Dft {
  static constexpr std::string_view kName = "DFT";
  static constexpr Arity kInputs{1, 3};
  static constexpr Parameter kParameters[] = {{"dft_length", 1}, {"axis", 2}};
  std::optional<Dims> dft_length = {}, axis = {};
  bool inverse = false;
  bool onesided = false;
  void fields(FieldList& f) const {
    f("dft_length", dft_length), f("axis", axis), f("inverse", inverse), f("onesided", onesided);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Fourier transforms of frames of a signal [batch, length, 1 or 2]. Operands: the signal,
/// frame_step (a scalar), the window that each frame is multiplied by (absent: ones), frame_length
/// (a scalar; absent: the window's, or the whole signal). Result: [batch, frames, frame_length, 2],
/// onesided [batch, frames, frame_length / 2 + 1, 2].
struct Stft {
  static constexpr std::string_view kName = "STFT";
  static constexpr Arity kInputs{1, 4};
  static constexpr Parameter kParameters[] = {{"frame_step", 1}, {"frame_length", 3}};
  std::optional<Dims> frame_step = {}, frame_length = {};
  bool onesided = true;
  void fields(FieldList& f) const {
    f("frame_step", frame_step), f("frame_length", frame_length), f("onesided", onesided);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

enum class WindowFunction : uint8_t {
  hann,
  hamming,
  blackman
};
inline constexpr std::string_view kWindowFunctionNames[] = {"HannWindow", "HammingWindow",
                                                            "BlackmanWindow"};
/// A window function of `size` elements: a0 - a1 cos(t) + a2 cos(2 t) with t from 0 to 2 pi, which
/// the last element reaches unless the window is periodic. Operand: size (a scalar).
template <WindowFunction F>
struct CosineWindow {
  static constexpr std::string_view kName = kWindowFunctionNames[static_cast<size_t>(F)];
  static constexpr Arity kInputs{0, 1};
  static constexpr Parameter kParameters[] = {{"size", 0}};
  std::optional<Dims> size = {};
  bool periodic = true;
  DType output_datatype = DType::f32;
  void fields(FieldList& f) const {
    f("size", size), f("periodic", periodic), f("output_datatype", output_datatype);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};
using HannWindow = CosineWindow<WindowFunction::hann>;
using HammingWindow = CosineWindow<WindowFunction::hamming>;
using BlackmanWindow = CosineWindow<WindowFunction::blackman>;

/// Weights [dft_length / 2 + 1, num_mel_bins] from frequencies to bands that are even on the mel
/// scale. Operands, all scalars: num_mel_bins, dft_length, sample_rate, and the lowest and the
/// highest frequency in hertz.
struct MelWeightMatrix {
  static constexpr std::string_view kName = "MelWeightMatrix";
  static constexpr Arity kInputs{0, 5};
  static constexpr Parameter kParameters[] = {
      {"num_mel_bins", 0}, {"dft_length", 1}, {"sample_rate", 2}};
  std::optional<Dims> num_mel_bins = {}, dft_length = {}, sample_rate = {};
  DType output_datatype = DType::f32;
  void fields(FieldList& f) const {
    f("num_mel_bins", num_mel_bins), f("dft_length", dft_length), f("sample_rate", sample_rate);
    f("output_datatype", output_datatype);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
};

}  // namespace hone
