// com.microsoft: group normalization as diffusion models have it, channels last.

#include "import/builder/channels_last.hpp"
#include "import/onnx/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/normalization.hpp"
#include "ops/shape.hpp"

namespace hone::onnx {
namespace {

/// Operands that normalization takes: statistics and parameters are worked on in f32.
Value* real(NodeReader& node, Value* value, std::string_view hint) {
  const bool is_real = value->type.is_tensor() && value->type.tensor().dtype == DType::f32;
  return is_real ? value : node.intermediate(Cast{.to = DType::f32}, {value}, hint);
}

/// Output 0: `x` normalized in groups of channels, then x * sigmoid(x) where the node asks for it.
void give_normalized(NodeReader& node, Value* x) {
  const bool last = node.flag("channels_last", true);
  const int64_t activation = node.integer("activation");
  node.check(activation == 0 || activation == 1, "activation is ", activation, ", wanted 0 or 1");
  const GroupNormalization op{.num_groups = node.integer("groups"),
                              .epsilon = node.real("epsilon", 1e-5f)};
  const int rank = last ? image_rank(node) : 0;
  Value* operand = real(node, last ? channels_first(node, x, rank) : x, "real");
  Value* y = node.intermediate(
      op, {operand, real(node, node.required(1), "gamma"), real(node, node.required(2), "beta")},
      "normalized");
  if (activation == 1) y = node.intermediate(Swish{}, {y}, "activated");
  const DType type = node.dtype_in(0).value_or(DType::f32);
  if (type != DType::f32) y = node.intermediate(Cast{.to = type}, {y}, "narrow");
  if (last) emit_channels_last(node, y, rank);
  else node.give(0, y);
}

void import_group_norm(NodeReader& node) { give_normalized(node, node.required(0)); }

/// Normalizes the sum of x, skip and bias, which is also output 1. A skip of rank 2 has a number
/// for each channel of each image.
void import_skip_group_norm(NodeReader& node) {
  const bool last = node.flag("channels_last", true);
  const auto rank = node.rank(0), skip_rank = node.rank(3);
  if (!rank || !skip_rank) node.unsupported("inputs of unknown rank");
  node.check(*rank >= 3, "an input of rank ", *rank, ", wanted batch, spatial axes and channels");
  Dims between, after;  // where spatial axes go into [batch, channels], into [channels]
  for (int axis = 2; axis < *rank; ++axis) {
    between.push_back(last ? axis - 1 : axis);
    after.push_back(axis - 1);
  }
  Value* skip = node.required(3);
  if (*skip_rank == 2) skip = node.intermediate(Unsqueeze{.axes = between}, {skip}, "skip");
  Value* sum = node.intermediate(Add{}, {node.required(0), skip}, "sum");
  if (Value* bias = node.input(4); bias != nullptr) {
    if (!last) bias = node.intermediate(Unsqueeze{.axes = after}, {bias}, "bias");
    sum = node.intermediate(Add{}, {sum, bias}, "sum");
  }
  give_normalized(node, sum);
  if (node.wants(1)) node.give(1, sum);
}

}  // namespace

void register_group_norm(Importers& importers) {
  const auto add = [&](std::string_view name, ImportFunction f) {
    importers.add(name, f, 1, Importers::kAnyVersion, "com.microsoft");
  };
  add("GroupNorm", import_group_norm), add("SkipGroupNorm", import_skip_group_norm);
}

}  // namespace hone::onnx
