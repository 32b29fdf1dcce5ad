// Layers that carry a state along a sequence, and single steps of them.

#include "ops/recurrent.hpp"

#include "import/pytorch/quantization.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"
#include "ops/slice.hpp"

namespace hone::pytorch {
namespace {

/// What the layers have in common.
struct Layers {
  std::vector<Value*> weights;  // for each layer and direction: of the input, of the state, biases
  int64_t count = 1, directions = 1;
  bool has_biases = true, batch_first = false, batched = true;
  Value* x = nullptr;  // [sequence, batch, features]
};

void import_packed_cell(Call& call) {
  call.give_item(packed_cell(call.argument("w_ih"), call.argument("w_hh")));
}

/// A tensor of packed weights (quantization.hpp).
Value* packed_tensor(Call& call, const Item& item, std::string_view name) {
  const auto* packed = item.as<std::shared_ptr<Object>>();
  Item* found = packed == nullptr || (*packed)->type != kPacked ? nullptr : (*packed)->find(name);
  call.check(found != nullptr, "weights that are ", kind_of(item));
  const auto* tensor = found->as<TensorRef>();
  call.check(tensor != nullptr, name, " is ", kind_of(*found));
  return call.caller().read(*tensor);
}

/// Weights as tensors, or those of packed cells.
std::vector<Value*> weights_of(Call& call, bool have_biases) {
  std::vector<Value*> weights;
  const std::vector<Item> given = call.items("params");
  if (given.empty() || given.front().as<TensorRef>() != nullptr) return call.tensors("params");
  for (const Item& cell : given)
    for (const std::string_view name : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
      if (have_biases || name.starts_with("weight"))
        weights.push_back(packed_tensor(call, cell, name));
  return weights;
}

Layers layers(Call& call) {
  Layers found{.weights = weights_of(call, call.flag("has_biases")),
               .count = call.integer("num_layers"),
               .directions = call.flag("bidirectional") ? 2 : 1,
               .has_biases = call.flag("has_biases"),
               .batch_first = call.flag("batch_first")};
  const auto each = static_cast<size_t>(found.has_biases ? 4 : 2);
  if (call.flag("train") && call.real("dropout") > 0 && found.count > 1)
    call.unsupported("the network is exported as it trains: call eval() before the export");
  call.check(found.count > 0 && found.count < 10'000, found.count, " layers");
  const auto wanted = static_cast<size_t>(found.count * found.directions) * each;
  if (found.weights.size() == wanted / each * (each + 1))
    call.unsupported("states that are projected (proj_size)");
  call.check(found.weights.size() == wanted, uint64_t{found.weights.size()}, " weights, wanted ",
             uint64_t{wanted});
  found.x = call.tensor("input");
  found.batched = Call::rank(found.x) == 3;
  if (!found.batched)
    found.x = call.intermediate(Unsqueeze{.axes = Dims{Dim(1)}}, {found.x}, "batch");
  else if (found.batch_first) found.x = call.transposed(found.x, 0, 1, "sequence");
  return found;
}

/// Rows of gates in the order that the op wants.
Value* reordered(Call& call, Value* rows, const std::vector<int64_t>& gates) {
  const auto count = static_cast<int64_t>(gates.size());
  if (count == 1) return rows;
  const auto parts = call.intermediates(Split{.axis = 0, .num_outputs = count}, {rows},
                                        static_cast<int>(count), "gate");
  std::vector<Value*> ordered;
  for (const int64_t gate : gates) ordered.push_back(parts[static_cast<size_t>(gate)]);
  return call.intermediate(Concat{.axis = 0}, ordered, "gates");
}

/// The directions of one layer on top of one another.
Value* stacked(Call& call, std::vector<Value*> values) {
  for (Value*& value : values)
    value = call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {value}, "direction");
  if (values.size() == 1) return values.front();
  return call.intermediate(Concat{.axis = 0}, values, "directions");
}

/// Weights, recurrent weights and biases of a layer, as the op wants them.
std::vector<Value*> operands(Call& call, const Layers& layers, int64_t layer,
                             const std::vector<int64_t>& gates) {
  std::vector<Value*> w, r, b;
  const int64_t each = layers.has_biases ? 4 : 2;
  for (int64_t d = 0; d < layers.directions; ++d) {
    const auto at = static_cast<size_t>((layer * layers.directions + d) * each);
    w.push_back(reordered(call, layers.weights[at], gates));
    r.push_back(reordered(call, layers.weights[at + 1], gates));
    if (!layers.has_biases) continue;
    b.push_back(call.intermediate(Concat{.axis = 0},
                                  {reordered(call, layers.weights[at + 2], gates),
                                   reordered(call, layers.weights[at + 3], gates)},
                                  "biases"));
  }
  return {stacked(call, w), stacked(call, r), b.empty() ? nullptr : stacked(call, b)};
}

/// Of [layers * directions, batch, hidden] those of a layer.
Value* states_of(Call& call, Value* states, const Layers& layers, int64_t layer) {
  if (!layers.batched)
    states = call.intermediate(Unsqueeze{.axes = Dims{Dim(1)}}, {states}, "batch");
  if (layers.count == 1) return states;
  const int64_t start = layer * layers.directions;
  return call.intermediate(Slice{.starts = Dims{Dim(start)},
                                 .ends = Dims{Dim(start + layers.directions)},
                                 .axes = Dims{Dim(0)}},
                           {states}, "state");
}

/// [sequence, directions, batch, hidden] with the directions side by side.
Value* joined_directions(Call& call, Value* y, int64_t directions) {
  if (directions == 1) return call.intermediate(Squeeze{.axes = Dims{Dim(1)}}, {y}, "sequence");
  const Dims shape = Call::shape(y);
  y = call.intermediate(Transpose{.perm = {0, 2, 1, 3}}, {y}, "sequence");
  return call.reshaped(y, {shape[0], shape[2], shape[1] * shape[3]}, "sequence");
}

Value* joined_layers(Call& call, const std::vector<Value*>& states, bool batched) {
  Value* all =
      states.size() == 1 ? states[0] : call.intermediate(Concat{.axis = 0}, states, "states");
  return batched ? all : call.intermediate(Squeeze{.axes = Dims{Dim(1)}}, {all}, "states");
}

void give_sequence(Call& call, Value* y, const Layers& layers) {
  if (!layers.batched) return call.give(call.intermediate(Squeeze{.axes = Dims{Dim(1)}}, {y}, "y"));
  call.give(layers.batch_first ? call.transposed(y, 0, 1, "y") : y);
}

Recurrence recurrence(const Call&, const Layers& layers, Value* hidden_rows, int64_t gates) {
  Recurrence made;
  made.direction = layers.directions == 2 ? Direction::bidirectional : Direction::forward;
  const auto rows = Call::shape(hidden_rows)[0].constant();
  made.hidden_size = rows ? *rows / gates : 0;
  return made;
}

void import_lstm(Call& call) {
  const Layers all = layers(call);
  const std::vector<Value*> first = call.tensors("hx");
  call.check(first.size() == 2, "has ", uint64_t{first.size()}, " states, wanted 2");
  std::vector<Value*> hidden, cells;
  Value* x = all.x;
  for (int64_t layer = 0; layer < all.count; ++layer) {
    // PyTorch: input, forget, cell, output; the op: input, output, forget, cell.
    const auto w = operands(call, all, layer, {0, 3, 1, 2});
    const LSTM op{.recurrence = recurrence(call, all, all.weights[0], 4)};
    const auto results =
        call.intermediates(op,
                           {x, w[0], w[1], w[2], nullptr, states_of(call, first[0], all, layer),
                            states_of(call, first[1], all, layer)},
                           3, "lstm");
    x = joined_directions(call, results[0], all.directions);
    hidden.push_back(results[1]);
    cells.push_back(results[2]);
  }
  give_sequence(call, x, all);
  call.give(joined_layers(call, hidden, all.batched));
  call.give(joined_layers(call, cells, all.batched));
}

/// PyTorch: reset, update, new; the op: update, reset, hidden.
Op gru_op(Recurrence recurrence) {
  return GRU{.recurrence = std::move(recurrence), .linear_before_reset = true};
}
Op rnn_tanh_op(Recurrence recurrence) { return RNN{.recurrence = std::move(recurrence)}; }
Op rnn_relu_op(Recurrence recurrence) {
  recurrence.activations.assign(static_cast<size_t>(recurrence.directions()), "Relu");
  return RNN{.recurrence = std::move(recurrence)};
}

void import_with(Call& call, Op (*op)(Recurrence), const std::vector<int64_t>& gates) {
  const Layers all = layers(call);
  Value *first = call.tensor("hx"), *x = all.x;
  std::vector<Value*> hidden;
  for (int64_t layer = 0; layer < all.count; ++layer) {
    const auto w = operands(call, all, layer, gates);
    const auto made = op(recurrence(call, all, all.weights[0], static_cast<int64_t>(gates.size())));
    const auto results = call.intermediates(
        made, {x, w[0], w[1], w[2], nullptr, states_of(call, first, all, layer)}, 2, "layer");
    x = joined_directions(call, results[0], all.directions);
    hidden.push_back(results[1]);
  }
  give_sequence(call, x, all);
  call.give(joined_layers(call, hidden, all.batched));
}
void import_gru(Call& call) { import_with(call, gru_op, {1, 0, 2}); }
void import_rnn_tanh(Call& call) { import_with(call, rnn_tanh_op, {0}); }
void import_rnn_relu(Call& call) { import_with(call, rnn_relu_op, {0}); }

/// x W^T + b; packed weights have their bias with them.
Value* projected(Call& call, Value* x, std::string_view weight, std::string_view bias) {
  std::vector<Value*> inputs{x};
  if (const Item& packed = call.argument(weight); packed.as<TensorRef>() == nullptr) {
    inputs.push_back(packed_tensor(call, packed, "weight"));
    inputs.push_back(packed_tensor(call, packed, "bias"));
  } else {
    inputs.push_back(call.tensor(weight));
    if (Value* given = call.optional_tensor(bias)) inputs.push_back(given);
  }
  return call.intermediate(Gemm{.transB = true}, inputs, "projected");
}

std::vector<Value*> gates(Call& call, Value* all, int count) {
  return call.intermediates(Split{.axis = 1, .num_outputs = count}, {all}, count, "gate");
}

void import_lstm_cell(Call& call) {
  const std::vector<Value*> states = call.tensors("hx");
  call.check(states.size() == 2, "has ", uint64_t{states.size()}, " states, wanted 2");
  const auto op = [&](Op which, std::vector<Value*> inputs) {
    return call.intermediate(std::move(which), std::move(inputs), "cell");
  };
  Value* sum = op(Add{}, {projected(call, call.tensor("input"), "w_ih", "b_ih"),
                          projected(call, states[0], "w_hh", "b_hh")});
  const auto gate = gates(call, sum, 4);
  Value* kept = op(Mul{}, {op(Sigmoid{}, {gate[1]}), states[1]});
  Value* added = op(Mul{}, {op(Sigmoid{}, {gate[0]}), op(Tanh{}, {gate[2]})});
  Value* cell = op(Add{}, {kept, added});
  call.give(op(Mul{}, {op(Sigmoid{}, {gate[3]}), op(Tanh{}, {cell})}));
  call.give(cell);
}

void import_gru_cell(Call& call) {
  Value* state = call.tensor("hx");
  const auto op = [&](Op which, std::vector<Value*> inputs) {
    return call.intermediate(std::move(which), std::move(inputs), "cell");
  };
  const auto in = gates(call, projected(call, call.tensor("input"), "w_ih", "b_ih"), 3);
  const auto of = gates(call, projected(call, state, "w_hh", "b_hh"), 3);
  Value* reset = op(Sigmoid{}, {op(Add{}, {in[0], of[0]})});
  Value* update = op(Sigmoid{}, {op(Add{}, {in[1], of[1]})});
  Value* fresh = op(Tanh{}, {op(Add{}, {in[2], op(Mul{}, {reset, of[2]})})});
  call.emit(Add{}, {fresh, op(Mul{}, {update, op(Sub{}, {state, fresh})})});
}

template <class T>
void import_rnn_cell(Call& call) {
  Value* sum = call.intermediate(Add{},
                                 {projected(call, call.tensor("input"), "w_ih", "b_ih"),
                                  projected(call, call.tensor("hx"), "w_hh", "b_hh")},
                                 "sum");
  call.emit(T{}, {sum});
}

}  // namespace

void register_recurrent(Importers& importers) {
  importers.add(
      "lstm.input(T input, T[] hx, T[] params, b has_biases, i num_layers, f dropout, "
      "b train, b bidirectional, b batch_first)",
      import_lstm);
  constexpr std::string_view kLayers =
      ".input(T input, T hx, T[] params, b has_biases, i num_layers, f dropout, b train, "
      "b bidirectional, b batch_first)";
  importers.add(cat("gru", kLayers), import_gru);
  importers.add(cat("rnn_tanh", kLayers), import_rnn_tanh);
  importers.add(cat("rnn_relu", kLayers), import_rnn_relu);
  // Weights of 8 or 16 bits, as the numbers that they stand for; what PyTorch rounds while it runs
  // stays as it is.
  importers.add(
      "quantized::make_quantized_cell_params_dynamic(a w_ih, a w_hh, T b_ih, T b_hh, "
      "b reduce_range=False)",
      import_packed_cell);
  importers.add(
      "quantized_lstm.input(T input, T[] hx, a[] params, b has_biases, i num_layers, f dropout, "
      "b train, b bidirectional, b batch_first, i? dtype=None, b use_dynamic=False)",
      import_lstm);
  importers.add(
      "quantized_gru.input(T input, T hx, a[] params, b has_biases, i num_layers, f dropout, "
      "b train, b bidirectional, b batch_first)",
      import_gru);
  importers.add("lstm_cell(T input, T[] hx, T w_ih, T w_hh, T? b_ih=None, T? b_hh=None)",
                import_lstm_cell);
  constexpr std::string_view kCell = "(T input, T hx, T w_ih, T w_hh, T? b_ih=None, T? b_hh=None)";
  importers.add(cat("gru_cell", kCell), import_gru_cell);
  importers.add(cat("rnn_tanh_cell", kCell), import_rnn_cell<Tanh>);
  importers.add(cat("rnn_relu_cell", kCell), import_rnn_cell<Relu>);
  importers.add(
      "quantized::quantized_lstm_cell_dynamic(T input, T[] hx, a w_ih, a w_hh, T b_ih, T b_hh)",
      import_lstm_cell);
  const auto add_cell = [&](std::string_view name, Overload::Import import) {
    importers.add(cat("quantized::quantized_", name,
                      "_cell_dynamic(T input, T hx, a w_ih, a w_hh, T b_ih, T b_hh)"),
                  import);
  };
  add_cell("gru", import_gru_cell);
  add_cell("rnn_tanh", import_rnn_cell<Tanh>);
  add_cell("rnn_relu", import_rnn_cell<Relu>);
}

}  // namespace hone::pytorch
