#pragma once
// One op on concrete operands: infers its type, evaluates it by reference and compares the two.

#include <initializer_list>
#include <vector>

#include "ir/evaluation/evaluation.hpp"
#include "ir/graph.hpp"
#include "ir/inference.hpp"
#include "support/refusal.hpp"

namespace hone::test {

/// The op's results. An empty Tensor stands for an absent operand. Fails the test (and returns
/// anyway) where a result differs from its inferred type. Errors pass through.
std::vector<Tensor> run_all(Op op, const std::vector<Tensor>& operands, size_t results = 1);
Tensor run(Op op, const std::vector<Tensor>& operands);

/// The type of result 0 for operands of these types.
Type type_of(Op op, const std::vector<Type>& operands);
/// Known contents of result 0 for constant integer or bool operands, or graph inputs of these
/// contents: "[n,3]" in text, "?" where they are not known. A symbol in them lies in [0, inf).
std::string known_of(Op op, const std::vector<std::pair<DType, Dims>>& operands);

/// Tensors of any shape; without one: rank 1.
Tensor tensor(DType type, std::vector<int64_t> shape, const std::vector<double>& values);
Tensor f32(const std::vector<double>& values);
Tensor i64(const std::vector<int64_t>& values);

std::vector<double> numbers(const Tensor& tensor);
/// As many elements as `wanted` and each within `most` of it, NaN where it is NaN.
void expect_near(const Tensor& found, const std::vector<double>& wanted, double most = 1e-6);

}  // namespace hone::test
