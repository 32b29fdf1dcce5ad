// f32 deformable convolution in two spatial dimensions: the elements that a panel of places reads,
// interpolated, are gathered into columns, which the filters are multiplied by. Channels that are
// moved alike are gathered side by side, of a copy of the input.

#include "ops/deformable.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/joined_box.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace deform_conv_kernel {
namespace {

constexpr int kOffsets = 2, kBias = 3, kMask = 4;  // operands
constexpr int64_t kColumnFloats = 128 * 1024;      // that a tile gathers, where a panel is less

Verdict supports(const Problem& problem) {
  if (op_of<DeformConv>(problem) == nullptr) return Verdict::no("DeformConv only");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const Dims& weight = operand_type(problem, 1)->shape();
  if (weight.size() != 4) return Verdict::no("two spatial dimensions only");
  for (size_t i = 1; i < 4; ++i)
    if (!weight[i].constant()) return Verdict::no("the weight's shape is open");
  constexpr int64_t kMostChannels = 1 << 20;
  if (*weight[1].constant() > kMostChannels / op_of<DeformConv>(problem)->group)
    return Verdict::no("more than a million channels");
  return {};
}

/// Elements of a filter.
int64_t depth_of(const Problem& problem) {
  const Dims& weight = operand_type(problem, 1)->shape();
  int64_t depth = 1;
  for (size_t i = 1; i < 4; ++i) depth = checked_mul(depth, *weight[i].constant());
  return depth;
}

/// Places of a tile at most: whole panels.
int64_t most_places(int64_t depth) {
  const int64_t panel = gemm_core().columns;
  return std::clamp(kColumnFloats / std::max<int64_t>(depth, 1) / panel * panel, panel,
                    kTileColumns);
}

/// Channels [first, first + count), which are moved alike and multiplied by the same filters.
struct Together {
  int64_t first, count;
};
/// All channels, as many at a time as lie side by side.
std::vector<Together> together(const DeformConv& op, int64_t channels) {
  std::vector<Together> all;
  const int64_t alike = std::max<int64_t>(1, channels / op.offset_group);
  const int64_t multiplied = channels / op.group;
  for (int64_t c = 0; c < channels;) {
    const int64_t end = std::min((c / alike + 1) * alike, (c / multiplied + 1) * multiplied);
    all.push_back({c, std::min<int64_t>(side_by_side_functions().planes, end - c)});
    c += all.back().count;
  }
  return all;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const int64_t depth = depth_of(*problem);
  const double sums = typical_count(*problem, problem->region.single()->outputs[0]->type);
  const double filters = std::max(1.0, typical(*problem, operand_type(*problem, 1)->shape()[0]));
  made.seconds =
      sums * static_cast<double>(depth) * (2 + 10 / filters) / problem->target->flops_per_second;
  const auto& op = *op_of<DeformConv>(*problem);
  const Dims& in = operand_type(*problem, 0)->shape();
  const int64_t channels = checked_mul(*operand_type(*problem, 1)->shape()[1].constant(), op.group);
  const auto blocks = std::ssize(together(op, channels));
  made.scratch_bytes =
      worker_scratch(problem->share, Dim(kTileScratch + checked_mul(most_places(depth), depth))) +
      in[0] * Dim(checked_mul(blocks, side_by_side_functions().planes * int64_t{sizeof(float)})) *
          (in[2] * in[3] + Dim(1));
  made.problem = std::move(problem);
  return made;
}

struct DeformConvShared final : Shared<DeformConvShared> {
  Region region;
  DeformConv op;
  std::vector<Source> operands_of;
  int64_t depth;
  int workers;

  explicit DeformConvShared(const Problem& problem)
      : region(problem.region),
        op(*op_of<DeformConv>(problem)),
        operands_of(sources(problem)),
        depth(depth_of(problem)),
        workers(problem.share.workers) {}

  struct Geometry {
    int64_t images = 0, channels = 0, filters = 0;  // of all groups
    WindowAxis y = kNoAxis, x = kNoAxis;
    int64_t tile = 0, tiles = 0;  // places of one; of an image and group
    std::vector<Together> blocks;
    int64_t taps() const { return y.kernel * x.kernel; }
    int64_t places() const { return y.output * x.output; }
    int64_t plane() const { return y.input * x.input; }
    /// Floats of a block of the copied input; behind its pixels stands one of zeros.
    int64_t joined() const { return (plane() + 1) * side_by_side_functions().planes; }
  };

