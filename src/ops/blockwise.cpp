#include "ops/blockwise.hpp"

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/elements.hpp"
#include "ops/common/operands.hpp"
#include "ops/common/quantization.hpp"

namespace hone {
namespace {

bool is_packable(int64_t bits) { return bits == 2 || bits == 4 || bits == 8; }

/// Number `at` of `bits` bits in packed bytes.
int64_t unpacked(const Tensor& bytes, int64_t bits, int64_t at) {
  const int64_t per_byte = 8 / bits;
  return bytes.integer(at / per_byte) >> (at % per_byte * bits) & ((1 << bits) - 1);
}

void check_fields(const Inference& c, const MatMulNBits& op) {
  c.check(op.K >= 1 && op.N >= 1, "K=", op.K, " N=", op.N, ": wanted at least 1");
  c.check(is_packable(op.bits), "bits is ", op.bits, ", wanted 2, 4 or 8");
  c.check(op.block_size >= 8 && op.block_size <= int64_t{1} << 31, "block_size is ", op.block_size,
          ", wanted at least 8");
  c.check(op.accuracy_level >= 0 && op.accuracy_level <= 4, "accuracy_level is ", op.accuracy_level,
          ", wanted 0 to 4");
  c.check(op.block_size % (8 / op.bits) == 0, "block_size is ", op.block_size,
          ", wanted whole bytes");
}

/// One column of the weight at a time.
class Columns {
 public:
  Columns(const Evaluation& c, const MatMulNBits& op)
      : c_(c), op_(op), blocks_(ceil_div(op.K, op.block_size)) {
    const int64_t scales = checked_mul(op.N, blocks_);
    expect(1, checked_mul(checked_mul(scales, op.block_size), op.bits) / 8);
    expect(2, scales);
    packed_zeros_ = c.has(3) && c.input(3).dtype() == DType::u8;
    zero_row_ = packed_zeros_ ? ceil_div(blocks_, 8 / op.bits) * (8 / op.bits) : blocks_;
    expect(3, packed_zeros_ ? checked_mul(op.N, zero_row_) * op.bits / 8 : scales);
    expect(5, op.N);
    c.check(!c.has(4) || c.input(4).count() >= op.K, "there are ",
            c.has(4) ? c.input(4).count() : 0, " block indices for K=", op.K);
  }

  /// The real weights of column `n`.
  std::vector<double> column(int64_t n) const {
    std::vector<double> result(static_cast<size_t>(op_.K));
    for (int64_t k = 0; k < op_.K; ++k) {
      const int64_t block = c_.has(4) ? c_.input(4).integer(k) : k / op_.block_size;
      c_.check(block >= 0 && block < blocks_, "index ", k, " names block ", block, " of ", blocks_);
      const int64_t quantized = unpacked(c_.input(1), op_.bits, n * blocks_ * op_.block_size + k);
      const double scale = c_.input(2).number(n * blocks_ + block);
      result[static_cast<size_t>(k)] =
          rounded_to(DType::f32, (static_cast<double>(quantized) - zero_point(n, block)) * scale);
    }
    return result;
  }

 private:
  void expect(int operand, int64_t count) const {
    c_.check(!c_.has(operand) || c_.input(operand).count() == count, "operand ", operand, " has ",
             c_.has(operand) ? c_.input(operand).count() : 0, " elements, wanted ", count);
  }
  double zero_point(int64_t n, int64_t block) const {
    if (!c_.has(3)) return static_cast<double>(int64_t{1} << (op_.bits - 1));
    const int64_t at = n * zero_row_ + block;
    return packed_zeros_ ? static_cast<double>(unpacked(c_.input(3), op_.bits, at))
                         : c_.input(3).number(at);
  }

