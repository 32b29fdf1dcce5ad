#include "import/tflite/bytes.hpp"
#include "import/tflite/hybrid.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::tflite {
namespace {

/// Rows times weights [results, depth], plus the bias.
void import_fully_connected(OpReader& op) {
  const int rank = op.rank_of(0);
  op.check(op.rank_of(1) == 2, "weights of ", op.rank_of(1), " axes, wanted 2");
  op.check(op.option_i8(1) == 0, "weights in a format of one processor's own");
  const Dims& weights = op.input(1)->type.tensor().shape();
  const Dims dims = op.input(0)->type.tensor().shape();
  op.check(rank > 0, "rows of rank 0");
  const bool keeps = op.option_flag(2) && rank != 2;
  Dims shape;
  if (keeps) {
    shape.assign(dims.begin(), dims.end() - 1);
    shape.push_back(weights[0]);
  }
  if (give_byte_product(op, shape, op.activation(0))) return;
  Value* rows = op.real(0);
  if (rank != 2) rows = op.intermediate(Reshape{.shape = Dims{-1, weights[1]}}, {rows}, "rows");
  const Steps steps = op.option_flag(3) ? Steps::anywhere : Steps::around_zero;
  if (give_hybrid_product(op, rows, shape, steps, op.activation(0))) return;
  std::vector<Value*> operands{rows, op.real(1)};
  if (op.has_input(2)) operands.push_back(op.real_bias(2, 0, 1));
  const Gemm product{.transB = true};
  if (!keeps) return op.give_real(product, operands, op.activation(0));
  Value* y = op.intermediate(product, operands, "product");
  op.give_real(Reshape{.shape = std::move(shape)}, {y}, op.activation(0));
}

Value* with_last_axes_swapped(OpReader& op, Value* x, bool swaps, std::string_view hint) {
  if (!swaps) return x;
  const int rank = x->type.tensor().rank();
  op.check(rank >= 2, "a matrix of rank ", rank);
  Transpose swap;
  for (int axis = 0; axis < rank; ++axis) swap.perm.push_back(axis);
  std::swap(swap.perm[static_cast<size_t>(rank) - 1], swap.perm[static_cast<size_t>(rank) - 2]);
  return op.intermediate(std::move(swap), {x}, hint);
}

void import_batch_matmul(OpReader& op) {
  op.rank_of(0), op.rank_of(1);
  Value* a = with_last_axes_swapped(op, op.real(0), op.option_flag(0), "a");
  Value* b = with_last_axes_swapped(op, op.real(1), op.option_flag(1), "b");
  op.give_real(MatMul{}, {a, b});
}

void import_softmax(OpReader& op) {
  const float beta = op.option_f32(0);
  Value* x = op.real(0);
  if (beta != 1) x = op.intermediate(Mul{}, {x, op.scalar(double{beta}, "beta")}, "scaled");
  op.give_real(Softmax{}, {x});
}

void import_log_softmax(OpReader& op) { op.give_real(LogSoftmax{}, {op.real(0)}); }

/// Over axes that input 1 lists.
template <class T>
void import_reduction(OpReader& op) {
  const std::vector<int64_t> axes = op.ints(1);
  if (axes.empty()) return op.give_real(0, op.real(0));
  op.give_real(T{.axes = Dims(axes.begin(), axes.end()), .keepdims = op.option_flag(0)},
               {op.real(0)});
}

/// Along the last axis: x / root of the sum of squares.
void import_l2_normalization(OpReader& op) {
  Value* x = op.real(0);
  Value* squares = op.intermediate(Mul{}, {x, x}, "squares");
  Value* sum = op.intermediate(ReduceSum{.axes = Dims{-1}}, {squares}, "sum");
  Value* least = op.intermediate(Max{}, {sum, op.scalar(1e-6, "epsilon")}, "least");
  op.give_real(Div{}, {x, op.intermediate(Sqrt{}, {least}, "norm")}, op.activation(0));
}

}  // namespace

void register_product(Importers& importers) {
  importers.add("FULLY_CONNECTED", import_fully_connected);
  importers.add("BATCH_MATMUL", import_batch_matmul);
  importers.add("SOFTMAX", import_softmax);
  importers.add("LOG_SOFTMAX", import_log_softmax);
  importers.add("MEAN", import_reduction<ReduceMean>);
  importers.add("SUM", import_reduction<ReduceSum>);
  importers.add("REDUCE_MAX", import_reduction<ReduceMax>);
  importers.add("REDUCE_MIN", import_reduction<ReduceMin>);
  importers.add("REDUCE_PROD", import_reduction<ReduceProd>);
  importers.add("L2_NORMALIZATION", import_l2_normalization);
}

}  // namespace hone::tflite
