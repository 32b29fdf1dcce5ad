#include "device/cuda/tensor_map.hpp"

#include <algorithm>

namespace hone::cuda {

using emitter::Brought;

TensorMap map_of(const Brought& brought, const Bindings& symbols, DType dtype, void* data,
                 int along, int across) {
  const auto bytes = static_cast<uint64_t>(bits(dtype) / 8);
  const auto length = static_cast<unsigned>(along);
  const int swizzle = length * bytes == 64 ? kMapSwizzled64 : kMapSwizzled;
  const auto value = [&](const Dim& dim) {
    const auto number = dim.evaluate(symbols);
    check(number.has_value() && *number > 0, Code::internal, "a size ", dim, " is not known");
    return *number;
  };
  std::vector<uint64_t> sizes, strides;
  for (const Dim& size : brought.sizes) sizes.push_back(static_cast<uint64_t>(value(size)));
  for (const Dim& stride : brought.strides)
    strides.push_back(bytes * static_cast<uint64_t>(value(stride)));
  const int type = bytes == 1 ? kMapU8 : dtype == DType::bf16 ? kMapBf16 : kMapF16;
  TensorMap map{};
  if (brought.kind != Brought::Kind::picture) {
    const unsigned box[] = {length, static_cast<unsigned>(across), 1}, steps[] = {1, 1, 1};
    succeed(driver().TensorMapEncodeTiled(&map, type, 3, data, sizes.data(), strides.data(), box,
                                          steps, 0, swizzle, kMapRuns, 0),
            "a map of a matrix");
    return map;
  }
  // Corners of the box in which the filter's first tap goes: of the width, of the height.
  int lower[2], upper[2];
  unsigned steps[] = {1, 1, 1, 1};
  for (const int i : {0, 1}) {
    const Brought::Along& axis = i == 0 ? brought.width : brought.height;
    const auto size = static_cast<int64_t>(sizes[static_cast<size_t>(i) + 1]);
    lower[i] = static_cast<int>(-axis.before);
    upper[i] = static_cast<int>((value(axis.results) - 1) * axis.step - (size - 1) - axis.before);
    steps[i + 1] = static_cast<unsigned>(axis.step);
  }
  succeed(driver().TensorMapEncodeIm2col(&map, type, 4, data, sizes.data(), strides.data(), lower,
                                         upper, length, static_cast<unsigned>(across), steps, 0,
                                         swizzle, kMapRuns, 0),
          "a map of a picture");
  return map;
}

}  // namespace hone::cuda
