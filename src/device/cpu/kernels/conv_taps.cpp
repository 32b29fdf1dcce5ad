// f32 convolution in one or two spatial dimensions whose windows see mostly padding, as those do
// whose dilation is about as large as the map: for each element of the kernel a product over the
// channels, of those outputs alone for which it lies in the input.

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/im2col.hpp"
#include "device/cpu/shares.hpp"
#include "device/cpu/winograd.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace conv_taps_kernel {
namespace {

constexpr int kFloat = sizeof(float);
constexpr ContractionForm kForm{.b = ContractionForm::B::table};
constexpr int kVectors = 2;             // of pixels, in a block
constexpr int64_t kCopied = 64 * 1024;  // floats of some channels of the input, in a cache
constexpr int64_t kBeyond = 128;        // floats that vectors may read beyond them
constexpr int64_t kMostColumns = 4096;
constexpr int64_t kTilePixels = 1024;  // at most, where a tile has several rows
constexpr int64_t kFewChannels = 16;

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

/// What is known of a convolution whose sizes, but for the number of images, are known.
struct Plan {
  Isa isa = gemm_core().isa;
  int64_t lanes = Contraction::lanes(isa);
  Filters filters;
  ConvGeometry geometry;  // of one image
  int64_t blocks = 1;     // of the filters of a group

  Plan(Filters of, const std::vector<int64_t>& in, const std::vector<int64_t>& out)
      : filters(std::move(of)), geometry(filters, in, out) {
    blocks = ceil_div(filters.count, Contraction::most_rows(isa, kForm, kVectors));
  }
  int64_t first(int64_t block) const { return block * filters.count / blocks; }
  int64_t channels() const { return geometry.channels; }

  struct Tap {
    Taps rows, columns;  // the outputs for which it lies in the input
    int64_t y, x;        // from the beginning of the window
    int64_t pixels() const { return (rows.last - rows.first) * (columns.last - columns.first); }
  };
  Tap tap(int64_t index) const {
    const ConvGeometry& g = geometry;
    const int64_t y = index / filters.kernel[1], x = index % filters.kernel[1];
    return {g.y.outputs(y), g.x.outputs(x), y * g.y.dilation, x * g.x.dilation};
  }
  /// For all elements of the kernel together.
  int64_t live_pixels() const {
    int64_t pixels = 0;
    for (int64_t i = 0; i < filters.taps(); ++i) pixels += tap(i).pixels();
    return pixels;
  }
  int64_t live_vectors() const {
    int64_t vectors = 0;
    for (int64_t i = 0; i < filters.taps(); ++i) vectors += ceil_div(tap(i).pixels(), lanes);
    return vectors;
  }
};

/// nullopt: the weight is no constant, has other axes, or sizes are open.
std::optional<Plan> plan_of(const Problem& problem, const Node& anchor) {
  const Weight* weight = constant_of(problem, anchor.input(1));
  if (weight == nullptr || (weight->shape().size() != 3 && weight->shape().size() != 4))
    return std::nullopt;
  const auto in = known_sizes(anchor.inputs[0]), out = known_sizes(anchor.output());
  if (!in || !out || weight->count() == 0) return std::nullopt;
  const Conv& conv = *anchor.op.as<Conv>();
  return Plan({conv.window, conv.group, weight->shape()}, *in, *out);
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  if (gemm_core().isa == Isa::generic) return Verdict::no("no code can be generated");
  const auto plan = plan_of(problem, *chain->anchor);
  if (!plan) return Verdict::no("the weight is no constant, or sizes are open");
  const ConvGeometry& g = plan->geometry;
  if (g.images == 0 || plan->channels() < kFewChannels || g.columns > kMostColumns ||
      plan->channels() * g.height * g.width >= (int64_t{1} << 28))
    return Verdict::no("few channels, or large maps");
  if (4 * plan->live_vectors() > 3 * plan->filters.taps() * ceil_div(g.pixels(), plan->lanes))
    return Verdict::no("windows see little padding");
  return verdict_on(problem, *chain);
}

/// [group][kernel element][block][channel][filters of the block]
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const Plan plan = *plan_of(problem, *chain_of(problem)->anchor);
  const Filters& filters = plan.filters;
  const Tensor floats = aligned(weight);
  const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
  Tensor packed(DType::f32, {weight.count()});
  auto* to = reinterpret_cast<float*>(packed.mutable_bytes().data());
  for (int64_t group = 0; group < filters.group; ++group)
    for (int64_t tap = 0; tap < filters.taps(); ++tap)
      for (int64_t block = 0; block < plan.blocks; ++block) {
        const int64_t first = plan.first(block), rows = plan.first(block + 1) - first;
        pack_panels(from + (group * filters.count + first) * filters.depth + tap, rows,
                    plan.channels(), filters.depth, filters.taps(), static_cast<int>(rows), to);
        to += rows * plan.channels();
      }
  return packed;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const Plan plan = *plan_of(*problem, anchor);
  const double sums = typical_count(*problem, anchor.outputs[0]->type);
  const double live = static_cast<double>(plan.live_pixels() * plan.channels()) /
                      static_cast<double>(plan.geometry.pixels());  // products of a sum
  made.seconds = sums * (1e-10 + 2 * live / (4 * problem->target->flops_per_second));
  made.scratch_bytes = worker_scratch(problem->share, Dim(kCopied + kBeyond));
  if (const int input = Source(*problem, anchor.input(1)).input(); input >= 0)
    made.packings.push_back(
        {static_cast<size_t>(input),
         cat("conv.taps/", name(plan.isa), "/group=", plan.filters.group), pack_filters,
         plan.filters.group * plan.filters.count * plan.filters.depth * kFloat});
  made.problem = std::move(problem);
  return made;
}

