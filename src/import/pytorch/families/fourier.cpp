// Fourier transforms (torch.fft, stft, istft) and the windows that go with them.

#include <cmath>
#include <numbers>

#include "import/pytorch/complex.hpp"
#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"
#include "ops/signal.hpp"
#include "ops/slice.hpp"
#include "ops/unpooling.hpp"

namespace hone::pytorch {
namespace {

/// An axis that is transformed, cut or padded with zeros to `length` before.
struct Axis {
  int64_t at = 0;
  std::optional<Dim> length;
};

/// [..., 1] of reals, [..., 2] of complex numbers.
Value* signal(Call& call, std::string_view name) {
  if (holds_pairs(call.argument(name))) return pairs(call, name);
  Value* x = as_floats(call, name);
  return call.intermediate(Unsqueeze{.axes = Dims{Dim(Call::rank(x))}}, {x}, "signal");
}

Dim size_of(const Value* x, int64_t axis) { return Call::shape(x)[static_cast<size_t>(axis)]; }

/// The first `count` values along an axis, zeros behind those that there are. Dft does so itself;
/// other evaluators of ONNX do not where half a spectrum is shorter than it should be.
Value* sized(Call& call, Value* x, int64_t at, const Dim& count) {
  const auto have = size_of(x, at).constant(), wanted = count.constant();
  if (!have || !wanted || *have == *wanted) return x;
  if (*have > *wanted)
    return call.intermediate(
        Slice{.starts = Dims{Dim(0)}, .ends = Dims{Dim(count)}, .axes = Dims{Dim(at)}}, {x}, "cut");
  return call.intermediate(Pad{.pads = Dims{0, Dim(*wanted - *have)}, .axes = Dims{Dim(at)}}, {x},
                           "filled");
}

Value* transformed(Call& call, Value* x, const Axis& axis, bool inverse, bool onesided) {
  if (inverse && onesided && axis.length)
    x = sized(call, x, axis.at, floor_div(*axis.length, 2) + 1);
  Dft op{.axis = Dims{Dim(axis.at)}, .inverse = inverse, .onesided = onesided};
  if (axis.length) op.dft_length = Dims{*axis.length};
  return call.intermediate(op, {x}, "spectrum");
}

/// x times total^power.
Value* scaled(Call& call, Value* x, const Dim& total, double power) {
  if (power == 0) return x;
  const DType dtype = Call::dtype(x);
  Value* factor = nullptr;
  if (const auto known = total.constant()) {
    factor = call.number(dtype, std::pow(static_cast<double>(*known), power), "scale");
  } else {
    Value* size = call.cast(call.late(total), dtype);
    if (power == 0.5 || power == -0.5) size = call.intermediate(Sqrt{}, {size}, "root");
    factor = power < 0 ? call.intermediate(Reciprocal{}, {size}, "scale") : size;
  }
  return call.intermediate(Mul{}, {x, factor}, "scaled");
}

/// The power of the number of elements that results are multiplied by. The op divides by it where
/// it transforms back.
double power_of(Call& call, bool inverse) {
  if (call.takes("normalization")) {  // 0: sums, 1: by the root, 2: by the number
    const auto by = static_cast<double>(call.integer("normalization"));
    call.check(by >= 0 && by <= 2, "normalization ", by);
    return (inverse ? 1 : 0) - by / 2;
  }
  const std::string norm = call.has("norm") ? call.text("norm") : "backward";
  call.check(norm == "backward" || norm == "ortho" || norm == "forward", "norm is ", shown(norm));
  const double by = norm == "ortho" ? 0.5 : norm == "forward" ? 1 : 0;
  return inverse ? by : -by;
}

/// The axes that a call names: n and dim, s and dim, or dim alone; none: those of s, or all.
std::vector<Axis> axes_of(Call& call, int64_t rank) {
  std::vector<Axis> axes;
  Dims lengths;
  if (call.takes("n") && call.has("n")) lengths = {call.dim("n")};
  if (call.takes("s") && call.has("s")) lengths = call.dims("s");
  std::vector<int64_t> given;
  if (call.has("dim")) given = call.integers("dim", call.argument("dim").list() ? 0 : 1);
  else
    for (int64_t i = lengths.empty() ? 0 : rank - static_cast<int64_t>(lengths.size()); i < rank;
         ++i)
      given.push_back(i);
  call.check(!given.empty() && (lengths.empty() || lengths.size() == given.size()),
             uint64_t{lengths.size()}, " sizes for ", uint64_t{given.size()}, " axes");
  for (size_t i = 0; i < given.size(); ++i) {
    Axis axis{call.axis(given[i], rank), std::nullopt};
    if (!lengths.empty() && !lengths[i].is(-1)) axis.length = lengths[i];
    axes.push_back(axis);
  }
  return axes;
}

Dim total_of(const Value* x, const std::vector<Axis>& axes) {
  Dim total = 1;
  for (const Axis& axis : axes) total = total * axis.length.value_or(size_of(x, axis.at));
  return total;
}

void give_transform(Call& call, bool inverse) {
  Value* x = signal(call, "self");
  const std::vector<Axis> axes = axes_of(call, Call::rank(x) - 1);
  const Dim total = total_of(x, axes);
  for (const Axis& axis : axes) x = transformed(call, x, axis, inverse, false);
  give_pairs(call, scaled(call, x, total, power_of(call, inverse)));
}
void import_forward(Call& call) { give_transform(call, false); }
void import_inverse(Call& call) { give_transform(call, true); }
void import_either(Call& call) { give_transform(call, !call.flag("forward")); }

/// Of real numbers the first half along the last axis named.
void import_from_real(Call& call) {
  if (call.takes("onesided") && !call.flag("onesided")) return import_forward(call);
  Value* x = signal(call, "self");
  if (holds_pairs(call.argument("self"))) call.unsupported("complex numbers");
  const std::vector<Axis> axes = axes_of(call, Call::rank(x) - 1);
  const Dim total = total_of(x, axes);
  x = transformed(call, x, axes.back(), false, true);
  for (size_t i = 0; i + 1 < axes.size(); ++i) x = transformed(call, x, axes[i], false, false);
  give_pairs(call, scaled(call, x, total, power_of(call, false)));
}

/// From the first half to real numbers.
void import_to_real(Call& call) {
  Value* x = holds_pairs(call.argument("self")) ? pairs(call, "self") : nullptr;
  if (x == nullptr) {
    Value* real = as_floats(call, "self");
    Value* none = call.intermediate(Sub{}, {real, real}, "zeros");
    x = paired(call, {real, none});
  }
  const int64_t rank = Call::rank(x) - 1;
  std::vector<Axis> axes = axes_of(call, rank);
  Axis& last = axes.back();
  if (call.takes("last_dim_size")) last.length = call.dim("last_dim_size");
  if (!last.length) last.length = (size_of(x, last.at) - 1) * 2;
  const Dim total = total_of(x, axes);
  for (size_t i = 0; i + 1 < axes.size(); ++i) x = transformed(call, x, axes[i], true, false);
  x = transformed(call, x, last, true, true);
  x = call.intermediate(Squeeze{.axes = Dims{Dim(rank)}}, {x}, "real");
  call.give(scaled(call, x, total, power_of(call, true)));
}

/// Half of each axis to the other side.
template <bool kBack>
void import_shift(Call& call) {
  const Value* x = call.tensor("self");
  const int64_t rank = Call::rank(x);
  std::vector<int64_t> axes;
  if (call.has("dim")) axes = call.integers("dim", call.argument("dim").list() ? 0 : 1);
  else
    for (int64_t i = 0; i < rank; ++i) axes.push_back(i);
  std::vector<Item> shifts, dims;
  for (const int64_t each : axes) {
    const Dim size = size_of(x, call.axis(each, rank));
    shifts.emplace_back(floor_div(kBack ? size + 1 : size, 2));
    dims.emplace_back(each);
  }
  call.give(applied(call, "aten::roll", "",
                    {{"self", call.argument("self")},
                     {"shifts", list_of(std::move(shifts))},
                     {"dims", list_of(std::move(dims))}}));
}

// Frames.

/// What frames of n_fft elements are multiplied by: a window of fewer is in their middle. Null:
/// ones.
Value* window_of(Call& call, int64_t length, DType dtype) {
  const int64_t width = call.optional_integer("win_length").value_or(length);
  call.check(width > 0 && width <= length, "a window of ", width, " for frames of ", length);
  Value* window = nullptr;
  if (call.has("window")) window = call.cast(call.tensor("window"), dtype);
  else if (width < length) {
    Tensor ones(dtype, {width});
    for (int64_t i = 0; i < width; ++i) ones.set_number(i, 1);
    window = call.constant(std::move(ones), "window");
  }
  if (width == length) return window;
  const int64_t left = (length - width) / 2;
  return call.intermediate(Pad{.pads = Dims{Dim(left), Dim(length - width - left)}}, {window},
                           "window");
}

/// [batch, length, 1 or 2] of a signal, whose frames are centred where that is asked for.
Value* framed_signal(Call& call, Value* x, int64_t length) {
  const bool has_batch = Call::rank(x) == 3;
  call.check(has_batch || Call::rank(x) == 2, "a signal of ", Call::rank(x) - 1, " axes");
  if (!has_batch) x = call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {x}, "batch");
  if (!call.takes("center") || !call.flag("center")) return x;
  const std::string mode = call.text("pad_mode");
  const auto how = mode == "reflect"     ? Pad::Mode::reflect
                   : mode == "replicate" ? Pad::Mode::edge
                   : mode == "circular"  ? Pad::Mode::wrap
                                         : Pad::Mode::constant;
  call.check(how != Pad::Mode::constant || mode == "constant", "pad_mode is ", shown(mode));
  const Dim side = length / 2;
  return call.intermediate(Pad{.pads = Dims{0, side, 0, 0, side, 0}, .mode = how}, {x}, "padded");
}

int64_t frame_length(Call& call) {
  const int64_t length = call.integer("n_fft");
  call.check(length > 0 && length < (1 << 24), "frames of ", length);
  return length;
}

/// To [batch, frequencies, frames], complex.
void import_stft(Call& call) {
  const int64_t length = frame_length(call);
  const int64_t step = call.optional_integer("hop_length").value_or(length / 4);
  call.check(step > 0, "frames every ", step);
  if (call.has("align_to_window") && call.flag("align_to_window"))
    call.unsupported("frames that are aligned to the window");
  const bool is_real = !holds_pairs(call.argument("self"));
  Value* x = signal(call, "self");
  const bool has_batch = Call::rank(x) == 3;
  x = framed_signal(call, x, length);
  const bool half = is_real && (!call.has("onesided") || call.flag("onesided"));
  const Stft op{.frame_step = Dims{Dim(step)}, .frame_length = Dims{Dim(length)}, .onesided = half};
  Value* y =
      call.intermediate(op, {x, nullptr, window_of(call, length, Call::dtype(x))}, "spectrum");
  y = call.intermediate(Transpose{.perm = {0, 2, 1, 3}}, {y}, "frames");
  if (call.flag("normalized")) y = scaled(call, y, length, -0.5);
  if (!has_batch) y = call.intermediate(Squeeze{.axes = Dims{Dim(0)}}, {y}, "spectrum");
  const bool complex = call.has("return_complex") && call.flag("return_complex");
  if (complex) give_pairs(call, y);
  else call.give(y);
}

/// Frames [batch, length, frames] laid over one another every `step`: [batch, all].
Value* overlapped(Call& call, Value* frames, int64_t length, int64_t step) {
  const Dim count = Call::shape(frames)[2];
  const Dim all = (count - 1) * step + length;
  Value* y = call.intermediate(Col2Im{.image_shape = Dims{Dim(1), all},
                                      .block_shape = Dims{Dim(1), Dim(length)},
                                      .strides = {1, step}},
                               {frames}, "overlapped");
  return call.reshaped(y, {Call::shape(frames)[0], all}, "signal");
}

/// Each frame back, times the window, summed, and divided by what windows sum up to.
void import_istft(Call& call) {
  const int64_t length = frame_length(call);
  const int64_t step = call.optional_integer("hop_length").value_or(length / 4);
  call.check(step > 0, "frames every ", step);
  if (call.has("return_complex") && call.flag("return_complex"))
    call.unsupported("a signal of complex numbers");
  const bool given_pairs = !holds_pairs(call.argument("self"));
  Value* x = given_pairs ? call.tensor("self") : pairs(call, "self");
  const bool has_batch = Call::rank(x) == 4;
  call.check(has_batch || Call::rank(x) == 3, "a spectrum of ", Call::rank(x) - 1, " axes");
  if (!has_batch) x = call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {x}, "batch");
  const bool half = !call.has("onesided") || call.flag("onesided");
  x = transformed(call, x, {1, Dim(length)}, true, half);
  const Dims sizes = Call::shape(x);
  if (!half)
    x = call.intermediate(Slice{.starts = Dims{Dim(0)}, .ends = Dims{Dim(1)}, .axes = Dims{Dim(3)}},
                          {x}, "real");
  x = call.intermediate(Squeeze{.axes = Dims{Dim(3)}}, {x}, "frames");
  if (call.flag("normalized")) x = scaled(call, x, length, 0.5);
  const DType dtype = Call::dtype(x);
  Value* window = window_of(call, length, dtype);
  if (window == nullptr) window = call.number(dtype, 1, "window");
  else window = call.intermediate(Unsqueeze{.axes = Dims{Dim(1)}}, {window}, "window");
  Value* weighted = call.intermediate(Mul{}, {x, window}, "weighted");
  Value* squares = call.intermediate(Mul{}, {window, window}, "squares");
  squares = call.expanded(squares, {Dims{1, length, sizes[2]}, nullptr}, "squares");
  Value* y = call.intermediate(
      Div{}, {overlapped(call, weighted, length, step), overlapped(call, squares, length, step)},
      "signal");
  const Dim all = (sizes[2] - 1) * step + length;
  const Dim start = call.flag("center") ? length / 2 : 0;
  const Dim end = call.has("length") ? start + call.dim("length") : all - start;
  y = call.intermediate(
      Slice{.starts = Dims{Dim(start)}, .ends = Dims{Dim(end)}, .axes = Dims{Dim(1)}}, {y},
      "signal");
  if (call.has("length"))
    if (const Dim lacks = max(end - all, Dim(0)); !lacks.is(0))
      y = call.intermediate(Pad{.pads = Dims{0, 0, 0, lacks}}, {y}, "signal");
  call.give(has_batch ? y : call.intermediate(Squeeze{.axes = Dims{Dim(0)}}, {y}, "signal"));
}

