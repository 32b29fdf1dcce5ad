// Functions of one element.

#include "import/tensorflow/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/logic.hpp"
#include "ops/math.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

template <class T>
void import_unary(NodeReader& node) {
  node.emit(T{}, {node.required(0)});
}

/// Of floats; integers stay what they are.
template <class T>
void import_rounding(NodeReader& node) {
  if (is_float(node.type_of(0))) node.emit(T{}, {node.required(0)});
  else node.give(0, node.required(0));
}

void import_relu6(NodeReader& node) {
  node.emit(Clip{}, {node.required(0), node.scalar(0, "least"), node.scalar(6, "most")});
}

void import_leaky_relu(NodeReader& node) {
  node.emit(LeakyRelu{{}, node.real("alpha", 0.2F)}, {node.required(0)});
}

void import_rsqrt(NodeReader& node) {
  node.emit(Reciprocal{}, {node.intermediate(Sqrt{}, {node.required(0)}, "root")});
}

void import_square(NodeReader& node) { node.emit(Mul{}, {node.required(0), node.required(0)}); }

void import_log1p(NodeReader& node) {
  Value* sum = node.intermediate(Add{}, {node.required(0), node.scalar(1, "one")}, "sum");
  node.emit(Log{}, {sum});
}

void import_expm1(NodeReader& node) {
  Value* power = node.intermediate(Exp{}, {node.required(0)}, "power");
  node.emit(Sub{}, {power, node.scalar(1, "one")});
}

void import_erfc(NodeReader& node) {
  Value* erf = node.intermediate(Erf{}, {node.required(0)}, "erf");
  node.emit(Sub{}, {node.scalar(1, "one"), erf});
}

void import_is_finite(NodeReader& node) {
  Value* nan = node.intermediate(IsNaN{}, {node.required(0)}, "is_nan");
  Value* infinite = node.intermediate(IsInf{}, {node.required(0)}, "is_infinite");
  node.emit(Not{}, {node.intermediate(Or{}, {nan, infinite}, "is_not_finite")});
}

/// Complex numbers as pairs: each number and a zero behind it.
void import_cast_to_complex(NodeReader& node, DType to) {
  Value* x = node.cast(node.required(0), to == DType::c64 ? DType::f32 : DType::f64, "real");
  const int64_t rank = static_cast<int64_t>(sizes_of(node, x).size());
  x = node.intermediate(Unsqueeze{.axes = Dims{Dim(rank)}}, {x}, "real");
  Dims pads(2 * static_cast<size_t>(rank) + 2, Dim(0));
  pads.back() = 1;
  Item item = Item::of(node.intermediate(Pad{.pads = pads}, {x}, "pairs"), node.frame());
  item.kind = Item::Kind::pairs;
  node.give_item(0, item);
}

void import_cast(NodeReader& node) {
  const DType to = node.dtype("DstT", DType::f32);
  if (node.type_of(0) == to) return node.give(0, node.required(0));
  if (is_complex(to)) return import_cast_to_complex(node, to);
  if (to == DType::string || is_complex(to) || is_complex(node.type_of(0)))
    node.unsupported("from ", node.type_of(0), " to ", to);
  node.emit(Cast{.to = to}, {node.required(0)});
}

}  // namespace

void register_unary(Importers& importers) {
  importers.add("Abs", import_unary<Abs>);
  importers.add("Acos", import_unary<Acos>);
  importers.add("Acosh", import_unary<Acosh>);
  importers.add("Asin", import_unary<Asin>);
  importers.add("Asinh", import_unary<Asinh>);
  importers.add("Atan", import_unary<Atan>);
  importers.add("Atanh", import_unary<Atanh>);
  importers.add("Ceil", import_unary<Ceil>);
  importers.add("Cos", import_unary<Cos>);
  importers.add("Cosh", import_unary<Cosh>);
  importers.add("Elu", import_unary<Elu>);
  importers.add("Erf", import_unary<Erf>);
  importers.add("Exp", import_unary<Exp>);
  importers.add("Floor", import_unary<Floor>);
  importers.add("Invert", import_unary<BitwiseNot>);
  importers.add("IsInf", import_unary<IsInf>);
  importers.add("IsNan", import_unary<IsNaN>);
  importers.add("Log", import_unary<Log>);
  importers.add("LogicalNot", import_unary<Not>);
  importers.add("Neg", import_unary<Neg>);
  importers.add({"Reciprocal", "Inv"}, import_unary<Reciprocal>);
  importers.add("Relu", import_unary<Relu>);
  importers.add({"Rint", "Round"}, import_rounding<Round>);
  importers.add("Selu", import_unary<Selu>);
  importers.add("Sigmoid", import_unary<Sigmoid>);
  importers.add("Sign", import_unary<Sign>);
  importers.add("Sin", import_unary<Sin>);
  importers.add("Sinh", import_unary<Sinh>);
  importers.add("Softplus", import_unary<Softplus>);
  importers.add("Softsign", import_unary<Softsign>);
  importers.add("Sqrt", import_unary<Sqrt>);
  importers.add("Tan", import_unary<Tan>);
  importers.add("Tanh", import_unary<Tanh>);
  importers.add("Relu6", import_relu6);
  importers.add("LeakyRelu", import_leaky_relu);
  importers.add("Rsqrt", import_rsqrt);
  importers.add("Square", import_square);
  importers.add("Log1p", import_log1p);
  importers.add("Expm1", import_expm1);
  importers.add("Erfc", import_erfc);
  importers.add("IsFinite", import_is_finite);
  importers.add("Cast", import_cast);
}

}  // namespace hone::tensorflow
