// LSTM over whole sequences. States begin at zero in every run: what an interpreter keeps of one
// run for the next is no part of the graph.

#include "import/builder/steps.hpp"
#include "import/tflite/op_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/recurrent.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::tflite {
namespace {

// Inputs in the order of the operator: gates are input, forget, cell, output.
constexpr int kInput = 0, kWeights = 1, kRecurrent = 5, kPeepholes = 9, kBias = 12,
              kProjection = 16, kNorms = 20;

/// Input, output, forget, cell: ONNX's order of the gates.
constexpr int kOrder[] = {0, 3, 1, 2};

Value* gates(OpReader& op, int first, std::string_view name) {
  std::vector<Value*> parts;
  for (const int gate : kOrder) parts.push_back(op.real(first + gate));
  Value* joined = op.intermediate(Concat{.axis = 0}, parts, cat(name, "_gates"));
  return op.intermediate(Unsqueeze{.axes = Dims{0}}, {joined}, name);
}

/// States by steps [steps, 1, batch, count] as the operator gives them.
void give_states(OpReader& op, Value* y, bool time_first) {
  if (!time_first) y = op.intermediate(Transpose{.perm = {1, 0, 2}}, {y}, "batch_first");
  op.give_real(0, y);
}

/// Cells are clipped in each step, which no op does. x [steps, batch, depth]; gates as ONNX orders
/// them.
void give_clipped(OpReader& op, Value* x, Value* bias, float clip, bool time_first) {
  const Dims sizes = x->type.tensor().shape();
  const auto flat = [&](Value* value, std::string_view hint) {
    return op.intermediate(Squeeze{.axes = Dims{0}}, {value}, hint);
  };
  Value* weights = flat(gates(op, kWeights, "weights"), "flat_weights");
  Value* recurrent = flat(gates(op, kRecurrent, "recurrent"), "flat_recurrent");
  const int64_t count = *bias->type.tensor().shape()[1].constant() / 8;
  Value* sums = op.intermediate(Slice{.starts = Dims{0}, .ends = Dims{4 * count}, .axes = Dims{1}},
                                {bias}, "sums");
  Value* turned = op.intermediate(Transpose{.perm = {1, 0}}, {weights}, "turned");
  Value* product = op.intermediate(MatMul{}, {x, turned}, "product");
  Value* from_input = op.intermediate(Add{}, {product, flat(sums, "flat_sums")}, "from_input");
  Value* zero = op.scalar(0, "start");
  Value* start = op.intermediate(Expand{.shape = Dims{sizes[1], count}}, {zero}, "states");
  Value* most = op.scalar(double{clip}, "most");
  Value* least = op.scalar(-double{clip}, "least");
  const builder::Step step = [&](builder::StepWriter& write, const std::vector<Value*>& in) {
    Value* by_state = write(Gemm{.transB = true}, {in[0], write.outside(recurrent)}, "by_state");
    Value* all = write(Add{}, {by_state, in[2]}, "all");
    std::vector<Value*> parts;  // input, output, forget, cell
    for (int64_t i = 0; i < 4; ++i)
      parts.push_back(
          write(Slice{.starts = Dims{i * count}, .ends = Dims{(i + 1) * count}, .axes = Dims{1}},
                {all}, cat("gate", i)));
    for (size_t i = 0; i < 3; ++i) parts[i] = write(Sigmoid{}, {parts[i]}, cat("open", i));
    Value* taken = write(Mul{}, {parts[0], write(Tanh{}, {parts[3]}, "new")}, "taken");
    Value* cell = write(Add{}, {write(Mul{}, {parts[2], in[1]}, "kept"), taken}, "cell");
    cell = write(Clip{}, {cell, write.outside(least), write.outside(most)}, "clipped");
    Value* h = write(Mul{}, {parts[1], write(Tanh{}, {cell}, "cell_tanh")}, "h");
    return std::vector<Value*>{h, cell, write(Identity{}, {h}, "y")};
  };
  give_states(op, builder::over_steps(op, {start, start}, {from_input}, 1, step).back(),
              time_first);
}

void import_lstm(OpReader& op) {
  if (!op.has_input(kWeights)) op.unsupported("an LSTM whose input and forget gates are coupled");
  for (int i = kPeepholes; i < kBias; ++i)
    if (op.has_input(i)) op.unsupported("an LSTM with peepholes");
  for (int i = kNorms; i < op.inputs(); ++i)
    if (op.has_input(i)) op.unsupported("an LSTM with norms of layers");
  if (op.has_input(kProjection)) op.unsupported("an LSTM with a projection");
  if (op.activation(0) != Activation::tanh) op.unsupported("an LSTM of another function than tanh");
  const bool time_first = op.option_flag(3);
  op.check(op.rank_of(kInput) == 3, "an input of rank ", op.rank_of(kInput), ", wanted 3");
  Value* x = op.real(kInput);
  if (!time_first) x = op.intermediate(Transpose{.perm = {1, 0, 2}}, {x}, "time_first");
  Value* bias = gates(op, kBias, "bias");
  const Dim& count = bias->type.tensor().shape()[1];
  if (!count.constant()) op.unsupported("biases of unknown sizes");
  op.check(*count.constant() < (1 << 24), "biases of ", count, " elements");
  Value* none = op.constant(Tensor(DType::f32, {1, *count.constant()}), "no_bias");
  bias = op.intermediate(Concat{.axis = 1}, {bias, none}, "biases");
  const float clip = op.option_f32(1);
  const auto steps = x->type.tensor().shape()[0].constant();
  // Each step adds at most 1 to the size of a cell.
  if (clip > 0 && !(steps && static_cast<float>(*steps) <= clip))
    return give_clipped(op, x, bias, clip, time_first);
  LSTM lstm;
  lstm.recurrence.hidden_size = *count.constant() / 4;
  Value* states = op.intermediate(
      std::move(lstm),
      {x, gates(op, kWeights, "weights"), gates(op, kRecurrent, "recurrent"), bias}, "states");
  give_states(op, op.intermediate(Squeeze{.axes = Dims{1}}, {states}, "all"), time_first);
}

}  // namespace

void register_lstm(Importers& importers) {
  importers.add("UNIDIRECTIONAL_SEQUENCE_LSTM", import_lstm);
}

}  // namespace hone::tflite