  /// Error(invalid_model) where an operand has not the shape that the op's text promises.
  void check_shape(int operand, const Operands& operands,
                   const std::vector<int64_t>& wanted) const {
    const auto index = static_cast<size_t>(operand);
    if (index >= operands_of.size() || !operands_of[index].present()) return;
    const std::vector<int64_t>& shape = operands_of[index].shape(operands);
    check(shape == wanted, Code::invalid_model, "operand ", operand, " is ", shape_text(shape),
          ", wanted ", shape_text(wanted), " (", describe(*region.single()), ")");
  }

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = operands_of[0].shape(operands),
          &weight = operands_of[1].shape(operands), &out = operands.outputs[0].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    g.y = window_axis_of(op.window, 0, in[2], out[2], weight[2]);
    g.x = window_axis_of(op.window, 1, in[3], out[3], weight[3]);
    check(
        in[1] % op.offset_group == 0 && in[1] == weight[1] * op.group && weight[0] % op.group == 0,
        Code::invalid_model, "an input of shape ", shape_text(in), " and a weight of shape ",
        shape_text(weight), " do not fit (", describe(*region.single()), ")");
    const int64_t moved = checked_mul(op.offset_group, g.taps());
    check_shape(kOffsets, operands, {in[0], checked_mul(moved, 2), out[2], out[3]});
    check_shape(kMask, operands, {in[0], moved, out[2], out[3]});
    check_shape(kBias, operands, {weight[0]});
    g.images = in[0], g.channels = in[1], g.filters = weight[0];
    g.blocks = together(op, g.channels);
    const int64_t panel = gemm_core().columns, panels = ceil_div(g.places(), panel);
    const int64_t wanted = workers == 1 ? 1 : ceil_div(4 * int64_t{workers}, g.images * op.group);
    g.tile = std::min(most_places(depth), ceil_div(panels, wanted) * panel);
    g.tiles = ceil_div(g.places(), g.tile);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t own = kTileScratch + most_places(depth) * depth;
    float* joined = reinterpret_cast<float*>(scratch.data()) + workers * own;
    const auto blocks = std::ssize(g.blocks);
    stream.parallel(g.images * blocks, [&](int64_t item) {
      const Together& block = g.blocks[static_cast<size_t>(item % blocks)];
      const float* from = operands_of[0].as<float>(operands) +
                          (item / blocks * g.channels + block.first) * g.plane();
      const float* planes[kMostSideBySide];
      planes_from(from, g.plane(), block.count, planes);
      float* to = joined + item * g.joined();
      side_by_side_functions().join(g.plane(), planes, g.plane(), g.plane(), to);
      std::fill_n(to + g.plane() * side_by_side_functions().planes, side_by_side_functions().planes,
                  0.0F);
    });
    stream.parallel(g.images * op.group * g.tiles, [&](int64_t item) {
      run_tile(g, operands, joined, item / g.tiles, item % g.tiles * g.tile,
               scratch_of(scratch, own));
    });
  }

  /// Places from `first` on of `index`, an image and group.
  void run_tile(const Geometry& g, const Operands& operands, const float* joined, int64_t index,
                int64_t first, float* work) const {
    const int64_t count = std::min(g.tile, g.places() - first);
    const int64_t image = index / op.group, group = index % op.group;
    const int64_t filters = g.filters / op.group, panel = gemm_core().columns;
    float* columns = work + kTileScratch;
    for (int64_t at = 0; at < count; at += panel)
      gather(g, operands, joined, image, group, first + at, std::min(panel, count - at),
             columns + at * depth);
    float* to = operands.outputs[0].as<float>() + index * filters * g.places() + first;
    const float* biases =
        operands_of.size() > kBias ? operands_of[kBias].as<float>(operands) : nullptr;
    for (int64_t f = 0; f < filters; ++f)
      std::fill_n(to + f * g.places(), count,
                  biases == nullptr ? 0.0F : biases[group * filters + f]);
    const float* weight = operands_of[1].as<float>(operands) + group * filters * depth;
    const Product product{filters, count, depth, weight, depth, 1, nullptr, 0, 0, columns};
    const Tiling tiling = tile_product(gemm_core(), filters, count, 1, 1);
    for (int64_t tile = 0; tile < tiling.tiles(); ++tile)
      cpu::run_tile(product, tiling, tile, work, to, g.places());
  }

