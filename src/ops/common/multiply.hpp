#pragma once
// Matrix products with NumPy's rules for batches, for the float ops and for the quantized ones.

#include <optional>
#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// Type rule: [batch..., m, k] x [batch..., k, n], batches broadcast; an operand of rank 1 is a row
/// (`a`) or a column (`b`) whose axis the result lacks. nullopt: a rank is unknown.
std::optional<Dims> product_dims(Inference& c, int a, int b);

/// Sizes of one batch of products.
struct ProductShape {
  int64_t m, k, n;
  std::vector<int64_t> a_at, b_at;  // for each product, where its matrices begin
  std::vector<int64_t> result;
};
ProductShape product_shape(const Evaluation& c, const Tensor& a, const Tensor& b);

/// out = a * b, row-major, for each of the products, one after the other. T: double, int64_t,
/// uint64_t.
template <class T>
std::vector<T> multiply(const ProductShape& shape, const std::vector<T>& a,
                        const std::vector<T>& b);

}  // namespace hone
