#include "device/cpu/recurrence.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/rows.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kPanels = 16;  // that a worker packs at a time

}  // namespace

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

namespace {

using enum recurrent::Operand;

/// `count` rows of `depth` floats as panels, some panels at a time on each worker.
void pack_rows(const float* from, int64_t count, int64_t depth, Stream& stream, float* to) {
  const int columns = gemm_core().columns;
  parallel_ranges(stream, ceil_div(count, columns), kPanels, [&](int64_t i, int64_t end) {
    const int64_t first = i * columns, rows = std::min(count, end * columns) - first;
    pack_panels(from + first * depth, rows, depth, depth, 1, columns, to + first * depth);
  });
}

int64_t packed_input(const std::vector<int64_t>& shape) {
  return packed_floats(shape[1], shape[2], gemm_core().columns);
}

void pack_input(const float* weight, const std::vector<int64_t>& shape, Stream& stream, float* to) {
  for (int64_t d = 0; d < shape[0]; ++d)
    pack_rows(weight + d * shape[1] * shape[2], shape[1], shape[2], stream,
              to + d * packed_input(shape));
}

void pack_recurrent(const float* weight, const std::vector<int64_t>& shape, int64_t gates,
                    Stream& stream, float* to) {
  const int64_t hidden = shape[2], first = first_gates(gates) * hidden;
  for (int64_t d = 0; d < shape[0]; ++d) {
    const float* from = weight + d * gates * hidden * hidden;
    float* own = to + d * packed_recurrent(gates, hidden);
    pack_rows(from, first, hidden, stream, own);
    if (gates == 3)
      pack_rows(from + first * hidden, hidden, hidden, stream,
                own + packed_floats(first, hidden, gemm_core().columns));
  }
}

/// A constant: pack(weight, stream, to) makes `size` floats a direction.
template <class Pack>
Tensor packed_tensor(const Tensor& weight, int64_t size, const Pack& pack) {
  const Tensor floats = aligned(weight);
  Tensor packed(DType::f32, {weight.dim(0), size});
  Team alone(1);
  Stream stream(alone);
  pack(reinterpret_cast<const float*>(floats.bytes().data()), stream,
       reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

Tensor packed_w(const Problem&, const Tuning&, const Tensor& weight) {
  return packed_tensor(weight, packed_input(weight.shape()),
                       [&](const float* from, Stream& stream, float* to) {
                         pack_input(from, weight.shape(), stream, to);
                       });
}

Tensor packed_r(const Problem& problem, const Tuning&, const Tensor& weight) {
  const int64_t gates = recurrent_kind(problem).gates;
  return packed_tensor(weight, packed_recurrent(gates, weight.dim(2)),
                       [&](const float* from, Stream& stream, float* to) {
                         pack_recurrent(from, weight.shape(), gates, stream, to);
                       });
}

}  // namespace

std::optional<std::vector<int64_t>> RecurrentWeights::shape(const Problem& problem,
                                                            size_t operand) {
  if (const Weight* weight = constant_operand(problem, operand)) return weight->shape();
  std::vector<int64_t> shape;
  for (const Dim& dim : operand_type(problem, operand)->shape()) {
    if (!dim.is_constant()) return std::nullopt;
    shape.push_back(*dim.constant());
  }
  return shape;
}

const char* RecurrentWeights::refusal(const Problem& problem) {
  for (const size_t i : {size_t{kW}, size_t{kR}}) {
    const auto known = shape(problem, i);
    if (!known) return "a weight is of open sizes";
    if (element_count(*known) == 0) return "a weight is empty";
  }
  return nullptr;
}

std::vector<Packing> RecurrentWeights::packings(const Problem& problem) {
  std::vector<Packing> made;
  const std::string_view isa = name(gemm_core().isa);
  const auto packed = [&](size_t operand) {
    return constant_operand(problem, operand) == nullptr ? -1 : region_input(problem, operand);
  };
  if (const int input = packed(kW); input >= 0)
    made.push_back({static_cast<size_t>(input), cat("recurrent.w/", isa), packed_w});
  if (const int input = packed(kR); input >= 0)
    made.push_back({static_cast<size_t>(input),
                    cat("recurrent.r/", isa, "/gates=", recurrent_kind(problem).gates), packed_r});
  return made;
}

int64_t RecurrentWeights::computed_floats(const Problem& problem) {
  const std::vector<int64_t> w = *shape(problem, kW), r = *shape(problem, kR);
  int64_t floats = 0;
  if (constant_operand(problem, kW) == nullptr) floats += w[0] * packed_input(w);
  if (constant_operand(problem, kR) == nullptr)
    floats += r[0] * packed_recurrent(recurrent_kind(problem).gates, r[2]);
  return floats;
}

RecurrentWeights::RecurrentWeights(const Problem& problem, const Tuning& tuning,
                                   std::vector<Tensor> packed)
    : w_source_(std::in_place, problem, size_t{kW}),
      r_source_(std::in_place, problem, size_t{kR}),
      w_shape_(*shape(problem, kW)),
      r_shape_(*shape(problem, kR)),
      gates_(recurrent_kind(problem).gates) {
  size_t next = 0;
  const auto packed_or = [&](size_t operand, auto pack) {
    const Weight* weight = constant_operand(problem, operand);
    if (weight == nullptr) return Tensor();
    return region_input(problem, operand) >= 0 ? std::move(packed[next++])
                                               : pack(problem, tuning, weight->tensor());
  };
  w_ = packed_or(kW, packed_w);
  r_ = packed_or(kR, packed_r);
}

RecurrentWeights::Places RecurrentWeights::places(const Operands& operands, Stream& stream,
                                                  float*& room) const {
  const auto packed = [](const Tensor& tensor) {
    return reinterpret_cast<const float*>(tensor.bytes().data());
  };
  Places places{packed(w_), packed(r_)};
  if (w_.empty()) {
    pack_input(w_source_->as<float>(operands), w_shape_, stream, room);
    places.w = room;
    room += w_shape_[0] * packed_input(w_shape_);
  }
  if (r_.empty()) {
    pack_recurrent(r_source_->as<float>(operands), r_shape_, gates_, stream, room);
    places.r = room;
    room += r_shape_[0] * packed_recurrent(gates_, r_shape_[2]);
  }
  return places;
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
