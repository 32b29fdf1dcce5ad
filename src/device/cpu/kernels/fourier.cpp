// Fourier transforms of f32: DFT along one axis, and STFT of frames of a signal. Some rows are
// transformed side by side; real rows of even length as complex ones of half the length.

#include <cmath>
#include <numbers>

#include "base/size.hpp"
#include "device/cpu/fft.hpp"
#include "device/cpu/step.hpp"
#include "ops/signal.hpp"

namespace hone::cpu {
namespace fourier_kernel {
namespace {

constexpr int64_t kAtOnce = 16;              // rows
constexpr int64_t kMostFloats = 256 * 1024;  // of rows that are transformed side by side

/// What is known of the op: a number that it computes is for another kernel.
Verdict supports(const Problem& problem) {
  const auto* dft = op_of<Dft>(problem);
  const auto* stft = op_of<Stft>(problem);
  if (dft == nullptr && stft == nullptr) return Verdict::no("DFT and STFT only");
  for (size_t i = 0; i < problem.region.single()->inputs.size(); ++i) {
    const TensorType* type = operand_type(problem, i);
    if (type == nullptr) continue;
    if (i != 0 && !(stft != nullptr && i == 2)) return Verdict::no("a size or an axis is computed");
    if (type->dtype != DType::f32 || !type->has_rank())
      return Verdict::no("f32 of a known rank only");
  }
  if (dft != nullptr && dft->axis && !dft->axis->empty() && !(*dft->axis)[0].constant())
    return Verdict::no("the axis is open");
  const TensorType& result = problem.region.single()->outputs[0]->type.tensor();
  if (!result.has_rank()) return Verdict::no("the result is of unknown rank");
  return {};
}

/// Rows of numbers that become rows of numbers.
struct Rows {
  int64_t count = 0, length = 0, taken = 0, results = 0;  // taken: of a row; what lacks is 0
  int64_t in_parts = 1, out_parts = 2, in_step = 1, out_step = 1;
  bool inverse = false, mirrored = false;  // mirrored: the second half is the first's conjugate
  // Where row r begins: r / inner * outer_step + r % inner * inner_step.
  int64_t inner = 1, in_outer = 0, in_inner = 0, out_outer = 0, out_inner = 0;

