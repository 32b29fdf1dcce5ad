#include "ops/inverse.hpp"

#include <cmath>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/op_class.hpp"
#include "ops/common/operands.hpp"

namespace hone {
namespace {

/// Row-major n x n, inverted by elimination; the pivot is the largest of its column.
std::vector<double> inverted(std::vector<double> m, size_t n) {
  std::vector<double> result(n * n);
  for (size_t i = 0; i < n; ++i) result[i * n + i] = 1;
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row)
      if (std::abs(m[row * n + column]) > std::abs(m[pivot * n + column])) pivot = row;
    for (size_t j = 0; j < n; ++j) {
      std::swap(m[pivot * n + j], m[column * n + j]);
      std::swap(result[pivot * n + j], result[column * n + j]);
    }
    const double factor = 1 / m[column * n + column];
    for (size_t j = 0; j < n; ++j) m[column * n + j] *= factor, result[column * n + j] *= factor;
    for (size_t row = 0; row < n; ++row) {
      const double times = m[row * n + column];
      if (row == column || times == 0) continue;
      for (size_t j = 0; j < n; ++j) {
        m[row * n + j] -= times * m[column * n + j];
        result[row * n + j] -= times * result[column * n + j];
      }
    }
  }
  return result;
}

}  // namespace

void Inverse::infer(Inference& c) const {
  float_operand(c, 0);
  const TensorType& x = c.tensor(0);
  if (x.has_rank()) {
    c.check(x.rank() >= 2, "operand is ", x, ", wanted matrices");
    c.require_equal(x.shape().back(), x.shape()[x.shape().size() - 2]);
  }
  c.set(0, c.type(0));
}

void Inverse::eval(Evaluation& c) const {
  const Tensor& x = c.input(0);
  const int rank = x.rank();
  c.check(rank >= 2 && x.dim(rank - 1) == x.dim(rank - 2), "operand has shape ",
          shape_text(x.shape()), ", wanted square matrices");
  Tensor& y = c.output(0, x.dtype(), x.shape());
  const auto n = static_cast<size_t>(x.dim(rank - 1));
  const std::vector<double> values = elements<double>(x);
  spend_work({x.count(), static_cast<int64_t>(n)});
  for (size_t at = 0; at < values.size(); at += n * n) {
    const auto begin = values.begin() + static_cast<int64_t>(at);
    const std::vector<double> result = inverted({begin, begin + static_cast<int64_t>(n * n)}, n);
    for (size_t i = 0; i < result.size(); ++i)
      y.set_number(static_cast<int64_t>(at + i), result[i]);
  }
}

void register_inverse(OpRegistry& registry) { registry.add<Inverse>(); }

}  // namespace hone
