// Normalization of rows: LayerNormalization and RMSNormalization.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace {

constexpr int64_t kTile = 8 * 1024;  // elements that one worker takes at a time

struct Fields {
  int64_t axis;
  float epsilon;
  bool centered;
};
std::optional<Fields> fields_of(const Problem& problem) {
  if (const auto* op = op_of<LayerNormalization>(problem))
    return Fields{op->axis, op->epsilon, true};
  if (const auto* op = op_of<RMSNormalization>(problem))
    return Fields{op->axis, op->epsilon, false};
  return std::nullopt;
}

/// An operand with one number for each element of a row.
bool is_row(const Problem& problem, size_t operand, const Dims& x, size_t axis) {
  const TensorType* type = operand_type(problem, operand);
  if (type == nullptr) return true;
  const Dims& own = type->shape();
  return own.size() == x.size() - axis &&
         std::equal(own.begin(), own.end(), x.begin() + static_cast<std::ptrdiff_t>(axis));
}

Verdict supports(const Problem& problem) {
  const auto fields = fields_of(problem);
  if (!fields) return Verdict::no("LayerNormalization and RMSNormalization only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  if (region_input(problem, 0) < 0) return Verdict::no("the operand is a literal");
  const Dims& x = operand_type(problem, 0)->shape();
  const size_t axis = axis_index(fields->axis, x.size());
  for (const size_t operand : {1, 2})
    if (!is_row(problem, operand, x, axis))
      return Verdict::no("scale or bias have another shape than what is normalized");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  made.seconds = streaming_seconds(*problem, 4);
  made.problem = std::move(problem);
  return made;
}

struct LayerNormShared final : Shared<LayerNormShared> {
  Fields fields{};
  std::vector<Source> operands_of;
  int mean = -1, factor = -1;  // outputs

  struct Geometry {
    int64_t outer = 1, size = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& shape = operands.inputs[0].shape;
    const auto axis = static_cast<std::ptrdiff_t>(axis_index(fields.axis, shape.size()));
    return {element_count(std::span(shape.begin(), shape.begin() + axis)),
            element_count(std::span(shape.begin() + axis, shape.end()))};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (g.outer == 0) return;
    const RowFunctions& rows = row_functions();
    const auto* from = operands.inputs[0].as<float>();
    const auto *scale = operands_of[1].as<float>(operands),
               *bias = operands_of[2].as<float>(operands);
    const auto output = [&](int index) {
      return index < 0 ? nullptr : operands.outputs[static_cast<size_t>(index)].as<float>();
    };
    float *to = output(0), *means = output(mean), *factors = output(factor);
    parallel_ranges(stream, g.outer, kTile / std::max<int64_t>(1, g.size),
                    [&](int64_t first, int64_t last) {
                      for (int64_t i = first; i < last; ++i) {
                        const Moments m = moments(rows, g.size, from + i * g.size);
                        rows.normalize(g.size, m.mean, m.factor, scale, bias, from + i * g.size,
                                       to + i * g.size);
                        if (means != nullptr) means[i] = m.mean;
                        if (factors != nullptr) factors[i] = m.factor;
                      }
                    });
  }

  struct Moments {
    float mean, factor;
  };
  Moments moments(const RowFunctions& rows, int64_t size, const float* from) const {
    const auto count = static_cast<double>(size);
    const double mean = fields.centered ? long_sum(rows, size, from) / count : 0;
    const auto center = static_cast<float>(mean);
    const double rest = mean - static_cast<double>(center);  // squares about the rounded mean
    const double variance = long_squares(rows, size, center, from) / count - rest * rest;
    return {center, static_cast<float>(1 / std::sqrt(variance + double{fields.epsilon}))};
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<LayerNormShared>();
  const Problem& problem = *recipe.problem;
  shared->fields = *fields_of(problem);
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  shared->mean = wanted_output(problem, 1);
  shared->factor = wanted_output(problem, 2);
  return shared;
}

}  // namespace

void register_layer_norm(KernelRegistry& registry) {
  registry.add({"cpu.layer_norm", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
