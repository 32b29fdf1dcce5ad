#include "ops/normalization.hpp"

#include "import/onnx/node_reader.hpp"

namespace hone::onnx {
namespace {

void import_batch_normalization(NodeReader& node) {
  const BatchNormalization op{.epsilon = node.real("epsilon", 1e-5f)};
  node.ignore("momentum");  // of training
  node.ignore("is_test");
  const bool training = node.flag("training_mode", false) || node.wants(1) || node.wants(2);
  if (training || node.wants(3) || node.wants(4))
    return node.problem("it is in training mode", "export the model for inference (model.eval())");
  if (!node.flag("spatial", true))
    return node.problem("spatial=0: statistics for every element are not supported");
  node.emit(op, node.all_inputs());
}

void import_layer_normalization(NodeReader& node) {
  const LayerNormalization op{.axis = node.integer("axis", -1),
                              .epsilon = node.real("epsilon", 1e-5f),
                              .stash_type = node.dtype("stash_type", DType::f32)};
  node.emit_all(op, node.all_inputs());
}

void import_rms_normalization(NodeReader& node) {
  const RMSNormalization op{.axis = node.integer("axis", -1),
                            .epsilon = node.real("epsilon", 1e-5f),
                            .stash_type = node.dtype("stash_type", DType::f32)};
  node.emit(op, node.all_inputs());
}

void import_instance_normalization(NodeReader& node) {
  node.emit(InstanceNormalization{.epsilon = node.real("epsilon", 1e-5f)}, node.all_inputs());
}

void import_group_normalization(NodeReader& node) {
  const GroupNormalization op{.num_groups = node.integer("num_groups"),
                              .epsilon = node.real("epsilon", 1e-5f),
                              .stash_type = node.dtype("stash_type", DType::f32)};
  node.emit(op, node.all_inputs());
}

void import_lrn(NodeReader& node) {
  const LRN op{.alpha = node.real("alpha", 1e-4f),
               .beta = node.real("beta", 0.75f),
               .bias = node.real("bias", 1),
               .size = node.integer("size")};
  node.emit(op, node.all_inputs());
}

void import_lp_normalization(NodeReader& node) {
  const LpNormalization op{.axis = node.integer("axis", -1), .p = node.integer("p", 2)};
  node.emit(op, node.all_inputs());
}

void import_mean_variance_normalization(NodeReader& node) {
  node.emit(MeanVarianceNormalization{.axes = node.ints("axes", {0, 2, 3})}, node.all_inputs());
}

}  // namespace

void register_normalization(Importers& importers) {
  importers.add("BatchNormalization", import_batch_normalization, 7);
  importers.add("LayerNormalization", import_layer_normalization, 17);
  importers.add("RMSNormalization", import_rms_normalization, 23);
  importers.add("InstanceNormalization", import_instance_normalization, 6);
  importers.add("GroupNormalization", import_group_normalization, 18);
  importers.add("LRN", import_lrn);
  importers.add("LpNormalization", import_lp_normalization);
  importers.add("MeanVarianceNormalization", import_mean_variance_normalization, 9);
}

}  // namespace hone::onnx
