#pragma once
// What products that the copy engine brings operands for have in common, as text.

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "device/cuda/emit/brought.hpp"
#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/integer_sums.hpp"
#include "device/cuda/emit/windows.hpp"

namespace hone::cuda::emitter {

struct BroughtProduct {
  std::shared_ptr<const HalfProduct> product;
  Brought a, b, result;
  std::optional<Windows> windows;  // a lies so in the working memory, where "spread" puts it
  Brought kept;                    // of the operand that each result reads an element of
  const Value* kept_value = nullptr;
  PackedForm form;                   // of the second operand, where it is packed
  std::set<const Value*> constants;  // operands that no step writes
  std::string declined;              // why they do not come so; empty: they do
};
BroughtProduct brought_product_of(const Problem& problem);
/// Elements of a row of a tile.
inline int block_depth(const BroughtProduct& product) {
  return product.form.row_bytes / product.product->element_bytes;
}
/// Tiles of the depth.
Dim depth_tiles(const BroughtProduct& product);

/// Of tiles of so many rows and columns, which lie behind each other in shared memory.
class Bringing {
 public:
  Bringing(const BroughtProduct& product, int rows, int columns);

  /// No tile has columns behind the last one.
  bool columns_are_whole() const {
    const auto count = given().column_count().constant();
    return count && *count % columns_ == 0;
  }
  int row_bytes() const { return product_.form.row_bytes; }
  /// A thread's sums of 16 columns are of four neighbours: PackedForm::in_fours.
  bool in_fours() const { return product_.form.in_fours; }
  bool turned() const { return product_.b.kind == Brought::Kind::columns; }
  int boxes() const { return turned() ? columns_ / kBoxColumns : 1; }  // of the second operand
  int box_columns() const { return columns_ / boxes(); }

  /// m_count, n_count, m_tiles, n_tiles, units (tiles of results) and `depth`, the tiles of the
  /// depth; lane, warp (of its warpgroup), warpgroup; `tiles`.
  void begin(ExprText& text);
  /// m0, n0 and z of tile `unit`.
  void find_unit(ExprText& text);
  /// Before tiles of the depth are brought one after the other, from number `first` on.
  void begin_a(ExprText& text, const std::string& first);
  /// Tile k of the depth to `to`, counted by `barrier`; a goes on to the next one.
  void bring_a(ExprText& text);
  void bring_b(ExprText& text);
  /// "0", or the batch where it has its own.
  std::string batch(const Brought& side);
  /// Of a result, or what each result reads an element of: the place of columns from there on, as
  /// arguments: along, down (as given), batch.
  std::string place_of_box(const Brought& side, const std::string& column, const std::string& row);
  /// Of integers: where sums of the packed operand are, and what the first one lacks.
  PackedSums sums();
  /// The products of one tile of the depth, at address `tile`, a's rows from `row` on, `down` times
  /// 64 of them.
  void multiply(ExprText& text, int down, const std::string& row);

  /// Everything: `functions` sees the parameters of a function, from the first to the last.
  ContractText text(const std::string& before,
                    const std::function<std::string(const std::string& parameters)>& functions);

  const BroughtProduct& product() const { return product_; }
  const HalfProduct& halves() const { return *product_.product; }
  const Contraction& given() const { return product_.product->contraction; }
  ContractBuffers& buffers() { return buffers_; }
  DimText& dims() { return dims_; }

 private:
  const std::string& buffer(const HalfSide& side) const;
  int64_t channel_blocks() const;
  bool is_picture() const { return product_.a.kind == Brought::Kind::picture; }

  const BroughtProduct& product_;
  const int rows_, columns_;
  DimText dims_;
  ContractBuffers buffers_;
};

}  // namespace hone::cuda::emitter
