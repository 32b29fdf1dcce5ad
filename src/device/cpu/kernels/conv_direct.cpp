// f32 convolution in one or two spatial dimensions by generated kernels: the filters times a padded
// copy of what a tile of output pixels reads, without im2col. One kernel for dense, grouped,
// depthwise, strided and dilated convolution.

#include <algorithm>
#include <cmath>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/depthwise_plan.hpp"
#include "device/cpu/patch.hpp"
#include "device/cpu/shares.hpp"
#include "ops/convolution.hpp"

namespace hone::cpu {
namespace conv_direct_kernel {
namespace {

constexpr int kFloat = sizeof(float);
constexpr ContractionForm kForm{.b = ContractionForm::B::table};
constexpr int64_t kMostBlock = 32 * 16;    // sums in a block
constexpr int64_t kAppliedPixels = 512;    // of a tile: functions find what a block stored close by
constexpr int64_t kChannelVectors = 2048;  // of depthwise outputs that a worker takes at a time

std::optional<Chain> chain_of(const Problem& problem) {
  return chain_at(problem, [](const Op& op) { return op.as<Conv>() != nullptr; });
}

Filters filters_of(const Problem& problem, const Node& node) {
  const Conv& conv = *node.op.as<Conv>();
  return {conv.window, conv.group, constant_of(problem, node.input(1))->shape()};
}

/// How the filters of one group are cut into blocks of kernels.
struct Blocks {
  int64_t filters, count;
  int vectors;  // of pixels

