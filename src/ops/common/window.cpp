#include "ops/common/window.hpp"

#include <algorithm>

#include "base/size.hpp"

namespace hone {
namespace {

// Keeps every sum and product below within 63 bits.
constexpr int64_t kLimit = int64_t{1} << 30;

std::string list_problem(std::string_view name, const std::vector<int64_t>& list, size_t count,
                         int64_t least) {
  const auto fits = [&](int64_t value) { return value >= least && value <= kLimit; };
  if (list.empty() || (list.size() == count && std::all_of(list.begin(), list.end(), fits)))
    return {};
  return cat(name, "=[", join(list, ","), "]: wanted ", count, " numbers from ", least, " to ",
             kLimit);
}

int64_t concrete(const Evaluation& c, const Dim& dim) {
  const auto value = dim.constant();
  c.check(value.has_value(), "the size of a window overflows");
  return *value;
}

}  // namespace

std::string window_problem(const Window& window, size_t rank) {
  const std::string problems[] = {list_problem("kernel_shape", window.kernel_shape, rank, 1),
                                  list_problem("strides", window.strides, rank, 1),
                                  list_problem("dilations", window.dilations, rank, 1),
                                  list_problem("pads", window.pads, 2 * rank, 0)};
  for (const std::string& problem : problems)
    if (!problem.empty()) return problem;
  return {};
}

SymbolicAxis window_axis(const Window& window, size_t axis, const Dim& input, const Dim& kernel,
                         bool ceil_mode) {
  const int64_t stride = window.stride(axis);
  const Dim span = (kernel - 1) * window.dilation(axis) + 1;
  if (window.auto_pad == AutoPad::same_upper || window.auto_pad == AutoPad::same_lower) {
    const Dim output = ceil_div(input, stride);
    const Dim total = max((output - 1) * stride + span - input, 0);
    const Dim less = floor_div(total, 2), more = total - less;
    if (window.auto_pad == AutoPad::same_upper) return {input, output, less, more};
    return {input, output, more, less};
  }
  Dim begin = 0, end = 0;
  if (window.auto_pad == AutoPad::notset && !window.pads.empty()) {
    begin = window.pads[axis];
    end = window.pads[window.pads.size() / 2 + axis];
  }
  if (!ceil_mode || window.auto_pad == AutoPad::valid)
    return {input, floor_div(input + begin + end - span, stride) + 1, begin, end};
  // Windows to cover the padded input, or those that start before its last padding if fewer:
  // min(ceil((padded - span) / stride) + 1, ceil((input + begin) / stride)).
  const Dim overhang = min(end - span + stride, 0);
  return {input, ceil_div(input + begin + overhang, stride), begin, end};
}

Dims window_output(Inference& c, const Window& window, const Dims& input, const Dims& kernel,
                   bool ceil_mode) {
  const std::string problem = window_problem(window, input.size());
  c.check(problem.empty(), problem);
  Dims result;
  for (size_t i = 0; i < input.size(); ++i) {
    c.check(provably_less_equal(1, kernel[i], c.ranges()).value_or(true), "a kernel of ", kernel[i],
            " elements on spatial axis ", i);
    const SymbolicAxis axis = window_axis(window, i, input[i], kernel[i], ceil_mode);
    if (window.auto_pad == AutoPad::notset || window.auto_pad == AutoPad::valid) {
      // A window that hangs over the end counts in ceil mode if it is less than a stride too long.
      const int64_t overhang = ceil_mode ? window.stride(i) - 1 : 0;
      const Dim padded = input[i] + axis.pad_begin + axis.pad_end + overhang;
      const Dim span = (kernel[i] - 1) * window.dilation(i) + 1;
      const auto fits = provably_less_equal(span, padded, c.ranges());
      c.check(fits.value_or(true), "a window of ", span, " elements (kernel ", kernel[i],
              ", dilation ", window.dilation(i), ") does not fit the padded input of ", padded,
              " on spatial axis ", i);
      // Numbers on one side: a bound of a symbol, from which later windows are known to fit.
      if (!fits) c.require_less_equal(span - (padded - input[i]), input[i]);
    }
    result.push_back(axis.output);
  }
  return result;
}

SymbolicAxis transposed_axis(const Window& window, size_t axis, const Dim& input, const Dim& kernel,
                             const std::vector<int64_t>& output_padding,
                             const std::vector<int64_t>& output_shape) {
  const Dim extra = output_padding.empty() ? 0 : output_padding[axis];
  const int64_t stride = window.stride(axis);
  const Dim full = (input - 1) * stride + extra + (kernel - 1) * window.dilation(axis) + 1;
  const bool same =
      window.auto_pad == AutoPad::same_upper || window.auto_pad == AutoPad::same_lower;
  if (same || !output_shape.empty()) {
    const Dim output = output_shape.empty() ? input * stride : Dim(output_shape[axis]);
    const Dim total = max(full - output, 0);
    const Dim less = floor_div(total, 2), more = total - less;
    if (window.auto_pad == AutoPad::same_upper) return {input, output, less, more};
    return {input, output, more, less};
  }
  Dim begin = 0, end = 0;
  if (window.auto_pad == AutoPad::notset && !window.pads.empty()) {
    begin = window.pads[axis];
    end = window.pads[window.pads.size() / 2 + axis];
  }
  return {input, full - begin - end, begin, end};
}

Taps WindowAxis::taps(int64_t output_index) const {
  const int64_t from = start(output_index);
  const int64_t first = std::clamp<int64_t>(ceil_div(-from, dilation), 0, kernel);
  const int64_t last = std::clamp<int64_t>(ceil_div(input - from, dilation), first, kernel);
  return {first, last};
}

int64_t WindowAxis::padded_taps(int64_t output_index) const {
  const int64_t room = input + pad_end - start(output_index);
  return std::clamp<int64_t>(ceil_div(room, dilation), 0, kernel);
}

Taps WindowAxis::outputs(int64_t tap) const {
  const int64_t from = pad_begin - tap * dilation;
  const int64_t first = std::clamp<int64_t>(ceil_div(from, stride), 0, output);
  const int64_t last = std::clamp<int64_t>(ceil_div(input + from, stride), first, output);
  return {first, last};
}

std::vector<WindowAxis> window_axes(const Evaluation& c, const Window& window,
                                    const std::vector<int64_t>& input,
                                    const std::vector<int64_t>& kernel, bool ceil_mode) {
  c.check(kernel.size() == input.size(), "a kernel of ", kernel.size(), " axes for ", input.size(),
          " spatial axes");
  const std::string problem = window_problem(window, input.size());
  c.check(problem.empty(), problem);
  std::vector<WindowAxis> axes;
  for (size_t i = 0; i < input.size(); ++i) {
    c.check(kernel[i] >= 1 && kernel[i] <= kLimit && input[i] <= kLimit, "a kernel of ", kernel[i],
            " over ", input[i], " elements on spatial axis ", i);
    const SymbolicAxis axis = window_axis(window, i, input[i], kernel[i], ceil_mode);
    axes.push_back({input[i], concrete(c, axis.output), kernel[i], window.stride(i),
                    window.dilation(i), concrete(c, axis.pad_begin), concrete(c, axis.pad_end)});
    const int64_t overhang = ceil_mode ? window.stride(i) - 1 : 0;
    const int64_t span = (kernel[i] - 1) * window.dilation(i) + 1;
    const bool is_explicit =
        window.auto_pad == AutoPad::notset || window.auto_pad == AutoPad::valid;
    const int64_t padded = input[i] + axes.back().pad_begin + axes.back().pad_end + overhang;
    c.check(axes.back().output >= 0 && (!is_explicit || span <= padded), "a window of kernel ",
            kernel[i], ", dilation ", window.dilation(i), " does not fit the padded input of ",
            input[i], " + ", axes.back().pad_begin, " + ", axes.back().pad_end, " on spatial axis ",
            i);
  }
  return axes;
}

std::vector<int64_t> spatial(const std::vector<int64_t>& shape, size_t skip) {
  if (shape.size() <= skip) return {};
  return {shape.begin() + static_cast<std::ptrdiff_t>(skip), shape.end()};
}

}  // namespace hone
