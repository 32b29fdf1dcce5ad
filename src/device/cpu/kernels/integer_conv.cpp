// Convolution of 8-bit integers in one or two spatial dimensions by generated kernels, exact:
// QLinearConv and ConvInteger, clipped, summed with another quantized tensor. The filters times a
// padded copy of what a tile of output pixels reads, neighbouring channels side by side in groups.

#include <algorithm>
#include <bit>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/integer_filters.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/patch.hpp"
#include "ops/quantized.hpp"

namespace hone::cpu {
namespace integer_conv_kernel {
namespace {

constexpr int64_t kMostBlock = 32 * 16;  // sums in a block
constexpr int64_t kRows = 5;             // filters of a block of AVX2, about

/// The weight as kernels want it.
struct Packed {
  Filters filters;
  IntegerForm form;
  int64_t units = 0;  // groups of channels

  Packed(const Problem& problem, const IntegerChain& chain)
      : filters(filters_of(problem, chain)),
        form(integer_form(problem, chain, IntegerForm::Kind::filters,
                          {filters.depth / filters.taps(), std::min(filters.count, kRows)})),
        units(ceil_div(filters.depth / filters.taps(), form.in_group())) {}
  int64_t groups() const { return units * filters.taps(); }
  int64_t count() const { return filters.group * filters.count; }
};

/// How the filters of one group are cut into blocks of kernels.
struct Blocks {
  int64_t filters, count;
  int vectors;  // of pixels