  /// `pixels`: of all images together, about.
  Blocks(Isa isa, int64_t filters, double pixels, int workers) : filters(filters) {
    // Wide blocks where there are few filters, else two vectors and many filters.
    vectors = 2;
    while (vectors < Contraction::kMostVectors &&
           Contraction::most_rows(isa, kForm, vectors + 1) >= filters)
      ++vectors;
    count = blocks_of(filters, Contraction::most_rows(isa, kForm, vectors),
                      pixels / Contraction::lanes(isa), workers);
  }
  static Blocks of(const Problem& problem, const Node& anchor, const Filters& filters) {
    // An open number of images is taken for one: that is when blocks matter.
    const Dims& shape = anchor.outputs[0]->type.tensor().shape();
    auto pixels = static_cast<double>(filters.group * shape[0].constant().value_or(1));
    for (size_t axis = 2; axis < shape.size(); ++axis) pixels *= typical(problem, shape[axis]);
    return {gemm_core().isa, filters.count, pixels, problem.share.workers};
  }
  int64_t first(int64_t block) const { return block * filters / count; }
};

/// [group][block][depth][filters of the block]
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const Node& anchor = *chain_of(problem)->anchor;
  const Filters filters = filters_of(problem, anchor);
  const Tensor floats = aligned(weight);
  const auto* from = reinterpret_cast<const float*>(floats.bytes().data());
  Tensor packed(DType::f32, {filters.group * filters.count * filters.depth});
  auto* to = reinterpret_cast<float*>(packed.mutable_bytes().data());
  const Blocks blocks = Blocks::of(problem, anchor, filters);
  for (int64_t group = 0; group < filters.group; ++group)
    for (int64_t block = 0; block < blocks.count; ++block) {
      const int64_t rows = blocks.first(block + 1) - blocks.first(block);
      pack_panels(from, rows, filters.depth, filters.depth, 1, static_cast<int>(rows), to);
      from += rows * filters.depth;
      to += rows * filters.depth;
    }
  return packed;
}

Verdict supports(const Problem& problem) {
  const auto chain = chain_of(problem);
  if (!chain) return Verdict::no("convolves f32 only");
  const Weight* weight = constant_of(problem, chain->anchor->input(1));
  if (weight == nullptr) return Verdict::no("the weight is no constant");
  if (weight->shape().size() != 3 && weight->shape().size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  if (weight->count() == 0) return Verdict::no("the weight is empty");
  if (Patches::refuses(filters_of(problem, *chain->anchor)))
    return Verdict::no("the window reaches too far");
  if (gemm_core().isa == Isa::generic) return Verdict::no("no code can be generated");
  return verdict_on(problem, *chain);
}

/// Of a result, with one filter a channel. Of planes as they lie, a tap costs so much a vector,
/// more where AVX2 masks what a row's ends read, and where every second column is picked out of two
/// vectors, however few results a row has. Of patches, a vector is multiplied for one filter alone.
double depthwise_seconds(const Problem& problem, const Type& result, const Filters& filters) {
  const auto form = depthwise_form(filters);
  const auto taps = static_cast<double>(filters.taps());
  if (!form) return 5e-10 + taps * 8e-11;
  const double columns = std::max(1.0, typical(problem, result.tensor().shape().back()));
  const auto lanes = static_cast<double>(Contraction::lanes(gemm_core().isa));
  const bool wide = gemm_core().isa == Isa::avx512;
  if (form->stride == 2)
    return taps * (wide ? 1.4e-9 : 1.2e-9) * std::ceil(columns / lanes) / columns;
  const double masked = std::min(1.0, 2 * lanes / columns);
  return taps / lanes * (wide ? 7.5e-10 : 4.8e-10 * (1 + masked));
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const Node& anchor = *chain_of(*problem)->anchor;
  const Filters filters = filters_of(*problem, anchor);
  const Type& result = anchor.outputs[0]->type;
  // A sum of few terms waits for memory, one of many for the multipliers.
  const double sums = typical_count(*problem, result);
  made.seconds = sums * (1e-10 + 2 * static_cast<double>(filters.depth) /
                                     (4 * problem->target->flops_per_second));
  if (filters.count == 1 && filters.depth == filters.taps())
    made.seconds = std::max(made.seconds, sums * depthwise_seconds(*problem, result, filters));
  made.scratch_bytes = worker_scratch(problem->share, Dim(Patches::kFloats));
  if (const int input = Source(*problem, anchor.input(1)).input(); input >= 0)
    made.packings.push_back({static_cast<size_t>(input),
                             cat("conv.direct/", name(gemm_core().isa), "/group=", filters.group,
                                 "/blocks=", Blocks::of(*problem, anchor, filters).count),
                             pack_filters, filters.group * filters.count * filters.depth * kFloat});
  made.problem = std::move(problem);
  return made;
}

struct DirectShared final : Shared<DirectShared> {
  static constexpr bool kLaunches = true;
  DirectShared(const Problem& problem, const Chain& chain)
      : filters(filters_of(problem, *chain.anchor)),
        blocks(Blocks::of(problem, *chain.anchor, filters)),
        added(problem, chain.added),
        applied(chain.applied),
        low(chain.low),
        high(chain.high),
        workers(problem.share.workers),
        isa(gemm_core().isa) {
    for (size_t i = 0; i < 3; ++i) operands_of.emplace_back(problem, chain.anchor->input(i));
    ContractionForm form = chain.form;
    form.b = ContractionForm::B::table;
    form.bias = ContractionForm::Bias::row;
    kernels = Contraction::of(isa, form, blocks.vectors);
    check(kernels != nullptr, Code::internal, "no code can be generated any more");
    depthwise_form = hone::cpu::depthwise_form(filters);
    if (!depthwise_form) return;
    depthwise_form->adds = form.adds;
    depthwise_form->clips_low = form.clips_low;
    depthwise_form->clips_high = form.clips_high;
    depthwise = Depthwise::of(isa, *depthwise_form);
  }

  Filters filters;
  Blocks blocks;
  std::vector<Source> operands_of;
  Source added;
  std::vector<Applied> applied;
  float low = 0, high = 0;
  Tensor packed;
  int workers = 1;
  std::shared_ptr<const Contraction> kernels;
  Isa isa = Isa::generic;
  std::optional<DepthwiseForm> depthwise_form;
  std::shared_ptr<const Depthwise> depthwise;  // null: by contractions

  struct Geometry : ConvGeometry {
    Patches patches;
    int64_t parts = 1;           // of the filters, or of the planes of one filter
    DepthwisePlan planes;        // without vectors: by patches
    int64_t steps = 1;           // of the depth
    bool filled_before = false;  // see SharedPatches
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g{{filters, operands_of[0].shape(operands), operands.outputs[0].shape}, {}, 1, {}};
    if (g.images == 0) return g;
    if (depthwise != nullptr) g.planes = DepthwisePlan(isa, *depthwise_form, g);
    if (g.planes.vectors > 0) {
      const int64_t wanted = ceil_div(4 * int64_t{workers}, g.images * filters.group);
      g.parts = workers == 1 ? 1 : std::min(g.planes.vectors, wanted);
      return g;
    }
    const SharedPatches shared = share_patches(filters, g, blocks.count, filters.depth, workers,
                                               false, applied.empty() ? INT64_MAX : kAppliedPixels);
    g.patches = shared.patches;
    g.parts = shared.parts;
    g.steps = shared.steps;
    g.filled_before = shared.filled_before;
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.images == 0) return;
    if (g.planes.vectors > 0) return run_planes(g, operands, stream);
    if (g.filled_before) fill_all(g, operands, scratch, stream);
    const int64_t tiles = g.patches.tiles() * g.parts;
    stream.launch(
        g.images * filters.group * tiles,
        [=, this, &g, &operands](int64_t tile) {
          float* patch = g.filled_before ? reinterpret_cast<float*>(scratch.data()) +
                                               tile / g.parts * g.steps * g.patches.floats()
                                         : scratch_of(scratch, Patches::kFloats);
          run_tile(g, operands, tile / tiles, tile % tiles, patch);
        },
        [&](int64_t tile) { return touched(g, operands, tile / tiles, tile % tiles); });
  }

  /// What run_tile() reads and writes.
  Touched touched(const Geometry& g, const Operands& operands, int64_t index, int64_t at) const {
    const Patches::Tile tile = g.patches.tile(at / g.parts);
    const int64_t part = at % g.parts;
    const int64_t first = blocks.first(part * blocks.count / g.parts);
    const int64_t count = blocks.first((part + 1) * blocks.count / g.parts) - first;
    const int64_t plane = index * filters.count + first;
    const int64_t begin = tile.y * g.columns + tile.x;
    const int64_t end = begin + (tile.rows - 1) * g.columns + tile.columns;
    Touched all;
    if (!g.filled_before)
      all.reads.push_back(seen(g, operands, index * g.channels, g.channels, begin, end));
    if (added.present())
      all.reads.push_back(
          Box::of(added.as<float>(operands) + plane * g.pixels(), begin, end, count, g.pixels()));
    read_biases(operands, all);
    all.writes.push_back(Box::of(operands.outputs[0].as<float>() + plane * g.pixels(), begin, end,
                                 count, g.pixels()));
    return all;
  }
  void read_biases(const Operands& operands, Touched& all) const {
    const float* biases = operands_of[2].as<float>(operands);
    if (biases != nullptr) all.reads.push_back(Box::of(biases, 0, filters.group * filters.count));
  }
  /// Of some channels of the input, the rows that output pixels [begin, end) see.
  Box seen(const Geometry& g, const Operands& operands, int64_t channel, int64_t channels,
           int64_t begin, int64_t end) const {
    const int64_t plane = g.height * g.width;
    const float* from = operands_of[0].as<float>(operands) + channel * plane;
    if (g.plain) return Box::of(from, begin, end, channels, plane);
    const Taps rows = seen_by(g.y, begin / g.columns, (end - 1) / g.columns + 1);
    return Box::of(from, rows.first * g.width, rows.last * g.width, channels, plane);
  }

  /// The patches of all tiles, one behind the other, and of each all steps of the depth.
  void fill_all(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
                Stream& stream) const {
    const int64_t patches = g.images * filters.group * g.patches.tiles() * g.steps;
    const int64_t step = g.patches.channels(), plane = g.height * g.width;
    const int64_t groups =
        std::min(ceil_div(4 * int64_t{workers}, patches), ceil_div(step, int64_t{4}));
    const float* input = operands_of[0].as<float>(operands);
    stream.launch(
        patches * groups,
        [=, this, &g](int64_t item) {
          const int64_t patch = item / groups, group = item % groups;
          const int64_t at = patch / g.steps, first = patch % g.steps * step;
          const Patches::Tile tile = g.patches.tile(at % g.patches.tiles());
          const int64_t channels = std::min(step, g.channels - first);
          const int64_t begin = group * channels / groups, end = (group + 1) * channels / groups;
          float* to = reinterpret_cast<float*>(scratch.data()) + patch * g.patches.floats();
          const int64_t index = at / g.patches.tiles();
          g.patches.fill(tile, input + (index * g.channels + first + begin) * plane, end - begin,
                         to + begin * g.patches.channel_floats());
          if (group + 1 == groups) g.patches.fill_beyond(tile, channels, 0, to);
        },
        [&](int64_t item) {
          const int64_t at = item / groups / g.steps;
          const Patches::Tile tile = g.patches.tile(at % g.patches.tiles());
          const int64_t begin = tile.y * g.columns + tile.x;
          return Touched{{seen(g, operands, at / g.patches.tiles() * g.channels, g.channels, begin,
                               begin + (tile.rows - 1) * g.columns + tile.columns)},
                         {}};
        });
  }

  /// One filter a channel: some channels at a time.
  void run_planes(const Geometry& g, const Operands& operands, Stream& stream) const {
    const int64_t vectors = g.planes.vectors, group = filters.group;
    const int64_t some =
        std::clamp<int64_t>(kChannelVectors / vectors, 1, ceil_div(group, 4 * int64_t{workers}));
    const int64_t chunks = ceil_div(group, some);
    const float* biases = operands_of[2].as<float>(operands);
    stream.launch(
        g.images * chunks * g.parts,
        [=, this, &g, &operands](int64_t tile) {
          const int64_t part = tile % g.parts, chunk = tile / g.parts % chunks;
          const int64_t channel = chunk * some, image = tile / g.parts / chunks;
          const int64_t plane = image * group + channel, first = part * vectors / g.parts;
          DepthwiseCall call;
          call.in = operands_of[0].as<float>(operands) + plane * g.height * g.width;
          call.in_bytes = g.height * g.width * kFloat;
          call.row_bytes = g.y.dilation * g.width * kFloat;
          call.out = operands.outputs[0].as<float>() + plane * g.pixels();
          call.out_bytes = g.pixels() * kFloat;
          if (depthwise_form->adds) call.added = added.as<float>(operands) + plane * g.pixels();
          call.weights =
              reinterpret_cast<const float*>(packed.bytes().data()) + channel * filters.depth;
          call.table = g.planes.table.data() + static_cast<size_t>(first) * g.planes.entry_bytes;
          call.vectors = (part + 1) * vectors / g.parts - first;
          call.low = low;
          call.high = high;
          // Without a bias zeros stand for it, which do not go on for all channels.
          const int64_t last = std::min(group, channel + some);
          const int64_t at_once = biases == nullptr ? Contraction::kMostRows : last - channel;
          for (int64_t c = channel; c < last; c += at_once) {
            call.bias = biases == nullptr ? kZeros : biases + c;
            call.channels = std::min(at_once, last - c);
            (*depthwise)(call);
            const int64_t begin = g.planes.place(first), end = g.planes.place(first + call.vectors);
            for (int64_t i = 0; !applied.empty() && i < call.channels; ++i)
              apply(applied, end - begin, call.out + i * g.pixels() + begin);
            call.in += call.channels * g.height * g.width;
            call.out += call.channels * g.pixels();
            if (call.added != nullptr) call.added += call.channels * g.pixels();
            call.weights += call.channels * filters.depth;
          }
        },
        [&](int64_t tile) {
          const int64_t part = tile % g.parts, channel = tile / g.parts % chunks * some;
          const int64_t plane = tile / g.parts / chunks * group + channel;
          const int64_t begin = g.planes.place(part * vectors / g.parts);
          const int64_t end = g.planes.place((part + 1) * vectors / g.parts);
          const int64_t count = std::min(group, channel + some) - channel;
          const auto box = [&](const float* tensor) {
            return Box::of(tensor + plane * g.pixels(), begin, end, count, g.pixels());
          };
          Touched all{{seen(g, operands, plane, count, begin, end)},
                      {box(operands.outputs[0].as<float>())}};
          if (depthwise_form->adds) all.reads.push_back(box(added.as<float>(operands)));
          read_biases(operands, all);
          return all;
        });
  }

  /// One tile of the pixels and part of the filters of `index`, an image and group.
  void run_tile(const Geometry& g, const Operands& operands, int64_t index, int64_t at,
                float* patch) const {
    const Patches::Tile tile = g.patches.tile(at / g.parts);
    const int64_t part = at % g.parts, group = index % filters.group;
    const int64_t plane = g.height * g.width, step = g.patches.channels();
    const float* input = operands_of[0].as<float>(operands) + index * g.channels * plane;
    const float* biases = operands_of[2].as<float>(operands);
    const float* also = added.as<float>(operands);
    ContractionCall call;
    call.low = low;
    call.high = high;
    for (int64_t c = 0; c < g.channels; c += step) {
      const int64_t channels = std::min(step, g.channels - c);
      if (!g.patches.reads_input() && !g.filled_before) {
        g.patches.fill(tile, input + c * plane, channels, patch);
        g.patches.fill_beyond(tile, channels, 0, patch);
      }
      call.depth = channels * filters.taps();
      call.accumulates = c > 0 ? 1 : 0;
      call.finishes = c + channels == g.channels ? 1 : 0;
      for (int64_t block = part * blocks.count / g.parts;
           block < (part + 1) * blocks.count / g.parts; ++block) {
        const int64_t first = blocks.first(block), rows = blocks.first(block + 1) - first;
        call.a = reinterpret_cast<const float*>(packed.bytes().data()) +
                 (group * filters.count + first) * filters.depth + c * filters.taps() * rows;
        call.bias = biases == nullptr ? kZeros : biases + group * filters.count + first;
        const int64_t place = (index * filters.count + first) * g.pixels();
        const bool is_last = index + 1 == g.images * filters.group;
        run_block(g, tile, g.patches.reads_input() ? input : patch, is_last, call, rows,
                  blocks.vectors, operands.outputs[0].as<float>() + place,
                  also == nullptr ? nullptr : also + place);
        if (call.finishes != 0) apply_to(g, tile, rows, operands.outputs[0].as<float>() + place);
      }
      if (g.filled_before) patch += g.patches.floats();
    }
  }
  static constexpr float kZeros[Contraction::kMostRows] = {};

  /// What follows the sums of some filters, in a tile of the output.
  void apply_to(const Geometry& g, const Patches::Tile& tile, int64_t rows, float* to) const {
    if (applied.empty()) return;
    const bool whole = tile.whole_rows;
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t y = 0; y < (whole ? 1 : tile.rows); ++y)
        apply(applied, whole ? tile.rows * tile.columns : tile.columns,
              to + row * g.pixels() + (tile.y + y) * g.columns + tile.x);
  }

