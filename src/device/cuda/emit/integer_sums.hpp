#pragma once
// Sums of integers of 8 bits: what zero points add to them, and numbers that results are computed
// of and that are the same for a whole column.

#include <functional>
#include <string>
#include <vector>

#include "device/cuda/emit/contract_buffers.hpp"
#include "device/cuda/emit/half_product.hpp"

namespace hone::cuda::emitter {

/// Where a constant operand has its sums, and what a's elements lacked.
struct PackedSums {
  int64_t begin = 0;  // bytes from the operand's begin
  /// Text that finds `outside` for the row m: a bit for each tap that lies outside of the picture,
  /// where the copy engine brought 0 and not the zero point. Null: nothing lacks.
  std::function<void(ExprText&)> find_outside{};
};

class IntegerSums {
 public:
  IntegerSums(const HalfProduct& product, ContractBuffers& buffers, PackedSums sums);

  /// Names of the packed sums.
  void declare(ExprText& text) const;
  bool has_edges() const { return sums_.find_outside != nullptr; }
  void find_outside(ExprText& text) const { sums_.find_outside(text); }
  /// `edge[count]`, for the columns from variable n on: sums of what the row lacked, by `outside`.
  void find_edges(ExprText& text, DimText& dims, const std::string& outside, int count) const;
  /// In place of the sum, of registers "sum" and, where it has edges, "edge[e]".
  Expr corrected() const;

  /// Sums in 64 bits of that and a constant, where 32 bits have them, in 32: what is of columns
  /// alone is one number.
  Expr narrowed(const Expr& expr) const;

  /// What the expression of a text has that depends on columns alone: each is kept in 32 bits.
  struct Word {
    Expr expr;
    std::string name;  // of a register array with such bits
  };
  static std::vector<Word> words_in(const Expr& expr);
  static constexpr int kMostWords = 4;
  /// The register of a word, as element e.
  static Place place_of(const Word& word);

 private:
  Expr of_columns() const;
  Expr of_rows() const;

  const HalfProduct& product_;
  const ContractBuffers& buffers_;
  PackedSums sums_;
  std::optional<Expr> a_zero_, b_zero_;  // that are left for results
};

}  // namespace hone::cuda::emitter
