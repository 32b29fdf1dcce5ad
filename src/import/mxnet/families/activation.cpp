// Functions of one element.

#include "ops/activation.hpp"

#include <numbers>

#include "import/mxnet/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/compare.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

template <class T>
void import_plain(NodeReader& node) {
  node.emit(T{}, {node.required(0)});
}

void import_activation(NodeReader& node) {
  Value* x = node.required(0);
  switch (node.choice(
      "act_type", {"relu", "sigmoid", "tanh", "softrelu", "softsign", "log_sigmoid", "mish"}, "")) {
    case 0: node.emit(Relu{}, {x}); return;
    case 1: node.emit(Sigmoid{}, {x}); return;
    case 2: node.emit(Tanh{}, {x}); return;
    case 3: node.emit(Softplus{}, {x}); return;
    case 4: node.emit(Softsign{}, {x}); return;
    case 5: node.emit(Log{}, {node.intermediate(Sigmoid{}, {x}, "sigmoid")}); return;
    default: node.emit(Mish{}, {x});
  }
}

/// A slope for each channel, or one for all.
void prelu(NodeReader& node) {
  Value* slope = node.weight(1, "gamma");
  const int rank = node.rank_of(0);
  const auto sizes = slope->type.tensor().concrete();
  if (!sizes || sizes->size() != 1) node.unsupported("slopes of the type ", slope->type);
  if (sizes->front() != 1 && rank > 2) {
    Dims shape(static_cast<size_t>(rank - 1), 1);
    shape[0] = sizes->front();
    slope = node.reshaped(slope, shape, "slope");
  }
  node.emit(PRelu{}, {node.required(0), slope});
}

void import_leaky_relu(NodeReader& node) {
  const size_t kind =
      node.choice("act_type", {"leaky", "prelu", "elu", "selu", "gelu", "rrelu"}, "leaky");
  const auto slope = static_cast<float>(node.real("slope", 0.25));
  const double lower = node.real("lower_bound", 0.125), upper = node.real("upper_bound", 0.334);
  Value* x = node.required(0);
  switch (kind) {
    case 0: node.emit(LeakyRelu{{}, slope}, {x}); return;
    case 1: prelu(node); return;
    case 2: node.emit(Elu{{}, slope}, {x}); return;
    case 3: node.emit(Selu{}, {x}); return;
    case 4: node.emit(Gelu{}, {x}); return;
    // Drawn at random while training; the middle afterwards.
    default: node.emit(LeakyRelu{{}, static_cast<float>((lower + upper) / 2)}, {x});
  }
}

void import_hard_sigmoid(NodeReader& node) {
  const auto alpha = static_cast<float>(node.real("alpha", 0.2));
  node.emit(HardSigmoid{{}, alpha, static_cast<float>(node.real("beta", 0.5))}, {node.required(0)});
}

void import_clip(NodeReader& node) {
  Value* least = node.scalar(node.real("a_min", 0), "least");
  Value* most = node.scalar(node.real("a_max", 0), "most");
  node.check(node.has("a_min") && node.has("a_max"), "clip wants a_min and a_max");
  node.emit(Clip{}, {node.required(0), least, most});
}

void import_square(NodeReader& node) { node.emit(Mul{}, {node.required(0), node.required(0)}); }

void import_rsqrt(NodeReader& node) {
  node.emit(Reciprocal{}, {node.intermediate(Sqrt{}, {node.required(0)}, "root")});
}

/// Halves away from zero.
void import_round(NodeReader& node) {
  Value* x = node.required(0);
  Value* size = node.intermediate(Abs{}, {x}, "size");
  Value* more = node.intermediate(Add{}, {size, node.scalar(0.5, "half")}, "more");
  Value* whole = node.intermediate(Floor{}, {more}, "whole");
  node.emit(Mul{}, {whole, node.intermediate(Sign{}, {x}, "sign")});
}

/// Toward zero.
void import_fix(NodeReader& node) {
  Value* x = node.required(0);
  Value* whole = node.intermediate(Floor{}, {node.intermediate(Abs{}, {x}, "size")}, "whole");
  node.emit(Mul{}, {whole, node.intermediate(Sign{}, {x}, "sign")});
}