struct TapsShared final : Shared<TapsShared> {
  static constexpr bool kLaunches = true;
  Plan plan;
  Source input, bias, added;
  std::vector<Applied> applied;
  float low, high;
  int workers;
  Tensor packed;
  std::shared_ptr<const Contraction> kernels;
  const WinogradFunctions& functions = winograd_functions();

  TapsShared(const Problem& problem, const Chain& chain)
      : plan(*plan_of(problem, *chain.anchor)),
        input(problem, chain.anchor->input(0)),
        bias(problem, chain.anchor->input(2)),
        added(problem, chain.added),
        applied(chain.applied),
        low(chain.form.clips_low ? chain.low : -INFINITY),
        high(chain.form.clips_high ? chain.high : INFINITY),
        workers(problem.share.workers),
        kernels(Contraction::of(plan.isa, kForm, kVectors)) {
    check(kernels != nullptr, Code::internal, "no code can be generated any more");
  }

  struct Geometry {
    int64_t images = 0;
    Shares shares;                       // tiles are rows of pixels
    int64_t pitch = 0;                   // from one copied channel to the next
    std::vector<int32_t> input, copied;  // offsets of channels, in bytes
  };
  Geometry geometry(const Operands& operands) const {
    const ConvGeometry& image = plan.geometry;
    Geometry g;
    g.images = input.shape(operands)[0];
    if (g.images == 0) return g;
    SharedWork work{.pieces = g.images * plan.filters.group, .columns = image.pixels()};
    work.unit = image.columns;
    work.least_tiles = std::min(image.rows, ceil_div(image.pixels(), kTilePixels));
    work.most_tiles = workers == 1 ? work.least_tiles : image.rows;
    work.blocks = workers == 1 ? 1 : plan.blocks;
    work.rows = ceil_div(plan.filters.count, work.blocks);
    work.depth = std::max<int64_t>(1, plan.channels() * plan.live_pixels() / image.pixels());
    work.lanes = plan.lanes;
    work.workers = workers;
    g.shares = share_out(work);
    const int64_t rows = ceil_div(image.rows, g.shares.tiles);
    // Not all channels in one set of a cache.
    g.pitch = ceil_div(rows * image.columns, plan.lanes) * plan.lanes + plan.lanes;
    for (int64_t c = 0; c < plan.channels(); ++c)
      g.input.push_back(static_cast<int32_t>(c * image.height * image.width * kFloat));
    for (int64_t c = 0; c < kCopied / g.pitch; ++c)
      g.copied.push_back(static_cast<int32_t>(c * g.pitch * kFloat));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t items = g.shares.tiles * g.shares.parts;
    stream.launch(g.images * plan.filters.group * items, [=, this, &g, &operands](int64_t item) {
      const int64_t at = item % items;
      run_item(g, operands, {item / items, at / g.shares.parts, at % g.shares.parts},
               scratch_of(scratch, kCopied + kBeyond));
    });
  }

