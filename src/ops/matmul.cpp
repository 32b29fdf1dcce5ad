#include "ops/matmul.hpp"

#include <cmath>

#include "ir/op_class.hpp"
#include "ops/common/multiply.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

template <class T>
void eval_matmul(Evaluation& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  const ProductShape shape = product_shape(c, a, b);
  Tensor& out = c.output(0, a.dtype(), shape.result);
  store(out, multiply(shape, elements<T>(a), elements<T>(b)));
}

template <class T>
std::vector<T> transposed(const std::vector<T>& matrix, int64_t rows, int64_t columns) {
  std::vector<T> result(matrix.size());
  if (matrix.empty()) return result;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[static_cast<size_t>(j * rows + i)] = matrix[static_cast<size_t>(i * columns + j)];
  return result;
}

template <class T>
T scaled(T value, float by) {
  if constexpr (std::is_floating_point_v<T>) return value * by;
  else if (by == 1) return value;
  const double product = static_cast<double>(static_cast<int64_t>(value)) * by;
  return std::abs(product) < 0x1p63 ? static_cast<T>(static_cast<int64_t>(product)) : T{};
}

template <class T>
void eval_gemm(const Gemm& op, Evaluation& c) {
  const Tensor &a = c.input(0), &b = c.input(1);
  c.check(a.rank() == 2 && b.rank() == 2, "operands ", shape_text(a.shape()), " and ",
          shape_text(b.shape()), ": wanted matrices");
  std::vector<T> left = elements<T>(a), right = elements<T>(b);
  if (op.transA) left = transposed(left, a.dim(0), a.dim(1));
  if (op.transB) right = transposed(right, b.dim(0), b.dim(1));
  const int64_t m = a.dim(op.transA), k = a.dim(!op.transA), n = b.dim(!op.transB);
  c.check(b.dim(op.transB) == k, "operands ", shape_text(a.shape()), " and ", shape_text(b.shape()),
          ": ", k, " columns times ", b.dim(op.transB), " rows");
  const std::vector<int64_t> result{m, n};
  Tensor& out = c.output(0, a.dtype(), result);
  std::vector<T> sums = multiply({m, k, n, {0}, {0}, result}, left, right);
  for (T& sum : sums) sum = scaled(sum, op.alpha);
  if (c.has(2)) {
    const Tensor& addend = c.input(2);
    const int rank = addend.rank();
    const int64_t rows = rank == 2 ? addend.dim(0) : 1,
                  columns = rank >= 1 ? addend.dim(rank - 1) : 1;
    c.check(rank <= 2 && (rows == 1 || rows == m) && (columns == 1 || columns == n), "C ",
            shape_text(addend.shape()), " does not broadcast to ", shape_text(result));
    const std::vector<T> values = elements<T>(addend);
    for (int64_t i = 0; i < m && !sums.empty(); ++i)
      for (int64_t j = 0; j < n; ++j) {
        const int64_t at = (rows == 1 ? 0 : i * columns) + (columns == 1 ? 0 : j);
        sums[static_cast<size_t>(i * n + j)] += scaled(values[static_cast<size_t>(at)], op.beta);
      }
  }
  store(out, sums);
}

}  // namespace

void MatMul::infer(Inference& c) const {
  const DType dtype = number_operand(c, 0);
  same_dtype(c, 0, 1);
  c.set(0, TensorType{dtype, product_dims(c, 0, 1)});
}

void MatMul::eval(Evaluation& c) const {
  if (is_float(c.input(0).dtype())) eval_matmul<double>(c);
  else eval_matmul<uint64_t>(c);
}

void Gemm::infer(Inference& c) const {
  const DType dtype = number_operand(c, 0);
  same_dtype(c, 0, 1);
  same_dtype(c, 0, 2);
  rank_is(c, 0, 2);
  rank_is(c, 1, 2);
  const TensorType &a = c.tensor(0), &b = c.tensor(1);
  if (a.has_rank() && b.has_rank()) {
    const Dim &columns = a.shape()[!transA], &rows = b.shape()[transB];
    c.check(provably_equal(columns, rows, c.ranges()).value_or(true), "operands ", a, " and ", b,
            transA ? " (transA)" : "", transB ? " (transB)" : "", ": ", columns, " columns times ",
            rows, " rows");
    c.require_equal(columns, rows);
  }
  Dims result{a.has_rank() ? a.shape()[transA] : c.fresh(0, 0),
              b.has_rank() ? b.shape()[!transB] : c.fresh(0, 1)};
  if (a.has_rank() && b.has_rank()) broadcasts_to(c, 2, result);  // what is not known may be 1
  c.set(0, dtype, std::move(result));
}

void Gemm::eval(Evaluation& c) const {
  if (is_float(c.input(0).dtype())) eval_gemm<double>(*this, c);
  else eval_gemm<uint64_t>(*this, c);
}

void register_matmul(OpRegistry& registry) {
  registry.add<MatMul>();
  registry.add<Gemm>();
}

}  // namespace hone
