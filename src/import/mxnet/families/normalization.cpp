#include "ops/normalization.hpp"

#include <algorithm>

#include "import/mxnet/node_reader.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::mxnet {
namespace {

/// The order of axes that exchanges two of them.
std::vector<int64_t> exchange(int rank, int64_t a, int64_t b) {
  std::vector<int64_t> perm;
  for (int axis = 0; axis < rank; ++axis) perm.push_back(axis);
  std::swap(perm[static_cast<size_t>(a)], perm[static_cast<size_t>(b)]);
  return perm;
}

int64_t channels_of(const NodeReader& node, const Value* value, std::string_view what) {
  const auto sizes = value->type.tensor().concrete();
  if (!sizes || sizes->size() != 1) node.unsupported(what, " of the type ", value->type);
  return sizes->front();
}

/// What is stored, whatever `use_global_stats` says of training; factors are 1 unless the node says
/// that they are learned.
void import_batch_norm(NodeReader& node) {
  const auto epsilon = static_cast<float>(node.real("eps", 1e-3));
  const bool fixed = node.flag("fix_gamma", true);
  node.ignore({"use_global_stats", "output_mean_var", "ndev", "key", "min_calib_range",
               "max_calib_range", "sync"});
  const int rank = node.rank_of(0);
  node.check(rank >= 2, "an input of ", rank, " axes, wanted batch and channels");
  const int64_t axis = node.axis_of(node.integer("axis", 1), 0);
  if (node.outputs() > 1) node.unsupported("mean and variance as results");
  Value* gamma = node.weight(1, "gamma");
  Value* beta = node.weight(2, "beta");
  Value* mean = node.weight(3, "moving_mean");
  Value* variance = node.weight(4, "moving_var");
  if (fixed) {
    const Dims channels{channels_of(node, mean, "a mean")};
    gamma = node.intermediate(Expand{.shape = channels}, {node.scalar(1, "one", 3)}, "ones");
  }
  const BatchNormalization op{.epsilon = epsilon};
  Value* x = node.required(0);
  if (axis == 1) return void(node.emit(op, {x, gamma, beta, mean, variance}));
  const Transpose move{.perm = exchange(rank, 1, axis)};
  Value* first = node.intermediate(move, {x}, "channels_first");
  Value* normal = node.intermediate(op, {first, gamma, beta, mean, variance}, "normal");
  node.emit(move, {normal});
}

void import_instance_norm(NodeReader& node) {
  const auto epsilon = static_cast<float>(node.real("eps", 1e-3));
  node.emit(InstanceNormalization{.epsilon = epsilon},
            {node.required(0), node.weight(1, "gamma"), node.weight(2, "beta")});
}

/// Of one axis.
void import_layer_norm(NodeReader& node) {
  const auto epsilon = static_cast<float>(node.real("eps", 1e-5));
  node.ignore({"output_mean_var"});
  const int64_t axis = node.axis_of(node.integer("axis", -1), 0), last = node.rank_of(0) - 1;
  if (node.outputs() > 1) node.unsupported("mean and deviation as results");
  Value* gamma = node.weight(1, "gamma");
  Value* beta = node.weight(2, "beta");
  const LayerNormalization op{.epsilon = epsilon};
  if (axis == last) return void(node.emit(op, {node.required(0), gamma, beta}));
  const Transpose move{.perm = exchange(node.rank_of(0), axis, last)};
  Value* moved = node.intermediate(move, {node.required(0)}, "axis_last");
  node.emit(move, {node.intermediate(op, {moved, gamma, beta}, "normal")});
}

/// x over the root of the sum of its squares and epsilon: of an image, of each place, of each
/// channel.
void import_l2(NodeReader& node) {
  const double epsilon = node.real("eps", 1e-10);
  const size_t mode = node.choice("mode", {"instance", "channel", "spatial"}, "instance");
  const int rank = node.rank_of(0);
  node.check(rank >= (mode == 2 ? 3 : 2), "an input of ", rank, " axes");
  Dims axes;
  for (int axis = mode == 2 ? 2 : 1; axis < (mode == 1 ? 2 : rank); ++axis) axes.push_back(axis);
  Value* x = node.required(0);
  Value* sum = node.intermediate(ReduceSumSquare{.axes = axes}, {x}, "sum");
  Value* more = node.intermediate(Add{}, {sum, node.scalar(epsilon, "epsilon")}, "more");
  node.emit(Div{}, {x, node.intermediate(Sqrt{}, {more}, "norm")});
}

void import_lrn(NodeReader& node) {
  const auto alpha = static_cast<float>(node.real("alpha", 1e-4));
  const auto beta = static_cast<float>(node.real("beta", 0.75));
  const auto bias = static_cast<float>(node.real("knorm", 2));
  const int64_t size = node.integer("nsize");
  node.check(size > 0 && size % 2 == 1, "nsize is ", size, ", wanted an odd number");
  node.emit(LRN{.alpha = alpha, .beta = beta, .bias = bias, .size = size}, {node.required(0)});
}

}  // namespace

void register_normalization(Importers& importers) {
  importers.add({"BatchNorm", "BatchNorm_v1", "CuDNNBatchNorm", "_contrib_SyncBatchNorm"},
                {.run = import_batch_norm, .weights = 1, .like = Importer::Like::sizes});
  importers.add("InstanceNorm",
                {.run = import_instance_norm, .weights = 1, .like = Importer::Like::sizes});
  importers.add("LayerNorm",
                {.run = import_layer_norm, .weights = 1, .like = Importer::Like::sizes});
  importers.add("L2Normalization", {.run = import_l2, .like = Importer::Like::sizes});
  importers.add("LRN", {.run = import_lrn, .like = Importer::Like::sizes});
}

}  // namespace hone::mxnet