  /// The vectors of pixels of a tile in about equal runs of at most `most`.
  struct Runs {
    int64_t pixels, lanes, vectors, count;
    Runs(int64_t pixels, int64_t lanes, int most)
        : pixels(pixels),
          lanes(lanes),
          vectors(ceil_div(pixels, lanes)),
          count(ceil_div(vectors, most)) {}
    int64_t first(int64_t run) const { return run * vectors / count; }
    /// Vectors would read beyond the pixels.
    bool is_ragged(int64_t run) const { return run + 1 == count && pixels % lanes != 0; }
  };

  /// `count` pixels of the input as it lies, of which the last vector would end behind the tensor:
  /// the last channel is copied and added alone.
  static void run_end(Contraction::Function function, ContractionCall call, int64_t rows,
                      int64_t count) {
    float copied[Contraction::kMostVectors * 16] = {};
    const int64_t before = call.depth - 1;
    const auto* bytes = reinterpret_cast<const std::byte*>(call.b) + call.b_offsets[before];
    std::copy_n(reinterpret_cast<const float*>(bytes), count, copied);
    if (before > 0) {
      call.depth = before;
      call.finishes = 0;
      function(&call);
      call.accumulates = 1;
    }
    static constexpr int32_t kNowhere[1] = {0};
    call.a += before * rows;
    call.b = copied;
    call.b_offsets = kNowhere;
    call.depth = 1;
    call.finishes = 1;
    function(&call);
  }

