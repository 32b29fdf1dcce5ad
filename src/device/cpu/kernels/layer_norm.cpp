// Normalization of rows: LayerNormalization and RMSNormalization. Views in front of it and behind
// it are no steps: rows are read where they lie, and written where views would bring them.

#include <cmath>

#include "base/size.hpp"
#include "device/cpu/half.hpp"
#include "device/cpu/placed_rows.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"
#include "ops/normalization.hpp"

namespace hone::cpu {
namespace layer_norm_kernel {
namespace {

constexpr int64_t kTile = 8 * 1024;  // elements that one worker takes at a time
constexpr int64_t kPlaced = 16;      // rows at a time where views put them apart: a cache line

struct Fields {
  int64_t axis;
  float epsilon;
  bool centered;
};
std::optional<Fields> fields_of(const Node& node) {
  if (const auto* op = node.op.as<LayerNormalization>()) return Fields{op->axis, op->epsilon, true};
  if (const auto* op = node.op.as<RMSNormalization>()) return Fields{op->axis, op->epsilon, false};
  return std::nullopt;
}

/// The one of the region that normalizes; null: there is none.
const Node* norm_of(const Problem& problem) {
  for (const Node& node : problem.region.body->nodes())
    if (fields_of(node)) return &node;
  return nullptr;
}

size_t row_axis(const Node& node) {
  return axis_index(fields_of(node)->axis, node.inputs[0]->type.tensor().rank());
}

/// Views about it.
struct Views {
  size_t before = 0, behind = 0;             // nodes
  std::optional<PlacedRows::Form> from, to;  // where there are some
  const Value* input = nullptr;
};
/// nullopt: other nodes, or views that put elements where no stride leads.
std::optional<Views> views_about(const Problem& problem, const Node& node) {
  Views views;
  const size_t axis = row_axis(node);
  views.input = node.inputs[0];
  for (; views.input->producer != nullptr; ++views.before) {
    if (views.input->users.size() != 1 || views.input->first_output >= 0) return std::nullopt;
    views.input = viewed(*views.input);
    if (views.input == nullptr) return std::nullopt;
  }
  const Value* result = node.outputs[0];
  for (; result->users.size() == 1 && result->first_output < 0; ++views.behind) {
    const Node& next = *result->users.front();
    if (next.outputs.size() != 1 || viewed(*next.output()) != result) return std::nullopt;
    result = next.output();
  }
  if (views.before + views.behind + 1 != problem.region.body->nodes().size()) return std::nullopt;
  if (views.before > 0) {
    auto view = view_of(*node.inputs[0]);
    if (!view) return std::nullopt;
    views.from = PlacedRows::form_of(*node.inputs[0], *std::move(view), axis);
    if (!views.from) return std::nullopt;
    if (views.from->is_dense()) views.from.reset();
  }
  if (views.behind > 0) {
    auto place = place_in(*node.outputs[0], *result);
    if (!place) return std::nullopt;
    views.to = PlacedRows::form_of(*node.outputs[0], *std::move(place), axis);
    if (!views.to) return std::nullopt;
    if (views.to->is_dense()) views.to.reset();
  }
  return views;
}

/// An operand with one number for each element of a row.
bool is_row(const Node& node, size_t operand, const Dims& x, size_t axis) {
  const Value* value = node.input(operand);
  if (value == nullptr) return true;
  const Dims& own = value->type.tensor().shape();
  return own.size() == x.size() - axis &&
         std::equal(own.begin(), own.end(), x.begin() + static_cast<std::ptrdiff_t>(axis));
}

/// The operands and the first result are of `type`, statistics f32.
bool types_fit(const Node& node, DType type) {
  const auto is = [](const Value* value, DType wanted) {
    return value == nullptr || (value->type.is_tensor() && value->type.tensor().has_rank() &&
                                value->type.tensor().dtype == wanted);
  };
  for (const Value* input : node.inputs)
    if (!is(input, type)) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (!is(node.outputs[i], i == 0 ? type : DType::f32)) return false;
  return true;
}

Verdict supports(const Problem& problem) {
  const Node* node = norm_of(problem);
  if (node == nullptr) return Verdict::no("LayerNormalization and RMSNormalization only");
  const DType type = node->inputs[0]->type.tensor().dtype;
  if ((type != DType::f32 && !is_half(type)) || !types_fit(*node, type))
    return Verdict::no("f32, f16 and bf16 of known rank only");
  const Dims& x = node->inputs[0]->type.tensor().shape();
  const size_t axis = row_axis(*node);
  for (const size_t operand : {1, 2})
    if (!is_row(*node, operand, x, axis))
      return Verdict::no("scale or bias have another shape than what is normalized");
  const auto views = views_about(problem, *node);
  if (!views) return Verdict::no("more than views about it");
  if (!views->input->is_input()) return Verdict::no("the operand is a literal");
  if (problem.region.single() != nullptr) return {};
  if (type != DType::f32) return Verdict::no("views about it in f32 only");
  if (problem.region.body->outputs().size() != 1)
    return Verdict::no("a view of its operand is a result of its own");
  for (size_t i = 1; i < node->outputs.size(); ++i)
    if (node->outputs[i] != nullptr) return Verdict::no("views about it and statistics");
  return {};
}

Dim row_elements(const Node& node) {
  const Dims& x = node.inputs[0]->type.tensor().shape();
  Dim floats = 1;
  for (size_t d = row_axis(node); d < x.size(); ++d) floats = floats * x[d];
  return floats;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *norm_of(*problem);
  const TensorType& x = node.inputs[0]->type.tensor();
  const double elements = typical_count(*problem, node.inputs[0]->type);
  constexpr double kOperations = 4;
  made.seconds = 2 * elements * bits(x.dtype) / 8 / problem->target->bytes_per_second +
                 elements * kOperations / problem->target->flops_per_second;
  const Views views = *views_about(*problem, node);
  for (const auto* each : {&views.from, &views.to})
    if (*each) made.seconds += elements / problem->target->cached_per_second;
  // A row, its scale, its bias; or the rows of a tile.
  if (is_half(x.dtype))
    made.scratch_bytes = worker_scratch(problem->share, row_elements(node) * Dim(3));
  if (views.to)
    made.scratch_bytes =
        worker_scratch(problem->share, Dim(kTile) + row_elements(node) * Dim(kPlaced));
  made.problem = std::move(problem);
  return made;
}

struct LayerNormShared final : Shared<LayerNormShared> {
  static constexpr bool kLaunches = true;
  Fields fields{};
  DType type = DType::f32;
  std::vector<Source> operands_of;  // the first: what is normalized, or what views are of
  int mean = -1, factor = -1;       // outputs
  Region region;
  Dims shape;           // of what is normalized
  size_t row_axes = 0;  // the last ones
  std::optional<PlacedRows::Form> from_form, to_form;

