// RNN, fused: layers of cells over [steps, batch, ...], all their weights in one row. (Source:
// apache/mxnet 1.9, src/operator/rnn-inl.h.)

#include "ops/recurrent.hpp"

#include "base/size.hpp"
#include "import/mxnet/node_reader.hpp"
#include "ops/gather.hpp"
#include "ops/layout.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::mxnet {
namespace {

enum Mode : uint8_t {
  rnn_relu,
  rnn_tanh,
  lstm,
  gru,
};

struct Fields {
  size_t mode;
  int64_t hidden, layers, directions;
  /// The places of the op's gates in the file: LSTM has input, forget, cell, output there, GRU
  /// reset, update, new.
  std::vector<int64_t> gates() const {
    if (mode == lstm) return {0, 3, 1, 2};
    if (mode == gru) return {1, 0, 2};
    return {0};
  }
  int64_t rows() const { return checked_mul(static_cast<int64_t>(gates().size()), hidden); }
  /// What a step of a layer reads, where the first one reads `depth` numbers.
  int64_t depth_of(int64_t layer, int64_t depth) const {
    return layer == 0 ? depth : checked_mul(hidden, directions);
  }
  /// How many numbers the row has.
  int64_t numbers(int64_t depth) const {
    int64_t count = 0;
    for (int64_t layer = 0; layer < layers; ++layer) {
      const int64_t row = checked_add(checked_add(depth_of(layer, depth), hidden), 2);
      count = checked_add(count, checked_mul(checked_mul(row, rows()), directions));
    }
    return count;
  }
};

class Layers {
 public:
  Layers(NodeReader& node, const Fields& fields, int64_t depth)
      : node_(node), fields_(fields), depth_(depth) {}

  void write() {
    Value* x = node_.required(0);
    std::vector<Value*> last, last_cells;
    for (int64_t layer = 0; layer < fields_.layers; ++layer) {
      const auto made = write_layer(x, layer);
      x = joined_directions(made[0], layer);
      last.push_back(made[1]);
      if (fields_.mode == lstm) last_cells.push_back(made[2]);
    }
    node_.give(0, x);
    if (node_.wants(1)) node_.give(1, stacked(last, "states"));
    if (node_.wants(2)) {
      node_.check(fields_.mode == lstm, "has no third result");
      node_.give(2, stacked(last_cells, "cells"));
    }
  }

 private:
  template <class T>
  Value* add(T op, std::vector<Value*> inputs, std::string_view name) {
    return node_.intermediate(std::move(op), std::move(inputs), name);
  }
  /// `count` numbers from `from` on, as [1, gates * hidden, width], gates in the op's order.
  Value* part(int64_t from, int64_t width, const std::string& name) {
    const int64_t count = checked_mul(fields_.rows(), width);
    Value* row =
        add(Slice{.starts = Dims{from}, .ends = Dims{checked_add(from, count)}, .axes = Dims{0}},
            {node_.required(1)}, cat(name, "_row"));
    const auto gates = fields_.gates();
    const auto gate_count = static_cast<int64_t>(gates.size());
    Value* cut =
        add(Reshape{.shape = Dims{gate_count, fields_.hidden, width}}, {row}, cat(name, "_gates"));
    if (gate_count > 1)
      cut =
          add(Gather{}, {cut, node_.constant(Tensor::ints(gates), "order")}, cat(name, "_ordered"));
    return add(Reshape{.shape = Dims{1, fields_.rows(), width}}, {cut}, name);
  }

  /// Of all directions of a layer, one after the other: weights of the input, of the state.
  struct Weights {
    Value *input, *state, *bias;
  };
  Weights weights(int64_t layer) {
    std::vector<Value*> input, state, bias;
    const int64_t rows = fields_.rows(), depth = fields_.depth_of(layer, depth_);
    for (int64_t d = 0; d < fields_.directions; ++d) {
      const std::string name = cat("l", layer, "_", d);
      input.push_back(part(next_, depth, cat(name, "_input")));
      next_ += rows * depth;
      state.push_back(part(next_, fields_.hidden, cat(name, "_state")));
      next_ += rows * fields_.hidden;
      Value* first = part(next_bias_, 1, cat(name, "_input_bias"));
      Value* second = part(next_bias_ + rows, 1, cat(name, "_state_bias"));
      next_bias_ += 2 * rows;
      Value* both = add(Concat{.axis = 1}, {first, second}, cat(name, "_biases"));
      bias.push_back(add(Reshape{.shape = Dims{1, 2 * rows}}, {both}, cat(name, "_bias")));
    }
    return {beside(input, 0, cat("l", layer, "_inputs")),
            beside(state, 0, cat("l", layer, "_states")),
            beside(bias, 0, cat("l", layer, "_bias"))};
  }
  Value* beside(const std::vector<Value*>& parts, int64_t axis, std::string_view name) {
    return parts.size() == 1 ? parts[0] : add(Concat{.axis = axis}, parts, name);
  }
  Value* stacked(const std::vector<Value*>& parts, std::string_view name) {
    return beside(parts, 0, name);
  }

