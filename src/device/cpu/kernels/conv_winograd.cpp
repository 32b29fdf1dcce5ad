// 3x3 convolution at stride 1 by Winograd's F(4x4, 3x3): see winograd.hpp. Some tiles at a time are
// transformed for all channels, multiplied by 36 small products and transformed back while they are
// in the second-level cache. Where there are fewer such chunks of tiles than workers, all workers
// transform the input of every chunk together, and then share out its filters, or, where these are
// few, too, its products.

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/gemm.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/shares.hpp"
#include "device/cpu/winograd.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace conv_winograd_kernel {
namespace {

constexpr int kFloat = sizeof(float);
constexpr ContractionForm kForm{.b = ContractionForm::B::table};
constexpr int64_t kOut = kWinogradOutputs, kIn = kWinogradInputs, kProducts = kWinogradProducts;
constexpr int64_t kTileFloats = 160 * 1024;  // of the transformed input of some tiles
constexpr int64_t kFilters = 64;             // whose products are made before they are transformed
constexpr int kMostVectors = 4;              // of tiles at a time

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

/// What a kernel works with.
struct Plan {
  Isa isa = gemm_core().isa;
  int64_t filters, channels;
  int64_t lanes, most_tiles;  // at a time
  int vectors, rows;          // of a block of products, at most
  int64_t count = 1;          // of blocks

  Plan(const Problem& problem, const Node& anchor)
      : filters(constant_of(problem, anchor.input(1))->shape()[0]),
        channels(constant_of(problem, anchor.input(1))->shape()[1]),
        lanes(Contraction::lanes(isa)) {
    const int64_t fitting = kTileFloats / (kProducts * channels * lanes);
    most_tiles = std::clamp<int64_t>(fitting, 1, kMostVectors) * lanes;
    vectors = 2;
    rows = Contraction::most_rows(isa, kForm, vectors);
    // An open number of images is taken for one: that is when blocks matter.
    const Dims& shape = anchor.outputs[0]->type.tensor().shape();
    auto tiles = static_cast<double>(shape[0].constant().value_or(1));
    for (size_t axis = 2; axis < 4; ++axis)
      tiles *= std::ceil(typical(problem, shape[axis]) / double{kOut});
    // Workers share out chunks of at least one vector of tiles.
    const double chunks = std::ceil(tiles / static_cast<double>(lanes));
    count = blocks_of(filters, rows, 2 * chunks, problem.share.workers);
  }
  int64_t blocks() const { return count; }
  int64_t first(int64_t block) const { return block * filters / blocks(); }
  int64_t lines() const { return kIn * 2 * kOut * lanes; }
  /// From one product to the next, in the transformed input and in the products: not a multiple of
  /// 4 KiB, or all 36 would share one set of the first-level cache.
  int64_t step(int64_t depth, int64_t tiles) const { return depth * tiles + lanes; }
  int64_t input_floats() const { return kProducts * step(channels, most_tiles); }
  int64_t floats() const {
    return input_floats() + kProducts * step(kFilters + rows, most_tiles) + 2 * lines();
  }
};

/// [product][block][channel][filters of the block]
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const Plan plan(problem, *chain_of(problem)->anchor);
  const Tensor floats = aligned(weight);
  const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
  const int64_t all = plan.filters * plan.channels;
  Tensor packed(DType::f32, {kProducts * all});
  auto* to = reinterpret_cast<float*>(packed.mutable_bytes().data());
  for (int64_t block = 0; block < plan.blocks(); ++block) {
    const int64_t first = plan.first(block), rows = plan.first(block + 1) - first;
    for (int64_t c = 0; c < plan.channels; ++c)
      winograd_functions().filters(from + (first * plan.channels + c) * 9, plan.channels * 9, rows,
                                   to + first * plan.channels + c * rows, all);
  }
  return packed;
}

