#include "ops/signal.hpp"

#include <cmath>
#include <numbers>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/complex.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/shapes.hpp"

namespace hone {
namespace {

/// e^(2 pi i k / n) for k in [0, n).
std::vector<Complex> roots_of_unity(int64_t n) {
  std::vector<Complex> roots;
  for (int64_t k = 0; k < n; ++k)
    roots.push_back(
        std::polar(1.0, 2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(n)));
  return roots;
}

/// The first `count` values of the transform of `signal`, not normalized.
std::vector<Complex> transform(const std::vector<Complex>& signal,
                               const std::vector<Complex>& roots, int64_t count, bool inverse) {
  const auto n = static_cast<int64_t>(roots.size());
  std::vector<Complex> result(static_cast<size_t>(count));
  for (int64_t k = 0; k < count && n > 0; ++k) {
    const int64_t step = inverse ? k % n : (n - k % n) % n;
    int64_t angle = 0;
    for (const Complex& value : signal) {
      result[static_cast<size_t>(k)] += value * roots[static_cast<size_t>(angle)];
      angle += step;
      if (angle >= n) angle -= n;
    }
  }
  return result;
}

/// How many values a transform of `length` gives.
template <class Size>
Size transformed_size(const Size& length, bool half) {
  return half ? floor_div(length, 2) + 1 : length;
}

/// Real numbers have 1 part, complex ones 2.
void check_parts(const Inference& c, const Dim& parts) {
  const auto known = parts.constant();
  c.check(!known || *known == 1 || *known == 2, "the last axis has ", parts,
          " elements, wanted 1 (real) or 2 (complex)");
}
void check_parts(const Evaluation& c, int64_t parts) {
  c.check(parts == 1 || parts == 2, "the last axis has ", parts,
          " elements, wanted 1 (real) or 2 (complex)");
}

}  // namespace

void Dft::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  const TensorType& x = c.tensor(0);
  for (const int i : {1, 2})
    c.check(!c.has(i) || is_integer(c.dtype(i)), "operand ", i, " is ",
            c.has(i) ? c.type(i) : Type(), ", wanted integers");
  const auto length = scalar_parameter(c, dft_length, 1);
  const auto along = c.given(axis, 2) ? scalar_parameter(c, axis, 2) : std::optional<Dim>(-2);
  if (!x.has_rank()) return c.set(0, Type::unranked(dtype));
  const int rank = x.rank();
  c.check(rank >= 2, "the signal is ", x, ", wanted rank 2 at least");
  const Dim parts = x.shape().back(), wanted = inverse ? 2 : 1;
  check_parts(c, parts);
  if (onesided) {
    c.check(provably_equal(parts, wanted).value_or(true), "onesided",
            inverse ? " and inverse of " : " of ", x, ": wanted a last axis of ", wanted);
    c.require_equal(parts, wanted);
  }
  Dims result = x.shape();
  result.back() = onesided && inverse ? 1 : 2;
  if (!along || !along->is_constant()) {
    for (int i = 0; i + 1 < rank; ++i) result[static_cast<size_t>(i)] = c.fresh(0, i);
    return c.set(0, dtype, std::move(result));
  }
  const int at = c.axis(*along->constant(), rank);
  c.check(at + 1 < rank, "axis ", *along, " holds the parts of complex numbers");
  Dim& size = result[static_cast<size_t>(at)];
  Dim n = onesided && inverse ? (size - 1) * 2 : size;
  if (c.given(dft_length, 1)) n = length ? *length : c.fresh(0, at);
  if (length || !c.given(dft_length, 1)) {
    c.require_less_equal(0, n);
    size = transformed_size(n, onesided && !inverse);
  } else {
    size = n;  // a symbol of the node's own
  }
  c.set(0, dtype, std::move(result));
}

