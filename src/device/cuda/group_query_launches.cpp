#include "device/cuda/group_query_launches.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "device/cuda/launches.hpp"

namespace hone::cuda {
namespace {

using enum GroupQueryAttention::Operand;
using emitter::FewQueries;

const TensorType* type_of(const Node& node, size_t operand) {
  const Value* value = node.input(operand);
  return value == nullptr ? nullptr : &value->type.tensor();
}

/// Bytes of keys (1) or values (2) together, where nobody wants them.
Dim unwanted_bytes(const Node& node, size_t result) {
  if (node.output(result) != nullptr) return 0;
  const TensorType& k = *type_of(node, kK);
  return k.shape()[0] * k.shape()[2] * rows_of_cache(node) * Dim(bits(k.dtype) / 8);
}

Dim turned_bytes(const Node& node) {
  if (!node.op.as<GroupQueryAttention>()->do_rotary) return 0;
  const TensorType& q = *type_of(node, kQ);
  return q.shape()[0] * q.shape()[1] * q.shape()[2] * Dim(bits(q.dtype) / 8);
}

/// Arguments behind the addresses; the texts' structs are runs of 64-bit numbers.
struct Numbers {
  int64_t batch = 0, heads = 0, kv_heads = 0, group = 1, queries = 0, keys = 0, past = 0;
  int64_t none = 0;  // keys of a past that are elsewhere than the others
  int64_t scale = 0, parts = 1, part_keys = 0, half = 0, places = 1, filling = 1;
  int64_t fresh_q[3] = {}, fresh_k[3] = {}, fresh_v[3] = {};  // as they come
  int64_t q[3] = {}, cache[3] = {}, y[3] = {}, mask[5] = {};
};

class RunningGroupQuery final : public OwnLaunches {
 public:
  RunningGroupQuery(std::shared_ptr<const GroupQueryStep> step, const Operands& operands,
                    std::span<std::byte> scratch)
      : step_(std::move(step)), scratch_(scratch) {
    measure(operands);
    if (numbers_.batch == 0) return;
    launch_filling();
    if (numbers_.queries > 0) {
      const bool few =
          step_->few != nullptr &&
          (step_->tiles == nullptr || numbers_.group * numbers_.queries <= FewQueries::kRows);
      if (few) launch_few();
      else launch_tiles();
    }
    rebind(operands);
  }

 private:
  const std::vector<int64_t>& shape(const Operands& operands, size_t operand) const {
    return operands.inputs[static_cast<size_t>(step_->inputs[operand])].shape;
  }
  bool has(size_t operand) const { return step_->inputs[operand] >= 0; }

  void measure(const Operands& operands) {
    const GroupQueryAttention& op = step_->op;
    const Bindings symbols = symbols_of(*step_->body, operands);
    const Heads q = step_->q.heads(op.num_heads, shape(operands, kQ), symbols);
    const Heads k = step_->k.heads(op.kv_num_heads, shape(operands, kK), symbols);
    const Heads v = step_->v.heads(op.kv_num_heads, shape(operands, kV), symbols);
    check_heads(q, k, v);
    check(k.sequence == q.sequence && v.head == k.head, Code::usage, "q has ", q.sequence,
          " rows, k ", k.sequence, ": they do not fit");
    first_[0] = step_->q.first(symbols), first_[1] = step_->k.first(symbols);
    first_[2] = step_->v.first(symbols);
    q.put_strides(numbers_.fresh_q), k.put_strides(numbers_.fresh_k);
    v.put_strides(numbers_.fresh_v);
    numbers_.batch = q.batch, numbers_.heads = q.heads, numbers_.kv_heads = k.heads;
    numbers_.group = q.heads / k.heads, numbers_.queries = q.sequence;
    head_ = q.head;
    measure_cache(operands, k);
    const float scale = std::isnan(op.scale) ? 1 / std::sqrt(static_cast<float>(q.head)) : op.scale;
    numbers_.scale = std::bit_cast<int32_t>(scale);
    const Heads dense({q.batch, q.sequence, q.heads * q.head}, q.heads);
    dense.put_strides(numbers_.y), (op.do_rotary ? dense : q).put_strides(numbers_.q);
    Heads({q.batch, k.heads, numbers_.keys, q.head}, 0).put_strides(numbers_.cache);
    measure_angles(operands);
  }