bool are_ones(const std::vector<int64_t>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [](int64_t number) { return number == 1; });
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  const Weight* weight = constant_of(problem, chain->anchor->input(1));
  if (weight == nullptr) return Verdict::no("the weight is no constant");
  const std::vector<int64_t>& shape = weight->shape();
  const Conv& conv = *chain->anchor->op.as<Conv>();
  if (shape.size() != 4 || shape[2] != 3 || shape[3] != 3)
    return Verdict::no("windows of 3x3 only");
  if (!are_ones(conv.window.strides) || !are_ones(conv.window.dilations) || conv.group != 1)
    return Verdict::no("strides, dilations or groups");
  if (shape[0] < 16 || shape[1] < 16) return Verdict::no("few channels or filters");
  if (shape[1] > 4096) return Verdict::no("too many channels");
  if (gemm_core().isa == Isa::generic) return Verdict::no("no code can be generated");
  return verdict_on(problem, *chain);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const Plan plan(*problem, anchor);
  const Dims& result = anchor.outputs[0]->type.tensor().shape();
  const auto count = [&](const Dim& size) {
    return std::ceil(typical(*problem, size) / double{kOut});
  };
  const double in_image = count(result[2]) * count(result[3]);
  const auto lanes = static_cast<double>(plan.lanes);
  const double tiles = typical(*problem, result[0]) * std::ceil(in_image / lanes) * lanes;
  const auto channels = static_cast<double>(plan.channels);
  const auto filters = static_cast<double>(plan.filters);
  // The products, the transforms, and the factors, which come from memory once.
  made.seconds =
      tiles * (double{kProducts} * 2 * channels * filters + 500 * (channels + filters)) /
          (4 * problem->target->flops_per_second) +
      double{kProducts} * channels * filters * kFloat / (4 * problem->target->bytes_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(plan.floats()));
  if (const int input = Source(*problem, anchor.input(1)).input(); input >= 0)
    made.packings.push_back({static_cast<size_t>(input),
                             cat("conv.winograd/", name(plan.isa), "/blocks=", plan.count),
                             pack_filters, kProducts * plan.filters * plan.channels * kFloat});
  made.problem = std::move(problem);
  return made;
}

struct WinogradShared final : Shared<WinogradShared> {
  Plan plan;
  Window window;
  Source input, bias, added;
  std::vector<Applied> applied;
  float low, high;
  int workers;
  Tensor packed;
  std::shared_ptr<const Contraction> kernels;
  const WinogradFunctions& functions = winograd_functions();

  WinogradShared(const Problem& problem, const Chain& chain)
      : plan(problem, *chain.anchor),
        window(chain.anchor->op.as<Conv>()->window),
        input(problem, chain.anchor->input(0)),
        bias(problem, chain.anchor->input(2)),
        added(problem, chain.added),
        applied(chain.applied),
        low(chain.form.clips_low ? chain.low : -INFINITY),
        high(chain.form.clips_high ? chain.high : INFINITY),
        workers(problem.share.workers),
        kernels(Contraction::of(plan.isa, kForm, plan.vectors)) {
    check(kernels != nullptr, Code::internal, "no code can be generated any more");
  }

  struct Geometry {
    int64_t images = 0;  // 0: there is nothing to do
    WindowAxis y, x;
    int64_t in_row = 0, tiles = 0;  // of an image
    int64_t chunks = 0, parts = 1;  // of the tiles; of the filters
    bool by_products = false;       // all workers multiply for a chunk
    int64_t stride = 0;             // from one channel to the next: tiles of a chunk
    std::vector<int32_t> offsets;   // of channels in the transformed input, in bytes
    int64_t first(int64_t chunk) const { return chunk * tiles / chunks; }
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = input.shape(operands), &out = operands.outputs[0].shape;
    Geometry g;
    if (element_count(out) == 0) return g;
    g.images = in[0];
    g.y = window_axis_of(window, 0, in[2], out[2], 3);
    g.x = window_axis_of(window, 1, in[3], out[3], 3);
    g.in_row = ceil_div(g.x.output, kOut);
    g.tiles = ceil_div(g.y.output, kOut) * g.in_row;
    g.chunks = ceil_div(g.tiles, plan.most_tiles);
    if (workers > 1) {
      SharedWork work{.pieces = g.images, .columns = g.tiles, .unit = plan.lanes};
      work.least_tiles = g.chunks;
      work.most_tiles = ceil_div(g.tiles, plan.lanes);
      work.blocks = plan.blocks();
      work.rows = ceil_div(plan.filters, plan.blocks());
      work.depth = kProducts * plan.channels;
      work.lanes = plan.lanes;
      work.workers = work.most_divided = workers;  // each worker has room for one
      const Shares shares = share_out(work);
      g.by_products = g.images * shares.tiles * shares.parts < workers &&
                      g.images * g.chunks <= workers && plan.filters <= kFilters;
      if (!g.by_products) g.chunks = shares.tiles;
      g.parts = shares.parts;
    }
    g.stride = ceil_div(ceil_div(g.tiles, g.chunks), plan.lanes) * plan.lanes;
    for (int64_t c = 0; c < plan.channels; ++c)
      g.offsets.push_back(static_cast<int32_t>(c * g.stride * kFloat));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const float* from = input.as<float>(operands);
    const int64_t areas = g.images * g.chunks;
    if (g.parts == 1 && !g.by_products) {
      stream.parallel(areas, [&](int64_t area) {
        float* work = scratch_of(scratch, plan.floats());
        transform_input(g, from, area, 0, plan.channels, work, work);
        run_part(g, operands, area, 0, work, work);
      });
      return;
    }
    const auto area_of = [&](int64_t area) {
      return reinterpret_cast<float*>(scratch.data()) + area * plan.floats();
    };
    const int64_t groups =
        std::clamp(ceil_div(4 * int64_t{workers}, areas), int64_t{1}, ceil_div(plan.channels, 4));
    stream.parallel(areas * groups, [&](int64_t item) {
      const int64_t area = item / groups, group = item % groups;
      transform_input(g, from, area, group * plan.channels / groups,
                      (group + 1) * plan.channels / groups, scratch_of(scratch, plan.floats()),
                      area_of(area));
    });
    if (!g.by_products) {
      stream.parallel(areas * g.parts, [&](int64_t item) {
        run_part(g, operands, item / g.parts, item % g.parts, area_of(item / g.parts),
                 scratch_of(scratch, plan.floats()));
      });
      return;
    }
    const int64_t shares = ceil_div(int64_t{workers}, areas);
    const int64_t some = std::min<int64_t>(shares, kProducts);
    stream.parallel(areas * some, [&](int64_t item) {
      const int64_t share = item % some;
      float* area = area_of(item / some);
      multiply(g, item / some % g.chunks, {0, plan.blocks()},
               {share * kProducts / some, (share + 1) * kProducts / some}, area, products(area));
    });
    const int64_t several = std::min(shares, plan.filters);
    stream.parallel(areas * several, [&](int64_t item) {
      const int64_t share = item % several;
      transform_output(g, operands, item / several, {0, plan.filters},
                       {share * plan.filters / several, (share + 1) * plan.filters / several},
                       products(area_of(item / several)),
                       lines_of(scratch_of(scratch, plan.floats())));
    });
  }

