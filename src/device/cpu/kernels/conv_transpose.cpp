// f32 transposed convolution in one to three spatial dimensions: a product of the transposed weight
// and the input, whose rows are then added to the places of the result that they belong to. A
// constant weight is transposed once.

#include "ops/convolution.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/joined_box.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/rows.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace conv_transpose_kernel {
namespace {

/// Floats that a worker needs: for the product, and for its result.
constexpr int64_t kWorkerFloats = kTileScratch + kTileRows * kTileColumns;
/// Rows of a tile of the product with one pixel: long runs of the weight.
constexpr int64_t kPixelRows = 8192;

Verdict supports(const Problem& problem) {
  const auto* op = op_of<ConvTranspose>(problem);
  if (op == nullptr) return Verdict::no("transposed convolutions only");
  const TensorType& weight = *operand_type(problem, 1);
  if (!weight.has_rank()) return Verdict::no("the weight's rank is unknown");
  if (!all_are(problem, DType::f32)) return Verdict::no("f32 only");
  const int rank = weight.rank();
  if (rank < 3 || rank > 5) return Verdict::no("one to three spatial dimensions only");
  return {};
}

/// [group][filter, tap][channel]
Tensor turn_weight(const Problem& problem, const Tuning&, const Tensor& weight) {
  const int64_t group = op_of<ConvTranspose>(problem)->group;
  const int64_t channels = weight.dim(0) / group;
  const int64_t rows = weight.count() / std::max<int64_t>(1, weight.dim(0));
  const Tensor floats = aligned(weight);
  const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
  Tensor turned(DType::f32, {group, rows, channels});
  auto* to = reinterpret_cast<float*>(turned.mutable_bytes().data());
  for (int64_t g = 0; g < group; ++g)
    row_functions().turn(channels, rows, from + g * channels * rows, rows, nullptr,
                         to + g * channels * rows, channels);
  return turned;
}

/// Which constant input of the region is the weight to be turned; negative: none. One pixel is
/// multiplied by the weight as it lies.
int turned_input(const Problem& problem) {
  const Dims& in = operand_type(problem, 0)->shape();
  const bool one = std::all_of(in.begin() + 2, in.end(), [](const Dim& dim) { return dim.is(1); });
  const Weight* weight = constant_operand(problem, 1);
  return weight == nullptr || weight->count() == 0 || one ? -1 : region_input(problem, 1);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Dims& weight = operand_type(*problem, 1)->shape();
  double per_input = 2;  // operations for an element of the input
  for (size_t i = 1; i < weight.size(); ++i) per_input *= typical(*problem, weight[i]);
  // Each product of a pixel and a filter's element is added to its place by itself.
  constexpr double kAdded = 3e-10;
  const double channels =
      typical(*problem, weight[0]) / static_cast<double>(op_of<ConvTranspose>(*problem)->group);
  made.seconds = typical_count(*problem, problem->region.single()->inputs[0]->type) * per_input *
                 (1 / problem->target->flops_per_second + kAdded / 2 / std::max(1.0, channels));
  made.scratch_bytes = worker_scratch(problem->share, Dim(kWorkerFloats));
  if (const int input = turned_input(*problem); input >= 0)
    made.packings.push_back({static_cast<size_t>(input), "conv_transpose/turned", turn_weight});
  made.problem = std::move(problem);
  return made;
}

struct ConvTransposeShared final : Shared<ConvTransposeShared> {
  ConvTranspose op;
  std::vector<Source> operands_of;
  int workers = 1;
  Tensor turned;  // the weight; empty: as it lies

  struct Geometry {
    int64_t images = 0, channels = 0, filters = 0;  // of one group
    int64_t taps = 1;
    // From the result to the input: what this op is the adjoint of.
    WindowAxis z = kNoAxis, y = kNoAxis, x = kNoAxis;
    int64_t block = 1, blocks = 0;  // filters that one tile makes, tiles of a group
    std::vector<Taps> along_x;      // what x.outputs() says of each element of a row of the kernel
    int64_t pixels() const { return z.output * y.output * x.output; }
    int64_t results() const { return z.input * y.input * x.input; }
  };

  WindowAxis axis(size_t at, int64_t input, int64_t output, int64_t kernel) const {
    const SymbolicAxis sizes =
        transposed_axis(op.window, at, Dim(input), Dim(kernel), op.output_padding, op.output_shape);
    return {output,
            input,
            kernel,
            op.window.stride(at),
            op.window.dilation(at),
            *sizes.pad_begin.constant(),
            *sizes.pad_end.constant()};
  }