  struct Item {
    int64_t index, tile, part;  // of images and groups; of the pixels; of the filters
  };
  void run_item(const Geometry& g, const Operands& operands, const Item& item,
                float* copied) const {
    const ConvGeometry& image = plan.geometry;
    const Taps rows{item.tile * image.rows / g.shares.tiles,
                    (item.tile + 1) * image.rows / g.shares.tiles};
    const Taps blocks{item.part * plan.blocks / g.shares.parts,
                      (item.part + 1) * plan.blocks / g.shares.parts};
    const int64_t plane = item.index * plan.filters.count;
    const int64_t group = item.index % plan.filters.group;
    const int64_t begin = rows.first * image.columns;
    const int64_t count = (rows.last - rows.first) * image.columns;
    float* to = operands.outputs[0].as<float>() + plane * image.pixels();
    for (int64_t f = plan.first(blocks.first); f < plan.first(blocks.last); ++f)
      std::fill_n(to + f * image.pixels() + begin, count, 0.0F);
    for (int64_t i = 0; i < plan.filters.taps(); ++i) {
      Plan::Tap tap = plan.tap(i);
      tap.rows.first = std::max(tap.rows.first, rows.first);
      tap.rows.last = std::min(tap.rows.last, rows.last);
      if (tap.rows.first < tap.rows.last && tap.columns.first < tap.columns.last)
        add_tap(g, operands, item, tap, group * plan.filters.taps() + i, blocks, copied, to);
    }
    const float* biases = bias.as<float>(operands);
    const float* also = added.as<float>(operands);
    for (int64_t f = plan.first(blocks.first); f < plan.first(blocks.last); ++f) {
      const int64_t place = f * image.pixels() + begin;
      functions.finish(
          to + place, count, biases == nullptr ? 0.0F : biases[group * plan.filters.count + f],
          also == nullptr ? nullptr : also + plane * image.pixels() + place, low, high, to + place);
      if (!applied.empty()) apply(applied, count, to + place);
    }
  }

  /// Adds the products of one kernel element, number `element` of all groups, to the outputs of
  /// some filters; `to`: of the first filter of the image and group.
  void add_tap(const Geometry& g, const Operands& operands, const Item& item, const Plan::Tap& tap,
               int64_t element, const Taps& blocks, float* copied, float* to) const {
    const ConvGeometry& image = plan.geometry;
    const int64_t plane = image.height * image.width, pixels = tap.pixels();
    const bool whole = tap.columns.last - tap.columns.first == image.columns;
    const int64_t start = (image.y.start(tap.rows.first) + tap.y) * image.width;
    const int64_t behind = start + ceil_div(pixels, plan.lanes) * plan.lanes;
    const bool is_last = item.index + 1 == g.images * plan.filters.group;
    const bool as_it_lies = whole && image.columns == image.width && image.y.stride == 1 &&
                            image.x.stride == 1 && (behind <= plane || !is_last);
    const float* from = input.as<float>(operands) + item.index * plan.channels() * plane;
    const int64_t most = as_it_lies ? kCopied / pixels : kCopied / g.pitch;
    const int64_t steps = ceil_div(plan.channels(), std::clamp<int64_t>(most, 1, plan.channels()));
    for (int64_t step = 0; step < steps; ++step) {
      const int64_t channel = step * plan.channels() / steps;
      ContractionCall call;
      call.depth = (step + 1) * plan.channels() / steps - channel;
      call.b_offsets = (as_it_lies ? g.input : g.copied).data();
      call.b = as_it_lies ? from + channel * plane + start : copied;
      if (!as_it_lies) copy(g, tap, from + channel * plane, call.depth, copied);
      for (int64_t block = blocks.first; block < blocks.last; ++block) {
        const int64_t first = plan.first(block), rows = plan.first(block + 1) - first;
        call.a = reinterpret_cast<const float*>(packed.bytes().data()) +
                 (element * plan.filters.count + first) * plan.channels() + channel * rows;
        float* row = to + first * image.pixels();
        if (whole) add_rows(call, rows, pixels, row + tap.rows.first * image.columns);
        else add_between(call, rows, tap, row);
      }
    }
  }