  /// Some filters of a chunk of tiles whose transformed input is in `inputs`.
  void run_part(const Geometry& g, const Operands& operands, int64_t area, int64_t part,
                const float* inputs, float* work) const {
    const int64_t last = (part + 1) * plan.blocks() / g.parts;
    for (int64_t block = part * plan.blocks() / g.parts; block < last;) {
      int64_t end = block + 1;
      while (end < last && plan.first(end + 1) - plan.first(block) <= kFilters) ++end;
      multiply(g, area % g.chunks, {block, end}, {0, kProducts}, inputs, products(work));
      const Range filters{plan.first(block), plan.first(end)};
      transform_output(g, operands, area, filters, filters, products(work), lines_of(work));
      block = end;
    }
  }

  /// Neighbours among tiles: each(first of them, where they begin, how many).
  template <class Each>
  static void each_run(const Geometry& g, int64_t first, int64_t count, const Each& each) {
    for (int64_t i = 0; i < count;) {
      const int64_t y = (first + i) / g.in_row, x = (first + i) % g.in_row;
      const int64_t run = std::min(g.in_row - x, count - i);
      each(i, y * kOut, x * kOut, run);
      i += run;
    }
  }

  /// Elements [x, x + count) of a row of the input; outside of it 0. Null row: all 0.
  static void copy_padded(const float* row, int64_t width, int64_t x, int64_t count, float* to) {
    const int64_t begin = row == nullptr ? count : std::clamp<int64_t>(-x, 0, count);
    const int64_t end = std::clamp(width - x, begin, count);
    std::fill_n(to, begin, 0.0F);
    if (begin < end) std::copy_n(row + x + begin, end - begin, to + begin);
    std::fill_n(to + end, count - end, 0.0F);
  }

  /// to[product][channel][tile] of a chunk of tiles of an image; `work` is the worker's own.
  void transform_input(const Geometry& g, const float* from, int64_t area, int64_t first_channel,
                       int64_t last_channel, float* work, float* to) const {
    float* lines = work + plan.floats() - 2 * plan.lines();
    const int64_t line = kOut * plan.lanes, step = plan.step(plan.channels, g.stride);
    const int64_t chunk = area % g.chunks, image = area / g.chunks;
    const int64_t first = g.first(chunk), count = g.first(chunk + 1) - first;
    std::fill_n(lines, plan.lines(), 0.0F);
    for (int64_t tile = 0; tile < count; tile += plan.lanes)
      for (int64_t c = first_channel; c < last_channel; ++c) {
        const float* plane = from + (image * plan.channels + c) * g.y.input * g.x.input;
        each_run(g, first + tile, std::min(plan.lanes, count - tile),
                 [&](int64_t at, int64_t y, int64_t x, int64_t run) {
                   for (int64_t i = 0; i < kIn; ++i) {
                     const int64_t row = g.y.start(y) + i;
                     const bool inside = row >= 0 && row < g.y.input;
                     const float* source = inside ? plane + row * g.x.input : nullptr;
                     float* own = lines + 2 * i * line + at * kOut;
                     copy_padded(source, g.x.input, g.x.start(x), run * kOut, own);
                     copy_padded(source, g.x.input, g.x.start(x) + kOut, run * kOut, own + line);
                   }
                 });
        functions.input(lines, to + c * g.stride + tile, step);
      }
  }