  /// A panel of `count` places: [channel][element of the kernel][place].
  void gather(const Geometry& g, const Operands& operands, const float* joined, int64_t image,
              int64_t group, int64_t first, int64_t count, float* to) const {
    const int64_t channels = g.channels / op.group, width = gemm_core().columns;
    const int64_t each = g.channels / op.offset_group;  // channels that are moved alike
    const SideBySideFunctions& functions = side_by_side_functions();
    const int64_t whole = ceil_div(count, functions.planes) * functions.planes;
    BetweenPixels corners;
    int64_t found = -1;  // which group of offsets they are of, and which tap
    const auto blocks = std::ssize(g.blocks);
    for (int64_t tap = 0; tap < g.taps(); ++tap)
      for (int64_t at = 0; at < blocks; ++at) {
        const Together& block = g.blocks[static_cast<size_t>(at)];
        if (block.first / channels != group) continue;
        const int64_t moved = (image * op.offset_group + block.first / each) * g.taps() + tap;
        if (moved != found) find(g, operands, moved, first, count, corners);
        found = moved;
        float* rows = to + ((block.first - group * channels) * g.taps() + tap) * width;
        functions.between(corners, joined + (image * blocks + at) * g.joined(), block.count, rows,
                          g.taps() * width);
        for (int64_t c = 0; c < block.count; ++c)
          std::fill_n(rows + c * g.taps() * width + whole, width - whole, 0.0F);
      }
  }

  /// `moved`: the image, group of offsets and element of the kernel, counted together.
  void find(const Geometry& g, const Operands& operands, int64_t moved, int64_t first,
            int64_t count, BetweenPixels& corners) const {
    const float* offsets = operands_of[kOffsets].as<float>(operands) + 2 * moved * g.places();
    const float* mask =
        operands_of.size() > kMask ? operands_of[kMask].as<float>(operands) : nullptr;
    if (mask != nullptr) mask += moved * g.places();
    const int64_t tap = moved % g.taps();
    const int64_t down = tap / g.x.kernel * g.y.dilation, right = tap % g.x.kernel * g.x.dilation;
    corners.count = count;
    int64_t row = first / g.x.output, column = first % g.x.output;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = first + i;
      const double scale = mask == nullptr ? 1 : mask[at];
      const Between y(static_cast<double>(g.y.start(row) + down) + double{offsets[at]}, g.y.input);
      const Between x(
          static_cast<double>(g.x.start(column) + right) + double{offsets[g.places() + at]},
          g.x.input);
      for (int corner = 0; corner < 4; ++corner) {
        const int below = corner / 2, behind = corner % 2;
        const bool inside = y.inside[below] && x.inside[behind];
        corners.pixels[corner][i] =
            inside ? (y.first + below) * g.x.input + x.first + behind : g.plane();
        corners.weights[corner][i] =
            inside ? static_cast<float>(y.weight[below] * x.weight[behind] * scale) : 0.0F;
      }
      if (++column == g.x.output) column = 0, ++row;
    }
  }

  /// A place between two pixels of an axis.
  struct Between {
    int64_t first = 0;
    bool inside[2] = {false, false};
    double weight[2] = {0, 0};
    Between(double at, int64_t pixels) {
      if (!(at >= -1 && at < static_cast<double>(pixels))) return;  // NaN, too
      first = static_cast<int64_t>(at + 1) - 1;
      const double rest = at - static_cast<double>(first);
      weight[0] = 1 - rest, weight[1] = rest;
      inside[0] = first >= 0, inside[1] = first + 1 < pixels;
    }
  };
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  return std::make_shared<DeformConvShared>(*recipe.problem);
}

}  // namespace
}  // namespace deform_conv_kernel

void register_deform_conv(KernelRegistry& registry) {
  using namespace deform_conv_kernel;
  registry.add({"cpu.deform_conv", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
