#include "device/cuda/attention_launches.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "device/cuda/launches.hpp"

namespace hone::cuda {
namespace {

using enum Attention::Operand;
using emitter::FewQueries;

Dim keys_of(const Node& node) {
  const Dims& k = attention_operand(node, kK)->shape();
  const TensorType* past = attention_operand(node, kPastKey);
  return k[k.size() - 2] + (past == nullptr ? Dim(0) : past->shape()[2]);
}

/// Keys (0) and values (1) behind those of the past, where nobody wants them: bytes.
Dim joined_bytes(const Node& node, size_t which) {
  const TensorType* past = attention_operand(node, kPastKey + which);
  if (past == nullptr || node.output(1 + which) != nullptr) return 0;
  const Dims& shape = past->shape();
  return shape[0] * shape[1] * keys_of(node) * shape[3] * Dim(bits(past->dtype) / 8);
}

/// Arguments behind the addresses; the text's structs are runs of 64-bit numbers.
struct AttentionNumbers {
  int64_t heads = 0, group = 1, queries = 0, keys = 0, scale = 0, past = 0;
  int64_t parts = 1, part_keys = 0;
  int64_t kv_heads = 0, fresh = 0, join_parts = 1, key_units = 0, value_units = 0;
  int64_t q[3] = {}, k[3] = {}, v[3] = {}, y[3] = {}, mask[5] = {};
  int64_t fresh_k[3] = {}, fresh_v[3] = {};    // as they come
  int64_t joined_k[3] = {}, joined_v[3] = {};  // the same in units
};

class RunningAttention final : public OwnLaunches {
 public:
  RunningAttention(std::shared_ptr<const AttentionStep> step, const Operands& operands,
                   std::span<std::byte> scratch)
      : step_(std::move(step)), scratch_(scratch) {
    measure(operands);
    if (is_empty_) return;
    const bool few =
        step_->few != nullptr &&
        (step_->tiles == nullptr || numbers_.group * numbers_.queries <= FewQueries::kRows);
    if (few) launch_few();
    else launch_tiles();
    rebind(operands);
  }

 private:
  const std::vector<int64_t>& shape(const Operands& operands, size_t operand) const {
    return operands.inputs[static_cast<size_t>(step_->places.inputs[operand])].shape;
  }
  bool has(size_t operand) const { return step_->places.inputs[operand] >= 0; }

  void measure(const Operands& operands) {
    const Attention& op = step_->op;
    const AttentionPlaces& at = step_->places;
    const Bindings symbols = symbols_of(*step_->body, operands);
    const Heads q = at.q.heads(op.q_num_heads, shape(operands, kQ), symbols);
    Heads k = at.k.heads(op.kv_num_heads, shape(operands, kK), symbols);
    Heads v = at.v.heads(op.kv_num_heads, shape(operands, kV), symbols);
    const auto& result = operands.outputs[static_cast<size_t>(at.outputs[0])].shape;
    const Heads y = at.y.heads(op.q_num_heads, result, symbols);
    check_heads(q, k, v);
    first_[0] = at.q.first(symbols), first_[1] = at.k.first(symbols);
    first_[2] = at.v.first(symbols), first_[3] = at.y.first(symbols);
    k.put_strides(numbers_.fresh_k), v.put_strides(numbers_.fresh_v);
    for (size_t i = 0; i < 3; ++i) {
      numbers_.joined_k[i] = numbers_.fresh_k[i] * step_->element_bytes / unit_bytes();
      numbers_.joined_v[i] = numbers_.fresh_v[i] * step_->element_bytes / unit_bytes();
    }
    numbers_.fresh = k.sequence;
    numbers_.kv_heads = k.heads;
    numbers_.key_units = k.head * step_->element_bytes / unit_bytes();
    numbers_.value_units = v.head * step_->element_bytes / unit_bytes();
    join(operands, 0, k), join(operands, 1, v);
    check(k.sequence == v.sequence, Code::usage, k.sequence, " keys for ", v.sequence, " values");
    numbers_.heads = q.heads;
    numbers_.group = k.heads > 0 ? q.heads / k.heads : 1;
    numbers_.queries = q.sequence;
    numbers_.keys = k.sequence;
    const float scale = std::isnan(op.scale) ? 1 / std::sqrt(static_cast<float>(q.head)) : op.scale;
    numbers_.scale = std::bit_cast<int32_t>(scale);
    q.put_strides(numbers_.q), k.put_strides(numbers_.k), v.put_strides(numbers_.v),
        y.put_strides(numbers_.y);
    heads_ = q.batch * q.heads, kv_heads_ = k.batch * k.heads;
    is_empty_ = heads_ == 0 || (q.sequence == 0 && !wants_all());
    MaskPlaces mask;
    if (has(kMask)) mask = MaskPlaces(shape(operands, kMask), q, k);
    std::copy_n(mask.strides, 4, numbers_.mask);
    numbers_.mask[4] = mask.keys;
    for (size_t i = 0; i < 2; ++i) joined_[i] = kv_heads_ * k.sequence * (i == 0 ? k : v).head;
  }

