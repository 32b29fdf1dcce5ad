// RotaryEmbedding of f32: the heads of a place one after the other, whose angles stay in the
// cache.

#include "ops/rotary.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/indices.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace rotary_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker turns at a time

Verdict supports(const Problem& problem) {
  if (op_of<RotaryEmbedding>(problem) == nullptr) return Verdict::no("RotaryEmbedding only");
  for (const size_t operand : {0, 1, 2})
    if (!operand_type(problem, operand)->has_rank() ||
        operand_type(problem, operand)->dtype != DType::f32)
      return Verdict::no("f32 of known rank only");
  const TensorType* ids = operand_type(problem, 3);
  if (ids != nullptr &&
      (!ids->has_rank() || (ids->dtype != DType::i64 && ids->dtype != DType::i32)))
    return Verdict::no("positions in i64 or i32 only");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe<4>(std::move(problem), tuning);
  // A head is read before it is written.
  if (const int input = region_input(*made.problem, 0); input >= 0)
    made.may_overwrite.push_back(static_cast<size_t>(input));
  return made;
}

struct RotaryShared final : Shared<RotaryShared> {
  Region region;
  RotaryEmbedding op;
  std::vector<Source> operands_of;
  std::optional<Indices> ids;

  explicit RotaryShared(const Problem& problem)
      : region(problem.region),
        op(*op_of<RotaryEmbedding>(problem)),
        operands_of(sources(problem)) {
    if (operands_of.size() > 3 && operands_of[3].present()) ids.emplace(problem, 3);
  }

  struct Geometry {
    int64_t batch = 0, sequence = 0, heads = 0, head = 0;  // batch 0: nothing to do
    int64_t place_step = 0, head_step = 0;                 // in elements
    int64_t half = 0, positions = 0;
    bool first_only = false;  // one position is given, that of the first place
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&x = operands_of[0].shape(operands),
          &cosines = operands_of[1].shape(operands);
    Geometry g;
    if (element_count(x) == 0) return g;
    const bool rows = x.size() == 3;
    g.half = cosines.back();
    g.sequence = x[x.size() - 2];
    g.heads = rows ? op.num_heads : x[1];
    if (rows && g.heads == 0) g.heads = g.half > 0 ? x[2] / (2 * g.half) : 0;
    g.head = rows ? x[2] / std::max<int64_t>(g.heads, 1) : x[3];
    const int64_t turning = op.rotary_embedding_dim > 0 ? op.rotary_embedding_dim : g.head;
    check(g.heads > 0 && (!rows || g.heads * g.head == x[2]) && turning <= g.head &&
              turning == 2 * g.half && cosines == operands_of[2].shape(operands),
          Code::invalid_model, "x ", shape_text(x), ", cosines ", shape_text(cosines), ", sines ",
          shape_text(operands_of[2].shape(operands)), ": they do not fit (",
          describe(*region.single()), ")");
    g.place_step = rows ? x[2] : g.head;
    g.head_step = rows ? g.head : g.sequence * g.head;
    const std::vector<int64_t> places{x[0], g.sequence};
    if (ids) {
      const std::vector<int64_t>& given = ids->shape(operands);
      g.first_only = given.size() == 1 && given[0] == 1;
      g.positions = cosines[0];
      check(cosines.size() == 2 && (g.first_only || given == places), Code::invalid_model,
            "position_ids is ", shape_text(given), ", wanted ", shape_text(places), " or [1] (",
            describe(*region.single()), ")");
    } else {
      check(cosines.size() == 3 && cosines[0] == x[0] && cosines[1] == g.sequence,
            Code::invalid_model, "the cosines are ", shape_text(cosines), ", wanted them for ",
            shape_text(places), " (", describe(*region.single()), ")");
    }
    g.batch = x[0];
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (ids)
      ids->read(operands, [&](const auto* numbers) {
        turn_all(g, operands, stream, [&](int64_t place) {
          const int64_t id = static_cast<int64_t>(numbers[g.first_only ? 0 : place]);
          const int64_t step = g.first_only ? place % g.sequence : 0;
          check(id >= 0 && id < g.positions - step, Code::invalid_model, "position ", id, " + ",
                step, " is out of range for ", g.positions, " positions (",
                describe(*region.single()), ")");
          return id + step;
        });
      });
    else turn_all(g, operands, stream, [](int64_t place) { return place; });
  }

  /// position(place): of the sample and place in its sequence, counted together.
  template <class Position>
  void turn_all(const Geometry& g, const Operands& operands, Stream& stream,
                const Position& position) const {
    const auto *x = operands_of[0].as<float>(operands),
               *cosines = operands_of[1].as<float>(operands),
               *sines = operands_of[2].as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const int64_t size = g.heads * g.head;
    parallel_ranges(stream, g.batch * g.sequence, kTile / std::max<int64_t>(size, 1),
                    [&](int64_t first, int64_t last) {
                      for (int64_t place = first; place < last; ++place) {
                        const int64_t row = position(place) * g.half;
                        const int64_t at = place / g.sequence * g.sequence * size +
                                           place % g.sequence * g.place_step;
                        for (int64_t h = 0; h < g.heads; ++h)
                          turn(g, x + at + h * g.head_step, cosines + row, sines + row,
                               to + at + h * g.head_step);
                      }
                    });
  }

  /// `to` may be `x`.
  void turn(const Geometry& g, const float* x, const float* cosines, const float* sines,
            float* to) const {
    if (op.interleaved) {
      for (int64_t i = 0; i < g.half; ++i) {
        const float a = x[2 * i], b = x[2 * i + 1];
        to[2 * i] = a * cosines[i] - b * sines[i];
        to[2 * i + 1] = b * cosines[i] + a * sines[i];
      }
    } else {
      for (int64_t i = 0; i < g.half; ++i) {
        const float a = x[i], b = x[g.half + i];
        to[i] = a * cosines[i] - b * sines[i];
        to[g.half + i] = b * cosines[i] + a * sines[i];
      }
    }
    if (to != x) std::copy(x + 2 * g.half, x + g.head, to + 2 * g.half);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<RotaryShared>(*recipe.problem);
}

}  // namespace
}  // namespace rotary_kernel

void register_rotary(KernelRegistry& registry) {
  using namespace rotary_kernel;
  registry.add({"cpu.rotary", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
