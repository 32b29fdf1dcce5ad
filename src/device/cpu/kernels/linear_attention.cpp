// LinearAttention of f32: the state of each head is a matrix that every token changes and reads.
// Heads are shared out.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/step.hpp"
#include "ops/stateful.hpp"

namespace hone::cpu {
namespace linear_attention_kernel {
namespace {

enum Operand : uint8_t {
  kQ,
  kK,
  kV,
  kPast,
  kDecay,
  kBeta
};

Verdict supports(const Problem& problem) {
  if (op_of<LinearAttention>(problem) == nullptr) return Verdict::no("LinearAttention only");
  for (size_t i = kQ; i <= kBeta; ++i)
    if (const TensorType* type = operand_type(problem, i); type != nullptr)
      if (type->dtype != DType::f32 || !type->has_rank())
        return Verdict::no("f32 of a known rank only");
  const TensorType& k = *operand_type(problem, kK);
  const TensorType& v = *operand_type(problem, kV);
  if (!k.shape().back().is_constant() || !v.shape().back().is_constant())
    return Verdict::no("heads of open sizes");
  return {};
}

struct Heads {
  int64_t q, kv, key, value;  // heads of queries and of keys; the widths of both

  explicit Heads(const Problem& problem) {
    const LinearAttention& op = *op_of<LinearAttention>(problem);
    q = op.q_num_heads;
    kv = op.kv_num_heads;
    key = *operand_type(problem, kK)->shape().back().constant() / kv;
    value = *operand_type(problem, kV)->shape().back().constant() / kv;
  }
  /// The state, and a row.
  int64_t floats() const { return key * value + value; }
};

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Heads heads(*problem);
  made.seconds = streaming_seconds(*problem, 8 * static_cast<double>(heads.key));
  made.scratch_bytes = worker_scratch(problem->share, Dim(heads.floats()));
  made.problem = std::move(problem);
  return made;
}

struct LinearShared final : Shared<LinearShared> {
  LinearAttention op;
  Heads heads;
  std::vector<Source> operands_of;
  int y, present;  // among the outputs; -1: not wanted
  float scale;

  explicit LinearShared(const Problem& problem)
      : op(*op_of<LinearAttention>(problem)),
        heads(problem),
        y(wanted_output(problem, 0)),
        present(wanted_output(problem, 1)) {
    for (size_t i = kQ; i <= kBeta; ++i) operands_of.emplace_back(problem, i);
    scale = op.scale == 0 ? static_cast<float>(1 / std::sqrt(static_cast<double>(heads.key)))
                          : op.scale;
  }

  struct Geometry {
    int64_t batch = 0, sequence = 0, decay = 0, beta = 0;  // the last two: numbers of a token
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& q = operands_of[kQ].shape(operands);
    Geometry g{q[0], q[1], 0, 0};
    const auto last_of = [&](Operand operand) {
      return operands_of[operand].present() ? operands_of[operand].shape(operands).back() : 0;
    };
    g.decay = last_of(kDecay);
    g.beta = last_of(kBeta);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    stream.parallel(g.batch * heads.kv, [&](int64_t i) {
      float* state = scratch_of(scratch, heads.floats());
      const int64_t size = heads.key * heads.value;
      if (operands_of[kPast].present())
        std::copy_n(operands_of[kPast].as<float>(operands) + i * size, size, state);
      else std::fill_n(state, size, 0.0f);
      for (int64_t t = 0; t < g.sequence; ++t)
        token(g, operands, i % heads.kv, i / heads.kv * g.sequence + t, state, state + size);
      if (present >= 0)
        std::copy_n(state, size,
                    operands.outputs[static_cast<size_t>(present)].as<float>() + i * size);
    });
  }

  /// Of head `h` of the keys; `at`: counted over all sequences. `row` is room for `value` floats.
  void token(const Geometry& g, const Operands& operands, int64_t h, int64_t at, float* state,
             float* row) const {
    const int64_t value = heads.value, group = heads.q / heads.kv;
    const auto of = [&](Operand operand, int64_t width) {
      return operands_of[operand].as<float>(operands) + at * width;
    };
    const float* key = of(kK, heads.kv * heads.key) + h * heads.key;
    if (g.decay > 0) decay(of(kDecay, g.decay), g.decay == heads.kv ? h : -1, h, state);
    const float* write = of(kV, heads.kv * value) + h * value;
    if (g.beta > 0) {
      read(state, key, 1, row);
      const float beta = of(kBeta, g.beta)[g.beta == 1 ? 0 : h];
      for (int64_t e = 0; e < value; ++e) row[e] = beta * (write[e] - row[e]);
      write = row;
    }
    for (int64_t d = 0; d < heads.key; ++d)
      for (int64_t e = 0; e < value; ++e) state[d * value + e] += key[d] * write[e];
    if (y < 0) return;
    float* to = operands.outputs[static_cast<size_t>(y)].as<float>() + at * heads.q * value;
    const float* queries = of(kQ, heads.q * heads.key);
    for (int64_t i = h * group; i < (h + 1) * group; ++i)
      read(state, queries + i * heads.key, scale, to + i * value);
  }

  /// `one`: the number for all of the state; negative: each row has its own.
  void decay(const float* numbers, int64_t one, int64_t h, float* state) const {
    for (int64_t d = 0; d < heads.key; ++d) {
      const float factor = std::exp(numbers[one >= 0 ? one : h * heads.key + d]);
      for (int64_t e = 0; e < heads.value; ++e) state[d * heads.value + e] *= factor;
    }
  }

  /// to = factor * (the state's rows, each times a number of `by`).
  void read(const float* state, const float* by, float factor, float* to) const {
    std::fill_n(to, heads.value, 0.0f);
    for (int64_t d = 0; d < heads.key; ++d) {
      const float weight = by[d] * factor;
      for (int64_t e = 0; e < heads.value; ++e) to[e] += weight * state[d * heads.value + e];
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<LinearShared>(*recipe.problem);
}

}  // namespace
}  // namespace linear_attention_kernel

void register_linear_attention(KernelRegistry& registry) {
  using namespace linear_attention_kernel;
  registry.add({"cpu.linear_attention", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
