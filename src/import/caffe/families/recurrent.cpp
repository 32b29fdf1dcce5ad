// LSTM and RNN over [steps, batch, ...]: a second bottom says for each step and sample whether it
// goes on (1) or begins anew (0). (Source: BVLC/caffe, lstm_layer, lstm_unit_layer, rnn_layer.)

#include "base/size.hpp"
#include "import/builder/steps.hpp"
#include "import/caffe/layer_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::caffe {
namespace {

using builder::over_steps;
using builder::Step;
using builder::StepWriter;

/// What LSTM and RNN have in common: sizes, the part of the gates that depends on no state.
struct Cells {
  int64_t count, gates;  // of states; of numbers for each
  Dim batch;
  Value* from_input = nullptr;  // [steps, batch, gates * count]
  std::vector<Value*> states;   // at the start
  size_t next_blob = 0;
};

int64_t depth_of(LayerReader& layer, int i, int64_t from) {
  int64_t depth = 1;
  const Dims& dims = layer.input(i)->type.tensor().shape();
  for (size_t axis = static_cast<size_t>(from); axis < dims.size(); ++axis) {
    const auto size = dims[axis].constant();
    if (!size) layer.unsupported("bottom ", i, " has sizes that are not known");
    depth = checked_mul(depth, *size);
  }
  return depth;
}

/// The input times its weights, plus the bias, for all steps at once.
Cells read_cells(LayerReader& layer, int64_t gates, int state_count) {
  Params params = layer.params("recurrent_param");
  Cells cells{params.integer("num_output"), gates, {}, nullptr, {}, 0};
  const bool exposes = params.flag("expose_hidden", false);
  params.ignore("debug_info");
  layer.check(cells.count > 0, "num_output is ", cells.count);
  layer.check(layer.rank_of(0) >= 2 && layer.rank_of(1) == 2, "bottoms of ", layer.rank_of(0),
              " and ", layer.rank_of(1), " axes, wanted steps, batch and more; steps, batch");
  const int given = layer.inputs() - 2 - (exposes ? state_count : 0);
  layer.check(given == 0 || given == 1, "has ", layer.inputs(), " bottoms");
  cells.batch = layer.input(0)->type.tensor().shape()[1];
  const int64_t rows = checked_mul(gates, cells.count), depth = depth_of(layer, 0, 2);
  Value* flat = layer.intermediate(Flatten{.axis = 2}, {layer.required(0)}, "steps");
  Value* product = layer.intermediate(
      Gemm{.transB = true},
      {flat, layer.weight(0, {rows, depth}, "weight"), layer.weight(1, {rows}, "bias")}, "product");
  const Dim& steps = layer.input(0)->type.tensor().shape()[0];
  cells.from_input =
      layer.intermediate(Reshape{.shape = Dims{steps, cells.batch, rows}}, {product}, "gates");
  cells.next_blob = 2;
  if (given == 1) {  // the same for all steps
    layer.check(layer.rank_of(2) >= 1, "a third bottom of no axes");
    Value* fixed = layer.intermediate(Flatten{}, {layer.input(2)}, "fixed");
    Value* weight = layer.weight(cells.next_blob++, {rows, depth_of(layer, 2, 1)}, "fixed_weight");
    Value* part = layer.intermediate(Gemm{.transB = true}, {fixed, weight}, "fixed_product");
    cells.from_input = layer.intermediate(Add{}, {cells.from_input, part}, "all_gates");
  }
  for (int i = 0; i < state_count; ++i) {
    Value* state = nullptr;
    if (exposes) {
      state = layer.intermediate(Reshape{.shape = Dims{cells.batch, cells.count}},
                                 {layer.required(2 + given + i)}, cat("start", i));
    } else {
      Value* zero = layer.scalar(0, cat("zero", i));
      state = layer.intermediate(Expand{.shape = Dims{cells.batch, cells.count}}, {zero},
                                 cat("start", i));
    }
    cells.states.push_back(state);
  }
  return cells;
}

/// Top 0 is what all steps give; the last states follow where the layer exposes them.
void give_tops(LayerReader& layer, const Cells& cells, const std::vector<Value*>& values) {
  layer.give(0, values.back());
  for (int i = 1; i < layer.outputs(); ++i) {
    layer.check(i <= static_cast<int>(cells.states.size()), "has no top ", i);
    layer.give(i, layer.intermediate(Unsqueeze{.axes = Dims{0}},
                                     {values[static_cast<size_t>(i - 1)]}, cat("last", i)));
  }
}

void import_lstm(LayerReader& layer) {
  const Cells cells = read_cells(layer, 4, 2);
  Value* weight = layer.weight(cells.next_blob, {4 * cells.count, cells.count}, "recurrent_weight");
  const Step step = [&](StepWriter& write, const std::vector<Value*>& in) {
    Value* goes_on = write(Unsqueeze{.axes = Dims{1}}, {in[3]}, "goes_on_column");
    Value* h = write(Mul{}, {in[0], goes_on}, "h_kept");
    Value* product = write(Gemm{.transB = true}, {h, write.outside(weight)}, "product");
    Value* gates = write(Add{}, {product, in[2]}, "sum");
    std::vector<Value*> parts;  // input, forget, output, new
    for (int64_t i = 0; i < 4; ++i)
      parts.push_back(write(Slice{.starts = Dims{i * cells.count},
                                  .ends = Dims{(i + 1) * cells.count},
                                  .axes = Dims{1}},
                            {gates}, cat("gate", i)));
    for (size_t i = 0; i < 3; ++i) parts[i] = write(Sigmoid{}, {parts[i]}, cat("open", i));
    Value* fresh = write(Mul{}, {parts[0], write(Tanh{}, {parts[3]}, "new")}, "taken");
    Value* forget = write(Mul{}, {parts[1], goes_on}, "forget");
    Value* c = write(Add{}, {write(Mul{}, {forget, in[1]}, "kept"), fresh}, "c");
    Value* next = write(Mul{}, {parts[2], write(Tanh{}, {c}, "c_tanh")}, "h");
    return std::vector<Value*>{next, c, write(Identity{}, {next}, "y")};
  };
  give_tops(layer, cells,
            over_steps(layer, cells.states, {cells.from_input, layer.required(1)}, 1, step));
}

void import_rnn(LayerReader& layer) {
  const Cells cells = read_cells(layer, 1, 1);
  const int64_t n = cells.count;
  Value* hidden = layer.weight(cells.next_blob, {n, n}, "recurrent_weight");
  Value* out = layer.weight(cells.next_blob + 1, {n, n}, "output_weight");
  Value* bias = layer.weight(cells.next_blob + 2, {n}, "output_bias");
  const Step step = [&](StepWriter& write, const std::vector<Value*>& in) {
    Value* goes_on = write(Unsqueeze{.axes = Dims{1}}, {in[2]}, "goes_on_column");
    Value* kept = write(Mul{}, {in[0], goes_on}, "h_kept");
    Value* product = write(Gemm{.transB = true}, {kept, write.outside(hidden)}, "product");
    Value* h = write(Tanh{}, {write(Add{}, {product, in[1]}, "sum")}, "h");
    Value* y = write(Gemm{.transB = true}, {h, write.outside(out), write.outside(bias)}, "y_sum");
    return std::vector<Value*>{h, write(Tanh{}, {y}, "y")};
  };
  give_tops(layer, cells,
            over_steps(layer, cells.states, {cells.from_input, layer.required(1)}, 1, step));
}

}  // namespace

void register_recurrent(Importers& importers) {
  importers.add("LSTM", import_lstm);
  importers.add("RNN", import_rnn);
}

}  // namespace hone::caffe
