#include "device/cpu/fft.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "device/cpu/fft_stage.hpp"
#include "device/cpu/isa.hpp"

namespace hone::cpu {

// Defined in fft_ISA.cpp, each compiled for its instruction set.
extern const FftFunctions kFftAvx512, kFftAvx2, kFftGeneric;

const FftFunctions& fft_functions() {
  switch (isa()) {
    case Isa::avx512: return kFftAvx512;
    case Isa::avx2: return kFftAvx2;
    case Isa::generic: break;
  }
  return kFftGeneric;
}

namespace {

/// e^(-2 pi i at / of), two floats at the end.
void add_root(int64_t at, int64_t of, std::vector<float>& to) {
  const double angle =
      -2 * std::numbers::pi * static_cast<double>(at % of) / static_cast<double>(of);
  to.push_back(static_cast<float>(std::cos(angle)));
  to.push_back(static_cast<float>(std::sin(angle)));
}

/// Factors whose transforms are short; empty: there is a larger one.
std::vector<int64_t> factors_of(int64_t length) {
  std::vector<int64_t> factors;
  for (const int64_t radix : {4, 2, 3, 5})
    for (; length % radix == 0; length /= radix) factors.push_back(radix);
  for (int64_t radix = 7; radix <= kMostRadix; radix += 2)
    for (; length % radix == 0; length /= radix) factors.push_back(radix);
  if (length != 1) return {};
  return factors;
}

/// The length of the transforms that a convolution is done by.
int64_t power_for(int64_t length) {
  int64_t power = 1;
  while (power < 2 * length - 1) power *= 2;
  return power;
}

/// Element i of x, of all signals, times factor[i].
void multiply(int64_t count, int64_t signals, const float* factor, float* re, float* im) {
  for (int64_t i = 0; i < count; ++i) {
    const float a = factor[2 * i], b = factor[2 * i + 1];
    for (int64_t s = i * signals; s < (i + 1) * signals; ++s) {
      const float x = re[s], y = im[s];
      re[s] = x * a - y * b;
      im[s] = x * b + y * a;
    }
  }
}

}  // namespace

int64_t Fft::floats_of(int64_t length, int64_t signals) {
  const bool plain = length <= 1 || !factors_of(length).empty();
  return 4 * (plain ? length : power_for(length)) * signals;
}

Fft::Fft(int64_t length) : length_(length) {
  if (length <= 1) return;
  int64_t left = length, before = 1;
  for (const int64_t radix : factors_of(length)) {
    Stage stage{radix, left / radix, before, {}, {}};
    for (int64_t p = 0; p < stage.m; ++p)
      for (int64_t j = 1; j < radix; ++j) add_root(p * j, left, stage.twiddles);
    for (int64_t j = 0; j < radix; ++j) add_root(j, radix, stage.roots);
    stages_.push_back(std::move(stage));
    left /= radix;
    before *= radix;
  }
  if (!stages_.empty()) return;
  const int64_t power = power_for(length);
  convolution_ = std::make_shared<const Fft>(power);
  for (int64_t k = 0; k < length; ++k) add_root(k * k % (2 * length), 2 * length, chirp_);
  std::vector<float> memory(static_cast<size_t>(convolution_->floats(1)));
  float *re = memory.data(), *im = convolution_->imaginary(memory.data(), 1);
  for (int64_t k = 0; k < length; ++k)
    for (const int64_t at : {k, (power - k) % power}) {
      re[at] = chirp_[static_cast<size_t>(2 * k)] / static_cast<float>(power);
      im[at] = -chirp_[static_cast<size_t>(2 * k + 1)] / static_cast<float>(power);
    }
  convolution_->run(1, memory.data());
  for (int64_t k = 0; k < power; ++k) {
    response_.push_back(re[k]);
    response_.push_back(im[k]);
  }
}

void Fft::run(int64_t signals, float* memory) const {
  if (length_ <= 1) return;
  if (convolution_ != nullptr) return convolve(signals, memory);
  const int64_t size = length_ * signals;
  run_stages(signals, memory, memory + size, memory + 2 * size, memory + 3 * size);
}

void Fft::run_stages(int64_t signals, float* re, float* im, float* other_re,
                     float* other_im) const {
  float* const wanted = re;
  for (const Stage& stage : stages_) {
    fft_functions().stage(
        {stage.radix, stage.m, stage.before * signals, stage.twiddles.data(), stage.roots.data()},
        {re, im, other_re, other_im});
    std::swap(re, other_re);
    std::swap(im, other_im);
  }
  if (re == wanted) return;
  std::copy_n(re, length_ * signals, other_re);
  std::copy_n(im, length_ * signals, other_im);
}

void Fft::convolve(int64_t signals, float* memory) const {
  const int64_t size = room() * signals, used = length_ * signals;
  float *re = memory, *im = memory + size;
  float *other_re = memory + 2 * size, *other_im = memory + 3 * size;
  multiply(length_, signals, chirp_.data(), re, im);
  std::fill(re + used, re + size, 0.0f);
  std::fill(im + used, im + size, 0.0f);
  convolution_->run_stages(signals, re, im, other_re, other_im);
  multiply(room(), signals, response_.data(), re, im);
  // With both parts exchanged the transform is the inverse one.
  convolution_->run_stages(signals, im, re, other_re, other_im);
  multiply(length_, signals, chirp_.data(), re, im);
}

}  // namespace hone::cpu
