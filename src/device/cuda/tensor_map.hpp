#pragma once
// Maps of operands and results for the copy engine of compute capability 9.0.

#include <string_view>

#include "device/cuda/driver.hpp"
#include "device/cuda/emit/brought.hpp"

namespace hone::cuda {

/// Of what is at `data`, a multiple of 16, in boxes of `along` elements (of 64 or 128 bytes) and
/// `across` rows (of a picture, that many of its filter's places), in the order that
/// texts/tensor.cu tells of. Error(device).
TensorMap map_of(const emitter::Brought& brought, const Bindings& symbols, DType dtype, void* data,
                 int along, int across);

}  // namespace hone::cuda