/// a - b cos(t) + c cos(2 t) over a period, or up to its end.
void give_window(Call& call, double a, double b, double c) {
  const int64_t size = call.integer("window_length");
  call.check(size >= 0 && size < (1 << 24), "a window of ", size);
  const bool periodic = !call.takes("periodic") || call.flag("periodic");
  const auto steps = static_cast<double>(std::max<int64_t>(periodic ? size : size - 1, 1));
  Tensor window(call.dtype("dtype").value_or(DType::f32), {size});
  for (int64_t i = 0; i < size; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / steps;
    window.set_number(i, size == 1 ? 1 : a - b * std::cos(angle) + c * std::cos(2 * angle));
  }
  call.give(call.constant(std::move(window), ""));
}
void import_hann(Call& call) { give_window(call, 0.5, 0.5, 0); }
void import_hamming(Call& call) {
  give_window(call, call.takes("alpha") ? call.real("alpha") : 0.54,
              call.takes("beta") ? call.real("beta") : 0.46, 0);
}
void import_blackman(Call& call) { give_window(call, 0.42, 0.5, 0.08); }

void register_windows(Importers& importers) {
  constexpr std::string_view kMore =
      "i? dtype=None, i? layout=None, a device=None, b? pin_memory=None)";
  for (const auto& [name, import] :
       {std::pair<std::string_view, Overload::Import>{"hann_window", import_hann},
        {"hamming_window", import_hamming},
        {"blackman_window", import_blackman}}) {
    importers.add(cat(name, "(i window_length, ", kMore), import);
    importers.add(cat(name, ".periodic(i window_length, b periodic, ", kMore), import);
  }
  importers.add(cat("hamming_window.periodic_alpha(i window_length, b periodic, f alpha, ", kMore),
                import_hamming);
  importers.add(
      cat("hamming_window.periodic_alpha_beta(i window_length, b periodic, f alpha, f beta, ",
          kMore),
      import_hamming);
}

