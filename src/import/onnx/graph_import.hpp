#pragma once
// A graph, body or function being imported: names of the file on one side, values on the other.

#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "import/import.hpp"
#include "import/onnx/node_reader.hpp"
#include "import/onnx/order.hpp"
#include "import/onnx/proto.hpp"
#include "import/onnx/tensor_reader.hpp"
#include "import/report.hpp"

namespace hone::onnx {

using Opsets = std::map<std::string_view, int, std::less<>>;  // version by domain

/// What all graphs of one model share.
struct ModelImport {
  using FunctionKey = std::tuple<std::string_view, std::string_view, std::string_view>;

  const ImportOptions& options;
  const Importers& importers;
  TensorReader& tensors;
  Report report;
  std::map<FunctionKey, FunctionProto> functions;  // by domain, name, overload
  FreeNames free_names;
  size_t most_name_bytes;
  /// What initializers that are inputs, too, become: constants, or inputs, all or those of floats.
  enum class Defaults : uint8_t {
    constants,
    inputs,
    float_inputs
  };
  Defaults mode = Defaults::constants;
  std::map<std::string, std::shared_ptr<const Weight>, std::less<>> defaults = {};  // of these
  int64_t nodes = 0;       // imported so far, calls inlined
  int64_t size_terms = 0;  // of the sizes of all values
  int64_t captures = 0;    // inputs that bodies got for values of outer graphs
  size_t name_bytes = 0;   // of all names that were made

  /// One more name, or one more capture: BeyondLimit where there are too many.
  void count_name(std::string_view name);
  void count_capture(const Value& value);
};

/// A node of the outer names was reported already; whatever depends on it fails silently.
struct FailedBefore {};
/// A limit of the whole model is reached: nothing more is imported.
struct BeyondLimit {
  std::string message;
};

/// The graph that nodes go into. Bodies are closed: what they read from outside becomes an input.
class Frame {
 public:
  Frame(ModelImport& model, Graph& graph, Frame* outer)
      : model_(model), graph_(graph), outer_(outer) {}
  Graph& graph() const { return graph_; }
  /// `value` of the frame `of` (this one or an outer one) as this graph sees it.
  Value* bring(Value* value, const Frame& of);
  /// A constant for this graph: small ones stay here, large ones live in the outermost graph.
  Value* constant(std::string_view name, std::shared_ptr<const Weight> weight);
  /// Values of the outer graph that are inputs here, in order.
  const std::vector<Value*>& captures() const { return captures_; }
  void capture_all(const std::vector<Value*>& values);

 private:
  Value* capture(Value* outer);

  ModelImport& model_;
  Graph& graph_;
  Frame* outer_;
  std::unordered_map<const Value*, Value*> inside_;  // by value of the outer graph
  std::vector<Value*> captures_;
};

/// A name of the file in quotes, for messages.
std::string quoted(std::string_view name);

/// The type without symbols: a tensor whose sizes are not all stated as numbers is unranked.
/// Error(invalid_model): nothing is stated.
Type closed_type(const StatedType& stated);

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

/// What a name of the file stands for.
struct Slot {
  enum class State : uint8_t {
    undefined,
    value,
    absent,  // a function's input that the call leaves out
    failed,  // its node has a problem, reported already
    tensor,  // an initializer that nobody has read yet
  };
  State state = State::undefined;
  Value* value = nullptr;
  uint32_t tensor = 0;
};

/// One naming scope of the file.
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
  Frame& frame() const { return frame_; }
  const Opsets& opsets() const { return opsets_; }
  int depth() const { return depth_; }

  Slot find(std::string_view name);
  /// The value's name for an output of a node.
  std::string value_name(std::string_view name) const;  // counted
  /// The node's name for people.
  std::string origin(const NodeProto& node) const;  // counted
  void report(const NodeProto& node, const Error& error, std::string suggestion = {});

 private:
  void import_tensors(const GraphProto& graph);
  void add_tensor(const TensorProto& tensor, std::shared_ptr<const Weight> weight);
  void import_inputs(const GraphProto& graph);
  bool has_default(const NamedType& input);
  void import_nodes(const std::vector<NodeProto>& nodes);
  void import_node(const NodeProto& node);
  void import_known(const NodeProto& node, ImportFunction f, int opset);
  void import_call(const NodeProto& node, const FunctionProto& function);
  void import_outputs(const GraphProto& graph);
  void note_stated_types(const GraphProto& graph);
  Value* as_stated(std::string_view name, Value* value, const std::string& origin);
  bool define(std::string_view name, Slot slot);  // false: taken
  void define_outputs(const NodeProto& node, const std::vector<Slot>& slots);
  bool has_failed_input(const NodeProto& node);
  int opset_of(const NodeProto& node) const;
  void report_place(std::string place, const Error& error, std::string suggestion = {});

  ModelImport& model_;
  Frame& frame_;
  const Opsets& opsets_;
  GraphImport* outer_;       // the scope around a body
  const CallContext* call_;  // null: not in a function
  int depth_;
  std::string prefix_;  // of names within a call
  std::unordered_map<std::string_view, Slot> names_;
  std::unordered_map<std::string_view, std::string> renamed_;      // a call's results
  std::unordered_map<std::string_view, std::string_view> stated_;  // TypeProtos of results
  std::set<std::string, std::less<>> symbols_;                     // of the main graph's inputs
  struct StoredTensor {
    std::string_view name;
    std::shared_ptr<const Weight> weight;
  };
  std::vector<StoredTensor> tensors_;
};

}  // namespace hone::onnx