  /// Of a layer, of the states that all layers begin with.
  Value* initial(int input, int64_t layer, std::string_view name) {
    const int64_t from = layer * fields_.directions;
    if (fields_.layers == 1) return node_.required(input);
    return add(
        Slice{.starts = Dims{from}, .ends = Dims{from + fields_.directions}, .axes = Dims{0}},
        {node_.required(input)}, cat("l", layer, "_", name));
  }

  std::vector<Value*> write_layer(Value* x, int64_t layer) {
    if (layer == 0) next_bias_ = fields_.numbers(depth_) - biases();
    const Weights w = weights(layer);
    Recurrence recurrence;
    if (fields_.directions == 2) recurrence.direction = Direction::bidirectional;
    recurrence.hidden_size = fields_.hidden;
    if (fields_.mode == rnn_relu)
      recurrence.activations.assign(static_cast<size_t>(fields_.directions), "Relu");
    std::vector<Value*> inputs{x, w.input, w.state, w.bias, nullptr, initial(2, layer, "start")};
    const std::string name = cat("l", layer);
    if (fields_.mode == lstm) {
      inputs.push_back(initial(3, layer, "start_cell"));
      return node_.intermediates(LSTM{.recurrence = recurrence}, inputs, 3, name);
    }
    if (fields_.mode == gru)
      return node_.intermediates(GRU{.recurrence = recurrence, .linear_before_reset = true}, inputs,
                                 2, name);
    return node_.intermediates(RNN{.recurrence = recurrence}, inputs, 2, name);
  }

  int64_t biases() const { return fields_.layers * fields_.directions * 2 * fields_.rows(); }

  /// From [steps, directions, batch, hidden] to [steps, batch, directions * hidden].
  Value* joined_directions(Value* all, int64_t layer) {
    const std::string name = cat("l", layer, "_y");
    if (fields_.directions == 1) return add(Squeeze{.axes = Dims{1}}, {all}, name);
    const Dims& dims = all->type.tensor().shape();
    Dims shape{dims[0], dims[2], fields_.directions * fields_.hidden};
    Value* moved = add(Transpose{.perm = {0, 2, 1, 3}}, {all}, cat(name, "_moved"));
    return add(Reshape{.shape = std::move(shape), .allowzero = true}, {moved}, name);
  }

  NodeReader& node_;
  const Fields& fields_;
  int64_t depth_;
  int64_t next_ = 0, next_bias_ = 0;
};

/// What a step reads, where only the number of all weights tells it.
int64_t depth_by_weights(const NodeReader& node, const Fields& fields) {
  const auto& type = node.input(1)->type.tensor();
  const auto count =
      type.has_rank() && type.rank() == 1 ? type.shape()[0].constant() : std::nullopt;
  if (!count) node.unsupported("inputs of a size that is not known");
  const int64_t without = fields.numbers(0);
  const int64_t one = checked_mul(fields.rows(), fields.directions);
  node.check(*count > without && (*count - without) % one == 0, *count, " weights for ",
             fields.layers, " layers of ", fields.hidden);
  return (*count - without) / one;
}

void import_rnn(NodeReader& node) {
  const Fields fields{node.choice("mode", {"rnn_relu", "rnn_tanh", "lstm", "gru"}, ""),
                      node.integer("state_size"), node.integer("num_layers"),
                      node.flag("bidirectional", false) ? 2 : 1};
  node.ignore({"p", "state_outputs", "pkeep_", "lstm_q_"});
  for (const auto* name : {"projection_size", "lstm_state_clip_min", "lstm_state_clip_max"})
    if (node.has(name)) node.unsupported(name);
  if (node.flag("use_sequence_length", false)) node.unsupported("lengths of sequences");
  node.ignore(
      {"lstm_state_clip_nan", "projection_size", "lstm_state_clip_min", "lstm_state_clip_max"});
  node.check(fields.hidden > 0 && fields.layers > 0 && fields.layers <= 64, fields.layers,
             " layers of ", fields.hidden);
  node.check(node.rank_of(0) == 3, "an input of ", node.rank_of(0),
             " axes, wanted steps, batch and numbers");
  node.check(node.rank_of(1) == 1, "weights of ", node.rank_of(1), " axes, wanted one row");
  const auto known = node.dims(0)[2].constant();
  const int64_t depth = known ? *known : depth_by_weights(node, fields);
  const auto given = node.dims(1)[0].constant();
  if (given)
    node.check(*given == fields.numbers(depth), *given, " weights, wanted ", fields.numbers(depth));
  Layers(node, fields, depth).write();
}

int64_t attribute(const Node& node, std::string_view name) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? 0 : parse_int(found->second).value_or(0);
}

/// Steps, batch, numbers; states of all layers, batch, numbers.
std::vector<int64_t> sequence_sizes(const Symbol&, const Node& node, size_t i,
                                    const WeightSource&) {
  if (i == 0) return {0, 0, 0};
  if (i == 1) return {0};
  const auto both = node.attributes.find("bidirectional");
  const bool two = both != node.attributes.end() && (both->second == "True" || both->second == "1");
  const int64_t layers = attribute(node, "num_layers");
  if (layers <= 0 || layers > 64) return {0, 0, 0};
  return {layers * (two ? 2 : 1), 0, attribute(node, "state_size")};
}

}  // namespace

void register_recurrent(Importers& importers) {
  importers.add("RNN", {.run = import_rnn, .sizes = sequence_sizes});
}

}  // namespace hone::mxnet