void import_log1p(NodeReader& node) {
  node.emit(Log{}, {node.intermediate(Add{}, {node.required(0), node.scalar(1, "one")}, "more")});
}
void import_expm1(NodeReader& node) {
  node.emit(Sub{}, {node.intermediate(Exp{}, {node.required(0)}, "exp"), node.scalar(1, "one")});
}
void log_to(NodeReader& node, double factor) {
  Value* natural = node.intermediate(Log{}, {node.required(0)}, "natural");
  node.emit(Mul{}, {natural, node.scalar(factor, "factor")});
}
void import_log2(NodeReader& node) { log_to(node, std::numbers::log2e); }
void import_log10(NodeReader& node) { log_to(node, std::numbers::log10e); }

void import_logical_not(NodeReader& node) {
  Value* zero = node.scalar(0, "zero");
  Value* is_zero = node.intermediate(Equal{}, {node.required(0), zero}, "is_zero");
  node.emit(Cast{.to = node.dtype_in(0).value_or(DType::f32)}, {is_zero});
}

void import_cast(NodeReader& node) {
  const DType to = node.dtype("dtype", DType::f32);
  node.emit(Cast{.to = to}, {node.required(0)});
}

/// Operators that change nothing when a network runs.
void import_identity(NodeReader& node) {
  node.ignore({"p", "mode", "axes", "grad_scale", "valid_thresh", "normalization", "num_outputs"});
  node.give(0, node.required(0));
}

constexpr Importer same(void (*run)(NodeReader&)) {
  return {.run = run, .like = Importer::Like::sizes};
}

}  // namespace

void register_activation(Importers& importers) {
  importers.add("Activation", same(import_activation));
  importers.add("LeakyReLU",
                {.run = import_leaky_relu, .weights = 1, .like = Importer::Like::sizes});
  importers.add("relu", same(import_plain<Relu>));
  importers.add("sigmoid", same(import_plain<Sigmoid>));
  importers.add("softsign", same(import_plain<Softsign>));
  importers.add("hard_sigmoid", same(import_hard_sigmoid));
  importers.add("clip", same(import_clip));
  importers.add({"abs", "_abs"}, same(import_plain<Abs>));
  importers.add({"negative", "_np_negative"}, same(import_plain<Neg>));
  importers.add("sign", same(import_plain<Sign>));
  importers.add("exp", same(import_plain<Exp>));
  importers.add("log", same(import_plain<Log>));
  importers.add("log2", same(import_log2));
  importers.add("log10", same(import_log10));
  importers.add("log1p", same(import_log1p));
  importers.add("expm1", same(import_expm1));
  importers.add("sqrt", same(import_plain<Sqrt>));
  importers.add("rsqrt", same(import_rsqrt));
  importers.add("square", same(import_square));
  importers.add("reciprocal", same(import_plain<Reciprocal>));
  importers.add("erf", same(import_plain<Erf>));
  importers.add("floor", same(import_plain<Floor>));
  importers.add("ceil", same(import_plain<Ceil>));
  importers.add("round", same(import_round));
  importers.add({"fix", "trunc"}, same(import_fix));
  importers.add("sin", same(import_plain<Sin>));
  importers.add("cos", same(import_plain<Cos>));
  importers.add("tan", same(import_plain<Tan>));
  importers.add("tanh", same(import_plain<Tanh>));
  importers.add("sinh", same(import_plain<Sinh>));
  importers.add("cosh", same(import_plain<Cosh>));
  importers.add("arcsin", same(import_plain<Asin>));
  importers.add("arccos", same(import_plain<Acos>));
  importers.add("arctan", same(import_plain<Atan>));
  importers.add("logical_not", same(import_logical_not));
  importers.add({"Cast", "cast", "amp_cast"}, same(import_cast));
  importers.add({"Dropout", "BlockGrad", "stop_gradient", "_copy", "identity", "MakeLoss",
                 "make_loss", "IdentityAttachKLSparseReg", "_np_copy"},
                same(import_identity));
}

}  // namespace hone::mxnet