  void measure_cache(const Operands& operands, const Heads& k) {
    if (has(kPastKey)) {
      numbers_.past = shape(operands, kPastKey)[2];
      const std::vector<int64_t> wanted{k.batch, k.heads, numbers_.past, k.head};
      for (const size_t i : {kPastKey, kPastValue})
        check(shape(operands, i) == wanted, Code::usage, "a past of shape ",
              shape_text(shape(operands, i)), ", wanted ", shape_text(wanted));
    }
    check(element_count(shape(operands, kKeyLengths)) == k.batch, Code::usage, "seqlens_k has ",
          element_count(shape(operands, kKeyLengths)), " elements for ", k.batch, " samples");
    numbers_.keys = checked_add(numbers_.past, k.sequence);
    for (const int at : {step_->outputs[1], step_->outputs[2]})
      if (at >= 0) numbers_.keys = operands.outputs[static_cast<size_t>(at)].shape[2];
  }

  void measure_angles(const Operands& operands) {
    if (!step_->op.do_rotary) return;
    const std::vector<int64_t>& cosines = shape(operands, kCos);
    check(cosines.size() == 2 && cosines == shape(operands, kSin) && cosines[0] > 0 &&
              cosines[1] <= head_ / 2,
          Code::usage, "the cosines are ", shape_text(cosines), ", the sines ",
          shape_text(shape(operands, kSin)), ", for heads of ", head_);
    numbers_.places = cosines[0], numbers_.half = cosines[1];
    check(!has(kPositions) || element_count(shape(operands, kPositions)) ==
                                  checked_mul(numbers_.batch, numbers_.queries),
          Code::usage, "position_ids has another size than [", numbers_.batch, ",",
          numbers_.queries, "]");
  }

  uint64_t input(const Operands& operands, size_t operand) const {
    if (!has(operand)) return 0;
    const auto at = static_cast<size_t>(step_->inputs[operand]);
    const int64_t first = operand < 3 ? first_[operand] * step_->element_bytes : 0;
    return reinterpret_cast<uint64_t>(operands.inputs[at].data) + static_cast<uint64_t>(first);
  }
  uint64_t output(const Operands& operands, size_t result) const {
    const int at = step_->outputs[result];
    return at < 0 ? 0 : reinterpret_cast<uint64_t>(operands.outputs[static_cast<size_t>(at)].data);
  }
  /// Working memory: parts, then queries that were turned, then keys and values nobody wants.
  uint64_t working(int64_t behind) const {
    const int64_t parts = step_->few == nullptr ? 0 : FewQueries::working_bytes(head_);
    return reinterpret_cast<uint64_t>(scratch_.data()) + static_cast<uint64_t>(parts + behind);
  }
  int64_t turned_bytes() const {
    if (!step_->op.do_rotary) return 0;
    return numbers_.batch * numbers_.queries * numbers_.heads * head_ * step_->element_bytes;
  }
  uint64_t queries(const Operands& operands) const {
    return step_->op.do_rotary ? working(0) : input(operands, kQ);
  }
  /// Keys (0) or values (1), all together.
  uint64_t all(const Operands& operands, size_t which) const {
    if (const uint64_t wanted = output(operands, 1 + which); wanted != 0) return wanted;
    const int64_t keys =
        numbers_.batch * numbers_.kv_heads * numbers_.keys * head_ * step_->element_bytes;
    const bool behind = which == 1 && step_->outputs[1] < 0;
    return working(turned_bytes() + (behind ? keys : 0));
  }

  void launch_filling() {
    constexpr int64_t kThreads = 256, kWarps = 8, kMost = 132 * 8, kMostCarrying = 264;
    const int64_t of_token = 2 * numbers_.kv_heads + (step_->op.do_rotary ? numbers_.heads : 0);
    const int64_t rows = numbers_.batch * numbers_.queries * of_token;
    numbers_.filling = std::clamp<int64_t>((rows + kWarps - 1) / kWarps, 1, kMost);
    const int64_t kept =
        numbers_.batch * numbers_.kv_heads * numbers_.keys * head_ * step_->element_bytes / 16;
    const bool carries = has(kPastKey) || numbers_.keys != numbers_.queries;
    const int64_t carrying =
        carries ? std::clamp<int64_t>(kept / kThreads / 4, 1, kMostCarrying) : 0;
    Launching launch(step_->filling->get().function("fill"), kThreads, 0);
    launch.set_grid(numbers_.filling + carrying);
    launches_.emplace_back(launch, [this](Launching& to, const Operands& operands) {
      Numbers& n = numbers_;
      to.set({input(operands, kQ), input(operands, kK), input(operands, kV),
              input(operands, kPastKey), input(operands, kPastValue), all(operands, 0),
              all(operands, 1), working(0), input(operands, kCos), input(operands, kSin),
              input(operands, kPositions), input(operands, kKeyLengths)},
             {&n.batch, &n.heads, &n.kv_heads, &n.queries, &n.past, &n.keys, &n.half, &n.places,
              &n.filling, n.fresh_q, n.fresh_k, n.fresh_v});
    });
  }

