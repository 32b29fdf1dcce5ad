#include "device/cpu/recurrence.hpp"

#include <algorithm>

#include "device/cpu/rows.hpp"

namespace hone::cpu {

RecurrentKind recurrent_kind(const Problem& problem) {
  if (const auto* rnn = op_of<RNN>(problem)) return {&rnn->recurrence, 1, RNN::kUsual};
  if (const auto* gru = op_of<GRU>(problem))
    return {&gru->recurrence, 3, GRU::kUsual, gru->linear_before_reset};
  if (const auto* lstm = op_of<LSTM>(problem))
    return {&lstm->recurrence, 4, LSTM::kUsual, false, lstm->input_forget};
  return {};
}

int64_t packed_recurrent(int64_t gates, int64_t hidden) {
  const int columns = gemm_core().columns;
  const int64_t first = packed_floats(first_gates(gates) * hidden, hidden, columns);
  return gates == 3 ? first + packed_floats(hidden, hidden, columns) : first;
}

Tensor pack_input(const Problem&, const Tuning&, const Tensor& weight) {
  const Tensor aligned = weight.clone();
  const int64_t directions = weight.dim(0), rows = weight.dim(1), depth = weight.dim(2);
  const int columns = gemm_core().columns;
  const int64_t size = packed_floats(rows, depth, columns);
  Tensor packed(DType::f32, {directions, size});
  for (int64_t d = 0; d < directions; ++d)
    pack_panels(reinterpret_cast<const float*>(aligned.bytes().data()) + d * rows * depth, rows,
                depth, depth, 1, columns,
                reinterpret_cast<float*>(packed.mutable_bytes().data()) + d * size);
  return packed;
}

Tensor pack_recurrent(const Problem& problem, const Tuning&, const Tensor& weight) {
  const Tensor aligned = weight.clone();
  const int64_t gates = recurrent_kind(problem).gates, directions = weight.dim(0);
  const int64_t hidden = weight.dim(2), first = first_gates(gates) * hidden;
  const int columns = gemm_core().columns;
  const int64_t size = packed_recurrent(gates, hidden);
  Tensor packed(DType::f32, {directions, size});
  for (int64_t d = 0; d < directions; ++d) {
    const auto* from =
        reinterpret_cast<const float*>(aligned.bytes().data()) + d * gates * hidden * hidden;
    auto* to = reinterpret_cast<float*>(packed.mutable_bytes().data()) + d * size;
    pack_panels(from, first, hidden, hidden, 1, columns, to);
    if (gates == 3)
      pack_panels(from + first * hidden, hidden, hidden, hidden, 1, columns,
                  to + packed_floats(first, hidden, columns));
  }
  return packed;
}

void GateRow::operator()(int64_t count, float* values, bool clips) const {
  if (clip > 0 && clips)
    for (int64_t i = 0; i < count; ++i) values[i] = std::clamp(values[i], -clip, clip);
  if (function.name == "Sigmoid") row_functions().sigmoid(count, values, values);
  else if (function.name == "Tanh") row_functions().tanh(count, values, values);
  else
    for (int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(function(values[i]));
}

}  // namespace hone::cpu