  /// Some filters over all pixels of a tile; `to`, `also`: of the first filter. `is_last`: nothing
  /// may be read behind the input's channels.
  void run_block(const Geometry& g, const Patches::Tile& tile, const float* from, bool is_last,
                 ContractionCall& call, int64_t rows, int most_vectors, float* to,
                 const float* also) const {
    const int64_t lanes = Contraction::lanes(isa);
    const Runs runs((tile.rows - 1) * g.patches.pitch() + tile.columns, lanes, most_vectors);
    const int64_t corner = tile.y * g.columns + tile.x;
    to += corner;
    if (also != nullptr) also += corner;
    const bool reads_input = g.patches.reads_input();
    if (reads_input) from += tile.x;
    float sums[kMostBlock], others[kMostBlock];
    for (int64_t run = 0; run < runs.count; ++run) {
      const int64_t first = runs.first(run), vectors = runs.first(run + 1) - first;
      const int64_t pixel = first * lanes;
      const int64_t count = std::min(vectors * lanes, runs.pixels - pixel);
      const Contraction::Function function = kernels->function(
          static_cast<int>(rows), static_cast<int>(vectors), count - (vectors - 1) * lanes);
      call.b = from + pixel;
      call.b_offsets = g.patches.offsets().data();
      if (tile.whole_rows) {
        call.c = to + pixel;
        if (also != nullptr) call.added = also + pixel;
        call.c_stride = g.pixels() * kFloat;
        call.last_mask = count % lanes == 0 ? nullptr : column_mask(count % lanes);
        if (reads_input && is_last && runs.is_ragged(run)) run_end(function, call, rows, count);
        else function(&call);
        continue;
      }
      call.c = sums;
      call.c_stride = vectors * lanes * kFloat;
      call.last_mask = nullptr;
      const Spread spread{g, tile, pixel, count, rows, vectors * lanes};
      if (call.accumulates != 0) spread.gather(to, sums);
      if (also != nullptr && call.finishes != 0) spread.gather(also, others);
      call.added = others;
      function(&call);
      spread.scatter(sums, to);
    }
  }

