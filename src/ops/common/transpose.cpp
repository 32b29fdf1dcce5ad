#include "ops/common/transpose.hpp"

#include <algorithm>
#include <cstring>

namespace hone {
namespace {

/// Tiles stay in the first cache while one side is walked in order and the other across.
constexpr int64_t kTile = 32;

template <size_t Bytes>
void transpose_tiles(const std::byte* x, std::byte* y, int64_t rows, int64_t columns) {
  for (int64_t top = 0; top < rows; top += kTile)
    for (int64_t left = 0; left < columns; left += kTile)
      for (int64_t j = left; j < std::min(left + kTile, columns); ++j)
        for (int64_t i = top; i < std::min(top + kTile, rows); ++i)
          std::memcpy(y + static_cast<size_t>(j * rows + i) * Bytes,
                      x + static_cast<size_t>(i * columns + j) * Bytes, Bytes);
}

}  // namespace

bool transpose_matrix(const Tensor& x, Tensor& y) {
  if (x.dtype() == DType::string) return false;
  const std::byte* from = x.bytes().data();
  std::byte* to = y.mutable_bytes().data();
  const int64_t rows = x.shape()[0], columns = x.shape()[1];
  if (x.count() == 0) return true;
  switch (bits(x.dtype())) {
    case 8: transpose_tiles<1>(from, to, rows, columns); return true;
    case 16: transpose_tiles<2>(from, to, rows, columns); return true;
    case 32: transpose_tiles<4>(from, to, rows, columns); return true;
    case 64: transpose_tiles<8>(from, to, rows, columns); return true;
    default: return false;
  }
}

}  // namespace hone