  bool wants_all() const { return step_->places.outputs[1] >= 0 || step_->places.outputs[2] >= 0; }
  int64_t unit_bytes() const { return step_->element_bytes == 2 ? 16 : 4; }  // as `Unit`
  bool joins(size_t which) const {
    return has(kPastKey + which) || step_->places.outputs[1 + which] >= 0;
  }

  /// Where keys or values lie once those of the past are in front of them.
  void join(const Operands& operands, size_t which, Heads& heads) {
    if (!joins(which)) return;
    std::vector<int64_t> all{heads.batch, heads.heads, 0, heads.head};
    if (has(kPastKey + which)) {
      const std::vector<int64_t>& given = shape(operands, kPastKey + which);
      all[2] = given[2];
      check(given == all, Code::usage, "a past of shape ", shape_text(given), ", wanted ",
            shape_text(all));
    }
    numbers_.past = all[2];
    all[2] = checked_add(all[2], heads.sequence);
    heads = Heads(all, 0);
  }

  uint64_t input(const Operands& operands, size_t operand) const {
    if (!has(operand)) return 0;
    const auto at = static_cast<size_t>(step_->places.inputs[operand]);
    const int64_t first = operand < 3 ? first_[operand] * step_->element_bytes : 0;
    return reinterpret_cast<uint64_t>(operands.inputs[at].data) + static_cast<uint64_t>(first);
  }
  uint64_t output(const Operands& operands, size_t result) const {
    const int at = step_->places.outputs[result];
    if (at < 0) return 0;
    const int64_t first = result == 0 ? first_[3] * step_->element_bytes : 0;
    return reinterpret_cast<uint64_t>(operands.outputs[static_cast<size_t>(at)].data) +
           static_cast<uint64_t>(first);
  }
  /// Keys (0) or values (1), all together.
  uint64_t all(const Operands& operands, size_t which) const {
    if (!joins(which)) return input(operands, kK + which);
    if (const uint64_t wanted = output(operands, 1 + which); wanted != 0) return wanted;
    const auto base = reinterpret_cast<uint64_t>(scratch_.data());
    const bool behind = which == 1 && has(kPastKey) && step_->places.outputs[1] < 0;
    return base + static_cast<uint64_t>(behind ? joined_[0] * step_->element_bytes : 0);
  }

  void launch_tiles() {
    if (joins(0) || joins(1)) {
      constexpr int64_t kThreads = 256, kTurns = 4;
      const int64_t units = numbers_.keys * std::max(numbers_.key_units, numbers_.value_units);
      numbers_.join_parts = std::max<int64_t>(1, units / (kThreads * kTurns));
      Launching launch(step_->tiles->get().function("join"), kThreads, 0);
      launch.set_grid(kv_heads_ * numbers_.join_parts, 2);
      launches_.emplace_back(launch, [this](Launching& each, const Operands& operands) {
        each.set(
            {joins(0) ? all(operands, 0) : 0, input(operands, kPastKey), input(operands, kK),
             joins(1) ? all(operands, 1) : 0, input(operands, kPastValue), input(operands, kV)},
            {&numbers_.kv_heads, &numbers_.join_parts, &numbers_.past, &numbers_.fresh,
             &numbers_.key_units, &numbers_.value_units, numbers_.joined_k, numbers_.joined_v});
      });
    }
    const int64_t each = step_->queries_a_block;
    const int64_t blocks = heads_ * ((numbers_.queries + each - 1) / each);
    if (blocks == 0) return;
    Launching launch(step_->tiles->get().function("attention", step_->shared), step_->threads,
                     step_->shared);
    launch.set_grid(blocks);
    launches_.emplace_back(launch, [this](Launching& to, const Operands& operands) {
      to.set({input(operands, kQ), all(operands, 0), all(operands, 1), input(operands, kMask),
              output(operands, 0), input(operands, kNonpad)},
             {&numbers_.heads, &numbers_.group, &numbers_.queries, &numbers_.keys, &numbers_.scale,
              &numbers_.past, numbers_.q, numbers_.k, numbers_.v, numbers_.y, numbers_.mask});
    });
  }

