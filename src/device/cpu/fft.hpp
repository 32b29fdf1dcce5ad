#pragma once
// Discrete Fourier transforms of any length in f32.

#include <cstdint>
#include <memory>
#include <vector>

namespace hone::cpu {

/// Transforms of one length of some signals side by side. In factors up to kMostRadix; where the
/// length has larger ones, as a convolution by transforms of a power of two (Bluestein).
class Fft {
 public:
  Fft() = default;
  explicit Fft(int64_t length);
  int64_t length() const { return length_; }
  /// Floats of working memory for transforms of so many signals, the signals themselves included.
  int64_t floats(int64_t signals) const { return 4 * room() * signals; }
  static int64_t floats_of(int64_t length, int64_t signals);
  /// Where the real and the imaginary parts of the signals begin in that memory: [length][signals]
  /// each, also of what run() makes.
  float* real(float* memory) const { return memory; }
  float* imaginary(float* memory, int64_t signals) const { return memory + room() * signals; }
  /// Sums of x[k] * e^(-2 pi i k j / length) over k.
  void run(int64_t signals, float* memory) const;

 private:
  struct Stage {
    int64_t radix, m, before;  // `before`: the radices of earlier stages, multiplied
    std::vector<float> twiddles, roots;
  };
  int64_t room() const { return convolution_ == nullptr ? length_ : convolution_->length_; }
  void run_stages(int64_t signals, float* re, float* im, float* other_re, float* other_im) const;
  void convolve(int64_t signals, float* memory) const;

  int64_t length_ = 0;
  std::vector<Stage> stages_;
  // Bluestein's: a transform of at least twice the length, e^(-pi i k k / length), and the
  // transform of its conjugate.
  std::shared_ptr<const Fft> convolution_;
  std::vector<float> chirp_, response_;  // [k][2]
};

}  // namespace hone::cpu
