#pragma once
// What the author of a family of operators sees of one node, and the table of functions that import
// operators.
//
//   void import_leaky_relu(NodeReader& node) {
//     node.emit(LeakyRelu{{}, node.real("alpha", 0.2F)}, {node.required(0)});
//   }
//   void register_activation(Importers& importers) { importers.add("LeakyRelu", ...); }

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/node_builder.hpp"
#include "import/tensorflow/attribute.hpp"
#include "import/tensorflow/item.hpp"

namespace hone::tensorflow {

class NodeReader;
class GraphImport;
using ImportFunction = void (*)(NodeReader&);

struct Importer {
  ImportFunction run = nullptr;
  /// Names of the results where there are several, as functions refer to them.
  std::vector<std::string_view> results = {};
};

class Importers {
 public:
  /// Error(internal): the operator is there already.
  void add(std::string_view op, Importer importer);
  void add(std::string_view op, ImportFunction run) { add(op, Importer{run}); }
  void add(std::initializer_list<std::string_view> ops, ImportFunction run) {
    for (const std::string_view op : ops) add(op, run);
  }
  const Importer* find(std::string_view op) const;  // null: none
  /// What it does where inputs are complex.
  void add_complex(std::string_view op, ImportFunction run);
  ImportFunction find_complex(std::string_view op) const;  // null: none
  std::vector<std::string_view> names() const;             // sorted

 private:
  std::map<std::string, Importer, std::less<>> importers_;
  std::map<std::string, ImportFunction, std::less<>> complex_;
};

/// Generated: calls register_<family>(Importers&) of every file in families/.
void register_all_importers(Importers& importers);

class NodeReader : public builder::NodeBuilder {
 public:
  NodeReader(GraphImport& import, const NodeDef& def, std::vector<Item> items,
             builder::NodePlace place);

  std::string_view op() const { return def_.op; }
  const NodeDef& def() const { return def_; }
  GraphImport& import() const { return import_; }

  // Inputs and results that may be no values.
  const std::vector<Item>& items() const { return items_; }
  const Item& item(int i) const;  // leaves the node where there is none
  void give_item(int i, Item item);
  /// What the node gives as result `i`: an item, or the value that is bound.
  Item result(int i) const;

  // Attributes; those that are not there have the value that the operator's definition states.
  bool has(std::string_view name) const { return def_.attribute(name).has_value(); }
  Attribute attribute(std::string_view name) const;  // an empty one: it is not there
  int64_t integer(std::string_view name, int64_t otherwise) const;
  float real(std::string_view name, float otherwise) const;
  bool flag(std::string_view name, bool otherwise) const;
  std::string_view word(std::string_view name, std::string_view otherwise) const;
  std::vector<int64_t> integers(std::string_view name) const;
  DType dtype(std::string_view name, DType otherwise) const;
  std::string_view function(std::string_view name) const;

  // Contents of integer inputs: constants, or known by inference.
  std::optional<Dims> known(int i) const;
  std::optional<std::vector<int64_t>> known_ints(int i) const;
  std::vector<int64_t> ints(int i) const;  // leaves the node where they are not known
  int64_t one_int(int i) const;
  int rank_of(int i) const;  // leaves the node where it is not known
  const Dims& dims(int i) const;
  DType type_of(int i) const;
  /// An axis in [0, rank) from one that may count from the end.
  int64_t axis_of(int64_t axis, int64_t rank) const;

  /// Input `i` as i64.
  Value* as_i64(int i);
  /// A number of input `like`'s type, or of `dtype`.
  Value* scalar(double value, std::string_view hint, int like = 0);
  Value* number(double value, DType dtype, std::string_view hint);
  Value* reshaped(Value* value, Dims shape, std::string_view hint);
  Value* cast(Value* value, DType to, std::string_view hint);
  /// Emits `op` as output 0, its result as `to`.
  void emit_as(DType to, Op op, std::vector<Value*> inputs);

 private:
  GraphImport& import_;
  const NodeDef& def_;
  std::vector<Item> items_;
  std::map<int, Item> given_;
};

/// Sizes of a value whose rank is known; leaves the node where it is not.
const Dims& sizes_of(const NodeReader& node, const Value* value);

}  // namespace hone::tensorflow
