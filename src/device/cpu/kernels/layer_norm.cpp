// Normalization of rows: LayerNormalization and RMSNormalization.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/half.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace layer_norm_kernel {
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

/// The operands and the first result are of `type`, statistics f32.
bool types_fit(const Problem& problem, DType type) {
  const Node& node = *problem.region.single();
  const auto is = [](const Value* value, DType wanted) {
    return value == nullptr ||
           (value->type.tensor().has_rank() && value->type.tensor().dtype == wanted);
  };
  for (const Value* input : node.inputs)
    if (!is(input, type)) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (!is(node.outputs[i], i == 0 ? type : DType::f32)) return false;
  return true;
}

Verdict supports(const Problem& problem) {
  const auto fields = fields_of(problem);
  if (!fields) return Verdict::no("LayerNormalization and RMSNormalization only");
  const DType type = operand_type(problem, 0)->dtype;
  if ((type != DType::f32 && !is_half(type)) || !types_fit(problem, type))
    return Verdict::no("f32, f16 and bf16 of known rank only");
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
  const TensorType& x = *operand_type(*problem, 0);
  if (is_half(x.dtype)) {  // a row, its scale, its bias
    Dim floats = 3;
    for (size_t d = axis_index(fields_of(*problem)->axis, x.shape().size()); d < x.shape().size();
         ++d)
      floats = floats * x.shape()[d];
    made.scratch_bytes = worker_scratch(problem->share, floats);
  }
  made.problem = std::move(problem);
  return made;
}

struct LayerNormShared final : Shared<LayerNormShared> {
  static constexpr bool kLaunches = true;
  Fields fields{};
  DType type = DType::f32;
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

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.outer == 0) return;
    const RowFunctions& rows = row_functions();
    const std::byte* from = operands.inputs[0].data;
    std::byte* to = operands.outputs[0].data;
    const auto statistics = [&](int index) {
      return index < 0 ? nullptr : operands.outputs[static_cast<size_t>(index)].as<float>();
    };
    float *means = statistics(mean), *factors = statistics(factor);
    launch_ranges(
        stream, g.outer, kTile / std::max<int64_t>(1, g.size),
        [=, this, &g, &operands, &rows](int64_t first, int64_t last) {
          float* room = scratch_of(scratch, 3 * g.size);
          const float* scale = row(operands, 1, g.size, room + g.size);
          const float* bias = row(operands, 2, g.size, room + 2 * g.size);
          for (int64_t i = first; i < last; ++i) {
            const int64_t at = i * g.size;
            const float* own = widened(type, from, at, g.size, room);
            float* results = place_of(type, to, at, room);
            const Moments m = moments(rows, g.size, own);
            rows.normalize(g.size, m.mean, m.factor, scale, bias, own, results);
            narrow(type, results, g.size, to, at);
            if (means != nullptr) means[i] = m.mean;
            if (factors != nullptr) factors[i] = m.factor;
          }
        },
        [&](int64_t first, int64_t last) {
          Touched all;
          for (size_t k = 0; k < operands.inputs.size(); ++k) {
            const Operand& each = operands.inputs[k];
            if (each.data == nullptr) continue;
            const int64_t size = bits(each.dtype) / 8;
            const bool rows_of_all = k == 0;
            all.reads.push_back(
                rows_of_all ? Box::of(each.data, first * g.size * size, last * g.size * size)
                            : Box::of(each.data, 0, element_count(each.shape) * size));
          }
          const int64_t size = bits(type) / 8;
          all.writes.push_back(Box::of(to, first * g.size * size, last * g.size * size));
          for (float* each : {means, factors})
            if (each != nullptr) all.writes.push_back(Box::of(each, first, last));
          return all;
        });
  }

  /// Scale or bias as f32; null: absent.
  const float* row(const Operands& operands, size_t operand, int64_t size, float* room) const {
    const std::byte* data = operands_of[operand].data(operands);
    return data == nullptr ? nullptr : widened(type, data, 0, size, room);
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
  shared->type = operand_type(problem, 0)->dtype;
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  shared->mean = wanted_output(problem, 1);
  shared->factor = wanted_output(problem, 2);
  return shared;
}

}  // namespace
}  // namespace layer_norm_kernel

void register_layer_norm(KernelRegistry& registry) {
  using namespace layer_norm_kernel;
  registry.add({"cpu.layer_norm", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
