#include "ops/sequence.hpp"

#include "import/onnx/node_reader.hpp"
#include "import/onnx/plain.hpp"
#include "ops/optional.hpp"

namespace hone::onnx {
namespace {

void import_sequence_empty(NodeReader& node) {
  node.emit(SequenceEmpty{.dtype = node.dtype("dtype", DType::f32)}, {});
}

void import_split_to_sequence(NodeReader& node) {
  const bool sizes = node.input(1) != nullptr;  // then keepdims says nothing
  node.emit(SplitToSequence{.axis = node.integer("axis", 0),
                            .keepdims = node.flag("keepdims", true) || sizes},
            node.all_inputs());
}

void import_concat_from_sequence(NodeReader& node) {
  node.emit(
      ConcatFromSequence{.axis = node.integer("axis"), .new_axis = node.flag("new_axis", false)},
      node.all_inputs());
}

void import_optional(NodeReader& node) {
  const std::optional<Type> type = node.type("type");
  node.emit(Optional{.type = node.input(0) == nullptr ? type.value_or(Type()) : Type()},
            node.all_inputs());
}

}  // namespace

void register_sequence(Importers& importers) {
  add_plain<SequenceConstruct>(importers);
  importers.add("SequenceEmpty", import_sequence_empty);
  add_plain<SequenceInsert>(importers);
  add_plain<SequenceErase>(importers);
  add_plain<SequenceAt>(importers);
  add_plain<SequenceLength>(importers);
  importers.add("SplitToSequence", import_split_to_sequence);
  importers.add("ConcatFromSequence", import_concat_from_sequence);
  importers.add("Optional", import_optional);
  add_plain<OptionalHasElement>(importers);
  add_plain<OptionalGetElement>(importers);
}

}  // namespace hone::onnx