  /// Whole rows of the kernel, where a tile has room for one.
  static int64_t tile_rows(const Geometry& g) {
    if (g.pixels() == 1) return kPixelRows;
    return g.x.kernel > kTileRows ? kTileRows : kTileRows / g.x.kernel * g.x.kernel;
  }

  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>& in = operands_of[0].shape(operands);
    const std::vector<int64_t>& weight = operands_of[1].shape(operands);
    const std::vector<int64_t>& out = operands.outputs[0].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    check(in[1] == weight[0] && in[1] % op.group == 0, Code::usage, "an input of shape ",
          shape_text(in), " does not fit a weight of shape ", shape_text(weight));
    g.images = in[0];
    g.channels = in[1] / op.group;
    g.filters = weight[1];
    g.taps = element_count(std::span(weight).subspan(2));
    g.x = axis(in.size() - 3, in.back(), out.back(), weight.back());
    const size_t last = in.size() - 3;  // of the spatial axes
    if (last > 0) g.y = axis(last - 1, in[last + 1], out[last + 1], weight[last + 1]);
    if (last > 1) g.z = axis(0, in[2], out[2], weight[2]);
    // Filters enough for a tile of the product, fewer where there would be too few tiles.
    const int64_t wanted = workers == 1 ? 1 : ceil_div(4 * int64_t{workers}, g.images * op.group);
    const int64_t most = std::max<int64_t>(1, tile_rows(g) / std::max<int64_t>(g.taps, 1));
    g.blocks = std::max(std::min(wanted, g.filters), ceil_div(g.filters, most));
    g.block = ceil_div(g.filters, g.blocks);  // about equal
    g.blocks = ceil_div(g.filters, g.block);
    for (int64_t k = 0; k < g.x.kernel; ++k) g.along_x.push_back(g.x.outputs(k));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    stream.parallel(g.images * op.group * g.blocks, [&](int64_t tile) {
      const int64_t index = tile / g.blocks, filter = tile % g.blocks * g.block;
      run_filters(g, operands, index, filter, std::min(g.block, g.filters - filter),
                  scratch_of(scratch, kWorkerFloats));
    });
  }

  /// Filters [filter, filter + count) of `index`, an image and group.
  void run_filters(const Geometry& g, const Operands& operands, int64_t index, int64_t filter,
                   int64_t count, float* work) const {
    const int64_t group = index % op.group, pixels = g.pixels(), row = g.filters * g.taps;
    const float* biases = operands_of[2].as<float>(operands);
    float* to = operands.outputs[0].as<float>() + (index * g.filters + filter) * g.results();
    for (int64_t f = 0; f < count; ++f)
      std::fill_n(to + f * g.results(), g.results(),
                  biases == nullptr ? 0.0F : biases[group * g.filters + filter + f]);
    if (g.channels == 0) return;
    const float* weight =
        operands_of[1].as<float>(operands) + group * g.channels * row + filter * g.taps;
    const float* input = operands_of[0].as<float>(operands) + index * g.channels * pixels;
    float* sums = work + kTileScratch;
    for (int64_t first = 0; first < pixels; first += kTileColumns) {
      const int64_t columns = std::min(kTileColumns, pixels - first);
      for (int64_t r = 0; r < count * g.taps; r += tile_rows(g)) {
        const int64_t rows = std::min(tile_rows(g), count * g.taps - r);
        Product product{rows, columns, g.channels, weight + r, 1, row, input + first, 1, pixels};
        if (!turned.empty()) {
          product.a = reinterpret_cast<const float*>(turned.bytes().data()) +
                      (group * row + filter * g.taps + r) * g.channels;
          product.a_row = g.channels, product.a_depth = 1;
        }
        product.starts = false;
        run_tile(product, {tile_rows(g), kTileColumns, 1, 1}, 0, work, sums, columns);
        if (pixels == 1) {
          scatter_pixel(g, r, rows, sums, to);
          continue;
        }
        const int64_t together = rows % g.x.kernel == 0 && r % g.x.kernel == 0 ? g.x.kernel : 1;
        for (int64_t i = 0; i < rows; i += together)
          scatter(g, (r + i) % g.taps, together, first, columns, sums + i * columns,
                  to + (r + i) / g.taps * g.results());
      }
    }
  }

  /// Where the only pixel's product with kernel element `tap` belongs; -1: outside of the result.
  static int64_t place_of(const Geometry& g, int64_t tap) {
    const auto along = [](const WindowAxis& axis, int64_t k) {
      const Taps inside = axis.outputs(k);
      return inside.first <= 0 && inside.last > 0 ? axis.start(0) + k * axis.dilation : -1;
    };
    const int64_t x = along(g.x, tap % g.x.kernel);
    const int64_t y = along(g.y, tap / g.x.kernel % g.y.kernel);
    const int64_t z = along(g.z, tap / g.x.kernel / g.y.kernel);
    return x < 0 || y < 0 || z < 0 ? -1 : (z * g.y.input + y) * g.x.input + x;
  }

