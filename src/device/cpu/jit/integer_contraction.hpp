#pragma once
// Generated kernels for sums of products of small integers, exact in i32, and what makes quantized
// numbers of them again:
//   c[row][column] = follow(sum over g of a(row, g) . b(g, column))
// for a block of some rows and some vectors of columns. An element of a and b is a group of
// neighbours along the depth in 4 bytes: four of 8 bits, or two of 16 bits; "." is the sum of their
// products. No byte outside of the operands is read or written, but for what is said of c.

#include <compare>
#include <cstdint>
#include <memory>

#include "device/cpu/isa.hpp"

namespace hone::cpu {

/// What a family of kernels has in common.
struct IntegerForm {
  enum class Groups : uint8_t {
    words,  ///< two i16 each in a and b
    bytes   ///< four: u8 in what is quantized while running, i8 in weights
  };
  enum class Kind : uint8_t {
    filters,  ///< a: weights, [groups][rows]; b: columns side by side at an offset for each group
    matrix    ///< a: rows that lie by themselves; b: weights, [groups][columns of whole vectors]
  };
  enum class Result : uint8_t {
    sums,    ///< i32: the sum plus the bias
    floats,  ///< f32: that in f32 times the scale
    u8,      ///< that clipped, rounded half to even, plus the zero point
    i8       ///< the same
  };
  Groups groups = Groups::words;
  Kind kind = Kind::filters;
  Result result = Result::sums;
  /// Then the sum with other quantized numbers of the result's type: see IntegerSum.
  bool adds = false;
  /// Quantized numbers are clipped to all that their type holds, which is done as they are stored:
  /// no number before that leaves 32 bits. Not where something is added.
  bool saturates = false;
  bool vnni = false;         ///< the processor multiplies and adds at once
  int8_t panel_vectors = 0;  // in a panel of b; 0: as many as the block has
  auto operator<=>(const IntegerForm&) const = default;

  bool quantizes() const { return result == Result::u8 || result == Result::i8; }
  int result_bytes() const { return quantizes() ? 1 : 4; }
  int in_group() const { return groups == Groups::bytes ? 4 : 2; }
  /// Bytes are multiplied in pairs, whose sums must fit 16 bits; there may be further groups.
  bool in_pairs() const { return groups == Groups::bytes && !vnni; }
};

/// Quantized numbers p, which the block made, and q, added as the reference does, in f64:
/// saturate(round half to even((p - p_zero) * p_ratio + (q - q_zero) * q_ratio + zero)). In f32
/// where that cannot round otherwise: where no sum lies within `limit` of a half. Each number
/// stands for all lanes of a vector of AVX-512.
struct IntegerSum {
  double p_ratio[8], q_ratio[8], zero[8], low[8], high[8];
  int32_t p_zero[16], q_zero[16];
  float p_ratio32[16], q_ratio32[16], zero32[16], low32[16], high32[16];
  float limit[16];  // 0.5 less what f32 may be wrong by, never negative
  int32_t magnitude[16];

  /// Ratios are those of f32.
  struct Numbers {
    double p_ratio, q_ratio, zero, low, high;
    int32_t p_zero, q_zero;
  };
  static IntegerSum of(const Numbers& numbers);
};

/// What one call works on.
struct IntegerCall {
  const void* a = nullptr;              // weights
  const void* const* a_rows = nullptr;  // of each row of a matrix
  const void* b = nullptr;              // to which offsets are added, or a panel
  const int32_t* b_offsets = nullptr;   // [groups], in bytes
  int64_t groups = 0;
  // Of in_pairs(): groups of weights behind the others, for groups of x at these offsets, in bytes.
  int64_t more_groups = 0;
  const int32_t* more_offsets = nullptr;
  void* c = nullptr;
  int64_t c_stride = 0;           // from row to row, in bytes
  int64_t last_lanes = -1;        // AVX-512: a bit for each lane of the last vector; AVX2: all
  const int32_t* bias = nullptr;  // of the first row (filters) or the first column (matrix)
  const float* scale = nullptr;   // likewise
  const void* added = nullptr;    // q
  int64_t added_stride = 0;       // from row to row, in bytes
  const IntegerSum* sum = nullptr;
  float low = 0, high = 0;  // less the zero point
  int32_t zero = 0;
};

/// The kernels of one form for every number of rows and of vectors up to a limit.
class IntegerContraction {
 public:
  using Function = void (*)(const IntegerCall*);

  /// Made when first asked for; kept while anybody has it. Null where there can be none, as of
  /// Contraction. Any thread may call this.
  static std::shared_ptr<const IntegerContraction> of(Isa isa, const IntegerForm& form,
                                                      int most_vectors);

  /// The most rows of a block of so many vectors of columns that registers hold.
  static int most_rows(Isa isa, const IntegerForm& form, int vectors);
  /// Groups in a vector.
  static int lanes(Isa isa) { return isa == Isa::avx512 ? 16 : 8; }

  int most_rows(int vectors) const { return rows_[vectors - 1]; }
  Function function(int rows, int vectors) const { return functions_[vectors - 1][rows - 1]; }
  /// Runs a block with `columns` columns of `vectors` vectors: what is not whole goes through
  /// memory of this function where there are no masks.
  void run(IntegerCall& call, int rows, int vectors, int64_t columns) const;

  static constexpr int kMostVectors = 4, kMostRows = 14;

 private:
  IntegerContraction() = default;
  void run_ragged(IntegerCall& call, int rows, int vectors, int64_t columns) const;

  Function functions_[kMostVectors][kMostRows] = {};
  int rows_[kMostVectors] = {};
  IntegerForm form_;
  Isa isa_ = Isa::generic;
  std::shared_ptr<const std::byte> code_;
};

}  // namespace hone::cpu
