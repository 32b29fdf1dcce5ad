#pragma once
// x * scale + shift with one number a channel, as the folding passes see it.

#include <optional>

#include "passes/rewrite.hpp"

namespace hone {

/// A constant, or what pure nodes make of constants only.
bool is_weight(const Value* value);

/// How a node changes each channel of one of its operands.
struct ChannelAffine {
  enum class Kind : uint8_t {
    batch_norm,
    mul,
    div,
    add,
    subtract,       ///< x - w
    subtract_from,  ///< w - x
  };
  Node* node = nullptr;
  size_t operand = 0;  // which one is x
  Kind kind = Kind::mul;
  size_t axis = 1;  // of channels
  int64_t channels = 1;

  bool scales() const { return kind != Kind::add && kind != Kind::subtract; }
  bool shifts() const { return kind != Kind::mul && kind != Kind::div; }
};

/// The affine of channels along `axis` that `node` makes of its operand `x`; nullopt: something
/// else.
std::optional<ChannelAffine> channel_affine(Node& node, const Value* x, size_t axis);

/// Every factor is known and positive: what commutes with those, as Relu does, commutes with it.
bool is_positive(const ChannelAffine& affine);

/// What weights of this type are folded in: one rounding at the end.
DType folding_type(DType type);

/// Scale and shift as values of sizes [1] or [channels] in the folding type, made by nodes in front
/// of `before`; null: none.
struct ScaleShift {
  Value* scale = nullptr;
  Value* shift = nullptr;
};
ScaleShift scale_shift(Graph& graph, Node* before, const ChannelAffine& affine,
                       std::string_view by);

}  // namespace hone