  struct Geometry {
    int64_t outer = 1, size = 1;
    int64_t grain = 1;  // rows of a tile
    PlacedRows from, to;
  };
  Geometry geometry(const Operands& operands) const {
    const bool is_single = region.single() != nullptr;
    const Bindings symbols = is_single ? Bindings() : symbols_of(*region.body, operands);
    const std::vector<int64_t> sizes =
        is_single ? given(operands).shape : evaluated(shape, symbols);
    Geometry g;
    g.size = element_count(std::span(sizes).last(row_axes));
    g.outer = element_count(std::span(sizes).first(sizes.size() - row_axes));
    g.grain = std::max<int64_t>(1, kTile / std::max<int64_t>(1, g.size));
    if (g.outer == 0 || g.size == 0) return g;
    if (from_form) g.from = PlacedRows(*from_form, symbols);
    if (to_form) g.to = PlacedRows(*to_form, symbols);
    if (from_form || to_form) g.grain = std::max(kPlaced, g.grain / kPlaced * kPlaced);
    return g;
  }

  const Operand& given(const Operands& operands) const {
    return operands.inputs[static_cast<size_t>(operands_of[0].input())];
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.outer == 0) return;
    const auto statistics = [&](int index) {
      return index < 0 ? nullptr : operands.outputs[static_cast<size_t>(index)].as<float>();
    };
    float *means = statistics(mean), *factors = statistics(factor);
    launch_ranges(
        stream, g.outer, g.grain,
        [=, this, &g, &operands](int64_t first, int64_t last) {
          if (from_form || to_form) run_placed(g, operands, scratch, first, last);
          else run_rows(g, operands, scratch_of(scratch, 3 * g.size), first, last, means, factors);
        },
        [&](int64_t first, int64_t last) {
          Touched all = touched(g, operands, first, last);
          for (float* each : {means, factors})
            if (each != nullptr) all.writes.push_back(Box::of(each, first, last));
          return all;
        });
  }