  int64_t in_at(int64_t row) const { return row / inner * in_outer + row % inner * in_inner; }
  int64_t out_at(int64_t row) const { return row / inner * out_outer + row % inner * out_inner; }
};

/// The number of a scalar field that may be absent.
int64_t number_of(const std::optional<Dims>& field, int64_t otherwise, const Bindings& symbols) {
  return field && !field->empty() ? evaluated(*field, symbols)[0] : otherwise;
}

Rows rows_of(const Dft& op, const std::vector<int64_t>& in, const std::vector<int64_t>& out,
             const Bindings& symbols) {
  const size_t axis = axis_index(number_of(op.axis, -2, symbols), in.size());
  Rows rows;
  rows.inverse = op.inverse;
  rows.mirrored = op.onesided && op.inverse;
  rows.in_parts = in.back();
  rows.out_parts = out.back();
  rows.results = out[axis];
  const int64_t whole = rows.mirrored ? 2 * (in[axis] - 1) : in[axis];
  rows.length = number_of(op.dft_length, whole, symbols);
  rows.taken = std::min(rows.mirrored ? rows.length / 2 + 1 : rows.length, in[axis]);
  rows.inner = 1;
  for (size_t i = axis + 1; i + 1 < in.size(); ++i) rows.inner *= in[i];
  rows.in_step = rows.inner * rows.in_parts;
  rows.out_step = rows.inner * rows.out_parts;
  rows.in_inner = rows.in_parts;
  rows.out_inner = rows.out_parts;
  rows.in_outer = in[axis] * rows.in_step;
  rows.out_outer = out[axis] * rows.out_step;
  rows.count = element_count(out) / std::max<int64_t>(1, rows.results * rows.out_parts);
  return rows;
}

Rows rows_of(const Stft& op, const std::vector<int64_t>& in, const std::vector<int64_t>& out,
             int64_t window, const Bindings& symbols) {
  Rows rows;
  rows.in_parts = in[2];
  rows.results = out[2];
  rows.length = rows.taken = number_of(op.frame_length, window > 0 ? window : in[1], symbols);
  rows.inner = out[1];
  rows.in_step = rows.in_parts;
  rows.out_step = 2;
  rows.in_inner = number_of(op.frame_step, 1, symbols) * rows.in_parts;
  rows.in_outer = in[1] * rows.in_parts;
  rows.out_inner = out[2] * 2;
  rows.out_outer = out[1] * rows.out_inner;
  rows.count = out[0] * out[1];
  return rows;
}

/// Of the transforms.
Dim length_of(const Problem& problem) {
  const Dims& in = operand_type(problem, 0)->shape();
  const auto given = [](const std::optional<Dims>& field) { return field && !field->empty(); };
  if (const auto* stft = op_of<Stft>(problem)) {
    const TensorType* window = operand_type(problem, 2);
    if (given(stft->frame_length)) return (*stft->frame_length)[0];
    return window == nullptr ? in[1] : window->shape()[0];
  }
  const Dft& dft = *op_of<Dft>(problem);
  if (given(dft.dft_length)) return (*dft.dft_length)[0];
  const size_t axis = axis_index(given(dft.axis) ? *(*dft.axis)[0].constant() : -2, in.size());
  return dft.onesided && dft.inverse ? Dim(2) * (in[axis] - 1) : in[axis];
}

/// Floats that a worker transforms rows in, at most: real rows take half of it.
Dim working_floats(const Problem& problem) {
  const Dim length = length_of(problem), most(kMostFloats);
  // A convolution is of less than four times the length.
  if (!length.constant()) return max(most, Dim(16) * length);
  if (*length.constant() <= 0) return 0;
  const int64_t floats = Fft::floats_of(*length.constant(), kAtOnce);
  return floats <= kMostFloats ? floats : std::max(kMostFloats, floats / kAtOnce);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe<60>(problem, tuning);
  made.scratch_bytes = worker_scratch(problem->share, working_floats(*problem));
  return made;
}

struct FourierShared final : Shared<FourierShared> {
  std::shared_ptr<const Problem> problem;  // keeps the op
  Source signal, window;

  explicit FourierShared(std::shared_ptr<const Problem> of)
      : problem(std::move(of)),
        signal(*problem, 0),
        window(*problem,
               op_of<Stft>(*problem) == nullptr ? nullptr : problem->region.single()->input(2)) {}

  struct Geometry {
    Rows rows;
    bool halves = false;  // even and odd elements are the parts of rows of half the length
    int64_t at_once = 1;
    Fft fft;
    std::vector<float> turns;  // [k][2]: e^(-2 pi i k / length), where it halves
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = signal.shape(operands), &out = operands.outputs[0].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    const auto* stft = op_of<Stft>(*problem);
    g.rows = stft == nullptr ? rows_of(*op_of<Dft>(*problem), in, out, operands.symbols)
                             : rows_of(*stft, in, out,
                                       window.present() ? element_count(window.shape(operands)) : 0,
                                       operands.symbols);
    const Rows& rows = g.rows;
    g.halves = rows.in_parts == 1 && !rows.inverse && rows.length % 2 == 0 && rows.length > 0;
    g.fft = Fft(g.halves ? rows.length / 2 : rows.length);
    const bool few = g.fft.floats(kAtOnce) > kMostFloats;
    g.at_once = few ? 1 : std::min(rows.count, kAtOnce);
    for (int64_t k = 0; g.halves && k <= rows.length / 2; ++k) {
      const double angle =
          -2 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(rows.length);
      g.turns.push_back(static_cast<float>(std::cos(angle)));
      g.turns.push_back(static_cast<float>(std::sin(angle)));
    }
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const Rows& rows = g.rows;
    if (rows.count == 0) return;
    if (rows.length == 0) {
      const Operand& result = operands.outputs[0];
      std::fill_n(result.as<float>(), element_count(result.shape), 0.0f);
      return;
    }
    parallel_ranges(stream, rows.count, g.at_once, [&](int64_t first, int64_t last) {
      Signals signals{g, last - first, scratch_of(scratch, g.fft.floats(g.at_once))};
      for (int64_t row = first; row < last; ++row) fill(operands, row, signals.of(row - first));
      g.fft.run(signals.count, signals.memory);
      for (int64_t row = first; row < last; ++row) finish(operands, row, signals.of(row - first));
    });
  }

