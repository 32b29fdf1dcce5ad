// What contractions cost: of most from the stages in which ops describe themselves; of those in the
// table below from the sizes of operands, which tell it where stages do not.

#include <algorithm>

#include "ir/stages/stages.hpp"
#include "ops/matmul.hpp"
#include "ops/quantized.hpp"
#include "report/inspection.hpp"

namespace hone::report {
namespace {

const Dims* dims_of(const Value* value) {
  const bool known = value != nullptr && value->type.is_tensor() && value->type.tensor().has_rank();
  return known ? &value->type.tensor().shape() : nullptr;
}

Dim product_from(const Dims& dims, size_t first) {
  Dim result = 1;
  for (size_t i = first; i < dims.size(); ++i) result = result * dims[i];
  return result;
}

/// Every output element sums over a filter: all dims of the weight but the first.
Dim convolution(const Node& node, size_t weight) {
  const Dims *out = dims_of(node.output()), *filter = dims_of(node.input(weight));
  if (out == nullptr || filter == nullptr) return 0;
  return Dim(2) * product(*out) * product_from(*filter, 1);
}

/// Every input element is spread over a filter.
Dim transposed_convolution(const Node& node) {
  const Dims *in = dims_of(node.input(0)), *filter = dims_of(node.input(1));
  if (in == nullptr || filter == nullptr) return 0;
  return Dim(2) * product(*in) * product_from(*filter, 1);
}

/// Every output element sums over the last dim of the left operand.
Dim matrix_product(const Node& node) {
  const Dims *out = dims_of(node.output()), *left = dims_of(node.input(0));
  if (out == nullptr || left == nullptr || left->empty()) return 0;
  return Dim(2) * product(*out) * left->back();
}

/// As above; the left operand may be stored transposed.
Dim matrix_product_of_two(const Node& node) {
  const Dims *out = dims_of(node.output()), *left = dims_of(node.input(0));
  if (out == nullptr || left == nullptr || left->size() != 2) return 0;
  const auto* gemm = node.op.as<Gemm>();
  const auto* quantized = node.op.as<QGemm>();
  const bool transposed =
      (gemm != nullptr && gemm->transA) || (quantized != nullptr && quantized->transA);
  return Dim(2) * product(*out) * (*left)[transposed ? 0 : 1];
}

/// Both weights are used for each row of each step.
Dim recurrence(const Node& node) {
  const Dims *rows = dims_of(node.input(0)), *of_input = dims_of(node.input(1)),
             *of_state = dims_of(node.input(2));
  if (rows == nullptr || of_input == nullptr || of_state == nullptr || rows->size() != 3) return 0;
  return Dim(2) * (*rows)[0] * (*rows)[1] * (product(*of_input) + product(*of_state));
}

struct Row {
  std::string_view op;
  Dim (*flops)(const Node& node);
};
constexpr Row kRows[] = {
    {"Conv", [](const Node& node) { return convolution(node, 1); }},
    {"ConvInteger", [](const Node& node) { return convolution(node, 1); }},
    {"QLinearConv", [](const Node& node) { return convolution(node, 3); }},
    {"ConvTranspose", transposed_convolution},
    {"MatMul", matrix_product},
    {"MatMulInteger", matrix_product},
    {"QLinearMatMul", matrix_product},
    {"Gemm", matrix_product_of_two},
    {"QGemm", matrix_product_of_two},
    {"LSTM", recurrence},
    {"GRU", recurrence},
    {"RNN", recurrence},
};

/// Elements times the products that each of them sums.
Dim products_of(const Stage& stage) {
  std::vector<Expr> sums;  // an expression may hold one sum several times
  visit(stage.expr, [&](const Expr& inner) {
    if (inner.kind() == Expr::Kind::reduce && inner.function() == Function::add &&
        std::find(sums.begin(), sums.end(), inner) == sums.end())
      sums.push_back(inner);
  });
  Dim total;
  for (const Expr& sum : sums) {
    Dim count = product(stage.extents);
    for (const Axis& axis : sum.axes()) count = count * axis.extent;
    total = total + count;
  }
  return total;
}

}  // namespace

Dim flops_of(const Node& node) {
  const auto row = std::find_if(std::begin(kRows), std::end(kRows),
                                [&](const Row& each) { return each.op == node.op.name(); });
  if (row != std::end(kRows)) return row->flops(node);
  Dim products;
  for (const auto& stage : stages_of(node).list)
    if (stage->kind() == Stage::Kind::contract) products = products + products_of(*stage);
  return Dim(2) * products;
}

}  // namespace hone::report