  const Evaluation& c_;
  const MatMulNBits& op_;
  int64_t blocks_, zero_row_ = 0;
  bool packed_zeros_ = false;
};

/// Numbers in an element of the data's last axis.
int64_t packing(const GatherBlockQuantized& op, DType data) {
  return data == DType::u8 ? 8 / op.bits : 1;
}

/// Fails unless scales (or zero points) have the data's shape but for the blocks.
void check_parameter(Inference& c, int operand, const Dims& data, size_t axis, const Dim& blocks) {
  if (!c.has(operand) || !c.tensor(operand).has_rank()) return;
  const TensorType& type = c.tensor(operand);
  c.check(type.rank() == static_cast<int>(data.size()), "operand ", operand, " is ", type,
          ", wanted the rank of ", c.tensor(0));
  for (size_t i = 0; i < data.size(); ++i) {
    if (i == axis) c.require_equal(type.shape()[i], blocks);
    else c.broadcasts_to(type.shape()[i], data[i]);
  }
}

/// Which scale or zero point belongs to an element of the data.
class Blocks {
 public:
  /// `sizes`: of the data, unpacked; `parameter`: of the scales; `last`: its last size in numbers.
  Blocks(const Sizes& sizes, Sizes parameter, size_t axis, int64_t block, int64_t last)
      : strides_(row_major_strides(sizes)), axis_(axis), block_(block) {
    parameter.back() = last;
    parameter_ = row_major_strides(parameter);
    for (size_t i = 0; i < sizes.size(); ++i)
      if (i != axis && parameter[i] == 1) parameter_[i] = 0;
  }
  int64_t of(int64_t element) const {
    int64_t result = 0;
    for (size_t i = 0; i < strides_.size(); ++i) {
      const int64_t at = element / strides_[i];
      element %= strides_[i];
      result += (i == axis_ ? at / block_ : at) * parameter_[i];
    }
    return result;
  }