  /// What a tile reads and writes but for statistics.
  Touched touched(const Geometry& g, const Operands& operands, int64_t first, int64_t last) const {
    const int64_t size = bits(type) / 8, row_bytes = g.size * size;
    const auto box = [&](const Operand& whole, bool placed, const PlacedRows& rows) {
      return placed ? rows.box(whole.as<float>(), first, last - first, 0, g.size)
                    : Box::of(whole.data, first * row_bytes, last * row_bytes);
    };
    Touched all;
    if (g.size == 0) return all;
    for (const Operand& each : operands.inputs)
      if (each.data != nullptr && each.data != given(operands).data)
        all.reads.push_back(
            Box::of(each.data, 0, element_count(each.shape) * (bits(each.dtype) / 8)));
    all.reads.push_back(box(given(operands), from_form.has_value(), g.from));
    all.writes.push_back(box(operands.outputs[0], to_form.has_value(), g.to));
    return all;
  }

  void run_rows(const Geometry& g, const Operands& operands, float* room, int64_t first,
                int64_t last, float* means, float* factors) const {
    const std::byte* from = given(operands).data;
    std::byte* to = operands.outputs[0].data;
    const float* scale = row_of(operands, 1, g.size, room + g.size);
    const float* bias = row_of(operands, 2, g.size, room + 2 * g.size);
    for (int64_t i = first; i < last; ++i) {
      const int64_t at = i * g.size;
      const float* own = widened(type, from, at, g.size, room);
      float* results = place_of(type, to, at, room);
      const Moments m = normalize(g.size, scale, bias, own, results);
      narrow(type, results, g.size, to, at);
      if (means != nullptr) means[i] = m.mean;
      if (factors != nullptr) factors[i] = m.factor;
    }
  }

  /// Rows that are brought together first, or apart then.
  void run_placed(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
                  int64_t first, int64_t last) const {
    const float *from = given(operands).as<float>(), *scale = operands_of[1].as<float>(operands),
                *bias = operands_of[2].as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    float* rows = to_form ? scratch_of(scratch, kTile + kPlaced * g.size) : to + first * g.size;
    if (from_form) g.from.gather(from, first, last - first, rows);
    for (int64_t i = 0; i < last - first; ++i) {
      float* own = rows + i * g.size;
      normalize(g.size, scale, bias, from_form ? own : from + (first + i) * g.size, own);
    }
    if (to_form) g.to.scatter(rows, g.size, first, last - first, 0, g.size, nullptr, to);
  }

  /// Scale or bias as f32; null: absent.
  const float* row_of(const Operands& operands, size_t operand, int64_t size, float* room) const {
    const std::byte* data = operands_of[operand].data(operands);
    return data == nullptr ? nullptr : widened(type, data, 0, size, room);
  }

  struct Moments {
    float mean, factor;
  };
  Moments normalize(int64_t size, const float* scale, const float* bias, const float* from,
                    float* to) const {
    const RowFunctions& rows = row_functions();
    const Moments m = moments(rows, size, from);
    rows.normalize(size, m.mean, m.factor, scale, bias, from, to);
    return m;
  }
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
  const Node& node = *norm_of(problem);
  Views views = *views_about(problem, node);
  shared->fields = *fields_of(node);
  shared->type = node.inputs[0]->type.tensor().dtype;
  shared->operands_of.emplace_back(problem, views.input);
  for (size_t i = 1; i < 3; ++i) shared->operands_of.emplace_back(problem, node.input(i));
  if (problem.region.single() != nullptr) {
    shared->mean = wanted_output(problem, 1);
    shared->factor = wanted_output(problem, 2);
  }
  shared->region = problem.region;
  shared->shape = node.inputs[0]->type.tensor().shape();
  shared->row_axes = shared->shape.size() - row_axis(node);
  shared->from_form = std::move(views.from);
  shared->to_form = std::move(views.to);
  return shared;
}

}  // namespace
}  // namespace layer_norm_kernel

void register_layer_norm(KernelRegistry& registry) {
  using namespace layer_norm_kernel;
  registry.add({"cpu.layer_norm", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
