#pragma once
// Products of halves as tensor cores want them: both operands as rows of the depth, 16 bytes at a
// time.

#include <string>
#include <vector>

#include "device/cuda/emit/contract_text.hpp"

namespace hone::cuda::emitter {

/// How a tile of an operand gets into shared memory.
enum class Way : uint8_t {
  gathered,  ///< element by element, by any expression
  picked,    ///< element by element, of one buffer, whose places have two parts (see Parted)
  copied,    ///< 16 bytes at a time, while others are multiplied
  packed,    ///< the same, of a constant in the kernel's own form: see pack_halves()
};

/// A place in a buffer, or an index of one, in two parts: what the rows (or columns) and batches
/// say, and what the depth says.
struct Parted {
  Dim across, depth;
};

struct HalfSide {
  const Expr* operand = nullptr;
  const std::vector<Axis>* axes = nullptr;  // of the rows or columns
  Way way = Way::gathered;
  std::optional<Expr> load;                    // of picked and copied ones: the one in the operand
  Parted offset;                               // of these, in elements
  std::vector<std::pair<Parted, Dim>> inside;  // indices that may lie outside, and below what
  int input = -1;                              // of packed ones: which of the region
  std::vector<int64_t> steps;  // from element to element along `axes`, then the depth
};

/// `contraction.depth` ends with the axis along which elements lie side by side.
struct HalfProduct {
  Contraction contraction;
  HalfSide a, b;
  std::string declined;
};
/// It refers to itself: not to be moved once it is made.
std::shared_ptr<const HalfProduct> half_product_of(const Problem& problem);

/// So much of the depth is in shared memory at a time: rows of 128 bytes, in an order of their own
/// (texts/tensor.cu).
inline constexpr int kBlockDepth = 64;
/// Rows (or columns) of a packed operand: zeros follow what there is.
inline int64_t packed_rows(int64_t rows) { return (rows + 7) / 8 * 8; }

/// A constant side as [blocks of the depth][packed rows][64], zeros behind the depth; 16 bytes of a
/// row lie in the order that they have in shared memory, so that a tile is one run of bytes.
Tensor pack_halves(const HalfProduct& product, const HalfSide& side, const Tensor& weight);
/// Where element k of the depth of a row is in that form.
size_t packed_place(size_t k, size_t row, size_t rows);
/// Places of all elements of these axes, in order.
std::vector<int64_t> places_of(const std::vector<Axis>& axes, const int64_t* steps);
/// Of that form: the same text, the same bytes.
std::string packing_name(const HalfProduct& product, const HalfSide& side);
int64_t packed_bytes(const HalfProduct& product, const HalfSide& side);

}  // namespace hone::cuda::emitter