 private:
  Sizes strides_, parameter_;
  size_t axis_;
  int64_t block_;
};

}  // namespace

void MatMulNBits::infer(Inference& c) const {
  check_fields(c, *this);
  const DType type = float_operand(c, 0);
  c.check(c.dtype(1) == DType::u8, "B is ", c.dtype(1), ", wanted u8");
  c.check(is_float(c.dtype(2)), "scales are ", c.dtype(2), ", wanted floats");
  c.check(!c.has(3) || c.dtype(3) == DType::u8 || is_float(c.dtype(3)),
          "zero points are neither u8 nor floats");
  c.check(!c.has(4) || is_integer(c.dtype(4)), "block indices are no integers");
  same_dtype(c, 0, 5);
  if (const auto sizes = c.tensor(1).concrete()) {
    const int64_t row = checked_mul(ceil_div(K, block_size), checked_mul(block_size, bits) / 8);
    c.check(element_count(*sizes) == checked_mul(N, row), "B is ", c.tensor(1), ", wanted ", N,
            " rows of ", row, " bytes");
  }
  const TensorType& a = c.tensor(0);
  if (!a.has_rank()) return c.set(0, Type::unranked(type));
  c.check(a.rank() >= 1, "A is ", a, ", wanted rank 1 or more");
  c.require_equal(a.shape().back(), K);
  Dims result = a.shape();
  result.back() = N;
  c.set(0, type, std::move(result));
}

void MatMulNBits::eval(Evaluation& c) const {
  const Tensor& a = c.input(0);
  c.check(a.rank() >= 1 && a.shape().back() == K, "A has shape ", shape_text(a.shape()),
          ", wanted K=", K, " columns");
  const Columns columns(c, *this);
  Sizes shape = a.shape();
  shape.back() = N;
  Tensor& y = c.output(0, a.dtype(), shape);
  const std::vector<double> left = elements<double>(a);
  const int64_t rows = a.count() / K;
  spend_work({N, K, rows});
  for (int64_t n = 0; n < N && rows > 0; ++n) {
    const std::vector<double> column = columns.column(n);
    const double bias = c.has(5) ? c.input(5).number(n) : 0;
    for (int64_t row = 0; row < rows; ++row) {
      double sum = bias;
      for (int64_t k = 0; k < K; ++k)
        sum += left[static_cast<size_t>(row * K + k)] * column[static_cast<size_t>(k)];
      y.set_number(row * N + n, sum);
    }
  }
}

void GatherBlockQuantized::infer(Inference& c) const {
  const TensorType &data = c.tensor(0), &indices = c.tensor(1);
  const DType type = data.dtype;
  c.check((is_float(type) || is_integer(type)) && hone::bits(type) <= 8, "data is ", type,
          ", wanted at most 8 bits");
  c.check(is_packable(bits), "bits is ", bits, ", wanted 2, 4 or 8");
  c.check(block_size >= 0, "block_size is ", block_size, ", wanted 0 or more");
  c.check(is_integer(indices.dtype), "indices are ", indices.dtype, ", wanted integers");
  c.check(is_float(c.dtype(2)), "scales are ", c.dtype(2), ", wanted floats");
  same_dtype(c, 0, 3);
  if (!data.has_rank() || !indices.has_rank()) return c.set(0, Type::unranked(c.dtype(2)));
  Dims sizes = data.shape();
  const auto gather = static_cast<size_t>(c.axis(gather_axis, data.rank()));
  const auto quantize = static_cast<size_t>(c.axis(quantize_axis, data.rank()));
  const int64_t packed = packing(*this, type);
  c.check(packed == 1 || (gather + 1 < sizes.size() && quantize + 1 == sizes.size()),
          "packed data ", data, ": wanted quantize_axis to be the last axis, gather_axis not");
  sizes.back() = sizes.back() * packed;
  const Dim blocks = block_size == 0 ? Dim(1) : ceil_div(sizes[quantize], block_size);
  check_parameter(c, 2, sizes, quantize, blocks);
  check_parameter(c, 3, sizes, quantize, ceil_div(blocks, packed));
  Dims result(sizes.begin(), sizes.begin() + static_cast<int64_t>(gather));
  result.insert(result.end(), indices.shape().begin(), indices.shape().end());
  result.insert(result.end(), sizes.begin() + static_cast<int64_t>(gather) + 1, sizes.end());
  c.set(0, c.dtype(2), std::move(result));
}

void GatherBlockQuantized::eval(Evaluation& c) const {
  const Tensor &data = c.input(0), &indices = c.input(1), &scales = c.input(2);
  const auto gather = static_cast<size_t>(c.axis(gather_axis, data.rank()));
  const auto quantize = static_cast<size_t>(c.axis(quantize_axis, data.rank()));
  const int64_t packed = packing(*this, data.dtype());
  Sizes sizes = data.shape();
  sizes.back() = checked_mul(sizes.back(), packed);
  const int64_t block = block_size == 0 ? std::max<int64_t>(sizes[quantize], 1) : block_size;
  const auto blocks_of = [&](int operand, int64_t per_element) {
    const Sizes& shape = c.input(operand).shape();
    c.check(shape.size() == sizes.size(), "operand ", operand, " has shape ", shape_text(shape),
            " for data ", shape_text(sizes));
    for (size_t i = 0; i < sizes.size(); ++i) {
      const int64_t wanted =
          i == quantize ? ceil_div(ceil_div(sizes[i], block), per_element) : sizes[i];
      c.check(shape[i] == wanted || (i != quantize && shape[i] == 1), "operand ", operand,
              " has shape ", shape_text(shape), " for data ", shape_text(sizes));
    }
    return Blocks(sizes, shape, quantize, block, checked_mul(shape.back(), per_element));
  };
  const Blocks scale_of = blocks_of(2, 1), zero_of = c.has(3) ? blocks_of(3, packed) : scale_of;
  const auto value = [&](const Tensor& tensor, int64_t at) {
    if (packed > 1) return static_cast<double>(unpacked(tensor, bits, at));
    return tensor.number(at);
  };
  const double usual_zero =
      data.dtype() == DType::u8 ? static_cast<double>(int64_t{1} << (bits - 1)) : 0;

  const std::span<const int64_t> dims = sizes;
  const int64_t size = dims[gather];
  const int64_t inner = element_count(dims.subspan(gather + 1));
  Sizes shape(sizes.begin(), sizes.begin() + static_cast<int64_t>(gather));
  shape.insert(shape.end(), indices.shape().begin(), indices.shape().end());
  shape.insert(shape.end(), sizes.begin() + static_cast<int64_t>(gather) + 1, sizes.end());
  Tensor& y = zeros(c, 0, scales.dtype(), shape);
  for (int64_t to = 0; to < y.count(); ++to) {
    const int64_t index = indices.integer(to / inner % indices.count());
    if (index < -size || index >= size) continue;
    const int64_t row = to / inner / indices.count() * size + (index < 0 ? index + size : index);
    const int64_t at = row * inner + to % inner;
    const double zero = c.has(3) ? value(c.input(3), zero_of.of(at)) : usual_zero;
    y.set_number(to, (value(data, at) - zero) * scales.number(scale_of.of(at)));
  }
}

void register_blockwise(OpRegistry& registry) {
  registry.add<MatMulNBits>(), registry.add<GatherBlockQuantized>();
}

}  // namespace hone
