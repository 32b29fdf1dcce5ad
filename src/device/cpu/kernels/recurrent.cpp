// RNN, GRU and LSTM in f32: what comes from the input is one product for all steps, what comes from
// the state a small one for each step. Directions and blocks of sequences are shared out.

#include "device/cpu/recurrence.hpp"

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace recurrent_kernel {
namespace {

using enum recurrent::Operand;

Verdict supports(const Problem& problem) {
  if (recurrent_kind(problem).recurrence == nullptr) return Verdict::no("carries a state only");
  const Node& node = *problem.region.single();
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const TensorType* type = operand_type(problem, i);
    const DType wanted = i == kLengths ? DType::i32 : DType::f32;
    if (type != nullptr && (type->dtype != wanted || !type->has_rank()))
      return Verdict::no("f32 with lengths in i32 only");
  }
  if (const char* why = RecurrentWeights::refusal(problem)) return Verdict::no(why);
  return {};
}

/// Floats that a worker needs: for products, and for a block of sequences their two states, what
/// enters GRU's hidden gate, and the gates.
int64_t worker_floats(int64_t gates, int64_t hidden) {
  return kTileScratch + gemm_core().rows * hidden * (3 + gates);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const RecurrentKind kind = recurrent_kind(*problem);
  const std::vector<int64_t> r = *RecurrentWeights::shape(*problem, kR);
  const Dims& x = operand_type(*problem, kX)->shape();
  const int64_t directions = r[0], rows = r[1], hidden = r[2];
  const double steps =
      typical(*problem, x[0]) * typical(*problem, x[1]) * static_cast<double>(directions * rows);
  made.seconds = 2 * steps * (typical(*problem, x[2]) + 4 * static_cast<double>(hidden)) /
                 problem->target->flops_per_second;
  const int64_t row = checked_mul(checked_mul(directions, rows), sizeof(float));
  made.scratch_bytes = worker_scratch(problem->share, Dim(worker_floats(kind.gates, hidden))) +
                       x[0] * x[1] * row +
                       checked_mul(RecurrentWeights::computed_floats(*problem), sizeof(float));
  made.packings = RecurrentWeights::packings(*problem);
  made.problem = std::move(problem);
  return made;
}

struct RecurrentShared final : Shared<RecurrentShared> {
  RecurrentKind kind;
  std::shared_ptr<const Problem> problem;  // keeps the op
  std::vector<Source> operands_of;
  std::array<int, 3> results{};  // among the step's outputs; -1: not wanted
  std::vector<GateRow> functions;
  RecurrentWeights weights;
  int workers = 1;
  bool zeros_vanish = false;  // zeros times R are zeros: it has finite elements only

  struct Geometry {
    int64_t sequence = 0, batch = 0, input = 0, directions = 0;
    Tiling tiling;  // of sequence * batch x gates * hidden
    int64_t blocks = 0;
    int64_t rows() const { return sequence * batch; }
  };
  bool batch_first() const { return kind.recurrence->layout == 1; }

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& x = operands_of[kX].shape(operands);
    Geometry g;
    g.sequence = x[batch_first() ? 1 : 0];
    g.batch = x[batch_first() ? 0 : 1];
    g.input = x[2];
    g.directions = kind.recurrence->directions();
    const auto count_is = [&](size_t operand, int64_t wanted) {
      if (operand >= operands_of.size() || !operands_of[operand].present()) return;
      const std::vector<int64_t>& given = operands_of[operand].shape(operands);
      check(element_count(given) == wanted, Code::usage, "operand ", operand, " has shape ",
            shape_text(given), ", wanted ", wanted, " elements");
    };
    const int64_t input = weights.input();
    check(g.input == input, Code::usage, "x has ", g.input, " elements a step, wanted ", input);
    const int64_t state = checked_mul(g.directions * hidden, g.batch);
    count_is(kBias, g.directions * 2 * kind.gates * hidden);
    count_is(kLengths, g.batch);
    count_is(kInitial, state), count_is(kInitialCell, state);
    count_is(kPeepholes, g.directions * 3 * hidden);
    g.tiling = tile_product(gemm_core(), g.rows(), kind.gates * hidden, g.directions, workers);
    g.blocks = ceil_div(g.batch, gemm_core().rows);
    return g;
  }
  int64_t hidden = 0;

  const float* operand(size_t index, const Operands& operands) const {
    return index < operands_of.size() ? operands_of[index].as<float>(operands) : nullptr;
  }
  float* result(size_t index, const Operands& operands) const {
    return results[index] < 0 ? nullptr
                              : operands.outputs[static_cast<size_t>(results[index])].as<float>();
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    check_lengths(g, operands);
    const int64_t own = worker_floats(kind.gates, hidden), row = kind.gates * hidden;
    float* projected = reinterpret_cast<float*>(scratch.data()) + workers * own;
    const RecurrentWeights::Places packed = weights.places(operands, stream, projected);
    const int64_t tiles = g.tiling.tiles();
    stream.parallel(g.directions * tiles, [&](int64_t tile) {
      const int64_t d = tile / tiles;
      float* to = projected + d * g.rows() * row;
      start_tile(g, operands, d, tile % tiles, to);
      const int columns = gemm_core().columns;
      const Product product{g.rows(), row,
                            g.input,  operand(kX, operands),
                            g.input,  1,
                            nullptr,  0,
                            0,        packed.w + d * packed_floats(row, g.input, columns)};
      run_tile(product, g.tiling, tile % tiles, scratch_of(scratch, own), to, row);
    });
    if (float* all = result(0, operands); all != nullptr)
      std::fill_n(all, g.rows() * g.directions * hidden, 0.0f);
    const auto run_block = [&](int64_t block, float* work, const Sharing& sharing) {
      const int64_t d = block / g.blocks, first = block % g.blocks * gemm_core().rows;
      Block mine(*this, g, operands, d, first, work, projected + d * g.rows() * row,
                 packed.r + d * packed_recurrent(kind.gates, hidden), sharing);
      mine.run();
    };
    const int64_t blocks = g.directions * g.blocks;
    if (blocks * 2 <= workers && row * hidden >= kShared) {
      for (int64_t block = 0; block < blocks; ++block)
        run_block(block, scratch_of(scratch, own), {&stream, scratch, own});
    } else {
      stream.parallel(blocks,
                      [&](int64_t block) { run_block(block, scratch_of(scratch, own), {}); });
    }
  }

  /// Who shares the products of a step, where there are fewer blocks than workers. No stream: the
  /// block's worker makes them alone.
  struct Sharing {
    Stream* stream = nullptr;
    std::span<std::byte> scratch{};
    int64_t own = 0;  // floats of a worker
  };
  /// From so many weights of the state on sharing a step pays.
  static constexpr int64_t kShared = 256 * 1024;

  void check_lengths(const Geometry& g, const Operands& operands) const {
    if (kLengths >= operands_of.size() || !operands_of[kLengths].present()) return;
    const auto* lengths = operands_of[kLengths].as<int32_t>(operands);
    for (int64_t b = 0; b < g.batch; ++b)
      check(lengths[b] >= 0 && lengths[b] <= g.sequence, Code::invalid_model, "sequence ", b,
            " has length ", lengths[b], ", wanted 0 to ", g.sequence);
  }

  /// The biases, where a tile of products is added to them.
  void start_tile(const Geometry& g, const Operands& operands, int64_t d, int64_t tile,
                  float* to) const {
    const int64_t row = kind.gates * hidden, n = row;
    const int64_t top = tile / g.tiling.column_tiles * g.tiling.rows;
    const int64_t left = tile % g.tiling.column_tiles * g.tiling.columns;
    const int64_t bottom = std::min(top + g.tiling.rows, g.rows());
    const int64_t right = std::min(left + g.tiling.columns, n);
    const float* bias = operand(kBias, operands);
    // The state's bias of GRU's hidden gate is scaled by the reset gate.
    const int64_t both = kind.linear_before_reset ? 2 * hidden : n;
    for (int64_t i = top; i < bottom; ++i)
      for (int64_t j = left; j < right; ++j)
        to[i * row + j] = bias == nullptr ? 0
                          : j < both      ? bias[d * 2 * n + j] + bias[d * 2 * n + n + j]
                                          : bias[d * 2 * n + j];
  }

  /// Some sequences in one direction, at most as many as a panel has rows.
  class Block {
   public:
    Block(const RecurrentShared& shared, const Geometry& g, const Operands& operands, int64_t d,
          int64_t first, float* work, const float* projected, const float* packed,
          const Sharing& sharing)
        : s_(shared),
          g_(g),
          operands_(operands),
          d_(d),
          first_(first),
          count_(std::min<int64_t>(gemm_core().rows, g.batch - first)),
          n_(shared.hidden),
          row_(shared.kind.gates * shared.hidden),
          projected_(projected),
          packed_(packed),
          sharing_(sharing),
          work_(work) {
      const int64_t size = gemm_core().rows * n_;
      state_ = work + kTileScratch, cell_ = state_ + size, more_ = cell_ + size;
      gates_ = more_ + size;
      functions_ = shared.functions.data() +
                   d * static_cast<int64_t>(shared.functions.size()) / g.directions;
    }

    void run() {
      for (int64_t i = 0; i < count_; ++i) {
        read_state(kInitial, i, state_ + i * n_);
        read_state(kInitialCell, i, cell_ + i * n_);
      }
      int64_t longest = 0;
      for (int64_t i = 0; i < count_; ++i) longest = std::max(longest, length(i));
      for (int64_t step = 0; step < longest; ++step) {
        for (int64_t i = 0; i < count_; ++i) {
          if (step < length(i))
            std::copy_n(projected_ + place(i, step) * row_, row_, gates_ + i * row_);
          else std::fill_n(gates_ + i * row_, row_, 0.0f);
        }
        at_zero_ = step == 0 && s_.zeros_vanish && s_.operand(kInitial, operands_) == nullptr;
        if (!at_zero_) multiply(state_, first_gates(s_.kind.gates) * n_, packed_, gates_, row_);
        if (s_.kind.gates == 3) prepare_candidates();
        for (int64_t i = 0; i < count_; ++i)
          if (step < length(i)) finish(i, place(i, step));
      }
      for (int64_t i = 0; i < count_; ++i) {
        write_state(1, i, state_ + i * n_);
        write_state(2, i, cell_ + i * n_);
      }
    }

   private:
    int64_t length(int64_t i) const {
      const bool given = kLengths < s_.operands_of.size() && s_.operands_of[kLengths].present();
      return given ? s_.operands_of[kLengths].as<int32_t>(operands_)[first_ + i] : g_.sequence;
    }
    /// Which step of x, counted over all sequences, comes `step`-th in sequence `i`.
    int64_t place(int64_t i, int64_t step) const {
      const bool backwards = s_.kind.recurrence->direction == Direction::reverse || d_ == 1;
      const int64_t t = backwards ? length(i) - 1 - step : step, b = first_ + i;
      return s_.batch_first() ? b * g_.sequence + t : t * g_.batch + b;
    }
    int64_t state_at(int64_t i) const {
      return n_ *
             (s_.batch_first() ? (first_ + i) * g_.directions + d_ : d_ * g_.batch + first_ + i);
    }
    void read_state(size_t operand, int64_t i, float* to) const {
      const float* from = s_.operand(operand, operands_);
      if (from == nullptr) std::fill_n(to, n_, 0.0f);
      else std::copy_n(from + state_at(i), n_, to);
    }
    void write_state(size_t result, int64_t i, const float* from) const {
      if (float* to = s_.result(result, operands_); to != nullptr)
        std::copy_n(from, n_, to + state_at(i));
    }
    /// to[count][columns] += rows[count][n] * block. As many rows as there are: a single sequence
    /// must not cost as much as a block of them.
    void multiply(const float* rows, int64_t columns, const float* block, float* to,
                  int64_t stride) {
      const Product product{count_, columns, n_, rows, n_, 1, nullptr, 0, 0, block};
      const int workers = sharing_.stream == nullptr ? 1 : s_.workers;
      const Tiling tiling = tile_product(gemm_core(), count_, columns, 1, workers);
      if (sharing_.stream != nullptr)
        return sharing_.stream->parallel(tiling.tiles(), [&](int64_t tile) {
          run_tile(product, tiling, tile, products_of(), to, stride);
        });
      for (int64_t tile = 0; tile < tiling.tiles(); ++tile)
        run_tile(product, tiling, tile, work_, to, stride);
    }

    /// Working memory of this worker for a product.
    float* products_of() const { return scratch_of(sharing_.scratch, sharing_.own); }

    /// GRU: update and reset gates, and what enters the hidden gate.
    void prepare_candidates() {
      const float* block = packed_ + packed_floats(2 * n_, n_, gemm_core().columns);
      const float* bias = s_.operand(kBias, operands_);
      const bool linear = s_.kind.linear_before_reset;
      for (int64_t i = 0; i < count_; ++i) {
        float* gates = gates_ + i * row_;
        functions_[0](2 * n_, gates);
        float* more = more_ + i * n_;
        for (int64_t k = 0; k < n_; ++k) {
          if (!linear) more[k] = gates[n_ + k] * state_[i * n_ + k];
          else more[k] = bias == nullptr ? 0 : bias[(d_ * 2 + 1) * row_ + 2 * n_ + k];
        }
      }
      if (!linear && !at_zero_) multiply(more_, n_, block, gates_ + 2 * n_, row_);
      if (!linear) return;
      if (!at_zero_) multiply(state_, n_, block, more_, n_);
      for (int64_t i = 0; i < count_; ++i)
        for (int64_t k = 0; k < n_; ++k)
          gates_[i * row_ + 2 * n_ + k] += gates_[i * row_ + n_ + k] * more_[i * n_ + k];
    }

    /// The new state of sequence `i`, after step `at`.
    void finish(int64_t i, int64_t at) {
      float *gates = gates_ + i * row_, *state = state_ + i * n_;
      if (s_.kind.gates == 1) {
        functions_[0](n_, gates);
        std::copy_n(gates, n_, state);
      } else if (s_.kind.gates == 3) {
        functions_[1](n_, gates + 2 * n_);
        for (int64_t k = 0; k < n_; ++k)
          state[k] = (1 - gates[k]) * gates[2 * n_ + k] + gates[k] * state[k];
      } else {
        finish_lstm(gates, state, cell_ + i * n_);
      }
      float* all = s_.result(0, operands_);
      if (all == nullptr) return;
      const int64_t to = s_.batch_first()
                             ? at * g_.directions + d_
                             : (at / g_.batch * g_.directions + d_) * g_.batch + at % g_.batch;
      std::copy_n(state, n_, all + to * n_);
    }

    /// Gates: input, output, forget, cell.
    void finish_lstm(float* gates, float* state, float* cell) {
      const float* peepholes = s_.operand(kPeepholes, operands_);
      const auto peek = [&](int64_t gate) {
        if (peepholes == nullptr) return;
        const float* scale = peepholes + (d_ * 3 + gate) * n_;
        for (int64_t k = 0; k < n_; ++k) gates[gate * n_ + k] += scale[k] * cell[k];
      };
      float *input = gates, *output = gates + n_, *forget = gates + 2 * n_;
      float* candidate = gates + 3 * n_;
      peek(0), functions_[0](n_, input);
      if (s_.kind.input_forget)
        for (int64_t k = 0; k < n_; ++k) forget[k] = 1 - input[k];
      else peek(2), functions_[0](n_, forget);
      functions_[1](n_, candidate);
      for (int64_t k = 0; k < n_; ++k) cell[k] = forget[k] * cell[k] + input[k] * candidate[k];
      peek(1), functions_[0](n_, output);
      std::copy_n(cell, n_, state);
      functions_[2](n_, state, false);
      for (int64_t k = 0; k < n_; ++k) state[k] *= output[k];
    }

    const RecurrentShared& s_;
    const Geometry& g_;
    const Operands& operands_;
    int64_t d_, first_, count_, n_, row_;
    const float* projected_;  // [sequence, batch] or [batch, sequence], gates, n
    const float* packed_;     // R
    const Sharing sharing_;
    float *work_, *state_, *cell_, *more_, *gates_;
    const GateRow* functions_;
    bool at_zero_ = false;  // all states are zero, and nothing comes from them
  };
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  auto shared = std::make_shared<RecurrentShared>();
  const Problem& problem = *recipe.problem;
  shared->problem = recipe.problem;
  shared->kind = recurrent_kind(problem);
  shared->operands_of = sources(problem);
  for (size_t i = 0; i < 3; ++i) shared->results[i] = wanted_output(problem, i);
  std::string wrong;
  for (const GateActivation& each : shared->kind.recurrence->functions(shared->kind.usual, wrong))
    shared->functions.push_back({each, shared->kind.recurrence->clip});
  check(wrong.empty(), Code::internal, wrong);
  shared->workers = problem.share.workers;
  if (const Weight* r = constant_operand(problem, kR); r != nullptr) {
    const Tensor floats = aligned(r->tensor());
    const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
    shared->zeros_vanish =
        std::all_of(from, from + floats.count(), [](float value) { return std::isfinite(value); });
  }
  shared->weights = RecurrentWeights(problem, recipe.tuning, std::move(packed));
  shared->hidden = shared->weights.hidden();
  return shared;
}

}  // namespace
}  // namespace recurrent_kernel

void register_recurrent(KernelRegistry& registry) {
  using namespace recurrent_kernel;
  registry.add({"cpu.recurrent", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