  /// Pixels [first, first + count) of a patch, some of them between rows, and the output.
  struct Spread {
    const Geometry& g;
    const Patches::Tile& tile;
    int64_t first, count, rows, stride;

    template <class Each>
    void each_run(const Each& each) const {
      const int64_t pitch = g.patches.pitch();
      for (int64_t i = 0; i < count;) {
        const int64_t y = (first + i) / pitch, x = (first + i) % pitch;
        const int64_t length = std::min(tile.columns - x, count - i);
        if (length > 0) each(i, y * g.columns + x, length);
        i += std::max(length, int64_t{0});
        if (i < count) i += pitch - std::max(tile.columns, x);
      }
    }
    void scatter(const float* sums, float* to) const {
      each_run([&](int64_t from, int64_t at, int64_t length) {
        for (int64_t row = 0; row < rows; ++row)
          std::copy_n(sums + row * stride + from, length, to + row * g.pixels() + at);
      });
    }
    void gather(const float* from, float* sums) const {
      each_run([&](int64_t to, int64_t at, int64_t length) {
        for (int64_t row = 0; row < rows; ++row)
          std::copy_n(from + row * g.pixels() + at, length, sums + row * stride + to);
      });
    }
  };
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  const Problem& problem = *recipe.problem;
  const Chain chain = *chain_of(problem);
  auto shared = std::make_shared<DirectShared>(problem, chain);
  shared->packed = packed.empty()
                       ? pack_filters(problem, recipe.tuning,
                                      constant_of(problem, chain.anchor->input(1))->tensor())
                       : std::move(packed.front());
  return shared;
}

}  // namespace
}  // namespace conv_direct_kernel

void register_conv_direct(KernelRegistry& registry) {
  using namespace conv_direct_kernel;
  registry.add({"cpu.conv.direct", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