  Blocks(Isa isa, const IntegerForm& form, int64_t filters) : filters(filters) {
    // Wide blocks where there are few filters, else two vectors and many filters.
    vectors = 2;
    while (vectors < IntegerContraction::kMostVectors &&
           IntegerContraction::most_rows(isa, form, vectors + 1) >= filters)
      ++vectors;
    count = ceil_div(filters, IntegerContraction::most_rows(isa, form, vectors));
  }
  int64_t first(int64_t block) const { return block * filters / count; }
};

/// Blocks of the filters of a group after those of the group before. Neighbours in a group of the
/// depth are channels, missing ones are zero.
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const IntegerChain chain = *integer_conv_chain(problem);
  const Packed packed(problem, chain);
  const Filters& filters = packed.filters;
  const int64_t taps = filters.taps(), in_group = packed.form.in_group();
  const std::vector<int16_t> values =
      centered_weight(weight, constant_of(problem, chain.operand(chain.places.w_zero)),
                      filters.depth, packed.count());
  std::vector<int32_t> sums(static_cast<size_t>(packed.count()));
  for (int64_t i = 0; i < packed.count() * filters.depth; ++i)
    sums[static_cast<size_t>(i / filters.depth)] += values[static_cast<size_t>(i)];
  const Blocks blocks(isa(), packed.form, filters.count);
  IntegerPacking packing{{}, packed.groups(), in_group, packed.form.in_pairs()};
  for (int64_t i = 0; i < filters.group * blocks.count; ++i)
    packing.rows.push_back(blocks.first(i % blocks.count + 1) - blocks.first(i % blocks.count));
  return IntegerWeights::packed(packing, sums, [&](int64_t row, std::span<int16_t> to) {
    const int16_t* from = values.data() + row * filters.depth;
    for (int64_t i = 0; i < filters.depth; ++i) {
      const int64_t channel = i / taps, tap = i % taps;
      to[static_cast<size_t>((channel / in_group * taps + tap) * in_group + channel % in_group)] =
          from[i];
    }
  });
}

Verdict supports(const Problem& problem) {
  const auto chain = integer_conv_chain(problem);
  if (!chain) return Verdict::no("convolves integers of 8 bits only");
  const Weight* weight = weight_of(problem, *chain);
  if (weight == nullptr || weight->count() == 0) return Verdict::no("the weight is no constant");
  if (weight->shape().size() != 3 && weight->shape().size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  const Packed packed(problem, *chain);
  if (Patches::refuses(packed.filters) || Patches::refuses_depth(packed.filters, packed.units))
    return Verdict::no("the window reaches too far, or over too many channels");
  return verdict_on(problem, *chain, packed.form, packed.count(), packed.filters.depth);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const IntegerChain chain = *integer_conv_chain(*problem);
  const Packed packed(*problem, chain);
  const double sums = typical_count(*problem, chain.anchor->output()->type);
  // As of conv.direct, with what a group has of depth that is not there.
  const auto depth = static_cast<double>(packed.groups() * packed.form.in_group());
  // Filters share what is loaded and grouped for them: with few of them that takes the time.
  const double loads = 2.4 * static_cast<double>(packed.units + packed.groups()) /
                       static_cast<double>(packed.filters.count);
  made.seconds =
      sums *
      (1e-10 + loads / problem->target->cached_per_second +
       2 * depth / (4 * integer_speed(*problem, packed.form) * problem->target->flops_per_second));
  made.scratch_bytes = worker_scratch(problem->share, Dim(Patches::kFloats));
  const Weight* zero = constant_of(*problem, chain.operand(chain.places.w_zero));
  if (const int input = Source(*problem, chain.operand(chain.places.weight)).input(); input >= 0)
    made.packings.push_back(
        {static_cast<size_t>(input),
         cat("conv.integer/", packing_text(packed.form), "/group=", packed.filters.group,
             "/zero=", zero == nullptr ? Hash{} : zero->hash()),
         pack_filters});
  made.problem = std::move(problem);
  return made;
}

struct IntegerConvShared final : Shared<IntegerConvShared> {
  IntegerConvShared(const Problem& problem, const IntegerChain& chain)
      : packed(problem, chain),
        filters(packed.filters),
        input(problem, chain.operand(chain.places.x)),
        added(problem, chain.added_value()),
        follow(problem, chain, packed.count(), packed.form.groups),
        blocks(isa(), packed.form, filters.count),
        workers(problem.share.workers),
        lanes(IntegerContraction::lanes(isa())),
        width(packed.form.result_bytes()) {
    kernels = IntegerContraction::of(isa(), packed.form, blocks.vectors);
    check(kernels != nullptr, Code::internal, "no code can be generated any more");
    const GroupFunctions& functions = group_functions();
    fill = packed.form.in_group() == 4 ? functions.bytes : functions.words;
  }

  Packed packed;
  const Filters& filters;
  Source input, added;
  IntegerFollow follow;
  Blocks blocks;
  IntegerWeights weights;
  int workers, lanes, width;
  std::shared_ptr<const IntegerContraction> kernels;
  void (*fill)(const GroupRows& rows, unsigned* to);

  struct Geometry : ConvGeometry {
    Patches patches;
    int64_t all_channels = 0;
    std::vector<int32_t> more_offsets;  // of further groups of all blocks
    int64_t parts = 1;                  // of the filters
    bool shared = false;  // all patches are made first, then the parts of the filters share them
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g{{filters, input.shape(operands), operands.outputs[0].shape}, {}, 0, {}, 1, false};
    if (g.images == 0) return g;
    g.all_channels = g.channels;
    ConvGeometry units = g;
    units.channels = packed.units;
    const SharedPatches shared =
        share_patches(filters, units, blocks.count, packed.units * filters.taps(), workers, true);
    g.patches = shared.patches;
    g.parts = shared.parts;
    g.shared = shared.filled_before;
    for (const int32_t group : weights.more())
      g.more_offsets.push_back(g.patches.offsets()[static_cast<size_t>(group)]);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.images == 0) return;
    const int64_t tiles = g.patches.tiles(), all = g.images * filters.group * tiles;
    const auto shared_patch = [&](int64_t tile) {
      return reinterpret_cast<float*>(scratch.data()) + tile * g.patches.floats();
    };
    if (g.shared) {
      const int64_t chunks = std::min(packed.units, g.parts);
      stream.parallel(all * chunks, [&](int64_t i) {
        const int64_t tile = i / chunks, chunk = i % chunks;
        fill_patch(g, operands, tile / tiles, g.patches.tile(tile % tiles),
                   chunk * packed.units / chunks, (chunk + 1) * packed.units / chunks,
                   shared_patch(tile));
      });
    }
    stream.parallel(all * g.parts, [&](int64_t i) {
      const int64_t tile = i / g.parts;
      float* patch = g.shared ? shared_patch(tile) : scratch_of(scratch, Patches::kFloats);
      if (!g.shared)
        fill_patch(g, operands, tile / tiles, g.patches.tile(tile % tiles), 0, packed.units, patch);
      run_tile(g, operands, tile / tiles, g.patches.tile(tile % tiles), i % g.parts, patch);
    });
  }

  /// Channels of units [first, last) of `index`, an image and group, as groups.
  void fill_patch(const Geometry& g, const Operands& operands, int64_t index,
                  const Patches::Tile& tile, int64_t first, int64_t last, float* patch) const {
    const int32_t zero = follow.zero_of_x(operands);
    const int64_t plane = g.height * g.width, in_group = packed.form.in_group();
    const auto* from = input.as<uint8_t>(operands) + index * g.all_channels * plane;
    const auto padding = in_group == 4 ? static_cast<uint32_t>(zero) * 0x01010101U : 0U;
    const int64_t pitch = g.patches.pitch(), stride = g.patches.stride();
    g.patches.each_row(tile, first, last, std::bit_cast<float>(padding), patch,
                       [&](int64_t unit, int64_t y, const Patches::Reach& reach, float* row) {
                         auto* to = reinterpret_cast<uint32_t*>(row);
                         if (y < 0) {
                           std::fill_n(to, pitch, padding);
                           return;
                         }
                         std::fill_n(to, reach.inside, padding);
                         GroupRows rows;
                         rows.count = reach.outside - reach.inside;
                         rows.step = stride;
                         rows.is_signed = follow.is_signed();
                         rows.zero = zero;
                         for (int64_t i = 0; i < in_group; ++i) {
                           // A channel that is not there has weights of zero.
                           const int64_t channel =
                               std::min(unit * in_group + i, g.all_channels - 1);
                           rows.from[i] = from + channel * plane + y * g.patches.width() +
                                          reach.start + reach.inside * stride;
                         }
                         if (rows.count > 0) fill(rows, to + reach.inside);
                         std::fill_n(to + reach.outside, pitch - reach.outside, padding);
                       });
    if (last == packed.units)
      g.patches.fill_beyond(tile, last, std::bit_cast<float>(padding), patch);
  }

  /// One tile of the pixels and part of the filters of `index`, an image and group.
  void run_tile(const Geometry& g, const Operands& operands, int64_t index,
                const Patches::Tile& tile, int64_t part, const float* patch) const {
    const int64_t group = index % filters.group;
    const int32_t zero = follow.zero_of_x(operands);
    IntegerCall call;
    follow.prepare(call);
    call.groups = packed.groups();
    int32_t bias[IntegerContraction::kMostRows];
    call.bias = bias;
    for (int64_t block = part * blocks.count / g.parts; block < (part + 1) * blocks.count / g.parts;
         ++block) {
      const int64_t first = group * filters.count + blocks.first(block);
      const int64_t rows = blocks.first(block + 1) - blocks.first(block);
      const int64_t index_of_block = group * blocks.count + block;
      call.a = weights.block(index_of_block);
      call.more_groups = weights.count_more(index_of_block);
      call.more_offsets = g.more_offsets.data() + weights.first_more(index_of_block);
      call.scale = follow.scales(first);
      follow.biases(first, rows, zero, weights.sums() + first, bias);
      const int64_t place = (index * filters.count + blocks.first(block)) * g.pixels();
      run_block(g, tile, patch, call, rows, operands.outputs[0].data + place * width,
                added.present() ? added.data(operands) + place : nullptr);
    }
  }

  /// Some filters over all pixels of a tile; `to`, `also`: of the first filter.
  void run_block(const Geometry& g, const Patches::Tile& tile, const float* patch,
                 IntegerCall& call, int64_t rows, std::byte* to, const std::byte* also) const {
    const int64_t pixels = (tile.rows - 1) * g.patches.pitch() + tile.columns;
    const int64_t vectors = ceil_div(pixels, int64_t{lanes});
    const int64_t runs = ceil_div(vectors, int64_t{blocks.vectors});
    const int64_t corner = tile.y * g.columns + tile.x;
    to += corner * width;
    if (also != nullptr) also += corner;
    call.b_offsets = g.patches.offsets().data();
    for (int64_t run = 0; run < runs; ++run) {
      const int64_t first = run * vectors / runs, count = (run + 1) * vectors / runs - first;
      const int64_t pixel = first * lanes, columns = std::min(count * lanes, pixels - pixel);
      call.b = patch + pixel;
      if (tile.whole_rows) {
        call.c = to + pixel * width;
        call.added = also == nullptr ? nullptr : also + pixel;
        call.c_stride = g.pixels() * width;
        call.added_stride = g.pixels();
        kernels->run(call, static_cast<int>(rows), static_cast<int>(count), columns);
      } else {
        run_between(g, tile, pixel, columns, static_cast<int>(count), call, rows, to, also);
      }
    }
  }

  /// Where what lies between rows is computed as well: through memory of this function.
  void run_between(const Geometry& g, const Patches::Tile& tile, int64_t pixel, int64_t columns,
                   int vectors, IntegerCall& call, int64_t rows, std::byte* to,
                   const std::byte* also) const {
    std::byte results[4 * kMostBlock], others[kMostBlock];
    const int64_t stride = int64_t{vectors} * lanes, pitch = g.patches.pitch();
    // each(from, at, length): pixels of the run that are outputs.
    const auto each_run = [&](const auto& each) {
      for (int64_t i = 0; i < columns;) {
        const int64_t y = (pixel + i) / pitch, x = (pixel + i) % pitch;
        const int64_t length = std::min(tile.columns - x, columns - i);
        if (length > 0) each(i, y * g.columns + x, length);
        i += x < tile.columns ? length : 0;
        if (i < columns) i += pitch - std::max(tile.columns, x);
      }
    };
    call.c = results;
    call.c_stride = stride * width;
    call.added_stride = stride;
    call.added = others;
    if (also != nullptr) {
      std::fill_n(others, rows * stride, std::byte{0});
      each_run([&](int64_t from, int64_t at, int64_t length) {
        for (int64_t row = 0; row < rows; ++row)
          copy_few(also + row * g.pixels() + at, length, others + row * stride + from);
      });
    }
    kernels->run(call, static_cast<int>(rows), vectors, stride);
    each_run([&](int64_t from, int64_t at, int64_t length) {
      for (int64_t row = 0; row < rows; ++row)
        copy_few(results + (row * stride + from) * width, length * width,
                 to + (row * g.pixels() + at) * width);
    });
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return prepared_convolution<IntegerConvShared>(recipe, std::move(packed), pack_filters);
}

}  // namespace
}  // namespace integer_conv_kernel

void register_integer_conv(KernelRegistry& registry) {
  using namespace integer_conv_kernel;
  registry.add({"cpu.conv.integer", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
