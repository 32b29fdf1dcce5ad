#pragma once
// What the author of an op family has of one node of the file, whatever the format: its inputs as
// values, the nodes that it becomes, its problems. Formats add how its attributes are read.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/frame.hpp"

namespace hone::builder {

/// A node of the file as the graph will see it.
struct NodePlace {
  std::string origin;                // its name for people
  std::string kind;                  // its operator in the format's words: "acme::Swizzle v1"
  std::vector<Value*> inputs;        // null: absent
  std::vector<std::string> outputs;  // names of values, each once; "": nobody wants it
};

class NodeBuilder {
 public:
  NodeBuilder(Frame& frame, NodePlace place);
  NodeBuilder(const NodeBuilder&) = delete;
  NodeBuilder& operator=(const NodeBuilder&) = delete;

  const std::string& origin() const { return place_.origin; }
  Frame& frame() const { return frame_; }
  Graph& graph() const { return frame_.graph(); }

  // Inputs: of the node, trailing absent ones not counted.
  int inputs() const { return static_cast<int>(place_.inputs.size()); }
  Value* input(int i) const;     // null: absent
  Value* required(int i) const;  // Error(invalid_model) when absent
  std::vector<Value*> all_inputs() const { return place_.inputs; }
  /// Element type of a tensor input; nullopt: absent or no tensor.
  std::optional<DType> dtype_in(int i) const;
  std::optional<int> rank(int i) const;  // nullopt: absent or unknown
  /// Contents of a constant integer tensor, of any constant tensor that is here.
  std::optional<std::vector<int64_t>> constant_ints(int i) const;
  /// The one element of an integer or bool operand, constant or known by inference.
  std::optional<int64_t> known_scalar(int i) const;
  const Tensor* constant_tensor(int i) const;  // null: not a constant, or its data is elsewhere

  // Outputs: how many the node has (trailing absent ones not counted).
  int outputs() const { return static_cast<int>(place_.outputs.size()); }
  bool wants(int i) const;  // output i has a name

  /// A node with one result, bound to output 0. Types are inferred at once.
  Value* emit(Op op, std::vector<Value*> inputs);
  /// A node with as many results as the file's node has outputs (or `results`, if more), each bound
  /// (null: nobody wants it).
  std::vector<Value*> emit_all(Op op, std::vector<Value*> inputs, int results = 0);
  /// A node with one result that is bound to no output; `hint` makes part of its name.
  Value* intermediate(Op op, std::vector<Value*> inputs, std::string_view hint);
  std::vector<Value*> intermediates(Op op, std::vector<Value*> inputs, int results,
                                    std::string_view hint);
  /// A constant; small ones print as literals.
  Value* constant(Tensor tensor, std::string_view hint);
  /// Binds output i to a value that exists.
  void give(int i, Value* value);

  /// Reports that Hone cannot run this node (Code::unsupported): what is the matter, and what the
  /// user may do. The import function should then return; its outputs count as failed.
  void problem(std::string what, std::string suggestion = {});
  /// Leaves the node with Error(unsupported), Error(invalid_model).
  template <class... Parts>
  [[noreturn]] void unsupported(const Parts&... parts) const {
    hone::fail(Code::unsupported, parts...);
  }
  template <class... Parts>
  [[noreturn]] void invalid(const Parts&... parts) const {
    hone::fail(Code::invalid_model, parts...);
  }
  template <class... Parts>
  void check(bool condition, const Parts&... parts) const {
    if (!condition) [[unlikely]]
      invalid(parts...);
  }

  // For the importer of graphs.
  bool failed() const { return failed_; }
  Value* bound(int i) const { return bound_[static_cast<size_t>(i)]; }

 private:
  std::string output_name(int i) const;
  Node* add(Op op, std::vector<Value*> inputs, const std::vector<std::string>& names);

  Frame& frame_;
  NodePlace place_;
  std::vector<Value*> bound_;
  bool failed_ = false;
};

/// A problem of a node.
ModelProblem problem_of(std::string_view origin, std::string kind, const Error& error,
                        std::string suggestion = {});

}  // namespace hone::builder
