// Operators that make tensors of sizes and bounds, or find places.

#include "ops/generate.hpp"

#include "import/builder/channels_last.hpp"
#include "import/tflite/op_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/normalization.hpp"
#include "ops/reduction.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/softmax.hpp"

namespace hone::tflite {
namespace {

/// One number, input 1, over the sizes in input 0.
void import_fill(OpReader& op) { op.emit(Expand{}, {op.required(1), op.as_i64(0)}); }

void import_zeros_like(OpReader& op) {
  const auto dtype = op.dtype_in(0);
  if (!dtype || *dtype == DType::string) op.unsupported("zeros of no numbers");
  Value* sizes = op.intermediate(Shape{}, {op.required(0)}, "sizes");
  op.emit(ConstantOfShape{.value = Tensor(*dtype, {1})}, {sizes});
}

void import_range(OpReader& op) {
  op.emit(hone::Range{}, {op.required(0), op.required(1), op.required(2)});
}

void import_rank(OpReader& op) {
  const int rank = op.rank_of(0);
  op.give(0, op.constant(Tensor::scalar(DType::i32, rank), ""));
}

/// Inputs: indices, depth, what marks and what does not.
void import_one_hot(OpReader& op) {
  const auto scalar = [&](int i) {
    return op.intermediate(Reshape{.shape = Dims{Dim(1)}}, {op.required(i)}, cat("number", i));
  };
  Value* values = op.intermediate(Concat{.axis = 0}, {scalar(3), scalar(2)}, "off_and_on");
  op.emit(OneHot{.axis = op.option_i32(0)}, {op.required(0), op.required(1), values});
}

/// Coordinates of what is not zero, a row each.
void import_where(OpReader& op) {
  if (op.inputs() != 1) op.unsupported("a choice between two inputs");
  Value* found = op.intermediate(NonZero{}, {op.required(0)}, "found");
  op.emit(Transpose{.perm = {1, 0}}, {found});
}

void import_cumsum(OpReader& op) {
  const std::vector<int64_t> axis = op.ints(1);
  op.check(axis.size() == 1, axis.size(), " axes, wanted 1");
  op.give_real(CumSum{.axis = Dims{Dim(axis.front())},
                      .exclusive = op.option_flag(0),
                      .reverse = op.option_flag(1)},
               {op.real(0)});
}

/// Of booleans: whether all, or any, hold.
template <class T>
void import_logical(OpReader& op) {
  const std::vector<int64_t> axes = op.ints(1);
  if (axes.empty()) return op.give(0, op.required(0));
  op.emit(T{.axes = Dims(axes.begin(), axes.end()), .keepdims = op.option_flag(0)},
          {op.required(0)});
}

void import_floor_mod(OpReader& op) { op.give_real(Mod{}, {op.real(0), op.real(1)}); }

/// Inputs: indices, updates, sizes; what falls on one place adds up.
void import_scatter_nd(OpReader& op) {
  const auto dtype = op.dtype_in(1);
  if (!dtype || *dtype == DType::string) op.unsupported("updates of no numbers");
  Value* zeros =
      op.intermediate(ConstantOfShape{.value = Tensor(*dtype, {1})}, {op.as_i64(2)}, "zeros");
  op.emit(ScatterND{.reduction = ScatterReduction::add}, {zeros, op.as_i64(0), op.required(1)});
}

/// Rows of a table: inputs are the rows' numbers, the table.
void import_embedding_lookup(OpReader& op) { op.give_real(Gather{}, {op.real(1), op.required(0)}); }

/// x / (bias + alpha * sum of squares around) ^ beta, channels last.
void import_local_response(OpReader& op) {
  const int rank = op.rank_of(0);
  op.check(rank == 4, "an image of rank ", rank, ", wanted 4");
  const int64_t size = 2 * op.option_i32(0) + 1;
  op.check(size > 0 && size < (1 << 20), "a radius of ", op.option_i32(0));
  LRN lrn{.alpha = op.option_f32(2) * static_cast<float>(size),
          .beta = op.option_f32(3),
          .bias = op.option_f32(1),
          .size = size};
  Value* x = builder::channels_first(op, op.real(0), 4);
  op.give_real(0, builder::channels_last(op, op.intermediate(lrn, {x}, "normalized"), 4));
}

}  // namespace

void register_generate(Importers& importers) {
  importers.add("FILL", import_fill);
  importers.add("ZEROS_LIKE", import_zeros_like);
  importers.add("RANGE", import_range);
  importers.add("RANK", import_rank);
  importers.add("ONE_HOT", import_one_hot);
  importers.add("WHERE", import_where);
  importers.add("CUMSUM", import_cumsum);
  importers.add("REDUCE_ALL", import_logical<ReduceMin>);
  importers.add("REDUCE_ANY", import_logical<ReduceMax>);
  importers.add("FLOOR_MOD", import_floor_mod);
  importers.add("SCATTER_ND", import_scatter_nd);
  importers.add("EMBEDDING_LOOKUP", import_embedding_lookup);
  importers.add("LOCAL_RESPONSE_NORMALIZATION", import_local_response);
}

}  // namespace hone::tflite