  /// Rows [first, first + rows) of the products of the only pixel.
  static void scatter_pixel(const Geometry& g, int64_t first, int64_t rows, const float* sums,
                            float* to) {
    std::vector<int64_t> places;
    for (int64_t tap = 0; tap < g.taps; ++tap) places.push_back(place_of(g, tap));
    int64_t tap = first % g.taps;
    to += first / g.taps * g.results();
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t place = places[static_cast<size_t>(tap)];
      if (place >= 0) to[place] += sums[i];
      if (++tap == g.taps) tap = 0, to += g.results();
    }
  }

  /// Adds what input pixels [first, first + count) give to one filter through `many` elements of a
  /// row of the kernel, from `tap` on. from: [element][pixel].
  static void scatter(const Geometry& g, int64_t tap, int64_t many, int64_t first, int64_t count,
                      const float* from, float* to) {
    const int64_t kx = tap % g.x.kernel, ky = tap / g.x.kernel % g.y.kernel;
    const int64_t kz = tap / g.x.kernel / g.y.kernel;
    const Taps slices = g.z.outputs(kz), lines = g.y.outputs(ky);
    for (int64_t done = 0; done < count;) {
      const int64_t row = (first + done) / g.x.output, begin = (first + done) % g.x.output;
      const int64_t slice = row / g.y.output, line = row % g.y.output;
      const int64_t end = std::min(g.x.output, begin + count - done);
      if (slice >= slices.first && slice < slices.last && line >= lines.first &&
          line < lines.last) {
        const int64_t z = g.z.start(slice) + kz * g.z.dilation;
        const int64_t y = g.y.start(line) + ky * g.y.dilation;
        add_row(g, kx, many, {begin, end}, from + done - begin, count,
                to + (z * g.y.input + y) * g.x.input);
      }
      done += end - begin;
    }
  }

  /// Adds pixels of one row, times elements [kx, kx + many) of a row of the kernel, to a row of the
  /// result. Pixel x and element kx + k are at from[k * stride + x].
  static void add_row(const Geometry& g, int64_t kx, int64_t many, const Taps& pixels,
                      const float* from, int64_t stride, float* to) {
    const WindowAxis& x = g.x;
    const auto inside = [&](int64_t k) {
      const Taps& all = g.along_x[static_cast<size_t>(k)];
      return Taps{std::max(pixels.first, all.first), std::min(pixels.last, all.last)};
    };
    const auto add = [&](int64_t k, int64_t begin, int64_t end) {  // of one element
      if (begin >= end) return;
      float* place = to + x.start(begin) + k * x.dilation;
      const float* sums = from + (k - kx) * stride + begin;
      const float* rows[] = {place, sums};
      if (x.stride == 1) slide_functions().sum_rows(2, rows, end - begin, place);
      else
        for (int64_t i = 0; i < end - begin; ++i) place[i * x.stride] += sums[i];
    };
    for (int64_t k = kx; k < kx + many; ++k) {
      const Taps own = inside(k);
      if (x.stride != 2 || x.dilation != 1 || k + 1 == kx + many) {
        add(k, own.first, own.last);
        continue;
      }
      // Two elements beside each other where both are inside.
      const Taps next = inside(k + 1);
      const int64_t first = std::max(own.first, next.first);
      const int64_t last = std::max(first, std::min(own.last, next.last));
      const float* sums = from + (k - kx) * stride + first;
      side_by_side_functions().add_merged(last - first, sums, sums + stride,
                                          to + x.start(first) + k);
      add(k, own.first, std::min(first, own.last)), add(k, std::max(own.first, last), own.last);
      ++k;
      add(k, next.first, std::min(first, next.last)), add(k, std::max(next.first, last), next.last);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  auto shared = std::make_shared<ConvTransposeShared>();
  const Problem& problem = *recipe.problem;
  shared->op = *op_of<ConvTranspose>(problem);
  for (size_t i = 0; i < 3; ++i) shared->operands_of.emplace_back(problem, i);
  shared->workers = problem.share.workers;
  if (!packed.empty()) shared->turned = std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace conv_transpose_kernel

void register_conv_transpose(KernelRegistry& registry) {
  using namespace conv_transpose_kernel;
  registry.add({"cpu.conv_transpose", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
