#pragma once
// What the author of a family of operators sees of one operator, and the table of functions that
// import operators.
//
//   void import_leaky_relu(OpReader& op) {
//     op.give_real(LeakyRelu{{}, op.option_f32(0)}, {op.real(0)});
//   }
//   void register_activation(Importers& importers) { importers.add("LEAKY_RELU", ...); }
//
// A quantized tensor is a value of integers. Operators that compute read it as real numbers,
// through a DequantizeLinear, and give real numbers, through a QuantizeLinear; operators that only
// move elements read and give integers where both sides are quantized alike.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "import/builder/node_builder.hpp"
#include "import/tflite/flex_map.hpp"
#include "import/tflite/model.hpp"

namespace hone::tflite {

class OpReader;
class GraphImport;
using ImportFunction = void (*)(OpReader&);

/// Which function imports which operator ("CONV_2D").
class Importers {
 public:
  /// Error(internal): the operator is there already.
  void add(std::string_view kind, ImportFunction f);
  ImportFunction find(std::string_view kind) const;  // null: none
  /// A custom operator is found by its own name behind this word.
  static constexpr std::string_view kCustom = "custom ";
  /// What it does where an input or a result is complex; it need not be there otherwise.
  void add_complex(std::string_view kind, ImportFunction f);
  ImportFunction find_complex(std::string_view kind) const;  // null: none
  std::vector<std::string_view> names() const;               // sorted

 private:
  std::map<std::string, ImportFunction, std::less<>> functions_, complex_;
};

/// Generated: calls register_<family>(Importers&) of every file in families/.
void register_all_importers(Importers& importers);

/// What an operator applies to its result. (ActivationFunctionType)
enum class Activation : uint8_t {
  none,
  relu,
  relu_n1_to_1,
  relu6,
  tanh,
  sign_bit
};

class OpReader : public builder::NodeBuilder {
 public:
  OpReader(GraphImport& import, const OperatorInfo& info);

  const std::string& kind() const { return info_.kind; }
  const TensorInfo& in(int i) const;  // of an input that is there
  const TensorInfo& out(int i) const;
  bool has_input(int i) const { return input(i) != nullptr; }

  // Options by the number of their field in the operator's table.
  int64_t option_i8(int field, int64_t otherwise = 0) const;
  int64_t option_i32(int field, int64_t otherwise = 0) const;
  float option_f32(int field, float otherwise = 0) const;
  bool option_flag(int field, bool otherwise = false) const;
  std::vector<int64_t> option_ints(int field) const;
  std::vector<float> option_floats(int field) const;
  /// Options of a custom operator, by name.
  FlexMap custom_options() const;
  Activation activation(int field) const;

  /// Contents of a constant input of integers; leaves the operator where it is none.
  std::vector<int64_t> ints(int i) const;
  /// The caller asks for the rounding of TFLite's reference kernels.
  bool reference_rounding() const;
  /// An axis in [0, rank) from one that may count from the end.
  int64_t axis_of(int64_t axis, int rank) const;
  int rank_of(int i) const;  // leaves the operator where it is not known
  /// Of integers, as i64.
  Value* as_i64(int i);

  /// Input `i` as real numbers, or as it is where it is not quantized.
  Value* real(int i);
  /// A constant of weights, its axes reordered, as real numbers.
  Value* real_weights(int i, const std::vector<int64_t>& perm);
  /// A bias of integers as real numbers. It is added to products of inputs `data` and `weights`, so
  /// it counts in their scales, whatever the file says of its own.
  Value* real_bias(int i, int data, int weights);
  /// Gives `op`'s result, after `activation`, as output 0, quantized where that is.
  void give_real(Op op, std::vector<Value*> inputs, Activation activation = Activation::none);
  void give_real(int i, Value* value, Activation activation = Activation::none);
  /// Input `i` and output 0 are quantized alike, or not at all.
  bool moves(int i) const;
  /// Input `i` as integers where moves(i), else as real numbers; and the result to give.
  Value* moved(int i) { return moves(i) ? required(i) : real(i); }
  void give_moved(Op op, std::vector<Value*> inputs, int i = 0);

  /// Another graph of the file; leaves the operator where there is none of this number.
  const Subgraph& subgraph(int64_t number) const;
  /// Its nodes for these values of `frame`, of this graph or of a body; its results.
  std::vector<Value*> import_graph(int64_t number, builder::Frame& frame,
                                   const std::vector<Value*>& inputs);

  /// One number of f32.
  Value* scalar(double value, std::string_view hint);

 private:
  int64_t tensor_of(int i) const;  // the number of input `i`, which is there
  Value* activated(Value* value, Activation activation);

  GraphImport& import_;
  const OperatorInfo& info_;
};

/// Scale and zero point as operands of Quantize- and DequantizeLinear.
struct QuantizationOperands {
  Tensor scale, zero;
};
/// Of a tensor; a zero point of the tensor's own type. Error(invalid_model).
QuantizationOperands operands_of(const TensorInfo& tensor);

}  // namespace hone::tflite
