#include "ops/recurrent.hpp"

#include "import/onnx/enum_field.hpp"
#include "import/onnx/node_reader.hpp"
#include "ops/dynamic_quantize_lstm.hpp"

namespace hone::onnx {
namespace {

Recurrence read_recurrence(NodeReader& node) {
  // Before opset 7 it says whether all states are wanted; the results that have names say it too.
  if (node.opset() < 7) node.ignore("output_sequence");
  return {.direction = read_enum(node, "direction", kDirectionNames, Direction::forward),
          .hidden_size = node.integer("hidden_size", 0),
          .activations = node.strings("activations"),
          .activation_alpha = node.reals("activation_alpha"),
          .activation_beta = node.reals("activation_beta"),
          .clip = node.real("clip", 0),
          .layout = node.integer("layout", 0)};
}

void import_rnn(NodeReader& node) {
  node.emit_all(RNN{.recurrence = read_recurrence(node)}, node.all_inputs());
}

void import_gru(NodeReader& node) {
  GRU op{.recurrence = read_recurrence(node),
         .linear_before_reset = node.flag("linear_before_reset", false)};
  node.emit_all(std::move(op), node.all_inputs());
}

void import_lstm(NodeReader& node) {
  LSTM op{.recurrence = read_recurrence(node), .input_forget = node.flag("input_forget", false)};
  node.emit_all(std::move(op), node.all_inputs());
}

void import_dynamic_quantize_lstm(NodeReader& node) {
  DynamicQuantizeLSTM op{.recurrence = read_recurrence(node),
                         .input_forget = node.flag("input_forget", false)};
  node.emit_all(std::move(op), node.all_inputs());
}

}  // namespace

void register_recurrent(Importers& importers) {
  importers.add("RNN", import_rnn);
  importers.add("GRU", import_gru);
  importers.add("LSTM", import_lstm);
  importers.add("DynamicQuantizeLSTM", import_dynamic_quantize_lstm, 1, Importers::kAnyVersion,
                "com.microsoft");
}

}  // namespace hone::onnx
