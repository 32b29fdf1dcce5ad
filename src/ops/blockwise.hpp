#pragma once
// Weights of a few bits, packed into bytes, lowest bits first, with a scale for each block of
// neighbours: real = (quantized - zero point) * scale. (Source: com.microsoft.)

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// A [..., K] times the transpose of B [N, K], plus bias. Each row of B is cut into blocks of
/// `block_size` numbers of `bits` bits (the last one filled up). Operands: A, B (u8 [N, blocks,
/// block_size * bits / 8]), scales [N, blocks], optional zero points (u8: packed as B is, each row
/// in whole bytes; floats: [N, blocks]; absent: 2^(bits - 1)), optional block of each k (i32), bias
/// [N].
struct MatMulNBits {
  static constexpr std::string_view kName = "MatMulNBits";
  static constexpr Arity kInputs{3, 6};  // 3 and 4 may be absent
  int64_t K = 0, N = 0;
  int64_t bits = 4;  ///< 2, 4 or 8
  int64_t block_size = 0;
  int64_t accuracy_level = 0;  ///< 4: kernels may round A to 8 bits, a block of a row at a time
  void fields(FieldList& f) const {
    f("K", K)("N", N)("bits", bits)("block_size", block_size)("accuracy_level", accuracy_level);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

/// Gather from quantized data along `gather_axis`, then real numbers. Operands: data (4-bit
/// integers, f8, f4, or u8 that holds 8 / bits numbers along its last axis), indices (negative ones
/// count from the end; 0 where out of range), scales (data's shape, but a scale for `block_size`
/// neighbours along `quantize_axis`, 1 where it repeats; 0: one block), optional zero points (as
/// the scales, packed as the data; absent: 0, for u8 2^(bits - 1)).
struct GatherBlockQuantized {
  static constexpr std::string_view kName = "GatherBlockQuantized";
  static constexpr Arity kInputs{3, 4};
  int64_t gather_axis = 0, quantize_axis = 1;
  int64_t bits = 4;  ///< of u8 data: 2, 4 or 8
  int64_t block_size = 128;
  void fields(FieldList& f) const {
    f("gather_axis", gather_axis)("quantize_axis", quantize_axis);
    f("bits", bits)("block_size", block_size);
  }
  void infer(Inference& c) const;
  void eval(Evaluation& c) const;
  void express(Expression& e) const;
};

}  // namespace hone
