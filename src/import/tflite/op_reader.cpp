#include "import/tflite/op_reader.hpp"

#include <algorithm>
#include <set>

#include "import/tflite/graph_import.hpp"
#include "ops/activation.hpp"
#include "ops/cast.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/quantize.hpp"

namespace hone::tflite {

void Importers::add(std::string_view kind, ImportFunction f) {
  if (!functions_.emplace(std::string(kind), f).second)
    fail(Code::internal, "two importers for ", kind);
}

ImportFunction Importers::find(std::string_view kind) const {
  const auto found = functions_.find(kind);
  return found == functions_.end() ? nullptr : found->second;
}

void Importers::add_complex(std::string_view kind, ImportFunction f) {
  if (!complex_.emplace(std::string(kind), f).second)
    fail(Code::internal, "two importers for complex ", kind);
}

ImportFunction Importers::find_complex(std::string_view kind) const {
  const auto found = complex_.find(kind);
  return found == complex_.end() ? nullptr : found->second;
}

std::vector<std::string_view> Importers::names() const {
  std::set<std::string_view> names;
  for (const auto& [name, f] : functions_) names.insert(name);
  for (const auto& [name, f] : complex_) names.insert(name);
  return {names.begin(), names.end()};
}

QuantizationOperands operands_of(const TensorInfo& tensor) {
  const Quantization& stated = tensor.quantization;
  const bool is_one = stated.scales.size() == 1;
  const auto count = static_cast<int64_t>(stated.scales.size());
  const auto rank = static_cast<int64_t>(tensor.shape.size());
  check(is_one || (stated.axis >= 0 && stated.axis < rank &&
                   tensor.shape[static_cast<size_t>(stated.axis)] == count),
        Code::invalid_model, count, " scales on axis ", stated.axis, " of a tensor of ",
        shape_text(tensor.shape));
  const std::vector<int64_t> shape = is_one ? std::vector<int64_t>{} : std::vector{count};
  QuantizationOperands made{Tensor(DType::f32, shape), {}};
  for (int64_t i = 0; i < count; ++i) {
    const float scale = stated.scales[static_cast<size_t>(i)];
    check(scale > 0, Code::invalid_model, "a scale of ", scale);
    made.scale.put(i, scale);
  }
  const bool is_wide = *tensor.dtype == DType::i32 || *tensor.dtype == DType::i64;
  if (is_wide || stated.zeros.empty()) return made;
  made.zero = Tensor(*tensor.dtype, shape);
  for (int64_t i = 0; i < count; ++i)
    made.zero.set_integer(i, stated.zeros[static_cast<size_t>(i)]);
  return made;
}

OpReader::OpReader(GraphImport& import, const OperatorInfo& info)
    : NodeBuilder(import.frame(), import.place(info)), import_(import), info_(info) {}

int64_t OpReader::tensor_of(int i) const {
  required(i);
  return info_.inputs[static_cast<size_t>(i)];
}

const TensorInfo& OpReader::in(int i) const { return import_.info(tensor_of(i)); }
const TensorInfo& OpReader::out(int i) const {
  check(i < static_cast<int>(info_.outputs.size()), "output ", i, " is missing");
  return import_.info(info_.outputs[static_cast<size_t>(i)]);
}

int64_t OpReader::option_i8(int field, int64_t otherwise) const {
  return info_.options ? info_.options->i8(field, otherwise) : otherwise;
}
int64_t OpReader::option_i32(int field, int64_t otherwise) const {
  return info_.options ? info_.options->i32(field, otherwise) : otherwise;
}
float OpReader::option_f32(int field, float otherwise) const {
  return info_.options ? info_.options->f32(field, otherwise) : otherwise;
}
bool OpReader::option_flag(int field, bool otherwise) const {
  return info_.options ? info_.options->flag(field, otherwise) : otherwise;
}
std::vector<int64_t> OpReader::option_ints(int field) const {
  return info_.options ? info_.options->ints32(field) : std::vector<int64_t>();
}

std::vector<float> OpReader::option_floats(int field) const {
  return info_.options ? info_.options->floats(field) : std::vector<float>();
}
FlexMap OpReader::custom_options() const { return FlexMap(info_.custom_options); }

Activation OpReader::activation(int field) const {
  const int64_t number = option_i8(field);
  check(number >= 0 && number <= static_cast<int64_t>(Activation::sign_bit), "activation function ",
        number);
  return static_cast<Activation>(number);
}

std::vector<int64_t> OpReader::ints(int i) const {
  required(i);
  const auto values = constant_ints(i);
  if (!values) unsupported("input ", i, " is no constant");
  return *values;
}

int OpReader::rank_of(int i) const {
  required(i);
  const auto known = rank(i);
  if (!known) unsupported("input ", i, " is of unknown rank");
  return *known;
}

bool OpReader::reference_rounding() const { return frame().model().options.reference_rounding; }

int64_t OpReader::axis_of(int64_t axis, int rank) const {
  const int64_t from_start = axis < 0 ? axis + rank : axis;
  check(from_start >= 0 && from_start < rank, "axis ", axis, " of ", rank);
  return from_start;
}

Value* OpReader::as_i64(int i) {
  Value* value = required(i);
  if (dtype_in(i) == DType::i64) return value;
  return intermediate(Cast{.to = DType::i64}, {value}, cat("wide", i));
}

Value* OpReader::real(int i) { return import_.real(tensor_of(i), required(i), origin()); }

Value* OpReader::real_weights(int i, const std::vector<int64_t>& perm) {
  Value* value = required(i);
  const TensorInfo& stated = in(i);
  check(stated.shape.size() == perm.size(), "weights of ", stated.shape.size(), " axes, wanted ",
        perm.size());
  const Tensor* stored = constant_tensor(i);
  std::vector<int64_t> sizes, moved;
  for (const int64_t axis : perm) {
    sizes.push_back(stated.shape[static_cast<size_t>(axis)]);
    if (sizes.back() != 1) moved.push_back(axis);
  }
  // Where only sizes of 1 change places the weights stay as they lie in the file.
  if (stored != nullptr && std::is_sorted(moved.begin(), moved.end()))
    value = constant(stored->reshaped(sizes), "weights");
  else value = intermediate(Transpose{.perm = perm}, {value}, "weights");
  if (stated.quantization.scales.empty() || !stated.dtype || is_float(*stated.dtype)) return value;
  QuantizationOperands operands = operands_of(stated);
  int64_t axis = 0;
  for (size_t at = 0; at < perm.size(); ++at)
    if (perm[at] == stated.quantization.axis) axis = static_cast<int64_t>(at);
  std::vector<Value*> inputs{value, constant(std::move(operands.scale), "weights_scale")};
  if (!operands.zero.empty()) inputs.push_back(constant(std::move(operands.zero), "weights_zero"));
  return intermediate(DequantizeLinear{.axis = axis}, inputs, "real_weights");
}

Value* OpReader::real_bias(int i, int data, int weights) {
  const std::vector<float>& left = in(data).quantization.scales;
  const std::vector<float>& right = in(weights).quantization.scales;
  const bool whole = dtype_in(i) == DType::i32 || dtype_in(i) == DType::i64;
  const auto count = static_cast<int64_t>(right.size());
  const Dims& dims = required(i)->type.tensor().shape();
  const bool fits = count == 1 || (dims.size() == 1 && dims[0].is(count));
  if (!whole || left.size() != 1 || right.empty() || !fits) return real(i);
  const std::vector<int64_t> shape = count == 1 ? std::vector<int64_t>{} : std::vector{count};
  Tensor scale(DType::f32, shape);
  for (int64_t at = 0; at < count; ++at)
    scale.put(at, left.front() * right[static_cast<size_t>(at)]);
  return intermediate(DequantizeLinear{.axis = 0},
                      {required(i), constant(std::move(scale), "bias_scale")}, "real_bias");
}

Value* OpReader::activated(Value* value, Activation activation) {
  const auto clip = [&](double least, double most) {
    return intermediate(Clip{}, {value, scalar(least, "least"), scalar(most, "most")}, "clipped");
  };
  switch (activation) {
    case Activation::none: return value;
    case Activation::relu: return intermediate(Relu{}, {value}, "activated");
    case Activation::relu_n1_to_1: return clip(-1, 1);
    case Activation::relu6: return clip(0, 6);
    case Activation::tanh: return intermediate(Tanh{}, {value}, "activated");
    case Activation::sign_bit: break;
  }
  unsupported("activation function SIGN_BIT");
}

void OpReader::give_real(Op op, std::vector<Value*> inputs, Activation activation) {
  const bool is_last = activation == Activation::none && out(0).quantization.scales.empty();
  if (is_last) emit(std::move(op), std::move(inputs));
  else give_real(0, intermediate(std::move(op), std::move(inputs), "result"), activation);
}

void OpReader::give_real(int i, Value* value, Activation activation) {
  value = activated(value, activation);
  const TensorInfo& stated = out(i);
  const bool quantized = !stated.quantization.scales.empty() && stated.dtype &&
                         !is_float(*stated.dtype) && value->type.is_tensor() &&
                         is_float(value->type.tensor().dtype);
  if (!quantized) return give(i, value);
  QuantizationOperands operands = operands_of(stated);
  if (operands.zero.empty()) operands.zero = Tensor(*stated.dtype, operands.scale.shape());
  Value* scale = constant(std::move(operands.scale), cat("scale", i));
  Value* zero = constant(std::move(operands.zero), cat("zero", i));
  QuantizeLinear op{.axis = stated.quantization.axis, .output_dtype = *stated.dtype};
  if (i == 0) emit(op, {value, scale, zero});
  else give(i, intermediate(op, {value, scale, zero}, cat("quantized", i)));
}

bool OpReader::moves(int i) const { return in(i).quantization == out(0).quantization; }

void OpReader::give_moved(Op op, std::vector<Value*> inputs, int i) {
  if (moves(i)) emit(std::move(op), std::move(inputs));
  else give_real(std::move(op), std::move(inputs));
}

const Subgraph& OpReader::subgraph(int64_t number) const {
  const std::vector<Subgraph>& all = import_.context().model.subgraphs;
  check(number > 0 && number < static_cast<int64_t>(all.size()), "graph ", number, " of ",
        all.size());
  return all[static_cast<size_t>(number)];
}

std::vector<Value*> OpReader::import_graph(int64_t number, builder::Frame& frame,
                                           const std::vector<Value*>& inputs) {
  return GraphImport(frame, subgraph(number), import_.context(), import_.depth() + 1)
      .import_body(inputs);
}

Value* OpReader::scalar(double value, std::string_view hint) {
  return constant(Tensor::scalar(DType::f32, value), hint);
}

}  // namespace hone::tflite
