// Convolution in one or two spatial dimensions as a matrix product: the input's windows are
// gathered tile by tile into panels (im2col), the weight is packed once.

#include "ops/convolution.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/size.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

/// Floats of one gathered tile, unless one panel is more: fits a second-level cache.
constexpr int64_t kTileFloats = 96 * 1024;

Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const int64_t group = problem.region.single()->op.as<Conv>()->group;
  const GemmCore& core = gemm_core();
  const int64_t filters = weight.dim(0) / group, depth = weight.count() / weight.dim(0);
  std::vector<float> floats(static_cast<size_t>(weight.count()));
  std::memcpy(floats.data(), weight.bytes().data(), weight.bytes().size());
  const int64_t each = packed_floats(filters, depth, core.rows);
  Tensor packed(DType::f32, {group * each});
  auto* to = reinterpret_cast<float*>(packed.mutable_bytes().data());
  for (int64_t g = 0; g < group; ++g)
    pack_panels(floats.data() + g * filters * depth, filters, depth, depth, 1, core.rows,
                to + g * each);
  return packed;
}

Verdict supports(const Problem& problem) {
  const Node* node = problem.region.single();
  if (node == nullptr || node->op.as<Conv>() == nullptr) return Verdict::no("convolves only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const int weight = region_input(problem, 1);
  if (region_input(problem, 0) < 0) return Verdict::no("the input is a literal");
  if (weight < 0 || problem.weights[static_cast<size_t>(weight)] == nullptr)
    return Verdict::no("the weight is not a constant of more than 16 elements");
  const size_t rank = problem.weights[static_cast<size_t>(weight)]->shape().size();
  if (rank != 3 && rank != 4) return Verdict::no("one or two spatial dimensions only");
  if (problem.weights[static_cast<size_t>(weight)]->count() == 0)
    return Verdict::no("the weight is empty");
  return {};
}

int64_t depth_of(const Problem& problem) {
  const Weight& weight = *problem.weights[static_cast<size_t>(region_input(problem, 1))];
  return weight.count() / weight.shape()[0];
}

/// Columns (output pixels) gathered at a time.
int64_t tile_columns(int64_t depth) {
  const int64_t width = gemm_core().columns;
  return std::clamp<int64_t>(kTileFloats / depth / width * width, width, 64 * width);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& node = *problem->region.single();
  const int64_t depth = depth_of(*problem);
  made.seconds =
      2 * typical_count(node.outputs[0]->type) * static_cast<double>(depth) / kFlopsPerSecond;
  made.scratch_bytes = worker_scratch(problem->share, Dim(tile_columns(depth) * depth));
  made.packings.push_back(
      {static_cast<size_t>(region_input(*problem, 1)),
       cat("conv.filters/", name(gemm_core().isa), "/group=", node.op.as<Conv>()->group),
       pack_filters});
  made.problem = std::move(problem);
  return made;
}

struct ConvShared final : Shared<ConvShared> {
  Window window;
  int64_t group = 1, filters = 0, depth = 0;  // filters and depth of one group
  std::array<int64_t, 2> kernel = {1, 1};
  bool one_dimensional = false;
  std::vector<Source> operands_of;
  Tensor packed;

  struct Geometry {
    int64_t images = 0;                              // 0: nothing to do
    int64_t channels, height, width, rows, columns;  // of one group's input, and of the output
    WindowAxis y, x;
  };

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    Geometry g{};
    if (element_count(out) == 0) return g;
    const size_t rank = in.size();
    g.images = in[0];
    g.channels = in[1] / group;
    g.width = in[rank - 1];
    g.columns = out[rank - 1];
    g.height = one_dimensional ? 1 : in[2];
    g.rows = one_dimensional ? 1 : out[2];
    g.x = window_axis_of(window, one_dimensional ? 0 : 1, g.width, g.columns, kernel[1]);
    g.y = one_dimensional ? kNoAxis : window_axis_of(window, 0, g.height, g.rows, kernel[0]);
    return g;
  }

  /// Gathers the windows of output pixels [first, first + count) as a panel of `width` columns.
  void gather_panel(const Geometry& g, const float* from, int64_t first, int64_t count, int width,
                    float* to) const {
    const int64_t taps = kernel[0] * kernel[1], plane = g.height * g.width;
    constexpr int64_t kOutside = -1;
    std::array<int64_t, 64> at{};
    for (int64_t tap = 0; tap < taps; ++tap) {
      const int64_t dy = tap / kernel[1] * g.y.dilation, dx = tap % kernel[1] * g.x.dilation;
      bool together = true;  // one run of memory
      for (int64_t j = 0; j < count; ++j) {
        const int64_t pixel = first + j;
        const int64_t y = g.y.start(pixel / g.columns) + dy, x = g.x.start(pixel % g.columns) + dx;
        const bool inside = y >= 0 && y < g.height && x >= 0 && x < g.width;
        at[static_cast<size_t>(j)] = inside ? y * g.width + x : kOutside;
        together &= inside && at[static_cast<size_t>(j)] == at[0] + j;
      }
      for (int64_t c = 0; c < g.channels; ++c) {
        const float* source = from + c * plane;
        float* row = to + (c * taps + tap) * width;
        if (together) {
          std::memcpy(row, source + at[0], static_cast<size_t>(count) * sizeof(float));
        } else {
          for (int64_t j = 0; j < count; ++j) {
            const int64_t offset = at[static_cast<size_t>(j)];
            row[j] = offset == kOutside ? 0.0f : source[offset];
          }
        }
        for (int64_t j = count; j < width; ++j) row[j] = 0;
      }
    }
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.images == 0) return;
    const GemmCore& core = gemm_core();
    const int64_t pixels = g.rows * g.columns, step = tile_columns(depth);
    const int64_t tiles = (pixels + step - 1) / step, groups = g.images * group;
    const auto* input = operands_of[0].as<float>(operands);
    const auto* biases = operands_of[2].as<float>(operands);
    auto* result = operands.outputs[0].as<float>();
    const auto* weights = reinterpret_cast<const float*>(packed.bytes().data());
    stream.parallel(groups * tiles, [&](int64_t tile) {
      const int64_t index = tile / tiles, first = tile % tiles * step;  // index: batch and group
      const int64_t count = std::min(step, pixels - first), which = index % group;
      const float* from = input + index * g.channels * g.height * g.width;
      float* columns = scratch_of(scratch, step * depth);
      for (int64_t j = 0; j < count; j += core.columns)
        gather_panel(g, from, first + j, std::min<int64_t>(core.columns, count - j), core.columns,
                     columns + j * depth);
      float* to = result + index * filters * pixels + first;
      for (int64_t f = 0; f < filters; ++f)
        std::fill_n(to + f * pixels, count, biases == nullptr ? 0.0f : biases[which * filters + f]);
      multiply_panels(core, filters, count, depth,
                      weights + which * packed_floats(filters, depth, core.rows), columns, to,
                      pixels);
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed) {
  auto shared = std::make_shared<ConvShared>();
  const Problem& problem = *recipe.problem;
  const Conv& conv = *op_of<Conv>(problem);
  const std::vector<int64_t>& weight =
      problem.weights[static_cast<size_t>(region_input(problem, 1))]->shape();
  shared->window = conv.window;
  shared->group = conv.group;
  shared->filters = weight[0] / conv.group;
  shared->depth = depth_of(problem);
  shared->one_dimensional = weight.size() == 3;
  shared->kernel = {shared->one_dimensional ? 1 : weight[2], weight.back()};
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  shared->packed = std::move(packed.front());
  return shared;
}

}  // namespace

void register_conv(KernelRegistry& registry) {
  registry.add({"cpu.conv.im2col", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
