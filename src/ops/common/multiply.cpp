#include "ops/common/multiply.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "ir/evaluation/work.hpp"

namespace hone {
namespace {

// Where the matrix of every batch index begins in an operand of batch shape `own` (broadcast to
// `batch`) and `size` elements a matrix.
std::vector<int64_t> matrix_offsets(const std::vector<int64_t>& batch,
                                    const std::vector<int64_t>& own, int64_t size) {
  std::vector<int64_t> offsets(static_cast<size_t>(element_count(batch)));
  for (size_t i = 0; i < offsets.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i), stride = size, offset = 0;
    for (size_t axis = batch.size(); axis-- > 0;) {
      const int64_t at = rest % batch[axis];
      rest /= batch[axis];
      const size_t lacking = batch.size() - own.size();
      if (axis < lacking) continue;
      const int64_t own_size = own[axis - lacking];
      if (own_size != 1) offset += at * stride;
      stride *= own_size;
    }
    offsets[i] = offset;
  }
  return offsets;
}

std::vector<int64_t> batch_of(const std::vector<int64_t>& shape) {
  return {shape.begin(), shape.end() - (shape.size() >= 2 ? 2 : 1)};
}

std::vector<int64_t> broadcast_batches(const Evaluation& c, const std::vector<int64_t>& a,
                                       const std::vector<int64_t>& b) {
  std::vector<int64_t> result(std::max(a.size(), b.size()), 1);
  for (const auto* batch : {&a, &b})
    for (size_t i = 0; i < batch->size(); ++i) {
      int64_t& size = result[result.size() - batch->size() + i];
      c.check((*batch)[i] == size || (*batch)[i] == 1 || size == 1, "batches ", shape_text(a),
              " and ", shape_text(b), " do not broadcast");
      if (size == 1) size = (*batch)[i];
    }
  return result;
}

}  // namespace

std::optional<Dims> product_dims(Inference& c, int a, int b) {
  const TensorType &left = c.tensor(a), &right = c.tensor(b);
  for (const TensorType* type : {&left, &right})
    c.check(!type->has_rank() || type->rank() >= 1, "operands ", left, " and ", right,
            ": wanted matrices or vectors, found a scalar");
  if (!left.has_rank() || !right.has_rank()) return std::nullopt;
  const Dims &x = left.shape(), &y = right.shape();
  const Dim& inner = y.size() == 1 ? y[0] : y[y.size() - 2];
  c.check(provably_equal(x.back(), inner, c.ranges()).value_or(true), "operands ", left, " and ",
          right, ": ", x.back(), " columns times ", inner, " rows");
  c.require_equal(x.back(), inner);
  const TensorType left_batch{left.dtype, Dims(x.begin(), x.end() - (x.size() >= 2 ? 2 : 1))};
  const TensorType right_batch{right.dtype, Dims(y.begin(), y.end() - (y.size() >= 2 ? 2 : 1))};
  Dims result = *c.broadcast({&left_batch, &right_batch});
  if (x.size() >= 2) result.push_back(x[x.size() - 2]);
  if (y.size() >= 2) result.push_back(y.back());
  return result;
}

ProductShape product_shape(const Evaluation& c, const Tensor& a, const Tensor& b) {
  c.check(a.rank() >= 1 && b.rank() >= 1, "operands ", shape_text(a.shape()), " and ",
          shape_text(b.shape()), ": wanted matrices or vectors");
  ProductShape shape;
  shape.m = a.rank() == 1 ? 1 : a.dim(a.rank() - 2);
  shape.k = a.dim(a.rank() - 1);
  shape.n = b.rank() == 1 ? 1 : b.dim(b.rank() - 1);
  const int64_t rows = b.rank() == 1 ? b.dim(0) : b.dim(b.rank() - 2);
  c.check(shape.k == rows, "operands ", shape_text(a.shape()), " and ", shape_text(b.shape()), ": ",
          shape.k, " columns times ", rows, " rows");
  const std::vector<int64_t> a_batch = batch_of(a.shape()), b_batch = batch_of(b.shape());
  shape.result = broadcast_batches(c, a_batch, b_batch);
  const std::vector<int64_t> batch = shape.result;
  if (a.rank() >= 2) shape.result.push_back(shape.m);
  if (b.rank() >= 2) shape.result.push_back(shape.n);
  if (element_count(shape.result) == 0) return shape;
  shape.a_at = matrix_offsets(batch, a_batch, checked_mul(shape.m, shape.k));
  shape.b_at = matrix_offsets(batch, b_batch, checked_mul(shape.k, shape.n));
  return shape;
}

template <class T>
std::vector<T> multiply(const ProductShape& shape, const std::vector<T>& a,
                        const std::vector<T>& b) {
  std::vector<T> out(static_cast<size_t>(element_count(shape.result)));
  if (out.empty()) return out;
  spend_work({static_cast<int64_t>(shape.a_at.size()), shape.m, shape.k, shape.n});
  T* row = out.data();
  for (size_t batch = 0; batch < shape.a_at.size(); ++batch) {
    const T* left = a.data() + shape.a_at[batch];
    for (int64_t i = 0; i < shape.m; ++i, row += shape.n) {
      const T* right = b.data() + shape.b_at[batch];
      for (int64_t k = 0; k < shape.k; ++k) {
        const T factor = *left++;
        for (int64_t j = 0; j < shape.n; ++j) row[j] += factor * *right++;
      }
    }
  }
  return out;
}

template std::vector<double> multiply(const ProductShape&, const std::vector<double>&,
                                      const std::vector<double>&);
template std::vector<int64_t> multiply(const ProductShape&, const std::vector<int64_t>&,
                                       const std::vector<int64_t>&);
template std::vector<uint64_t> multiply(const ProductShape&, const std::vector<uint64_t>&,
                                        const std::vector<uint64_t>&);

}  // namespace hone