void Dft::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() >= 2, "the signal has rank ", x.rank(), ", wanted 2 at least");
  for (const int i : {1, 2})
    c.check(!c.has(i) || c.input(i).rank() <= 1, "operand ", i, " is no scalar");
  const int at = c.axis(scalar_parameter(c, axis, 2, -2), x.rank());
  c.check(at + 1 < x.rank(), "axis ", at, " holds the parts of complex numbers");
  const int64_t size = x.dim(at), parts = x.dim(x.rank() - 1);
  check_parts(c, parts);
  const bool halved = onesided && !inverse, real = onesided && inverse;
  c.check(!onesided || parts == (inverse ? 2 : 1), "onesided transform of ", parts, " parts");
  const int64_t n = scalar_parameter(c, dft_length, 1, real ? checked_mul(2, size - 1) : size);
  c.check(n >= 0, "the transform's length is ", n);
  std::vector<int64_t> shape = x.shape();
  const int64_t count = shape[static_cast<size_t>(at)] = transformed_size(n, halved);
  const int64_t out_parts = shape.back() = real ? 1 : 2;
  Tensor& y = c.output(0, x.dtype(), shape);
  if (y.count() == 0) return;
  const std::vector<Complex> roots = roots_of_unity(n);
  const auto middle = shape.begin() + at + 1;
  const int64_t inner = element_count({middle, shape.end() - 1});
  const int64_t rows = y.count() / count / out_parts;
  spend_work({rows, n, count});
  for (int64_t row = 0; row < rows; ++row) {
    // Element k of the row is number (outer * size + k) * inner + place.
    const int64_t outer = row / inner, place = row % inner;
    std::vector<Complex> signal(static_cast<size_t>(n));
    const int64_t taken = std::min(real ? n / 2 + 1 : n, size);
    for (int64_t k = 0; k < taken && k < n; ++k) {
      const int64_t from = ((outer * size + k) * inner + place) * parts;
      signal[static_cast<size_t>(k)] = {x.number(from), parts == 2 ? x.number(from + 1) : 0};
    }
    if (real) {  // the other half is the conjugate of this one; what is its own is real
      for (int64_t k = 0; k <= n / 2 && k < n; ++k) {
        const auto mirror = static_cast<size_t>((n - k) % n), own = static_cast<size_t>(k);
        if (mirror == own) signal[own] = signal[own].real();
        else signal[mirror] = std::conj(signal[own]);
      }
    }
    const std::vector<Complex> result = transform(signal, roots, count, inverse);
    const double scale = inverse ? 1 / static_cast<double>(n) : 1;
    for (int64_t k = 0; k < count; ++k) {
      const int64_t to = ((outer * count + k) * inner + place) * out_parts;
      y.set_number(to, result[static_cast<size_t>(k)].real() * scale);
      if (!real) y.set_number(to + 1, result[static_cast<size_t>(k)].imag() * scale);
    }
  }
}

void Stft::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  const TensorType& x = c.tensor(0);
  same_dtype(c, 0, 2);
  rank_is(c, 0, 3);
  if (c.has(2)) rank_is(c, 2, 1);
  c.check(c.given(frame_step, 1), "frame_step is missing");
  const auto step = scalar_parameter(c, frame_step, 1);
  auto length = scalar_parameter(c, frame_length, 3);
  const bool has_window = c.has(2) && c.tensor(2).has_rank();
  if (has_window) {
    const Dim& size = c.tensor(2).shape()[0];
    length = length ? c.same(*length, size) : size;
  }
  if (!length && !c.given(frame_length, 3) && !c.has(2) && x.has_rank()) length = x.shape()[1];
  Dims result = c.fresh_dims(0, 4);
  result[3] = 2;
  if (x.has_rank()) {
    check_parts(c, x.shape()[2]);
    if (onesided) c.require_equal(x.shape()[2], 1);
    result[0] = x.shape()[0];
  }
  if (length) {
    c.require_less_equal(1, *length);
    result[2] = transformed_size(*length, onesided);
  }
  if (step) c.require_less_equal(1, *step);
  if (step && length && x.has_rank()) {
    c.require_less_equal(*length, x.shape()[1]);
    result[1] = floor_div(x.shape()[1] - *length, *step) + 1;
  }
  c.set(0, dtype, std::move(result));
}

void Stft::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  c.check(x.rank() == 3, "the signal has rank ", x.rank(), ", wanted 3");
  const int64_t size = x.dim(1), parts = x.dim(2);
  check_parts(c, parts);
  c.check(!onesided || parts == 1, "a onesided transform of complex numbers");
  const bool has_window = c.has(2);
  const int64_t step = scalar_parameter(c, frame_step, 1, 0);
  const int64_t length =
      scalar_parameter(c, frame_length, 3, has_window ? c.input(2).count() : size);
  c.check(step >= 1, "frame_step is ", step, ", wanted at least 1");
  c.check(length >= 1 && length <= size, "frames of ", length, " elements of a signal of ", size);
  if (has_window)
    c.check(c.input(2).rank() == 1 && c.input(2).count() == length, "a window ",
            shape_text(c.input(2).shape()), " for frames of ", length, " elements");
  const int64_t frames = (size - length) / step + 1, count = transformed_size(length, onesided);
  Tensor& y = c.output(0, x.dtype(), {x.dim(0), frames, count, 2});
  if (y.count() == 0) return;
  spend_work({x.dim(0), frames, length, count});
  const std::vector<Complex> roots = roots_of_unity(length);
  for (int64_t row = 0; row < x.dim(0) * frames; ++row) {
    const int64_t start = row / frames * size + row % frames * step;
    std::vector<Complex> frame;
    for (int64_t k = 0; k < length; ++k) {
      const int64_t from = (start + k) * parts;
      const Complex value{x.number(from), parts == 2 ? x.number(from + 1) : 0};
      frame.push_back(has_window ? value * c.input(2).number(k) : value);
    }
    const std::vector<Complex> result = transform(frame, roots, count, false);
    for (int64_t k = 0; k < count; ++k) {
      y.set_number((row * count + k) * 2, result[static_cast<size_t>(k)].real());
      y.set_number((row * count + k) * 2 + 1, result[static_cast<size_t>(k)].imag());
    }
  }
}

