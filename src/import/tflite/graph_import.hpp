#pragma once
// A graph of a TFLite model being imported: tensors by number on one side, values on the other.

#include <string>
#include <vector>

#include "import/builder/frame.hpp"
#include "import/builder/stated_type.hpp"
#include "import/tflite/op_reader.hpp"

namespace hone::tflite {

/// What all graphs of a file share.
struct ModelContext {
  const Model& model;
  const Importers& importers;
};

class GraphImport {
 public:
  /// `depth`: how many operators of control flow stand around the graph.
  GraphImport(builder::Frame& frame, const Subgraph& graph, const ModelContext& context, int depth);
  GraphImport(const GraphImport&) = delete;
  GraphImport& operator=(const GraphImport&) = delete;

  void import_main();
  /// A graph that stands for an operator, on these values of its frame: its results. FailedBefore.
  std::vector<Value*> import_body(const std::vector<Value*>& inputs);

  const ModelContext& context() const { return context_; }
  int depth() const { return depth_; }
  builder::Frame& frame() const { return frame_; }
  const Subgraph& graph() const { return graph_; }
  const TensorInfo& info(int64_t tensor) const;
  builder::NodePlace place(const OperatorInfo& info);
  /// The tensor's value; null: it failed. Error(invalid_model): nothing gives it.
  Value* value(int64_t tensor);
  /// The tensor as real numbers, made once. `value`: the tensor's.
  Value* real(int64_t tensor, Value* value, const std::string& origin);

 private:
  struct Slot {
    Value* value = nullptr;
    Value* real = nullptr;
    bool defined = false;
  };
  std::string name_of(int64_t tensor) const;
  Slot& slot(int64_t tensor);
  void add_input(int64_t tensor);
  void import_operators();
  /// An input or a result is complex.
  bool is_of_complex(const OperatorInfo& info) const;
  void import_operator(const OperatorInfo& info);
  void import_known(const OperatorInfo& info, ImportFunction f);
  void add_outputs();
  std::shared_ptr<const Weight> constant(const TensorInfo& info) const;

  builder::Frame& frame_;
  const Subgraph& graph_;
  const ModelContext& context_;
  int depth_;
  std::vector<Slot> slots_;
  builder::SymbolNames symbols_;
};

}  // namespace hone::tflite