  void launch_few() {
    constexpr int64_t kKeys = 64;  // that a block's warps take at a time
    const int64_t turns = std::max<int64_t>(1, (numbers_.keys + kKeys - 1) / kKeys);
    const int64_t wanted = std::clamp<int64_t>(FewQueries::kMostParts / kv_heads_, 1, turns);
    const int64_t each = (turns + wanted - 1) / wanted;
    numbers_.parts = (turns + each - 1) / each;
    numbers_.part_keys = each * kKeys;
    const auto shared = static_cast<int>(step_->of_few.shared_bytes());
    Launching launch(step_->few->get().function("attention_few", shared), FewQueries::kThreads,
                     shared);
    launch.set_grid(kv_heads_ * numbers_.parts);
    launches_.emplace_back(launch, [this](Launching& to, const Operands& operands) {
      to.set(
          {input(operands, kQ), input(operands, kK), input(operands, kV), input(operands, kMask),
           output(operands, 0), input(operands, kNonpad), input(operands, kPastKey),
           input(operands, kPastValue), output(operands, 1), output(operands, 2), found(), sums()},
          {&numbers_.heads, &numbers_.group, &numbers_.queries, &numbers_.keys, &numbers_.scale,
           &numbers_.past, &numbers_.parts, &numbers_.part_keys, numbers_.q, numbers_.fresh_k,
           numbers_.fresh_v, numbers_.y, numbers_.mask});
    });
    if (numbers_.parts == 1) return;
    Launching put(step_->few->get().function("combine"), FewQueries::kCombining, 0);
    put.set_grid(heads_ * numbers_.queries);
    launches_.emplace_back(put, [this](Launching& to, const Operands& operands) {
      to.set({output(operands, 0), input(operands, kNonpad), found(), sums()},
             {&numbers_.heads, &numbers_.group, &numbers_.queries, &numbers_.keys, &numbers_.past,
              &numbers_.parts, numbers_.y});
    });
  }

  uint64_t found() const { return reinterpret_cast<uint64_t>(scratch_.data()); }
  uint64_t sums() const { return found() + FewQueries::kSumsBegin; }

  std::shared_ptr<const AttentionStep> step_;
  std::span<std::byte> scratch_;
  AttentionNumbers numbers_{};
  int64_t first_[4] = {};  // elements in front of queries, keys, values, the result
  int64_t heads_ = 0, kv_heads_ = 0, joined_[2] = {};
  bool is_empty_ = false;
};

}  // namespace

AttentionPlaces::AttentionPlaces(const Graph& body, const Node& attention) {
  for (size_t i = 0; i < attention.inputs.size(); ++i) {
    const Value* operand = attention.input(i);
    if (operand == nullptr) continue;
    if (i > kV) {
      inputs[i] = input_of(body, operand);
      continue;
    }
    auto view = *place_of_operand(*operand);
    inputs[i] = input_of(body, view.of);
    (i == kQ ? q : i == kK ? k : v) = Placed(*operand, std::move(view));
  }
  y = Placed(*attention.output(), *place_of_result(*attention.output()));
  outputs[0] = behind_views(*attention.output())->first_output;
  for (size_t i = 1; i < 3; ++i)
    if (const Value* all = attention.output(i)) outputs[i] = all->first_output;
}

Dim attention_scratch(const Node& attention, bool takes_tiles, int64_t value_of_few) {
  const Dim joined = joined_bytes(attention, 0) + joined_bytes(attention, 1);
  const int64_t parts = value_of_few == 0 ? 0 : FewQueries::working_bytes(value_of_few);
  return max(takes_tiles ? joined : Dim(0), Dim(parts));
}

std::vector<MachineCode> AttentionStep::code() const {
  std::vector<MachineCode> all;
  for (const auto* each : {&tiles, &few})
    if (*each != nullptr) all.push_back((*each)->code());
  return all;
}

std::unique_ptr<Bound> AttentionStep::bind(const Operands& operands, std::span<std::byte> scratch,
                                           hone::Stream&) const {
  return std::make_unique<RunningAttention>(shared_from_this(), operands, scratch);
}

}  // namespace hone::cuda
