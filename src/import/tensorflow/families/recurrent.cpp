// Blocks of LSTM and GRU, of one step and of whole sequences.

#include "ops/recurrent.hpp"

#include "import/builder/steps.hpp"
#include "import/tensorflow/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::tensorflow {
namespace {

/// Writes nodes: of the graph, or of a step.
using Write = std::function<Value*(Op, std::vector<Value*>, std::string_view)>;

Slice columns(int64_t first, int64_t last) {
  return {.starts = Dims{Dim(first)}, .ends = Dims{Dim(last)}, .axes = Dims{Dim(1)}};
}

/// How a block's gates lie and what is done to them.
struct Block {
  bool input_first = true;  // input, cell, forget, output; else input, forget, cell, output
  int64_t cells = 0;
  Value *forget_bias = nullptr, *most = nullptr, *least = nullptr;  // null: none
};

/// The results of one step, in the order of the operator: input gate, cell state, forget gate,
/// output gate, cell input, cell output, hidden state.
std::vector<Value*> lstm_step(const Write& write, const Block& block, Value* sums, Value* cell) {
  const auto part = [&](int64_t i, std::string_view name) {
    return write(columns(i * block.cells, (i + 1) * block.cells), {sums}, name);
  };
  Value* in = write(Sigmoid{}, {part(0, "sum_i")}, "i");
  Value* news = write(Tanh{}, {part(block.input_first ? 1 : 2, "sum_c")}, "ci");
  Value* keep = part(block.input_first ? 2 : 1, "sum_f");
  if (block.forget_bias != nullptr) keep = write(Add{}, {keep, block.forget_bias}, "biased_f");
  keep = write(Sigmoid{}, {keep}, "f");
  Value* out = write(Sigmoid{}, {part(3, "sum_o")}, "o");
  Value* taken = write(Mul{}, {news, in}, "taken");
  Value* kept = write(Mul{}, {cell, keep}, "kept");
  Value* state = write(Add{}, {taken, kept}, "cs");
  if (block.most != nullptr) state = write(Clip{}, {state, block.least, block.most}, "clipped");
  Value* shown = write(Tanh{}, {state}, "co");
  return {in, state, keep, out, news, shown, write(Mul{}, {shown, out}, "h")};
}

constexpr std::string_view kNames[] = {"i", "cs", "f", "o", "ci", "co", "h"};

Block read_block(NodeReader& node, int weights, float forget_bias, bool input_first) {
  if (node.flag("use_peephole", false)) node.unsupported("an LSTM with peepholes");
  Block block{.input_first = input_first};
  node.check(node.rank_of(weights) == 2, "weights of rank ", node.rank_of(weights), ", wanted 2");
  const auto width = node.dims(weights)[1].constant();
  if (!width) node.unsupported("weights of sizes that are not known");
  node.check(*width % 4 == 0 && *width > 0, "weights of ", *width, " columns");
  block.cells = *width / 4;
  const float clip = node.real("cell_clip", node.op() == "BlockLSTMV2" ? 0 : 3);
  if (forget_bias != 0)
    block.forget_bias = node.scalar(double{forget_bias}, "forget_bias", weights);
  if (clip > 0) {
    block.most = node.scalar(double{clip}, "most", weights);
    block.least = node.scalar(-double{clip}, "least", weights);
  }
  return block;
}

/// The results are those from `first` on.
void give_all(NodeReader& node, const std::vector<Value*>& made, size_t first) {
  for (int i = 0; i < node.outputs(); ++i) {
    const size_t at = first + static_cast<size_t>(i);
    node.check(at < made.size(), "has no result ", i);
    node.give(i, made[at]);
  }
}

Write writer_of(NodeReader& node) {
  return [&node](Op op, std::vector<Value*> inputs, std::string_view name) {
    return node.intermediate(std::move(op), std::move(inputs), name);
  };
}

/// Inputs: x, cell, hidden state, weights, three of peepholes, bias.
void import_lstm_block_cell(NodeReader& node) {
  const Block block = read_block(node, 3, node.real("forget_bias", 1), true);
  const Write write = writer_of(node);
  Value* both = write(Concat{.axis = 1}, {node.required(0), node.required(2)}, "both");
  Value* sums = write(
      Add{}, {write(MatMul{}, {both, node.required(3)}, "product"), node.required(7)}, "sums");
  give_all(node, lstm_step(write, block, sums, node.required(1)), 0);
}

/// Inputs: steps, x [steps, batch, depth], cell, hidden state, weights, three of peepholes, bias.
void import_block_lstm(NodeReader& node) {
  const bool is_second = node.op() == "BlockLSTMV2";
  Block block = read_block(node, 4, is_second ? 0 : node.real("forget_bias", 1), !is_second);
  node.check(node.rank_of(1) == 3, "sequences of rank ", node.rank_of(1), ", wanted 3");
  const auto steps = node.known(0);
  if (!steps || steps->size() != 1 || !(steps->front() == node.dims(1)[0]))
    node.unsupported("sequences shorter than the tensor");
  const auto depth = node.dims(1)[2].constant();
  if (!depth) node.unsupported("a depth that is not known");
  const Write outside = writer_of(node);
  const auto rows = [&](int64_t first, int64_t last, std::string_view name) {
    return outside(Slice{.starts = Dims{Dim(first)}, .ends = Dims{Dim(last)}, .axes = Dims{Dim(0)}},
                   {node.required(4)}, name);
  };
  Value* of_input = rows(0, *depth, "weights");
  Value* of_state = rows(*depth, *depth + block.cells, "recurrent");
  Value* product = outside(MatMul{}, {node.required(1), of_input}, "product");
  Value* from_input = outside(Add{}, {product, node.required(8)}, "from_input");
  const builder::Step step = [&](builder::StepWriter& writer, const std::vector<Value*>& in) {
    const Write write = [&](Op op, std::vector<Value*> inputs, std::string_view name) {
      return writer(std::move(op), std::move(inputs), name);
    };
    Block own = block;
    for (Value** shared : {&own.forget_bias, &own.most, &own.least})
      if (*shared != nullptr) *shared = writer.outside(*shared);
    Value* by_state = write(MatMul{}, {in[0], writer.outside(of_state)}, "by_state");
    Value* sums = write(Add{}, {by_state, in[2]}, "sums");
    const std::vector<Value*> made = lstm_step(write, own, sums, in[1]);
    std::vector<Value*> given{made[6], made[1]};
    for (size_t i = 0; i < made.size(); ++i)
      given.push_back(write(Identity{}, {made[i]}, cat("all_", kNames[i])));
    return given;
  };
  const auto made =
      builder::over_steps(node, {node.required(3), node.required(2)}, {from_input}, 7, step);
  give_all(node, made, 2);
}

/// Inputs: x, state, weights of both gates, weights of the candidate, their biases.
void import_gru_block_cell(NodeReader& node) {
  const Write write = writer_of(node);
  node.check(node.rank_of(2) == 2, "weights of rank ", node.rank_of(2), ", wanted 2");
  const auto width = node.dims(2)[1].constant();
  if (!width) node.unsupported("weights of sizes that are not known");
  Value *x = node.required(0), *state = node.required(1);
  const auto linear = [&](Value* by, int weights, int bias, std::string_view name) {
    Value* both = write(Concat{.axis = 1}, {x, by}, cat(name, "_inputs"));
    Value* product = write(MatMul{}, {both, node.required(weights)}, cat(name, "_product"));
    return write(Add{}, {product, node.required(bias)}, cat(name, "_sums"));
  };
  Value* gates = write(Sigmoid{}, {linear(state, 2, 4, "gates")}, "gates");
  Value* reset = write(columns(0, *width / 2), {gates}, "r");
  Value* update = write(columns(*width / 2, *width), {gates}, "u");
  Value* old = write(Mul{}, {reset, state}, "reset_state");
  Value* candidate = write(Tanh{}, {linear(old, 3, 5, "candidate")}, "c");
  Value* rest = write(Sub{}, {node.scalar(1, "one"), update}, "rest");
  Value* h = write(
      Add{}, {write(Mul{}, {rest, candidate}, "new"), write(Mul{}, {update, state}, "old")}, "h");
  give_all(node, {reset, update, candidate, h}, 0);
}

}  // namespace

void register_recurrent(Importers& importers) {
  const std::vector<std::string_view> names(std::begin(kNames), std::end(kNames));
  importers.add("LSTMBlockCell", {import_lstm_block_cell, names});
  importers.add("BlockLSTM", {import_block_lstm, names});
  importers.add("BlockLSTMV2", {import_block_lstm, names});
  importers.add("GRUBlockCell", {import_gru_block_cell, {"r", "u", "c", "h"}});
}

}  // namespace hone::tensorflow
