#pragma once
// The graph: values in single static assignment, nodes in printed order, constants beside them.

#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/op.hpp"
#include "ir/origins.hpp"
#include "ir/type.hpp"
#include "ir/users.hpp"
#include "ir/weight.hpp"

namespace hone {

struct Node;

/// Something that nodes read: a graph input, a constant, or a node's result. Owned by its graph;
/// changed through Graph only.
struct Value {
  std::string name;  // unique in its graph
  Type type;
  Node* producer = nullptr;              // null: an input or a constant
  int index = 0;                         // which result of the producer
  int first_output = -1;                 // the graph output that it is; -1: none
  std::shared_ptr<const Weight> weight;  // set: a constant
  Users users;
  std::optional<Dims> known;  // contents of a small integer tensor, row-major

  bool is_constant() const { return weight != nullptr; }
  bool is_literal() const { return weight != nullptr && weight->is_literal(); }
  bool is_input() const { return producer == nullptr && weight == nullptr; }
};

struct Node {
  Op op;
  std::vector<Value*> inputs;   // null: an optional operand that is absent (never the last)
  std::vector<Value*> outputs;  // null: a result that nobody wants (never all)
  UsePlaces places;             // of its operands; Users keeps them
  Origins origin;               // the source model's nodes that it stands for
  std::string by;               // pass or rule that made it; empty: the importer
  std::list<Node>::iterator self;

  Value* input(size_t i) const { return i < inputs.size() ? inputs[i] : nullptr; }
  Value* output(size_t i = 0) const { return i < outputs.size() ? outputs[i] : nullptr; }
};

struct GraphOutput {
  std::string name;  // for the caller
  Value* value;
  int next = -1;  // the next output that is the same value; -1: none
};

/// A fact that the types rely on and that is checked when shapes are bound.
struct Require {
  enum class Relation : uint8_t {
    equal,
    less_equal,
    broadcast  ///< equal, or one of them is 1. Plans are for equal ones, see ir/evaluation/rest.hpp
  };
  Relation relation = Relation::equal;
  Dim a, b;
  friend bool operator==(const Require&, const Require&) = default;
};
/// "a == b", "a <= b", "a broadcasts with b".
void append(std::string& out, const Require& require);
/// nullopt: a symbol of it is not bound.
std::optional<bool> holds(const Require& require, const Bindings& symbols);

/// Owns its nodes, values and constants. Not copyable by accident: clone() says so.
class Graph {
 public:
  explicit Graph(std::string name = "graph") : name_(std::move(name)) {}
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  std::unique_ptr<Graph> clone() const;

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  const std::vector<Value*>& inputs() const { return inputs_; }
  const std::vector<GraphOutput>& outputs() const { return outputs_; }
  std::vector<Value*> constants() const;  // in the order they were added
  const std::list<Node>& nodes() const { return nodes_; }
  std::list<Node>& nodes() { return nodes_; }
  size_t value_count() const { return values_.size(); }
  const std::vector<Require>& requirements() const { return requirements_; }
  /// Set by who inferred the graph as a whole, as a body that nobody changes any more: the types of
  /// all values are what its inputs' types make of them. A clone is not settled.
  bool is_settled() const { return settled_; }
  void set_settled() { settled_ = true; }
  /// Bounds of symbols that the requirements state.
  const Ranges& ranges() const { return ranges_; }

  /// `name` is made unique by a suffix ".1", ".2" ... when taken.
  Value* add_input(std::string_view name, Type type);
  Value* add_constant(std::string_view name, std::shared_ptr<const Weight> weight);
  /// Appends (or puts before `before`) a node with a result for every name ("": a result nobody
  /// wants). Types are set by inference. Trailing null inputs are dropped.
  Node* add_node(Op op, std::vector<Value*> inputs, const std::vector<std::string>& output_names,
                 Origins origin = {}, std::string by = {}, Node* before = nullptr);
  void add_output(std::string_view name, Value* value);
  void set_output(size_t index, Value* value);
  /// Records the fact once, in canonical form; a fact that is always true is dropped.
  void add_requirement(Require require);
  /// The fact is recorded, in canonical form.
  bool has_requirement(const Require& require) const;
  void clear_requirements();

  Value* find(std::string_view name) const;  // null: no such value
  void rename(Value* value, std::string_view name);
  void set_op(Node* node, Op op) { node->op = std::move(op); }
  void set_input(Node* node, size_t index, Value* value);  // grows with nulls; drops trailing nulls
  /// Every reader and graph output of `from` reads `to`.
  void replace_uses(Value* from, Value* to);
  /// A node none of whose results is read or an output. Its results die.
  void erase(Node* node);
  /// A constant or input without users that is not an output.
  void erase(Value* value);
  bool is_output(const Value* value) const { return value->first_output >= 0; }
  /// Removes nodes that nothing reads and that define no symbol in use, then constants without
  /// users. true: something went.
  bool remove_unused();
  /// Reorders nodes so that every value and symbol is defined before use, stable.
  /// Error(invalid_model) naming the nodes on a cycle.
  void sort();

 private:
  Value* add_value(std::string_view name);
  void drop(Value* value);
  static void drop_user(Node* node, size_t operand);
  void link_output(size_t index, Value* value);

  std::string name_;
  std::vector<Value*> inputs_;
  std::vector<GraphOutput> outputs_;
  struct RequireOrder {
    bool operator()(const Require& a, const Require& b) const;
  };
  std::vector<Require> requirements_;
  std::set<Require, RequireOrder> recorded_;  // the same, to find duplicates
  Ranges ranges_;
  std::list<Node> nodes_;
  std::list<Value> values_;
  /// The values' names; empty where there are few, as in most regions, which are as many as nodes.
  std::unordered_map<std::string_view, std::list<Value>::iterator> by_name_;
  static constexpr size_t kFewValues = 8;
  std::unordered_map<std::string, int> suffixes_;
  bool settled_ = false;
};

/// Where each symbol of the graph is defined: the first graph input that has it as a whole
/// dimension, else the first node's result that does.
struct SymbolDefinition {
  const Value* value;
  int dim;
};
std::map<std::string, SymbolDefinition, std::less<>> symbol_definitions(const Graph& graph);

/// Equal up to the names of values: the same inputs' types, nodes, literals, weights by hash,
/// requirements.
bool same_structure(const Graph& a, const Graph& b);
/// Of everything same_structure compares, large weights by dtype and shape only.
Hash fingerprint(const Graph& graph);

/// "Conv /stem/Conv" and the like: the node in the user's own names, for messages. The text is
/// built where it is wanted: as an argument of check() it costs nothing.
struct NodeText {
  const Node& node;
  operator std::string() const { return cat(*this); }  // NOLINT: it is a text
};
void append(std::string& out, const NodeText& text);
inline NodeText describe(const Node& node) { return {node}; }

}  // namespace hone