  void launch_tiles() {
    const int64_t each = step_->queries_a_block;
    Launching launch(step_->tiles->get().function("attention", step_->shared), step_->threads,
                     step_->shared);
    launch.set_grid(numbers_.batch * numbers_.heads * ((numbers_.queries + each - 1) / each));
    launches_.emplace_back(launch, [this](Launching& to, const Operands& operands) {
      Numbers& n = numbers_;
      to.set({queries(operands), all(operands, 0), all(operands, 1), 0, output(operands, 0),
              input(operands, kKeyLengths)},
             {&n.heads, &n.group, &n.queries, &n.keys, &n.scale, &n.past, n.q, n.cache, n.cache,
              n.y, n.mask});
    });
  }

  void launch_few() {
    constexpr int64_t kKeys = 64;  // that a block's warps take at a time
    const int64_t turns = std::max<int64_t>(1, (numbers_.keys + kKeys - 1) / kKeys);
    const int64_t blocks = numbers_.batch * numbers_.kv_heads;
    numbers_.parts = std::clamp<int64_t>(FewQueries::kMostParts / blocks, 1, turns);
    const auto shared = static_cast<int>(step_->of_few.shared_bytes());
    Launching launch(step_->few->get().function("attention_few", shared), FewQueries::kThreads,
                     shared);
    launch.set_grid(blocks * numbers_.parts);
    launches_.emplace_back(launch, [this](Launching& to, const Operands& operands) {
      Numbers& n = numbers_;
      to.set({queries(operands), all(operands, 0), all(operands, 1), 0, output(operands, 0),
              input(operands, kKeyLengths), 0, 0, 0, 0, found(), sums()},
             {&n.heads, &n.group, &n.queries, &n.keys, &n.scale, &n.none, &n.parts, &n.part_keys,
              n.q, n.cache, n.cache, n.y, n.mask});
    });
    if (numbers_.parts == 1) return;
    Launching put(step_->few->get().function("combine"), FewQueries::kCombining, 0);
    put.set_grid(numbers_.batch * numbers_.heads * numbers_.queries);
    launches_.emplace_back(put, [this](Launching& to, const Operands& operands) {
      Numbers& n = numbers_;
      to.set({output(operands, 0), input(operands, kKeyLengths), found(), sums()},
             {&n.heads, &n.group, &n.queries, &n.keys, &n.none, &n.parts, n.y});
    });
  }

  uint64_t found() const { return reinterpret_cast<uint64_t>(scratch_.data()); }
  uint64_t sums() const { return found() + FewQueries::kSumsBegin; }

  std::shared_ptr<const GroupQueryStep> step_;
  std::span<std::byte> scratch_;
  Numbers numbers_{};
  int64_t first_[3] = {};  // elements in front of queries, keys, values
  int64_t head_ = 0;
};

}  // namespace

Dim rows_of_cache(const Node& node) {
  for (const size_t i : {1, 2})
    if (const Value* present = node.output(i)) return present->type.tensor().shape()[2];
  const TensorType* past = type_of(node, kPastKey);
  const Dim& fresh = type_of(node, kK)->shape()[1];
  return past == nullptr ? fresh : past->shape()[2] + fresh;
}

Dim group_query_scratch(const Node& node, int64_t value_of_few) {
  const int64_t parts = value_of_few == 0 ? 0 : FewQueries::working_bytes(value_of_few);
  return Dim(parts) + turned_bytes(node) + unwanted_bytes(node, 1) + unwanted_bytes(node, 2);
}

std::vector<MachineCode> GroupQueryStep::code() const {
  std::vector<MachineCode> all;
  for (const auto* each : {&filling, &tiles, &few})
    if (*each != nullptr) all.push_back((*each)->code());
  return all;
}

std::unique_ptr<Bound> GroupQueryStep::bind(const Operands& operands, std::span<std::byte> scratch,
                                            hone::Stream&) const {
  return std::make_unique<RunningGroupQuery>(shared_from_this(), operands, scratch);
}

}  // namespace hone::cuda