  /// What a kernel element sees, pixel by pixel: [channel][pitch].
  void copy(const Geometry& g, const Plan::Tap& tap, const float* from, int64_t channels,
            float* to) const {
    const ConvGeometry& image = plan.geometry;
    const int64_t columns = tap.columns.last - tap.columns.first;
    const int64_t x = image.x.start(tap.columns.first) + tap.x;
    for (int64_t c = 0; c < channels; ++c, from += image.height * image.width) {
      float* pixel = to + c * g.pitch;
      for (int64_t row = tap.rows.first; row < tap.rows.last; ++row, pixel += columns) {
        const float* line = from + (image.y.start(row) + tap.y) * image.width + x;
        if (image.x.stride == 1) std::copy_n(line, columns, pixel);
        else
          for (int64_t i = 0; i < columns; ++i) pixel[i] = line[i * image.x.stride];
      }
    }
    // Vectors read these numbers for no output: they shall be usual ones.
    for (int64_t c = 0; c < channels; ++c)
      std::fill(to + c * g.pitch + tap.pixels(), to + (c + 1) * g.pitch, 0.0F);
  }

  /// each(first pixel, pixels, function) for all blocks of so many rows and some vectors.
  template <class Each>
  void each_run(int64_t rows, int64_t pixels, const Each& each) const {
    const int64_t vectors = ceil_div(pixels, plan.lanes), runs = ceil_div(vectors, kVectors);
    for (int64_t run = 0; run < runs; ++run) {
      const int64_t vector = run * vectors / runs, next = (run + 1) * vectors / runs;
      const int64_t first = vector * plan.lanes;
      each(first, std::min(next * plan.lanes, pixels) - first,
           kernels->function(static_cast<int>(rows), static_cast<int>(next - vector),
                             pixels - (next - 1) * plan.lanes));
    }
  }

  /// To pixels that follow one another in the output.
  void add_rows(ContractionCall call, int64_t rows, int64_t pixels, float* to) const {
    const float* from = call.b;
    call.c_stride = plan.geometry.pixels() * kFloat;
    call.accumulates = 1;
    each_run(rows, pixels, [&](int64_t first, int64_t count, Contraction::Function function) {
      call.b = from + first;
      call.c = to + first;
      call.last_mask = count % plan.lanes == 0 ? nullptr : column_mask(count % plan.lanes);
      function(&call);
    });
  }

  /// To parts of rows of the output.
  void add_between(ContractionCall call, int64_t rows, const Plan::Tap& tap, float* to) const {
    const ConvGeometry& image = plan.geometry;
    const int64_t columns = tap.columns.last - tap.columns.first;
    const int64_t stride = kVectors * plan.lanes;
    const float* from = call.b;
    float sums[Contraction::kMostRows * kVectors * 16];
    call.c = sums;
    call.c_stride = stride * kFloat;
    each_run(rows, tap.pixels(), [&](int64_t first, int64_t count, Contraction::Function function) {
      call.b = from + first;
      function(&call);
      for (int64_t i = 0; i < count;) {
        const int64_t row = (first + i) / columns, x = (first + i) % columns;
        const int64_t length = std::min(columns - x, count - i);
        float* at = to + (tap.rows.first + row) * image.columns + tap.columns.first + x;
        for (int64_t f = 0; f < rows; ++f)
          for (int64_t j = 0; j < length; ++j)
            at[f * image.pixels() + j] += sums[f * stride + i + j];
        i += length;
      }
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<TapsShared>(problem, chain);
  const Weight& weight = *constant_of(problem, chain.anchor->input(1));
  shared->packed = packed.empty() ? pack_filters(problem, recipe.tuning, weight.tensor())
                                  : std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace conv_taps_kernel

void register_conv_taps(KernelRegistry& registry) {
  using namespace conv_taps_kernel;
  registry.add({"cpu.conv.taps", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
