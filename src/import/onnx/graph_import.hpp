#pragma once
// A graph, body or function being imported: names of the file on one side, values on the other.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "import/builder/scope.hpp"
#include "import/import.hpp"
#include "import/onnx/free_names.hpp"
#include "import/onnx/node_reader.hpp"
#include "import/onnx/proto.hpp"
#include "import/onnx/tensor_reader.hpp"

namespace hone::onnx {

using builder::FailedBefore;
using builder::Frame;
using builder::quoted;
using builder::Slot;

using Opsets = std::map<std::string_view, int, std::less<>>;  // version by domain

/// What all graphs of one model share.
struct ModelImport {
  using FunctionKey = std::tuple<std::string_view, std::string_view, std::string_view>;

  builder::ModelBuild build;
  const Importers& importers;
  TensorReader& tensors;
  std::map<FunctionKey, FunctionProto> functions;  // by domain, name, overload
  FreeNames free_names;
  /// What initializers that are inputs, too, become: constants, or inputs, all or those of floats.
  enum class Defaults : uint8_t {
    constants,
    inputs,
    float_inputs
  };
  Defaults mode = Defaults::constants;
  std::map<std::string, std::shared_ptr<const Weight>, std::less<>> defaults = {};  // of these
};

/// A call of a model-local function that is being inlined.
struct CallContext {
  std::map<std::string_view, const Attribute*, std::less<>> attributes;  // by formal name
  std::string origin;                                                    // of the calling node
  const FunctionProto* function = nullptr;
  const CallContext* caller = nullptr;  // the call this one stands in
};

/// The attribute itself, or what the call gives for one that refers to the function's. Null: the
/// call leaves it out. Error(invalid_model) for a reference outside of a function.
const Attribute* resolve(const Attribute& attribute, const CallContext* call);

/// One graph of the file: the main one, a body, a call of a function.
class GraphImport {
 public:
  GraphImport(ModelImport& model, Frame& frame, const Opsets& opsets, GraphImport* outer,
              const CallContext* call, int depth);
  GraphImport(const GraphImport&) = delete;
  GraphImport& operator=(const GraphImport&) = delete;

  /// The whole of a model's main graph.
  void import_main(const GraphProto& graph);
  /// A body whose own inputs are these values of this frame. Results, too, are of it. FailedBefore.
  std::vector<Value*> import_body(const GraphProto& graph, const std::vector<Value*>& own);

  ModelImport& model() const { return model_; }
  Frame& frame() const { return scope_.frame(); }
  const Opsets& opsets() const { return opsets_; }
  int depth() const { return depth_; }

  Slot find(std::string_view name) { return scope_.find(name); }
  /// The value's name for an output of a node.
  std::string value_name(std::string_view name) const;
  builder::NodePlace place(const NodeProto& node);
  /// The node's name for people.
  std::string origin(const NodeProto& node) const;  // counted
  void report(const NodeProto& node, const Error& error, std::string suggestion = {});

 private:
  void import_tensors(const GraphProto& graph);
  void add_tensor(std::string_view name, std::shared_ptr<const Weight> weight);
  void import_inputs(const GraphProto& graph);
  bool has_default(const NamedType& input);
  void import_nodes(const std::vector<NodeProto>& nodes);
  void import_node(const NodeProto& node);
  void import_any(const NodeProto& node);
  void import_known(const NodeProto& node, ImportFunction f, int opset);
  void import_call(const NodeProto& node, const FunctionProto& function);
  void import_outputs(const GraphProto& graph);
  void note_stated_types(const GraphProto& graph);
  Value* as_stated(std::string_view name, Value* value, const std::string& origin);
  std::string kind_of(const NodeProto& node) const;
  void define_outputs(const NodeProto& node, const std::vector<Slot>& slots);
  bool has_failed_input(const NodeProto& node);
  int opset_of(const NodeProto& node) const;

  ModelImport& model_;
  builder::Scope scope_;
  const Opsets& opsets_;
  const CallContext* call_;  // null: not in a function
  int depth_;
  std::unordered_map<std::string_view, std::string> renamed_;      // a call's results
  std::unordered_map<std::string_view, std::string_view> stated_;  // TypeProtos of results
  builder::SymbolNames symbols_;                                   // of the main graph's inputs
};

}  // namespace hone::onnx
