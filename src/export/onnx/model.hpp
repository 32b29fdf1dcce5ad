#pragma once
// An ONNX model to be written, as plain data: names where the file has names, no protobuf yet.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "ir/graph.hpp"
#include "ir/tensor.hpp"

namespace hone::onnx {

struct GraphModel;

/// One of a closed list: text or number, as the operator wants it.
struct Choice {
  std::string name;
  int64_t number;
};

struct AttributeModel {
  using Data =
      std::variant<int64_t, float, std::string, Choice, std::vector<int64_t>, std::vector<float>,
                   std::vector<std::string>, Tensor, Type, std::shared_ptr<const GraphModel>>;
  std::string name;
  Data data;
  /// What an op has that says nothing: left out where the operator has no default of its own.
  bool is_default = false;
};

struct NodeModel {
  std::string name, op_type, domain;         // domain "" is ai.onnx
  std::vector<std::string> inputs, outputs;  // "": absent
  // One bit: the TensorProto.DataType; 0, or not there: any.
  std::vector<uint32_t> input_types, output_types;
  std::vector<AttributeModel> attributes;
  int since = 1;  // oldest version that means what our op means

  /// The attribute's place, new or old.
  void set(std::string_view attribute, AttributeModel::Data data);
  void drop(std::string_view attribute);
};

struct ValueModel {
  std::string name;
  Type type;
};

struct GraphModel {
  std::string name;
  std::vector<NodeModel> nodes;
  std::vector<std::pair<std::string, std::shared_ptr<const Weight>>> constants;
  std::vector<ValueModel> inputs, outputs, values;
  bool is_body = false;  // symbols are its own: they are not written
};

/// The domain of the functions that regions become.
inline constexpr std::string_view kRegionDomain = "hone.region";

/// A function of the file: operands and results are the graph's inputs and outputs.
struct FunctionModel {
  std::string name;
  GraphModel graph;  // constants are nodes
};

struct Model {
  GraphModel graph;
  std::vector<FunctionModel> functions;  // of kRegionDomain
  std::map<std::string, int> opsets;     // version by domain
};

/// TensorProto.DataType.
int64_t data_type(DType dtype);

/// Model of a graph, opsets chosen. Error(unsupported).
Model model_of(const Graph& graph);

}  // namespace hone::onnx
