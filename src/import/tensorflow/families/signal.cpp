// The front end of speech networks: spectra of a sound and their coefficients on the mel scale.

#include "ops/signal.hpp"

#include <cmath>
#include <numbers>

#include "import/tensorflow/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

constexpr double kPi = std::numbers::pi;

int64_t next_power_of_two(int64_t size) {
  int64_t power = 1;
  while (power < size) power *= 2;
  return power;
}

/// Cosines, then sines, of each frequency times a periodic Hann window: [2 * bins, 1, window].
Tensor transform_of(int64_t window, int64_t length) {
  const int64_t bins = length / 2 + 1;
  Tensor weights(DType::f32, {2 * bins, 1, window});
  for (int64_t bin = 0; bin < bins; ++bin)
    for (int64_t i = 0; i < window; ++i) {
      const double hann =
          0.5 - 0.5 * std::cos(2 * kPi * static_cast<double>(i) / static_cast<double>(window));
      // The product of whole numbers, taken modulo the length: angles stay small.
      const double angle =
          2 * kPi * static_cast<double>(bin * i % length) / static_cast<double>(length);
      weights.put(bin * window + i, static_cast<float>(hann * std::cos(angle)));
      weights.put((bins + bin) * window + i, static_cast<float>(-hann * std::sin(angle)));
    }
  return weights;
}

/// [samples, channels] to magnitudes [channels, frames, frequencies]: each frame, windowed and
/// padded to a power of two, is transformed; written as a convolution.
void import_audio_spectrogram(NodeReader& node) {
  const int64_t window = node.integer("window_size", 0), stride = node.integer("stride", 0);
  node.check(window > 1 && window <= (1 << 13) && stride > 0 && stride < (1 << 24), "a window of ",
             window, " samples every ", stride);
  node.check(node.rank_of(0) == 2, "sound of rank ", node.rank_of(0), ", wanted 2");
  const int64_t length = next_power_of_two(window), bins = length / 2 + 1;
  Value* sound = node.intermediate(Transpose{.perm = {1, 0}}, {node.required(0)}, "channels");
  sound = node.intermediate(Unsqueeze{.axes = Dims{Dim(1)}}, {sound}, "sound");
  Value* both =
      node.intermediate(Conv{.window = {.strides = {stride}}},
                        {sound, node.constant(transform_of(window, length), "waves")}, "spectrum");
  Value* squares = node.intermediate(Mul{}, {both, both}, "squares");
  const auto halves =
      node.intermediates(Split{.axis = 1, .split = Dims{bins, bins}}, {squares}, 2, "part");
  Value* power = node.intermediate(Add{}, {halves[0], halves[1]}, "power");
  if (!node.flag("magnitude_squared", false))
    power = node.intermediate(Sqrt{}, {power}, "magnitude");
  node.emit(Transpose{.perm = {0, 2, 1}}, {power});
}

double mel(double frequency) { return 1127 * std::log1p(frequency / 700); }

/// Which share of each frequency counts for which band: triangles on the mel scale that begin where
/// the one before has its tip. [bins, bands]. (Source: tensorflow/core/kernels/
/// mfcc_mel_filterbank.cc.)
Tensor bands_of(int64_t bins, int64_t bands, double rate, double low, double high) {
  Tensor weights(DType::f32, {bins, bands});
  const double first = mel(low), step = (mel(high) - first) / static_cast<double>(bands + 1);
  const double hertz = 0.5 * rate / static_cast<double>(bins - 1);  // a bin
  const auto begin = static_cast<int64_t>(1.5 + low / hertz);       // never the constant part
  const auto end = std::min(static_cast<int64_t>(high / hertz), bins - 1);
  const auto centre = [&](int64_t band) { return first + step * static_cast<double>(band + 1); };
  int64_t band = 0;  // the first one whose centre is not below
  for (int64_t bin = begin; bin <= end; ++bin) {
    const double at = mel(static_cast<double>(bin) * hertz);
    while (band < bands && centre(band) < at) ++band;
    const double below = band == 0 ? first : centre(band - 1);
    const double share = (centre(band) - at) / (centre(band) - below);  // of the band below
    if (band > 0) weights.put(bin * bands + band - 1, static_cast<float>(share));
    if (band < bands) weights.put(bin * bands + band, static_cast<float>(1 - share));
  }
  return weights;
}

/// The cosine transform of logarithms: [bands, coefficients].
Tensor cosines_of(int64_t bands, int64_t count) {
  Tensor weights(DType::f32, {bands, count});
  const double size = static_cast<double>(bands), norm = std::sqrt(2 / size);
  for (int64_t band = 0; band < bands; ++band)
    for (int64_t i = 0; i < count; ++i)
      weights.put(band * count + i,
                  static_cast<float>(norm * std::cos(static_cast<double>(i) * kPi / size *
                                                     (static_cast<double>(band) + 0.5))));
  return weights;
}

/// Inputs: squared magnitudes [channels, frames, frequencies], how many samples a second has.
void import_mfcc(NodeReader& node) {
  const auto rate = static_cast<double>(node.one_int(1));
  const double low = double{node.real("lower_frequency_limit", 20)};
  const double high = double{node.real("upper_frequency_limit", 4000)};
  const int64_t bands = node.integer("filterbank_channel_count", 40);
  const int64_t count = node.integer("dct_coefficient_count", 13);
  node.check(node.rank_of(0) == 3, "spectra of rank ", node.rank_of(0), ", wanted 3");
  const auto bins = node.dims(0)[2].constant();
  if (!bins) node.unsupported("a number of frequencies that is not known");
  node.check(*bins > 1 && *bins < (1 << 16) && bands > 0 && bands < 4096 && count > 0 &&
                 count <= bands && rate > 0 && low >= 0 && high > low && high <= rate,
             count, " coefficients of ", bands, " bands of ", *bins, " frequencies from ", low,
             " to ", high, " hertz at ", rate, " samples a second");
  Value* root = node.intermediate(Sqrt{}, {node.required(0)}, "magnitude");
  Value* bank = node.constant(bands_of(*bins, bands, rate, low, high), "bank");
  Value* sums = node.intermediate(MatMul{}, {root, bank}, "bands");
  Value* least = node.intermediate(Max{}, {sums, node.scalar(1e-12, "least")}, "raised");
  Value* logs = node.intermediate(Log{}, {least}, "logs");
  node.emit(MatMul{}, {logs, node.constant(cosines_of(bands, count), "cosines")});
}

}  // namespace

void register_signal(Importers& importers) {
  importers.add("AudioSpectrogram", import_audio_spectrogram);
  importers.add("Mfcc", import_mfcc);
}

}  // namespace hone::tensorflow