namespace {

void check_result_type(const Inference& c, DType dtype) {
  c.check(is_float(dtype) || is_integer(dtype), "cannot give ", dtype,
          ", wanted floats or integers");
}

struct Coefficients {
  double a0, a1, a2;
};
constexpr Coefficients kCoefficients[] = {
    {0.5, 0.5, 0}, {25.0 / 46, 1 - 25.0 / 46, 0}, {0.42, 0.5, 0.08}};

}  // namespace

template <WindowFunction F>
void CosineWindow<F>::infer(Inference& c) const {
  c.check(c.given(size, 0), "the size is missing");
  check_result_type(c, output_datatype);
  const Dim count = scalar_parameter(c, size, 0).value_or(c.fresh(0, 0));
  c.require_less_equal(0, count);
  c.set(0, output_datatype, {count});
}

template <WindowFunction F>
void CosineWindow<F>::eval(Evaluation& c) const {
  const auto [a0, a1, a2] = kCoefficients[static_cast<size_t>(F)];
  const int64_t count = scalar_parameter(c, size, 0, 0);
  c.check(count >= 0, "the size is ", count);
  Tensor& y = c.output(0, output_datatype, {count});
  const auto period = static_cast<double>(periodic ? count : count - 1);
  for (int64_t i = 0; i < count; ++i) {
    const double t = static_cast<double>(i) * (2 * std::numbers::pi / period);
    y.set_number(i, a0 - a1 * std::cos(t) + a2 * std::cos(2 * t));
  }
}

void MelWeightMatrix::infer(Inference& c) const {
  c.check(c.given(num_mel_bins, 0), "num_mel_bins is missing");
  c.check(c.given(dft_length, 1), "dft_length is missing");
  c.check(c.given(sample_rate, 2), "sample_rate is missing");
  (void)scalar_parameter(c, sample_rate, 2);
  for (int i = 3; i < 5; ++i) {
    c.check(c.has(i), "operand ", i, " is missing");
    (void)float_operand(c, i);
  }
  check_result_type(c, output_datatype);
  const auto length = scalar_parameter(c, dft_length, 1);
  const Dim bands = scalar_parameter(c, num_mel_bins, 0).value_or(c.fresh(0, 1));
  c.require_less_equal(0, bands);
  if (length) c.require_less_equal(0, *length);
  c.set(0, output_datatype, {length ? transformed_size(*length, true) : c.fresh(0, 0), bands});
}

namespace {

/// The frequencies where the bands begin, culminate and end, as rows of the matrix.
std::vector<int64_t> band_edges(const Evaluation& c, int64_t bands, int64_t length, int64_t rate) {
  const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double low = mel(c.input(3).number(0)), high = mel(c.input(4).number(0));
  const double step = (high - low) / static_cast<double>(bands + 2);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < bands + 2; ++i) {
    const double hertz = 700 * (std::pow(10, (low + static_cast<double>(i) * step) / 2595) - 1);
    const double row =
        std::floor((static_cast<double>(length) + 1) * hertz / static_cast<double>(rate));
    const auto rows = static_cast<double>(length / 2 + 1);
    c.check(row >= 0 && row < rows && (edges.empty() || row >= static_cast<double>(edges.back())),
            "an edge at ", hertz, " hertz, wanted ascending ones within the ", rows,
            " frequencies of a transform of ", length, " at ", rate, " samples a second");
    edges.push_back(static_cast<int64_t>(row));
  }
  return edges;
}

}  // namespace

void MelWeightMatrix::eval(Evaluation& c) const {
  const int64_t bands = scalar_parameter(c, num_mel_bins, 0, 0);
  const int64_t length = scalar_parameter(c, dft_length, 1, 0);
  const int64_t rate = scalar_parameter(c, sample_rate, 2, 0);
  c.check(bands >= 0 && length >= 0 && rate >= 1, bands, " bands of a transform of ", length,
          " at ", rate, " samples a second");
  for (int i = 3; i < 5; ++i) c.check(c.input(i).count() == 1, "operand ", i, " is no scalar");
  Tensor& y = zeros(c, 0, output_datatype, {length / 2 + 1, bands});
  if (y.count() == 0) return;
  const std::vector<int64_t> edges = band_edges(c, bands, length, rate);
  for (int64_t band = 0; band < bands; ++band) {
    const int64_t* edge = edges.data() + band;
    const auto weigh = [&](int64_t row, int64_t part, int64_t whole) {
      y.set_number(row * bands + band, static_cast<double>(part) / static_cast<double>(whole));
    };
    if (edge[1] == edge[0]) weigh(edge[1], 1, 1);
    else
      for (int64_t i = edge[0]; i <= edge[1]; ++i) weigh(i, i - edge[0], edge[1] - edge[0]);
    for (int64_t i = edge[1]; i < edge[2]; ++i) weigh(i, edge[2] - i, edge[2] - edge[1]);
  }
}

void register_signal(OpRegistry& registry) {
  registry.add<Dft>();
  registry.add<Stft>();
  registry.add<HannWindow>();
  registry.add<HammingWindow>();
  registry.add<BlackmanWindow>();
  registry.add<MelWeightMatrix>();
}

}  // namespace hone
