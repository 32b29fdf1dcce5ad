// Convolution of 8-bit integers, quantized again (QLinearConv) or not (ConvInteger): the gathered
// windows and filters as whole numbers in f32, sums exact (see kExactDepth).

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/im2col.hpp"
#include "device/cpu/requantize.hpp"
#include "device/cpu/step.hpp"
#include "ops/quantized.hpp"

namespace hone::cpu {
namespace qlinear_conv_kernel {
namespace {

struct Fields {
  Window window;
  int64_t group;
  size_t weight, x_zero, w_zero;  // operands
  bool quantizes;
};
std::optional<Fields> fields_of(const Problem& problem) {
  if (const auto* op = op_of<QLinearConv>(problem))
    return Fields{op->window, op->group, 3, 2, 5, true};
  if (const auto* op = op_of<ConvInteger>(problem))
    return Fields{op->window, op->group, 1, 2, 3, false};
  return std::nullopt;
}

Filters filters_of(const Problem& problem) {
  const Fields fields = *fields_of(problem);
  return {fields.window, fields.group, constant_operand(problem, fields.weight)->shape()};
}

Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const Filters filters = filters_of(problem);
  const Weight* zero = constant_operand(problem, fields_of(problem)->w_zero);
  std::vector<float> values(static_cast<size_t>(weight.count()));
  convert_to_f32(weight.dtype(), weight.bytes().data(), weight.count(), values.data());
  if (zero != nullptr)
    for (int64_t i = 0; i < weight.count(); ++i)
      values[static_cast<size_t>(i)] -=
          static_cast<float>(zero->tensor().number(zero->count() == 1 ? 0 : i / filters.depth));
  Tensor packed(DType::f32, {filters.group * filters.packed()});
  filters.pack(values.data(), reinterpret_cast<float*>(packed.mutable_bytes().data()));
  return packed;
}

Verdict supports(const Problem& problem) {
  const auto fields = fields_of(problem);
  if (!fields) return Verdict::no("QLinearConv and ConvInteger only");
  const Weight* weight = constant_operand(problem, fields->weight);
  if (weight == nullptr || weight->count() == 0) return Verdict::no("the weight is no constant");
  if (weight->shape().size() != 3 && weight->shape().size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  const size_t zero = fields->w_zero;
  if (operand_type(problem, zero) != nullptr && constant_operand(problem, zero) == nullptr)
    return Verdict::no("the weight's zero point is computed");
  const Weight* zeros = constant_operand(problem, zero);
  if (zeros != nullptr && zeros->count() != 1 && zeros->count() != weight->shape()[0])
    return Verdict::no("the weight's zero points are not one a filter");
  for (const size_t i : {size_t{0}, fields->weight})
    if (!is_byte(*operand_type(problem, i))) return Verdict::no("integers of 8 bits only");
  const TensorType& result = problem.region.single()->outputs[0]->type.tensor();
  if (!result.has_rank() || (fields->quantizes && !is_byte(result)))
    return Verdict::no("results of 8 bits only");
  if (fields->quantizes)
    for (const size_t i : {1, 4, 6})
      if (operand_type(problem, i)->dtype != DType::f32) return Verdict::no("scales of f32 only");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Fields fields = *fields_of(*problem);
  const Filters filters = filters_of(*problem);
  const Type& result = problem->region.single()->outputs[0]->type;
  // Panels have filters that are not there; elements are gathered one by one for all filters.
  const auto filled =
      static_cast<double>(ceil_div(filters.count, gemm_core().rows) * gemm_core().rows);
  made.seconds =
      typical_count(*problem, result) * static_cast<double>(filters.depth) /
      static_cast<double>(filters.count) *
      (2 * filled / problem->target->flops_per_second + 4 / problem->target->cached_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(gemm_core().columns * filters.depth));
  if (const int input = region_input(*problem, fields.weight); input >= 0) {
    const Weight* zero = constant_operand(*problem, fields.w_zero);
    made.packings.push_back({static_cast<size_t>(input),
                             cat("qconv.filters/", name(gemm_core().isa), "/group=", filters.group,
                                 "/zero=", zero == nullptr ? Hash{} : zero->hash()),
                             pack_filters});
  }
  made.problem = std::move(problem);
  return made;
}

struct QConvShared final : Shared<QConvShared> {
  Fields fields{};
  Filters filters;
  std::vector<Source> operands_of;
  DType from = DType::u8, to = DType::u8;
  Tensor packed;
  int workers = 1;

  struct Geometry : ConvGeometry {
    bool one_scale = true;  // for all filters
  };
  Geometry geometry(const Operands& operands) const {
    bool one = true;
    check_scalars(operands_of, {fields.x_zero}, operands);
    if (fields.quantizes) {
      check_scalars(operands_of, {1, 6, 7}, operands);
      const int64_t scales = element_count(operands_of[4].shape(operands));
      one = scales == 1;
      check(one || scales == filters.group * filters.count, Code::usage, "operand 4 has ", scales,
            " elements for ", filters.group * filters.count, " filters");
    }
    return {{filters, operands_of[0].shape(operands), operands.outputs[0].shape}, one};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (from == DType::u8) run_typed<uint8_t>(g, operands, scratch, stream);
    else run_typed<int8_t>(g, operands, scratch, stream);
  }

  template <class T>
  void run_typed(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
                 Stream& stream) const {
    const GemmCore& core = gemm_core();
    const int64_t pixels = g.pixels(), panels = ceil_div(pixels, core.columns);
    const T* input = operands_of[0].as<T>(operands);
    const T* zeros = operands_of[fields.x_zero].as<T>(operands);
    const T zero = zeros == nullptr ? T{0} : *zeros;
    const auto* weights = reinterpret_cast<const float*>(packed.bytes().data());
    // Few pixels: the filters are shared out as well, each part gathering for itself.
    const int64_t parts =
        g.images * filters.group * panels >= 4 * workers
            ? 1
            : std::clamp<int64_t>(filters.count / (4 * core.rows), 1, 4 * workers);
    const int64_t part = ceil_div(ceil_div(filters.count, core.rows), parts) * core.rows;
    stream.parallel(g.images * filters.group * panels * parts, [&](int64_t tile) {
      const int64_t index = tile / (panels * parts), first = tile / parts % panels * core.columns;
      const int64_t count = std::min<int64_t>(core.columns, pixels - first);
      const int64_t group = index % filters.group, begin = tile % parts * part;
      const int64_t end = std::min(filters.count, begin + part);
      if (begin >= end) return;
      float* columns = scratch_of(scratch, core.columns * filters.depth);
      gather_windows(filters, g, input + index * g.channels * g.height * g.width, g.channels, first,
                     count, core.columns, zero, columns);
      for (int64_t f = begin; f < end; f += core.rows) {
        int32_t sums[kMostPanel];
        multiply_exact(core, filters.depth, weights + group * filters.packed() + f * filters.depth,
                       columns, sums);
        for (int64_t i = 0; i < std::min<int64_t>(core.rows, end - f); ++i)
          finish(g, operands, group * filters.count + f + i, sums + i * core.columns, count,
                 (index * filters.count + f + i) * pixels + first);
      }
    });
  }

  /// Sums of one filter become results from element `at` on.
  void finish(const Geometry& g, const Operands& operands, int64_t filter, const int32_t* sums,
              int64_t count, int64_t at) const {
    if (!fields.quantizes) {
      std::copy_n(sums, count, operands.outputs[0].as<int32_t>() + at);
      return;
    }
    const float w_scale = operands_of[4].as<float>(operands)[g.one_scale ? 0 : filter];
    const auto* bias = operands_of.size() > 8 ? operands_of[8].as<int32_t>(operands) : nullptr;
    const float scale =
        *operands_of[1].as<float>(operands) * w_scale / *operands_of[6].as<float>(operands);
    const std::byte* zero = operands_of[7].data(operands);
    const int64_t shift = to == DType::u8 ? int64_t{*reinterpret_cast<const uint8_t*>(zero)}
                                          : int64_t{*reinterpret_cast<const int8_t*>(zero)};
    requantize(sums, count, bias == nullptr ? 0 : bias[filter], scale, shift, to,
               operands.outputs[0].data + at);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  auto shared = std::make_shared<QConvShared>();
  const Problem& problem = *recipe.problem;
  shared->fields = *fields_of(problem);
  shared->filters = filters_of(problem);
  shared->operands_of = sources(problem);
  while (shared->operands_of.size() < 4)
    shared->operands_of.emplace_back(problem, shared->operands_of.size());
  shared->workers = problem.share.workers;
  shared->from = operand_type(problem, 0)->dtype;
  shared->to = problem.region.single()->outputs[0]->type.tensor().dtype;
  const Weight& weight = *constant_operand(problem, shared->fields.weight);
  shared->packed = packed.empty() ? pack_filters(problem, recipe.tuning, weight.tensor())
                                  : std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace qlinear_conv_kernel

void register_qlinear_conv(KernelRegistry& registry) {
  using namespace qlinear_conv_kernel;
  registry.add({"cpu.qconv.im2col", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
