#include "ops/loss.hpp"

#include "import/onnx/enum_field.hpp"

namespace hone::onnx {
namespace {

template <class T>
void import_loss(NodeReader& node) {
  T op;
  op.loss.reduction = read_enum(node, "reduction", kLossReductions, op.loss.reduction);
  op.loss.ignore_index = node.optional_integer("ignore_index");
  node.required(0), node.required(1);
  node.emit_all(op, node.all_inputs());
}

}  // namespace

void register_loss(Importers& importers) {
  importers.add("NegativeLogLikelihoodLoss", import_loss<NegativeLogLikelihoodLoss>, 12);
  importers.add("SoftmaxCrossEntropyLoss", import_loss<SoftmaxCrossEntropyLoss>, 12);
}

}  // namespace hone::onnx
