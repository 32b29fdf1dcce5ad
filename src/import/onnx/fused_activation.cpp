#include "import/onnx/fused_activation.hpp"

#include "ops/activation.hpp"
#include "ops/math.hpp"

namespace hone::onnx {
namespace {

/// The numbers of an activation, with those of the ONNX operator where the file gives none.
class Numbers {
 public:
  explicit Numbers(NodeReader& node)
      : node_(node),
        listed_(node.has("activation_params")),
        list_(node.reals("activation_params")) {}

  /// Number `i` of the list, or the attribute `name`.
  float number(size_t i, std::string_view name, float otherwise) {
    if (!listed_) return node_.real(name, otherwise);
    return i < list_.size() ? list_[i] : otherwise;
  }
  float alpha(float otherwise) { return number(0, "activation_alpha", otherwise); }
  float beta(float otherwise) { return number(1, "activation_beta", otherwise); }
  float gamma(float otherwise) { return number(1, "activation_gamma", otherwise); }

 private:
  NodeReader& node_;
  bool listed_;
  std::vector<float> list_;
};

FusedActivation clip(NodeReader& node, Numbers& numbers) {
  const DType type = node.dtype_in(0).value_or(DType::f32);
  const auto bound = [&](float value, std::string_view hint) {
    return node.constant(Tensor::scalar(type, static_cast<double>(value)), hint);
  };
  const float least = numbers.alpha(0), most = numbers.beta(0);
  return {Clip{}, {bound(least, "least"), bound(most, "most")}};
}

Selu selu(Numbers& numbers) {
  Selu op;
  op.alpha = numbers.alpha(op.alpha);
  op.gamma = numbers.gamma(op.gamma);
  return op;
}

HardSigmoid hard_sigmoid(Numbers& numbers) {
  HardSigmoid op;
  op.alpha = numbers.alpha(op.alpha);
  op.beta = numbers.beta(op.beta);
  return op;
}

template <class T>
FusedActivation with_alpha(Numbers& numbers) {
  T op;
  op.alpha = numbers.alpha(op.alpha);
  return {op, {}};
}

}  // namespace

std::optional<FusedActivation> read_activation(NodeReader& node) {
  const std::string name = node.text("activation", "");
  Numbers numbers(node);
  for (const auto* attribute : {"activation_alpha", "activation_beta", "activation_gamma"})
    node.ignore(attribute);
  if (name.empty()) return std::nullopt;
  if (name == "Relu") return FusedActivation{Relu{}, {}};
  if (name == "Tanh") return FusedActivation{Tanh{}, {}};
  if (name == "Sigmoid") return FusedActivation{Sigmoid{}, {}};
  if (name == "Softplus") return FusedActivation{Softplus{}, {}};
  if (name == "Softsign") return FusedActivation{Softsign{}, {}};
  if (name == "HardSwish") return FusedActivation{HardSwish{}, {}};
  if (name == "LeakyRelu") return with_alpha<LeakyRelu>(numbers);
  if (name == "Elu") return with_alpha<Elu>(numbers);
  if (name == "Celu") return with_alpha<Celu>(numbers);
  if (name == "ThresholdedRelu") return with_alpha<ThresholdedRelu>(numbers);
  if (name == "HardSigmoid") return FusedActivation{hard_sigmoid(numbers), {}};
  if (name == "Selu") return FusedActivation{selu(numbers), {}};
  if (name == "Clip") return clip(node, numbers);
  node.unsupported("the fused activation \"", name, "\"");
}

Value* activated(NodeReader& node, Op op, std::vector<Value*> inputs,
                 const std::optional<FusedActivation>& activation) {
  Value* value = node.intermediate(std::move(op), std::move(inputs), "before_activation");
  if (!activation) return value;
  std::vector<Value*> operands{value};
  operands.insert(operands.end(), activation->operands.begin(), activation->operands.end());
  return node.intermediate(activation->op, std::move(operands), "activated");
}

Value* emit_activated(NodeReader& node, Op op, std::vector<Value*> inputs,
                      const std::optional<FusedActivation>& activation) {
  if (!activation) return node.emit(std::move(op), std::move(inputs));
  std::vector<Value*> operands{
      node.intermediate(std::move(op), std::move(inputs), "before_activation")};
  operands.insert(operands.end(), activation->operands.begin(), activation->operands.end());
  return node.emit(activation->op, std::move(operands));
}

}  // namespace hone::onnx
