#include "ops/activation.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/plain.hpp"
#include "ops/arithmetic.hpp"

namespace hone::onnx {
namespace {

/// Operators whose only attribute is alpha, by the op's own default.
template <class T>
void import_alpha(NodeReader& node) {
  T op;
  op.alpha = node.real("alpha", op.alpha);
  node.emit(op, node.all_inputs());
}

void import_selu(NodeReader& node) {
  Selu op;
  op.alpha = node.real("alpha", op.alpha);
  op.gamma = node.real("gamma", op.gamma);
  node.emit(op, node.all_inputs());
}

void import_hard_sigmoid(NodeReader& node) {
  HardSigmoid op;
  op.alpha = node.real("alpha", op.alpha);
  op.beta = node.real("beta", op.beta);
  node.emit(op, node.all_inputs());
}

void import_shrink(NodeReader& node) {
  Shrink op;
  op.lambd = node.real("lambd", op.lambd);
  op.bias = node.real("bias", op.bias);
  node.emit(op, node.all_inputs());
}

void import_gelu(NodeReader& node) {
  Gelu op;
  op.approximate = read_enum(node, "approximate", Gelu::kApproximateNames, op.approximate);
  node.emit(op, node.all_inputs());
}

/// Bounds are attributes before opset 11, operands since.
void import_clip(NodeReader& node) {
  if (node.opset() >= 11) return void(node.emit(Clip{}, node.all_inputs()));
  const DType type = node.dtype_in(0).value_or(DType::f32);
  std::vector<Value*> operands{node.required(0), nullptr, nullptr};
  if (node.has("min"))
    operands[1] = node.constant(Tensor::scalar(type, node.real("min", 0)), "min");
  if (node.has("max"))
    operands[2] = node.constant(Tensor::scalar(type, node.real("max", 0)), "max");
  node.emit(Clip{}, std::move(operands));
}

/// swish(a) * b, rounded between as the standard's function body is. Nothing is broadcast.
void import_swiglu(NodeReader& node) {
  Value *gate = node.required(0), *linear = node.required(1);
  const auto rank = node.rank(0), other = node.rank(1);
  bool fits = !rank || !other || *rank == *other;
  for (size_t i = 0; fits && rank && other && i < static_cast<size_t>(*rank); ++i)
    fits = provably_equal(gate->type.tensor().shape()[i], linear->type.tensor().shape()[i])
               .value_or(true);
  node.check(fits, "gate and linear input are ", gate->type, " and ", linear->type,
             ", wanted the same shape");
  Swish op;
  op.alpha = node.real("alpha", op.alpha);
  node.emit(Mul{}, {node.intermediate(op, {gate}, "swish"), linear});
}

// com.microsoft: variants that ONNX Runtime's optimizer and exporters leave in files.

void import_quick_gelu(NodeReader& node) {
  Swish op;
  op.alpha = node.real("alpha", 1.702f);
  node.emit(op, {node.required(0)});
}

Value* biased(NodeReader& node) {
  if (node.input(1) == nullptr) return node.required(0);
  return node.intermediate(Add{}, {node.required(0), node.input(1)}, "biased");
}

void import_fast_gelu(NodeReader& node) {
  Gelu op;
  op.approximate = Gelu::Approximate::tanh;
  node.emit(op, {biased(node)});
}

void import_bias_gelu(NodeReader& node) { node.emit(Gelu{}, {biased(node)}); }

}  // namespace

void register_activation(Importers& importers) {
  constexpr int kAny = Importers::kAnyVersion;
  constexpr std::string_view kMicrosoft = "com.microsoft";
  add_plain<Relu>(importers), add_plain<Sigmoid>(importers), add_plain<HardSwish>(importers);
  add_plain<Softplus>(importers), add_plain<Softsign>(importers), add_plain<Mish>(importers);
  importers.add("LeakyRelu", import_alpha<LeakyRelu>);
  importers.add("ThresholdedRelu", import_alpha<ThresholdedRelu>);
  importers.add("Elu", import_alpha<Elu>);
  importers.add("Celu", import_alpha<Celu>);
  importers.add("Swish", import_alpha<Swish>);
  importers.add("Selu", import_selu);
  importers.add("HardSigmoid", import_hard_sigmoid);
  importers.add("Shrink", import_shrink);
  importers.add("Gelu", import_gelu);
  importers.add("Clip", import_clip);
  importers.add("SwiGLU", import_swiglu, 28);
  importers.add("Gelu", import_plain<Gelu>, 1, kAny, kMicrosoft);
  importers.add("QuickGelu", import_quick_gelu, 1, kAny, kMicrosoft);
  importers.add("FastGelu", import_fast_gelu, 1, kAny, kMicrosoft);
  importers.add("BiasGelu", import_bias_gelu, 1, kAny, kMicrosoft);
}

}  // namespace hone::onnx
