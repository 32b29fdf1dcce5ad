// Norms, softmax and its kin.

#include "ops/normalization.hpp"

#include "import/builder/channels_last.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/math.hpp"
#include "ops/reduction.hpp"
#include "ops/softmax.hpp"

namespace hone::tensorflow {
namespace {

Value* of_channels(NodeReader& node, Value* value, int rank, bool last, std::string_view hint) {
  const Dims& sizes = sizes_of(node, value);
  node.check(rank >= 2 && sizes.size() == 1, "a factor of rank ", sizes.size(), ", wanted 1");
  if (last) return value;
  Dims shape(static_cast<size_t>(rank) - 1, 1);
  shape[0] = sizes[0];
  return node.reshaped(value, std::move(shape), hint);
}

/// By the batch's own mean and variance: in training, and where nothing else is meant.
void normalize_by_batch(NodeReader& node, float epsilon, bool last) {
  if (node.wants(1) || node.wants(2)) node.unsupported("statistics of the batch as results");
  const int rank = node.rank_of(0);
  Dims axes;
  for (int axis = 0; axis < rank; ++axis)
    if (axis != (last ? rank - 1 : 1)) axes.push_back(axis);
  Value* x = node.required(0);
  Value* mean = node.intermediate(ReduceMean{.axes = axes}, {x}, "mean");
  Value* apart = node.intermediate(Sub{}, {x, mean}, "apart");
  Value* squares = node.intermediate(Mul{}, {apart, apart}, "squares");
  Value* variance = node.intermediate(ReduceMean{.axes = axes}, {squares}, "variance");
  Value* raised =
      node.intermediate(Add{}, {variance, node.scalar(double{epsilon}, "epsilon")}, "raised");
  Value* root = node.intermediate(Sqrt{}, {raised}, "root");
  Value* normal = node.intermediate(Div{}, {apart, root}, "normal");
  Value* scaled = node.intermediate(
      Mul{}, {normal, of_channels(node, node.required(1), rank, last, "scale")}, "scaled");
  node.emit(Add{}, {scaled, of_channels(node, node.required(2), rank, last, "offset")});
}

/// Inputs: images, scale, offset, mean, variance.
void import_fused_batch_norm(NodeReader& node) {
  const float epsilon = node.real("epsilon", 1e-4F);
  const bool last = !node.word("data_format", "NHWC").starts_with("NC");
  if (node.flag("is_training", true)) return normalize_by_batch(node, epsilon, last);
  for (int i = 3; i < 5; ++i) {
    const int result = i - 2;
    if (node.wants(result)) node.give(result, node.required(i));
  }
  std::vector<Value*> inputs{node.required(0)};
  for (int i = 1; i < 5; ++i)
    inputs.push_back(node.cast(node.required(i), node.type_of(0), cat("statistics", i)));
  const int rank = node.rank_of(0);
  if (!last) return void(node.emit(BatchNormalization{.epsilon = epsilon}, inputs));
  inputs[0] = builder::channels_first(node, inputs[0], rank);
  Value* y = node.intermediate(BatchNormalization{.epsilon = epsilon}, inputs, "normalized");
  builder::emit_channels_last(node, y, rank);
}

/// x / (bias + alpha * sum of squares around) ^ beta over channels, which are last.
void import_lrn(NodeReader& node) {
  const int64_t size = 2 * node.integer("depth_radius", 5) + 1;
  node.check(size > 0 && size < (1 << 20), "a radius of ", node.integer("depth_radius", 5));
  const int rank = node.rank_of(0);
  node.check(rank == 4, "an image of rank ", rank, ", wanted 4");
  const LRN lrn{.alpha = node.real("alpha", 1) * static_cast<float>(size),
                .beta = node.real("beta", 0.5F),
                .bias = node.real("bias", 1),
                .size = size};
  Value* x = builder::channels_first(node, node.required(0), 4);
  builder::emit_channels_last(node, node.intermediate(lrn, {x}, "normalized"), 4);
}

void import_l2_loss(NodeReader& node) {
  Value* sum = node.intermediate(ReduceSumSquare{.keepdims = false}, {node.required(0)}, "sum");
  node.emit(Mul{}, {sum, node.scalar(0.5, "half")});
}

void import_softmax(NodeReader& node) { node.emit(Softmax{}, {node.required(0)}); }
void import_log_softmax(NodeReader& node) { node.emit(LogSoftmax{}, {node.required(0)}); }

}  // namespace

void register_normalization(Importers& importers) {
  const std::vector<std::string_view> results = {
      "y", "batch_mean", "batch_variance", "reserve_space_1", "reserve_space_2", "reserve_space_3"};
  for (const std::string_view op : {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"})
    importers.add(op, {import_fused_batch_norm, results});
  importers.add("LRN", import_lrn);
  importers.add("L2Loss", import_l2_loss);
  importers.add("Softmax", import_softmax);
  importers.add("LogSoftmax", import_log_softmax);
}

}  // namespace hone::tensorflow