  /// The parts of a signal, of which element k lies `step` floats after the one before. The inverse
  /// transform is that of exchanged parts.
  struct Signal {
    const Geometry& g;
    float *re, *im;
    int64_t step;
  };
  struct Signals {
    const Geometry& g;
    int64_t count;
    float* memory;
    Signal of(int64_t index) const {
      float *re = g.fft.real(memory) + index, *im = g.fft.imaginary(memory, count) + index;
      if (g.rows.inverse) std::swap(re, im);
      return {g, re, im, count};
    }
  };

  void fill(const Operands& operands, int64_t row, const Signal& to) const {
    const Geometry& g = to.g;
    const Rows& rows = g.rows;
    const float* from = signal.as<float>(operands) + rows.in_at(row);
    const float* factors = window.as<float>(operands);
    const auto read = [&](int64_t k, int64_t part) {
      if (k >= rows.taken || part >= rows.in_parts) return 0.0f;
      const float value = from[k * rows.in_step + part];
      return factors == nullptr ? value : value * factors[k];
    };
    const int64_t length = g.fft.length(), step = to.step;
    if (g.halves) {
      for (int64_t k = 0; k < length; ++k) {
        to.re[k * step] = read(2 * k, 0);
        to.im[k * step] = read(2 * k + 1, 0);
      }
      return;
    }
    for (int64_t k = 0; k < length; ++k) {
      to.re[k * step] = read(k, 0);
      to.im[k * step] = read(k, 1);
    }
    if (!rows.mirrored) return;
    for (int64_t k = 0; k <= length / 2 && k < length; ++k) {
      const int64_t mirror = (length - k) % length;
      to.re[mirror * step] = to.re[k * step];
      to.im[mirror * step] = mirror == k ? 0.0f : -to.im[k * step];
    }
  }

  void finish(const Operands& operands, int64_t row, const Signal& x) const {
    const Geometry& g = x.g;
    const Rows& rows = g.rows;
    float* to = operands.outputs[0].as<float>() + rows.out_at(row);
    const auto write = [&](int64_t k, float re, float im) {
      to[k * rows.out_step] = re;
      if (rows.out_parts == 2) to[k * rows.out_step + 1] = im;
    };
    const int64_t length = g.fft.length(), step = x.step;
    if (!g.halves) {
      const float scale = rows.inverse ? 1 / static_cast<float>(rows.length) : 1;
      for (int64_t k = 0; k < rows.results; ++k)
        write(k, x.re[k % length * step] * scale, x.im[k % length * step] * scale);
      return;
    }
    for (int64_t k = 0; k <= length; ++k) {
      // Of a row's even elements and of its odd ones, which are its parts.
      const int64_t at = k % length * step, other = (length - k) % length * step;
      const float even_re = (x.re[at] + x.re[other]) / 2, even_im = (x.im[at] - x.im[other]) / 2;
      const float odd_re = (x.im[at] + x.im[other]) / 2, odd_im = (x.re[other] - x.re[at]) / 2;
      const float* turn = g.turns.data() + 2 * k;
      const float re = even_re + odd_re * turn[0] - odd_im * turn[1];
      const float im = even_im + odd_re * turn[1] + odd_im * turn[0];
      if (k < rows.results) write(k, re, im);
      const int64_t mirror = rows.length - k;
      if (k > 0 && mirror > length && mirror < rows.results) write(mirror, re, -im);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<FourierShared>(recipe.problem);
}

}  // namespace
}  // namespace fourier_kernel

void register_fourier(KernelRegistry& registry) {
  using namespace fourier_kernel;
  registry.add({"cpu.fourier", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
