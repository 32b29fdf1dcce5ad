#include "ops/determinant.hpp"

#include <cmath>

#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"

namespace hone {

void Det::infer(Inference& c) const {
  const DType dtype = float_operand(c, 0);
  const TensorType& x = c.tensor(0);
  if (!x.has_rank()) return c.set(0, Type::unranked(dtype));
  const auto rank = x.shape().size();
  c.check(rank >= 2, "the operand is ", x, ", wanted square matrices");
  c.require_equal(x.shape()[rank - 2], x.shape()[rank - 1]);
  c.set(0, dtype, Dims(x.shape().begin(), x.shape().end() - 2));
}

namespace {

/// Gaussian elimination, the largest of each column first.
double determinant(std::vector<double> a, size_t m) {
  double result = 1;
  for (size_t k = 0; k < m; ++k) {
    size_t pivot = k;
    for (size_t i = k; i < m; ++i) {
      if (std::isnan(a[i * m + k])) return a[i * m + k];
      if (std::abs(a[i * m + k]) > std::abs(a[pivot * m + k])) pivot = i;
    }
    if (pivot != k) {
      for (size_t j = 0; j < m; ++j) std::swap(a[k * m + j], a[pivot * m + j]);
      result = -result;
    }
    const double lead = a[k * m + k];
    result *= lead;
    if (lead == 0) return result;
    for (size_t i = k + 1; i < m; ++i)
      for (size_t j = k + 1; j < m; ++j) a[i * m + j] -= a[i * m + k] / lead * a[k * m + j];
  }
  return result;
}

}  // namespace

void Det::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const int rank = x.rank();
  c.check(rank >= 2 && x.dim(rank - 1) == x.dim(rank - 2), "the operand is ", shape_text(x.shape()),
          ", wanted square matrices");
  Tensor& y = c.output(0, x.dtype(), {x.shape().begin(), x.shape().end() - 2});
  const auto m = static_cast<size_t>(x.dim(rank - 1));
  spend_work({x.count(), x.dim(rank - 1)});
  const std::vector<double> data = elements<double>(x);
  for (int64_t i = 0; i < y.count(); ++i) {
    const auto first = data.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(i) * m * m);
    y.set_number(i, determinant({first, first + static_cast<std::ptrdiff_t>(m * m)}, m));
  }
}

void register_determinant(OpRegistry& registry) { registry.add<Det>(); }

}  // namespace hone