  /// In a worker's memory.
  float* products(float* work) const { return work + plan.input_floats(); }
  float* lines_of(float* work) const { return work + plan.floats() - plan.lines(); }

  struct Range {
    int64_t begin, end;
  };

  /// Some products of some blocks of filters: to[product][filter of the blocks][tile].
  void multiply(const Geometry& g, int64_t chunk, const Range& blocks, const Range& some,
                const float* inputs, float* to) const {
    const int64_t count = g.first(chunk + 1) - g.first(chunk);
    const int64_t step = plan.step(plan.first(blocks.end) - plan.first(blocks.begin), g.stride);
    const int64_t vectors = ceil_div(count, plan.lanes), runs = ceil_div(vectors, plan.vectors);
    ContractionCall call;
    call.depth = plan.channels;
    call.b_offsets = g.offsets.data();
    call.c_stride = g.stride * kFloat;
    for (int64_t product = some.begin; product < some.end; ++product)
      for (int64_t block = blocks.begin; block < blocks.end; ++block) {
        const int64_t first = plan.first(block), rows = plan.first(block + 1) - first;
        call.a = reinterpret_cast<const float*>(packed.bytes().data()) +
                 (product * plan.filters + first) * plan.channels;
        for (int64_t run = 0; run < runs; ++run) {
          const int64_t vector = run * vectors / runs, next = (run + 1) * vectors / runs;
          call.b = inputs + product * plan.step(plan.channels, g.stride) + vector * plan.lanes;
          call.c = to + product * step + (first - plan.first(blocks.begin)) * g.stride +
                   vector * plan.lanes;
          kernels->function(static_cast<int>(rows), static_cast<int>(next - vector),
                            count - (next - 1) * plan.lanes)(&call);
        }
      }
  }

  /// Results of `some` of the `filters` that the products are of.
  void transform_output(const Geometry& g, const Operands& operands, int64_t area,
                        const Range& filters, const Range& some, const float* from,
                        float* lines) const {
    const int64_t line = kOut * plan.lanes;
    const int64_t step = plan.step(filters.end - filters.begin, g.stride);
    const int64_t plane = g.y.output * g.x.output;
    const int64_t chunk = area % g.chunks, image = area / g.chunks;
    const int64_t first = g.first(chunk), count = g.first(chunk + 1) - first;
    const float* biases = bias.as<float>(operands);
    const float* also = added.as<float>(operands);
    for (int64_t filter = some.begin; filter < some.end; ++filter) {
      const int64_t place = (image * plan.filters + filter) * plane;
      float* to = operands.outputs[0].as<float>() + place;
      for (int64_t tile = 0; tile < count; tile += plan.lanes) {
        functions.output(from + (filter - filters.begin) * g.stride + tile, step, lines);
        each_run(g, first + tile, std::min(plan.lanes, count - tile),
                 [&](int64_t at, int64_t y, int64_t x, int64_t run) {
                   const int64_t length = std::min(run * kOut, g.x.output - x);
                   for (int64_t i = 0; i < std::min(kOut, g.y.output - y); ++i) {
                     const int64_t pixel = (y + i) * g.x.output + x;
                     functions.finish(lines + i * line + at * kOut, length,
                                      biases == nullptr ? 0.0F : biases[filter],
                                      also == nullptr ? nullptr : also + place + pixel, low, high,
                                      to + pixel);
                     if (!applied.empty()) apply(applied, length, to + pixel);
                   }
                 });
      }
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<WinogradShared>(problem, chain);
  const Weight& weight = *constant_of(problem, chain.anchor->input(1));
  shared->packed = packed.empty() ? pack_filters(problem, recipe.tuning, weight.tensor())
                                  : std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace conv_winograd_kernel

void register_conv_winograd(KernelRegistry& registry) {
  using namespace conv_winograd_kernel;
  registry.add({"cpu.conv.winograd", 2, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
