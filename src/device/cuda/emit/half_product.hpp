#pragma once
// Products of halves, or of integers of 8 bits, as tensor cores want them: both operands as rows of
// the depth, 16 bytes at a time.

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
  std::optional<Expr> zero;    // of integers: what is subtracted from each; absent: nothing
  std::vector<int64_t> steps;  // from element to element along `axes`, then the depth
};

/// `contraction.depth` ends with the axis along which elements lie side by side. Of integers, its
/// operands are what is in memory, and its sum has zero points in it: (a - zero) * (b - zero).
struct HalfProduct {
  Contraction contraction;
  HalfSide a, b;
  int element_bytes = 2;
  bool adds_up = false;  // both operands, beside their products: no sums for zero points are packed
  bool sums_are_narrow = false;  // 32 bits have them with any one of the constants behind them
  int64_t taps = 0;  // whose sums are packed with b: where the copy engine brings a's zeros
  std::string declined;

  bool integers() const { return element_bytes == 1; }
  /// So much of the depth is in shared memory at a time: rows of 128 bytes, in an order of their
  /// own (texts/tensor.cu).
  int block_depth() const { return kRowBytes / element_bytes; }
  int run() const { return 16 / element_bytes; }  // elements of 16 bytes

  static constexpr int kRowBytes = 128;
};
/// Of a sum of products of integers of 8 bits, each less a zero point that the depth knows nothing
/// of: what is in memory become the contraction's operands. false: it is no such sum.
bool find_integers(const Problem& problem, HalfProduct& product);

/// It refers to itself: not to be moved once it is made.
std::shared_ptr<const HalfProduct> half_product_of(const Problem& problem);

/// Rows (or columns) of a packed operand: zeros follow what there is.
inline int64_t packed_rows(int64_t rows) { return (rows + 7) / 8 * 8; }
/// Those of a constant side, packed.
int64_t rows_of(const HalfSide& side);

/// How a constant side is packed.
struct PackedForm {
  /// Each tap's channels, and how many a tap has with zeros behind them; 0: as they are.
  int64_t channels = 0, padded = 0;
  int row_bytes = HalfProduct::kRowBytes;  // of a tile of the depth: 128, or 64
  /// Rows are in an order in which a thread of a warpgroup has sums of four neighbours: of 16 rows,
  /// 4 * q + i lies at i / 2 * 8 + 2 * q + i % 2.
  bool in_fours = false;

  int64_t rows(int64_t count) const {
    return in_fours ? (count + 15) / 16 * 16 : packed_rows(count);
  }
  size_t place_of(size_t row) const {
    return in_fours ? row / 16 * 16 + row % 4 / 2 * 8 + row % 16 / 4 * 2 + row % 2 : row;
  }
};

/// A constant side as [blocks of the depth][packed rows][bytes of a row], zeros behind the depth;
/// 16 bytes of a row lie in the order that they have in shared memory, so that a tile is one run of
/// bytes. Of integers, behind that as i32: the sum of each row, then sums of each tap of each row,
/// where a tap is an element of all axes of the depth but the last.
Tensor pack_halves(const HalfProduct& product, const HalfSide& side, const Tensor& weight,
                   const PackedForm& form = {});
/// Which byte element k of the depth of a row begins with in that form, of `rows` packed rows.
size_t packed_place(const HalfProduct& product, const PackedForm& form, size_t k, size_t row,
                    size_t rows);
/// Places of all elements of these axes, in order.
std::vector<int64_t> places_of(const std::vector<Axis>& axes, const int64_t* steps);
/// Of that form: the same text, the same bytes.
std::string packing_name(const HalfProduct& product, const HalfSide& side,
                         const PackedForm& form = {});
int64_t packed_bytes(const HalfProduct& product, const HalfSide& side, const PackedForm& form = {});
/// Sums of rows of b alone, as i32.
void pack_sums_of_rows(const HalfProduct& product, const Tensor& weight, std::byte* to);
/// Where its sums begin, behind the elements of so many tiles of the depth.
int64_t sums_begin(const HalfProduct& product, const HalfSide& side, const PackedForm& form = {});

}  // namespace hone::cuda::emitter
