// Operators that write into places or sum by them, diagonals, integers bit by bit.

#include <limits>

#include "base/size.hpp"
#include "import/builder/angle.hpp"
#include "import/tflite/op_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/gather.hpp"
#include "ops/generate.hpp"
#include "ops/layout.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/pad.hpp"
#include "ops/reduction.hpp"
#include "ops/scatter.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"
#include "ops/unique.hpp"

namespace hone::tflite {
namespace {

/// What a segment that no row is of has, by the operator.
double start_of(ScatterReduction reduction, DType type) {
  switch (reduction) {
    case ScatterReduction::mul: return 1;
    case ScatterReduction::max:
      return type == DType::i32 ? double{INT32_MIN} : double{std::numeric_limits<float>::lowest()};
    case ScatterReduction::min:
      return type == DType::i32 ? double{INT32_MAX} : double{std::numeric_limits<float>::max()};
    default: return 0;
  }
}

/// Rows of input 0 by the numbers in input 1 (of any rank: the first axes of the data), as many
/// segments as `count` says. Rows of negative numbers are left out: a segment more takes them.
void give_segments(OpReader& op, int64_t count, ScatterReduction reduction) {
  const int rank = op.rank_of(0), placed = op.rank_of(1);
  op.check(placed <= rank, "numbers of rank ", placed, " for data of rank ", rank);
  op.check(count >= 0 && count < (1 << 24), count, " segments");
  const auto type = op.dtype_in(0);
  if (type != DType::f32 && type != DType::i32) op.unsupported("segments of this type");
  Tensor first(*type, {1});
  first.set_number(0, start_of(reduction, *type));
  Dims shape{Dim(count + 1)};
  const Dims& data = op.input(0)->type.tensor().shape();
  shape.insert(shape.end(), data.begin() + placed, data.end());
  for (const Dim& dim : shape)
    if (!dim.constant()) op.unsupported("rows of sizes that are not known");
  Value* start =
      op.intermediate(ConstantOfShape{.shape = shape, .value = std::move(first)}, {}, "segments");
  Value* zero = op.constant(Tensor::scalar(DType::i64, 0), "zero");
  Value* spare = op.constant(Tensor::scalar(DType::i64, static_cast<double>(count)), "spare");
  Value* numbers = op.as_i64(1);
  Value* outside = op.intermediate(Less{}, {numbers, zero}, "outside");
  numbers = op.intermediate(Where{}, {outside, spare, numbers}, "numbers");
  numbers = op.intermediate(Unsqueeze{.axes = Dims{Dim(placed)}}, {numbers}, "places");
  Value* sums =
      op.intermediate(ScatterND{.reduction = reduction}, {start, numbers, op.required(0)}, "sums");
  op.emit(Slice{.starts = Dims{0}, .ends = Dims{Dim(count)}, .axes = Dims{0}}, {sums});
}

template <ScatterReduction kReduction>
void import_unsorted_segment(OpReader& op) {
  const std::vector<int64_t> count = op.ints(2);
  op.check(count.size() == 1, count.size(), " numbers of segments");
  give_segments(op, count.front(), kReduction);
}

/// As many segments as the last number says, and one more.
void import_segment_sum(OpReader& op) {
  const std::vector<int64_t> numbers = op.ints(1);
  give_segments(op, numbers.empty() ? 0 : numbers.back() + 1, ScatterReduction::add);
}

/// Inputs: coordinates (a number, a list, or rows of them), sizes, values, what stands elsewhere.
void import_sparse_to_dense(OpReader& op) {
  const auto type = op.dtype_in(2);
  if (!type || *type == DType::string) op.unsupported("values of no numbers");
  Value* start = op.intermediate(Expand{}, {op.required(3), op.as_i64(1)}, "elsewhere");
  Value* places = op.as_i64(0);
  const int rank = op.rank_of(0);
  if (rank == 0) places = op.intermediate(Reshape{.shape = Dims{1, 1}}, {places}, "places");
  if (rank == 1) places = op.intermediate(Unsqueeze{.axes = Dims{1}}, {places}, "places");
  const Dims count{places->type.tensor().shape()[0]};
  Value* values = op.required(2);
  if (op.rank_of(2) == 0) values = op.intermediate(Expand{.shape = count}, {values}, "values");
  op.emit(ScatterND{}, {start, places, values});
}

/// Inputs: data, what is written into it, where it begins: moved inside where it reaches too far.
void import_dynamic_update_slice(OpReader& op) {
  const int rank = op.rank_of(0);
  op.check(op.rank_of(1) == rank, "a slice of rank ", op.rank_of(1), ", wanted ", rank);
  Value* value = op.required(0);
  Value* update = op.required(1);
  const Dims data = value->type.tensor().shape(), part = update->type.tensor().shape();
  std::vector<int64_t> most, sizes;
  for (size_t i = 0; i < data.size(); ++i) {
    const auto whole = data[i].constant(), size = part[i].constant();
    if (!whole || !size) op.unsupported("sizes that are not known");
    op.check(*size <= *whole, "a slice of ", *size, " in ", *whole);
    most.push_back(*whole - *size), sizes.push_back(*size);
  }
  const int64_t count = element_count(sizes);
  op.check(rank > 0 && count < (1 << 24), "a slice of ", count, " elements");
  if (count == 0) return op.give(0, value);
  const auto limit = [&](const std::vector<int64_t>& list, std::string_view hint) {
    return op.constant(Tensor::ints(list), hint);
  };
  Value* begin = op.intermediate(
      Max{}, {op.as_i64(2), limit(std::vector<int64_t>(most.size()), "least")}, "inside");
  begin = op.intermediate(Min{}, {begin, limit(most, "most")}, "begin");
  Tensor ahead(DType::i64, {count, rank});  // of each element of the slice from its beginning
  for (int64_t at = 0; at < count; ++at)
    for (int64_t axis = rank, rest = at; axis-- > 0;) {
      ahead.set_integer(at * rank + axis, rest % sizes[static_cast<size_t>(axis)]);
      rest /= sizes[static_cast<size_t>(axis)];
    }
  Value* places = op.intermediate(Add{}, {op.constant(std::move(ahead), "ahead"), begin}, "places");
  Value* list = op.intermediate(Reshape{.shape = Dims{Dim(count)}}, {update}, "list");
  op.emit(ScatterND{}, {value, places, list});
}

/// A square that is true on its diagonal.
Value* diagonal_of(OpReader& op, int64_t rows, int64_t columns) {
  op.check(rows < (1 << 14) && columns < (1 << 14), "a matrix of ", rows, " x ", columns);
  Tensor marks(DType::boolean, {rows, columns});
  for (int64_t i = 0; i < std::min(rows, columns); ++i) marks.set_integer(i * columns + i, 1);
  return op.constant(std::move(marks), "diagonal");
}

int64_t known(OpReader& op, const Dim& dim) {
  const auto size = dim.constant();
  if (!size) op.unsupported("a diagonal of a length that is not known");
  return *size;
}

void import_matrix_diag(OpReader& op) {
  op.check(op.rank_of(0) > 0, "a diagonal of rank 0");
  const int64_t size = known(op, op.input(0)->type.tensor().shape().back());
  Value* rows = op.intermediate(Unsqueeze{.axes = Dims{Dim(-2)}}, {op.required(0)}, "rows");
  Value* zero = op.constant(Tensor::scalar(*op.dtype_in(0), 0), "zero");
  op.emit(Where{}, {diagonal_of(op, size, size), rows, zero});
}

/// Input 1 in place of the diagonals of input 0.
void import_matrix_set_diag(OpReader& op) {
  const int rank = op.rank_of(0);
  op.check(rank >= 2 && op.rank_of(1) == rank - 1, "a diagonal of rank ", op.rank_of(1));
  const Dims dims = op.input(0)->type.tensor().shape();
  const int64_t rows = known(op, dims[dims.size() - 2]), columns = known(op, dims.back());
  Value* along = op.required(1);
  // One element a column; where there are more columns than rows, none is taken of the rest.
  if (columns > rows) {
    Dims pads(2 * static_cast<size_t>(rank) - 2, Dim(0));
    pads.back() = columns - rows;
    along = op.intermediate(Pad{.pads = pads}, {along}, "padded");
  }
  along = op.intermediate(Unsqueeze{.axes = Dims{Dim(-2)}}, {along}, "rows");
  op.emit(Where{}, {diagonal_of(op, rows, columns), along, op.required(0)});
}

/// The sizes that two lists of sizes broadcast to.
void import_broadcast_args(OpReader& op) {
  Value* filled[2];
  const Tensor one = Tensor::scalar(DType::i64, 1);
  for (int i = 0; i < 2; ++i)
    filled[i] = op.intermediate(Expand{}, {op.constant(one, cat("one", i)), op.as_i64(i)},
                                cat("filled", i));
  Value* both = op.intermediate(Add{}, {filled[0], filled[1]}, "both");
  Value* sizes = op.intermediate(Shape{}, {both}, "sizes");
  op.emit(Cast{.to = op.out(0).dtype.value_or(DType::i32)}, {sizes});
}

void import_reverse_sequence(OpReader& op) {
  const int64_t time = op.option_i32(0), batch = op.option_i32(1);
  if (batch + time != 1 || batch * time != 0)
    op.unsupported("sequences along axis ", time, " of batches along axis ", batch);
  op.give_moved(ReverseSequence{.batch_axis = batch, .time_axis = time},
                {op.moved(0), op.as_i64(1)});
}

void import_unique(OpReader& op) {
  const auto made = op.intermediates(Unique{.sorted = false}, {op.required(0)}, 4, "unique");
  op.give(0, made[0]);
  if (op.outputs() < 2 || !op.wants(1)) return;
  const DType type = op.out(1).dtype.value_or(DType::i32);
  op.give(1, op.intermediate(Cast{.to = type}, {made[2]}, "places"));
}

/// How many of the bounds an element reaches.
void import_bucketize(OpReader& op) {
  const std::vector<float> bounds = op.option_floats(0);
  Tensor list(DType::f32, {static_cast<int64_t>(bounds.size())});
  for (size_t i = 0; i < bounds.size(); ++i) list.put(static_cast<int64_t>(i), bounds[i]);
  Value* x = op.intermediate(Cast{.to = DType::f32}, {op.required(0)}, "reals");
  x = op.intermediate(Unsqueeze{.axes = Dims{Dim(-1)}}, {x}, "column");
  Value* reached =
      op.intermediate(GreaterOrEqual{}, {x, op.constant(std::move(list), "bounds")}, "reached");
  Value* marks = op.intermediate(Cast{.to = DType::i32}, {reached}, "marks");
  op.emit(ReduceSum{.axes = Dims{Dim(-1)}, .keepdims = false}, {marks});
}

void import_bitwise_xor(OpReader& op) {
  if (op.dtype_in(0) == DType::boolean) op.emit(Xor{}, op.all_inputs());
  else op.emit(BitwiseXor{}, op.all_inputs());
}

/// The sign is kept.
void import_right_shift(OpReader& op) {
  op.emit(BitShift{.direction = BitShift::Direction::right}, op.all_inputs());
}

void import_atan2(OpReader& op) { op.give(0, builder::angle(op, op.required(0), op.required(1))); }

}  // namespace

void register_segment(Importers& importers) {
  importers.add("UNSORTED_SEGMENT_SUM", import_unsorted_segment<ScatterReduction::add>);
  importers.add("UNSORTED_SEGMENT_PROD", import_unsorted_segment<ScatterReduction::mul>);
  importers.add("UNSORTED_SEGMENT_MAX", import_unsorted_segment<ScatterReduction::max>);
  importers.add("UNSORTED_SEGMENT_MIN", import_unsorted_segment<ScatterReduction::min>);
  importers.add("SEGMENT_SUM", import_segment_sum);
  importers.add("SPARSE_TO_DENSE", import_sparse_to_dense);
  importers.add("DYNAMIC_UPDATE_SLICE", import_dynamic_update_slice);
  importers.add("MATRIX_DIAG", import_matrix_diag);
  importers.add("MATRIX_SET_DIAG", import_matrix_set_diag);
  importers.add("BROADCAST_ARGS", import_broadcast_args);
  importers.add("REVERSE_SEQUENCE", import_reverse_sequence);
  importers.add("UNIQUE", import_unique);
  importers.add("BUCKETIZE", import_bucketize);
  importers.add("BITWISE_XOR", import_bitwise_xor);
  importers.add("RIGHT_SHIFT", import_right_shift);
  importers.add("ATAN2", import_atan2);
}

}  // namespace hone::tflite
