#pragma once
// Convolution itself, for the float ops and for the quantized ones.

#include <optional>
#include <vector>

#include "ops/common/window.hpp"

namespace hone {

/// Type rule: operand `x` [batch, channels, spatial...], operand `w` [filters, channels / group,
/// kernel...]; the result's dims, nullopt when not even the rank is known. Element types are the
/// caller's business.
std::optional<Dims> convolution_dims(Inference& c, const Window& window, int64_t group, int x,
                                     int w);

/// Sizes of one convolution.
struct ConvolutionShape {
  int64_t batch, channels, filters, group;
  std::vector<WindowAxis> axes;

  int64_t inputs() const;   // elements of one channel of the input
  int64_t outputs() const;  // elements of one channel of the result
  int64_t taps() const;     // elements of the kernel for one channel
  std::vector<int64_t> result() const;
};
/// Checks the operands' shapes against each other. `transposed`: for convolve_transposed.
ConvolutionShape convolution_shape(const Evaluation& c, const Window& window, int64_t group,
                                   const Tensor& x, const Tensor& w);

/// T is double or int64_t (operands less their zero points). `out` is [batch, filters, outputs],
/// overwritten; padding counts as zero.
template <class T>
void convolve(const ConvolutionShape& shape, const std::vector<T>& x, const std::vector<T>& w,
              std::vector<T>& out);
/// The adjoint: `w` is [channels, filters / group, taps], each axis' `output` is the size of `x`,
/// its `input` the size of `out`.
template <class T>
void convolve_transposed(const ConvolutionShape& shape, const std::vector<T>& x,
                         const std::vector<T>& w, std::vector<T>& out);

}  // namespace hone
