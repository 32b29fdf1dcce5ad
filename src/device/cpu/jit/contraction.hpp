#pragma once
// Generated kernels for sums of products in f32, the core of matrix products and convolutions:
//   c[row][column] (+)= sum over d of a(row, d) * b(d, column)
// for a block of some rows and some vectors of columns, all of it in registers, and then what
// follows element by element. Every depth runs, no byte outside of the operands is read or written.

#include <compare>
#include <cstdint>
#include <memory>

#include "device/cpu/isa.hpp"

namespace hone::cpu {

/// What a family of kernels has in common.
struct ContractionForm {
  enum class A : uint8_t {
    rows,  ///< each row lies by itself, its elements side by side
    panel  ///< [depth][rows]
  };
  enum class B : uint8_t {
    panel,  ///< [depth][columns], columns a multiple of the vector
    table   ///< the columns of each d side by side, at an offset of their own
  };
  enum class Bias : uint8_t {
    none,
    row,
    column
  };
  A a = A::panel;
  B b = B::panel;
  // What follows, in this order: times `scale`, plus what is in c, plus a bias, plus a tensor that
  // lies as c does, not below `low`, not above `high` (NaN stays).
  bool scales = false;
  Bias bias = Bias::none;
  bool adds = false, clips_low = false, clips_high = false;
  int8_t panel_vectors = 0;  // in a panel of b; 0: as many as the block has
  auto operator<=>(const ContractionForm&) const = default;
};

/// What one call works on.
struct ContractionCall {
  const float* a = nullptr;              // a panel
  const float* const* a_rows = nullptr;  // of each row
  const float* b = nullptr;              // of a table: to which offsets are added
  const int32_t* b_offsets = nullptr;    // [depth], in bytes
  int64_t depth = 0;
  float* c = nullptr;
  int64_t c_stride = 0;                // from row to row, in bytes
  const int32_t* last_mask = nullptr;  // of the last vector's lanes: column_mask(); null: all
  const float* bias = nullptr;         // of the first row, or of the first column
  const float* added = nullptr;        // at the strides of c
  float scale = 1, low = 0, high = 0;
  int32_t accumulates = 0;  // c holds a start value
  int32_t finishes = 1;     // bias, tensor and clipping are due: the last part of the depth
};

/// -1 for each of the first `count` lanes of a vector, 0 <= count <= 16, then 0.
const int32_t* column_mask(int64_t count);

/// The kernels of one form for every number of rows and of vectors up to a limit.
class Contraction {
 public:
  using Function = void (*)(const ContractionCall*);

  /// Made when first asked for; kept while anybody has it. Null where there can be none: on a
  /// processor without AVX2, where no memory may become executable. Any thread may call this.
  static std::shared_ptr<const Contraction> of(Isa isa, const ContractionForm& form,
                                               int most_vectors, int most_rows = 64);

  /// The most rows of a block of so many vectors of columns that registers hold.
  static int most_rows(Isa isa, const ContractionForm& form, int vectors);
  /// Floats in a vector.
  static int lanes(Isa isa) { return isa == Isa::avx512 ? 16 : 8; }

  int most_rows(int vectors) const { return rows_[vectors - 1]; }
  Function function(int rows, int vectors) const { return functions_[vectors - 1][rows - 1]; }
  /// The one for a block whose last vector has so many columns: where half a vector is enough and
  /// the form has columns at offsets, half of it is not computed.
  Function function(int rows, int vectors, int64_t columns) const {
    const Function narrow = columns <= lanes_ / 2 ? narrow_[vectors - 1][rows - 1] : nullptr;
    return narrow != nullptr ? narrow : function(rows, vectors);
  }
  size_t code_bytes() const { return bytes_; }

  static constexpr int kMostVectors = 6, kMostRows = 28;

 private:
  Contraction() = default;
  Function functions_[kMostVectors][kMostRows] = {}, narrow_[kMostVectors][kMostRows] = {};
  int64_t lanes_ = 0;
  int rows_[kMostVectors] = {};
  size_t bytes_ = 0;
  std::shared_ptr<const std::byte> code_;
};

}  // namespace hone::cpu