void add_both(Importers& importers, std::string_view name, std::string_view parameters,
              Overload::Import import) {
  importers.add(cat(name, parameters), import);
  importers.add_complex(name, import);
}

}  // namespace

void register_fourier(Importers& importers) {
  struct Transform {
    std::string_view name;
    Overload::Import import;
  };
  for (const Transform& each :
       {Transform{"fft", import_forward}, Transform{"ifft", import_inverse},
        Transform{"rfft", import_from_real}, Transform{"irfft", import_to_real}}) {
    add_both(importers, cat("fft_", each.name), "(T self, i? n=None, i dim=-1, t? norm=None)",
             each.import);
    add_both(importers, cat("fft_", each.name, "2"),
             "(T self, i[]? s=None, i[] dim=[-2,-1], t? norm=None)", each.import);
    add_both(importers, cat("fft_", each.name, "n"),
             "(T self, i[]? s=None, i[]? dim=None, t? norm=None)", each.import);
  }
  add_both(importers, "_fft_r2c", "(T self, i[] dim, i normalization, b onesided)",
           import_from_real);
  add_both(importers, "_fft_c2r", "(T self, i[] dim, i normalization, i last_dim_size)",
           import_to_real);
  add_both(importers, "_fft_c2c", "(T self, i[] dim, i normalization, b forward)", import_either);
  importers.add("fft_fftshift(T self, i[]? dim=None)", import_shift<false>);
  importers.add("fft_ifftshift(T self, i[]? dim=None)", import_shift<true>);
  add_both(importers, "stft",
           "(T self, i n_fft, i? hop_length=None, i? win_length=None, T? window=None, "
           "b normalized=False, b? onesided=None, b? return_complex=None, "
           "b? align_to_window=None)",
           import_stft);
  importers.add(
      "stft.center(T self, i n_fft, i? hop_length=None, i? win_length=None, T? window=None, "
      "b center=True, t pad_mode=\"reflect\", b normalized=False, b? onesided=None, "
      "b? return_complex=None, b? align_to_window=None)",
      import_stft);
  add_both(importers, "istft",
           "(T self, i n_fft, i? hop_length=None, i? win_length=None, T? window=None, "
           "b center=True, b normalized=False, b? onesided=None, i? length=None, "
           "b return_complex=False)",
           import_istft);
  register_windows(importers);
}

}  // namespace hone::pytorch
