// Functions of two elements, and choices between elements.

#include "import/builder/angle.hpp"
#include "import/tensorflow/images.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/compare.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"

namespace hone::tensorflow {
namespace {

template <class T>
void import_two(NodeReader& node) {
  node.emit(T{}, {node.required(0), node.required(1)});
}

/// Sums and products: also of an image and what belongs to its channels.
template <class T>
void import_affine(NodeReader& node) {
  if (!emit_to_channels(node, T{}, 0, 1) && !emit_to_channels(node, T{}, 1, 0)) import_two<T>(node);
}

/// As they are divided in C: integers towards zero.
void import_truncate_div(NodeReader& node) { import_two<Div>(node); }

/// Rounded down, integers too.
void import_floor_div(NodeReader& node) {
  Value *a = node.required(0), *b = node.required(1);
  if (is_float(node.type_of(0)))
    return void(node.emit(Floor{}, {node.intermediate(Div{}, {a, b}, "quotient")}));
  Value* rest = node.intermediate(Mod{}, {a, b}, "rest");
  node.emit(Div{}, {node.intermediate(Sub{}, {a, rest}, "whole"), b});
}

void import_floor_mod(NodeReader& node) { import_two<Mod>(node); }
void import_truncate_mod(NodeReader& node) {
  node.emit(Mod{{}, true}, {node.required(0), node.required(1)});
}

/// 0 where input `i` is 0, else the value.
void emit_unless_zero(NodeReader& node, int i, Value* value) {
  Value* zero = node.scalar(0, "zero");
  Value* is_zero = node.intermediate(Equal{}, {node.required(i), zero}, "is_zero");
  node.emit(Where{}, {is_zero, zero, value});
}

void import_div_no_nan(NodeReader& node) {
  Value* quotient = node.intermediate(Div{}, {node.required(0), node.required(1)}, "quotient");
  emit_unless_zero(node, 1, quotient);
}
void import_mul_no_nan(NodeReader& node) {
  Value* product = node.intermediate(Mul{}, {node.required(0), node.required(1)}, "product");
  emit_unless_zero(node, 1, product);
}
void import_xdivy(NodeReader& node) {
  Value* quotient = node.intermediate(Div{}, {node.required(0), node.required(1)}, "quotient");
  emit_unless_zero(node, 0, quotient);
}
void import_xlogy(NodeReader& node) {
  Value* log = node.intermediate(Log{}, {node.required(1)}, "log");
  emit_unless_zero(node, 0, node.intermediate(Mul{}, {node.required(0), log}, "product"));
}
void import_xlog1py(NodeReader& node) {
  Value* sum = node.intermediate(Add{}, {node.required(1), node.scalar(1, "one")}, "sum");
  Value* log = node.intermediate(Log{}, {sum}, "log");
  emit_unless_zero(node, 0, node.intermediate(Mul{}, {node.required(0), log}, "product"));
}

void import_squared_difference(NodeReader& node) {
  Value* apart = node.intermediate(Sub{}, {node.required(0), node.required(1)}, "apart");
  node.emit(Mul{}, {apart, apart});
}

void import_not_equal(NodeReader& node) {
  node.emit(Not{}, {node.intermediate(Equal{}, {node.required(0), node.required(1)}, "equal")});
}

void import_approximate_equal(NodeReader& node) {
  Value* apart = node.intermediate(Sub{}, {node.required(0), node.required(1)}, "apart");
  Value* most = node.scalar(double{node.real("tolerance", 1e-5F)}, "tolerance");
  node.emit(Less{}, {node.intermediate(Abs{}, {apart}, "distance"), most});
}

/// The angle of (x, y), of y and x: the quotient's, half a turn further where x is negative.
void import_atan2(NodeReader& node) {
  node.give(0, builder::angle(node, node.required(0), node.required(1)));
}

void import_add_n(NodeReader& node) {
  for (int i = 0; i < node.inputs(); ++i) node.required(i);
  node.emit(Sum{}, node.all_inputs());
}

/// A condition of one axis chooses between whole slices.
void import_select(NodeReader& node) {
  Value* condition = node.required(0);
  const int rank = node.rank_of(1);
  if (node.rank_of(0) == 1 && rank > 1) {
    Dims shape(static_cast<size_t>(rank), 1);
    shape[0] = node.dims(0)[0];
    condition = node.reshaped(condition, shape, "of_slices");
  }
  node.emit(Where{}, {condition, node.required(1), node.required(2)});
}

void import_select_v2(NodeReader& node) {
  node.emit(Where{}, {node.required(0), node.required(1), node.required(2)});
}

void import_clip_by_value(NodeReader& node) {
  Value *x = node.required(0), *least = node.required(1), *most = node.required(2);
  if (node.rank(1) == 0 && node.rank(2) == 0) return void(node.emit(Clip{}, {x, least, most}));
  node.emit(Max{}, {node.intermediate(Min{}, {x, most}, "at_most"), least});
}

template <BitShift::Direction D>
void import_shift(NodeReader& node) {
  node.emit(BitShift{.direction = D}, {node.required(0), node.required(1)});
}

}  // namespace

void register_binary(Importers& importers) {
  importers.add({"Add", "AddV2"}, import_affine<Add>);
  importers.add("Sub", import_two<Sub>);
  importers.add("Mul", import_affine<Mul>);
  importers.add({"Div", "TruncateDiv"}, import_truncate_div);
  importers.add("RealDiv", import_two<Div>);
  importers.add("FloorDiv", import_floor_div);
  importers.add("FloorMod", import_floor_mod);
  importers.add({"Mod", "TruncateMod"}, import_truncate_mod);
  importers.add("Maximum", import_two<Max>);
  importers.add("Minimum", import_two<Min>);
  importers.add("Pow", import_two<Pow>);
  importers.add("DivNoNan", import_div_no_nan);
  importers.add("MulNoNan", import_mul_no_nan);
  importers.add("Xdivy", import_xdivy);
  importers.add("Xlogy", import_xlogy);
  importers.add("Xlog1py", import_xlog1py);
  importers.add("SquaredDifference", import_squared_difference);
  importers.add("Atan2", import_atan2);
  importers.add("Equal", import_two<Equal>);
  importers.add("NotEqual", import_not_equal);
  importers.add("ApproximateEqual", import_approximate_equal);
  importers.add("Less", import_two<Less>);
  importers.add("LessEqual", import_two<LessOrEqual>);
  importers.add("Greater", import_two<Greater>);
  importers.add("GreaterEqual", import_two<GreaterOrEqual>);
  importers.add("LogicalAnd", import_two<And>);
  importers.add("LogicalOr", import_two<Or>);
  importers.add("BitwiseAnd", import_two<BitwiseAnd>);
  importers.add("BitwiseOr", import_two<BitwiseOr>);
  importers.add("BitwiseXor", import_two<BitwiseXor>);
  importers.add("LeftShift", import_shift<BitShift::Direction::left>);
  importers.add("RightShift", import_shift<BitShift::Direction::right>);
  importers.add({"AddN", "AccumulateNV2"}, import_add_n);
  importers.add("Select", import_select);
  importers.add("SelectV2", import_select_v2);
  importers.add("ClipByValue", import_clip_by_value);
}

}  // namespace hone::tensorflow
