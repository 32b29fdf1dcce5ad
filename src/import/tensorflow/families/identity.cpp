// Operators that give what they read, constants, and variables.

#include "import/tensorflow/graph_import.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "import/tensorflow/tensor.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

void import_const(NodeReader& node) {
  const auto message = node.attribute("value").tensor;
  node.check(message.has_value(), "a constant without a value");
  const builder::ModelBuild& model = node.frame().model();
  bool pairs = false;
  Tensor stored = decode_tensor(*message, model.file, model.options.limits, &pairs);
  Item item = Item::of(node.constant(std::move(stored), ""), node.frame());
  if (pairs) item.kind = Item::Kind::pairs;
  node.give_item(0, item);
}

void import_identity(NodeReader& node) { node.give_item(0, node.item(0)); }

void import_each(NodeReader& node) {
  for (int i = 0; i < node.outputs(); ++i) node.give_item(i, node.item(i));
}

/// What a file states of sizes that nothing else tells.
void import_ensure_shape(NodeReader& node) {
  const auto stated = node.attribute("shape").shape;
  if (!stated || !*stated) return node.give(0, node.required(0));
  node.emit(EnsureShape{.shape = Dims((*stated)->begin(), (*stated)->end())}, {node.required(0)});
}

void import_variable(NodeReader& node) { node.give_item(0, Item::of_variable(node.def().name)); }

void import_read_variable(NodeReader& node) {
  const Item& handle = node.item(0);
  node.check(handle.kind == Item::Kind::variable, "reads what is no variable");
  node.give_item(0, node.import().context().variable(handle.variable));
}

/// The first files had no handles: a variable is what it holds.
void import_old_variable(NodeReader& node) {
  node.give_item(0, node.import().context().variable(node.def().name));
}

}  // namespace

void register_identity(Importers& importers) {
  importers.add("Const", import_const);
  importers.add({"Identity", "StopGradient", "PreventGradient", "Snapshot", "CheckNumerics",
                 "CheckNumericsV2", "PlaceholderWithDefault", "RefIdentity"},
                import_identity);
  importers.add("IdentityN", import_each);
  for (const std::string_view op : {"Identity", "StopGradient", "PreventGradient", "Snapshot"})
    importers.add_complex(op, import_identity);
  importers.add_complex("IdentityN", import_each);
  importers.add("EnsureShape", import_ensure_shape);
  importers.add("VarHandleOp", import_variable);
  importers.add("ReadVariableOp", import_read_variable);
  importers.add({"Variable", "VariableV2"}, import_old_variable);
}

}  // namespace hone::tensorflow
