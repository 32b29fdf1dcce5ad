// Depthwise convolution of 8-bit integers by generated kernels, exact: QLinearConv and ConvInteger
// of one channel a group and few filters. As cpu.conv.integer, but that neighbours in a group are
// elements of a column of the window, for there is one channel alone.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/im2col.hpp"
#include "device/cpu/integer_filters.hpp"
#include "device/cpu/moves.hpp"
#include "ops/quantized.hpp"

namespace hone::cpu {
namespace integer_depthwise_kernel {
namespace {

constexpr int kGroup = 4;                     // bytes
constexpr int64_t kPatchGroups = 8 * 1024;    // of a tile: half of a first-level cache
constexpr int64_t kPaddingBytes = 16 * 1024;  // of a row of padding
constexpr int64_t kBeyond = 128;              // groups that vectors may read beyond a patch
constexpr int64_t kScratchFloats = kPatchGroups + kBeyond + kPaddingBytes / kGroup;
constexpr int64_t kMostAtOnce = 16;      // patches
constexpr int64_t kShortLine = 16;       // results; some lines go in one block
constexpr int kVectors = 4;              // of results in a block
constexpr int64_t kOutputs = 16 * 1024;  // that a worker takes at a time

/// The window and its filters; how its elements are grouped.
struct Windows {
  Filters filters;
  IntegerForm form;
  int64_t units = 0;  // groups of a column of the window
  int64_t stride_x = 1, stride_y = 1, dilation_x = 1, dilation_y = 1;
  std::vector<int64_t> phases;  // of columns of the window, modulo the stride

  Windows(const Problem& problem, const IntegerChain& chain) {
    filters = filters_of(problem, chain);
    form = integer_form(problem, chain, IntegerForm::Kind::filters,
                        {filters.kernel[0], filters.count});
    units = ceil_div(filters.kernel[0], form.in_group());
    const size_t x = filters.one_dimensional ? 0 : 1;
    stride_x = filters.window.stride(x);
    dilation_x = filters.window.dilation(x);
    if (!filters.one_dimensional) {
      stride_y = filters.window.stride(0);
      dilation_y = filters.window.dilation(0);
    }
    for (int64_t tap = 0; tap < filters.kernel[1]; ++tap)
      if (const int64_t phase = tap * dilation_x % stride_x;
          std::find(phases.begin(), phases.end(), phase) == phases.end())
        phases.push_back(phase);
  }
  int64_t groups() const { return units * filters.kernel[1]; }
  int64_t count() const { return filters.group * filters.count; }
  int64_t planes() const { return units * std::ssize(phases); }
  int64_t reach() const { return (filters.kernel[1] - 1) * dilation_x / stride_x; }
  /// Columns of results of a tile, at most.
  int64_t most_columns() const {
    return std::min(kPatchGroups / planes(), kPaddingBytes / stride_x) - reach();
  }
};

/// A block is the filters of a channel; neighbours in a group are of one column of the window.
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const IntegerChain chain = *integer_conv_chain(problem);
  const Windows windows(problem, chain);
  const Filters& filters = windows.filters;
  const int64_t in_group = windows.form.in_group(), columns = filters.kernel[1];
  const std::vector<int16_t> values =
      centered_weight(weight, constant_of(problem, chain.operand(chain.places.w_zero)),
                      filters.depth, windows.count());
  std::vector<int32_t> sums(static_cast<size_t>(windows.count()));
  for (int64_t i = 0; i < windows.count() * filters.depth; ++i)
    sums[static_cast<size_t>(i / filters.depth)] += values[static_cast<size_t>(i)];
  const IntegerPacking packing{
      std::vector<int64_t>(static_cast<size_t>(filters.group), filters.count), windows.groups(),
      in_group, windows.form.in_pairs()};
  return IntegerWeights::packed(packing, sums, [&](int64_t filter, std::span<int16_t> to) {
    const int16_t* from = values.data() + filter * filters.depth;
    for (int64_t i = 0; i < filters.depth; ++i) {
      const int64_t row = i / columns, column = i % columns;
      to[static_cast<size_t>((row / in_group * columns + column) * in_group + row % in_group)] =
          from[i];
    }
  });
}

Verdict supports(const Problem& problem) {
  const auto chain = integer_conv_chain(problem);
  if (!chain) return Verdict::no("convolves integers of 8 bits only");
  const Weight* weight = weight_of(problem, *chain);
  if (weight == nullptr || weight->count() == 0) return Verdict::no("the weight is no constant");
  const std::vector<int64_t>& shape = weight->shape();
  if (shape.size() != 3 && shape.size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  const Windows windows(problem, *chain);
  if (shape[1] != 1) return Verdict::no("more than one channel a group");
  if (windows.filters.count > IntegerContraction::most_rows(isa(), windows.form, kVectors))
    return Verdict::no("too many filters a channel");
  if (windows.most_columns() < 1) return Verdict::no("the window reaches too far");
  return verdict_on(problem, *chain, windows.form, windows.count(), windows.filters.depth);
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const IntegerChain chain = *integer_conv_chain(*problem);
  const Windows windows(*problem, chain);
  // Groups are made for each result, and multiplied: both wait for the first cache.
  const double outputs = typical_count(*problem, chain.anchor->output()->type);
  made.seconds = outputs * (1e-10 + 2.4 * static_cast<double>(windows.planes() + windows.groups()) /
                                        problem->target->cached_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(kScratchFloats));
  const Weight* zero = constant_of(*problem, chain.operand(chain.places.w_zero));
  if (const int input = Source(*problem, chain.operand(chain.places.weight)).input(); input >= 0)
    made.packings.push_back(
        {static_cast<size_t>(input),
         cat("conv.integer_depthwise/", packing_text(windows.form),
             "/group=", windows.filters.group, "/zero=", zero == nullptr ? Hash{} : zero->hash()),
         pack_filters});
  made.problem = std::move(problem);
  return made;
}

struct IntegerDepthwiseShared final : Shared<IntegerDepthwiseShared> {
  IntegerDepthwiseShared(const Problem& problem, const IntegerChain& chain)
      : windows(problem, chain),
        filters(windows.filters),
        input(problem, chain.operand(chain.places.x)),
        added(problem, chain.added_value()),
        follow(problem, chain, windows.count(), windows.form.groups),
        workers(problem.share.workers),
        lanes(IntegerContraction::lanes(isa())),
        width(windows.form.result_bytes()) {
    kernels = IntegerContraction::of(isa(), windows.form, kVectors);
    check(kernels != nullptr, Code::internal, "no code can be generated any more");
    const GroupFunctions& functions = group_functions();
    fill = windows.form.in_group() == 4 ? functions.bytes : functions.words;
  }

  Windows windows;
  const Filters& filters;
  Source input, added;
  IntegerFollow follow;
  IntegerWeights weights;
  int workers, lanes, width;
  std::shared_ptr<const IntegerContraction> kernels;
  void (*fill)(const GroupRows& rows, unsigned* to);

  struct Geometry : ConvGeometry {
    int64_t tile_rows = 1, tile_columns = 1, row_tiles = 1, column_tiles = 1;
    int64_t pitch = 1, plane = 1;                // groups of a row of a patch, and of a plane of it
    std::vector<int32_t> offsets, more_offsets;  // of groups; of further ones of all channels
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g{
        {filters, input.shape(operands), operands.outputs[0].shape}, 1, 1, 1, 1, 1, 1, {}, {}};
    if (g.images == 0) return g;
    const auto equal_part = [](int64_t size, int64_t most) {
      return ceil_div(size, ceil_div(size, std::max<int64_t>(1, most)));
    };
    g.tile_columns = equal_part(g.columns, windows.most_columns());
    g.pitch = g.tile_columns + windows.reach();
    g.tile_rows = equal_part(g.rows, kPatchGroups / (windows.planes() * g.pitch));
    // Planes that are few are shared out by rows.
    const int64_t tiles = g.images * filters.group, wanted = 4 * int64_t{workers};
    if (workers > 1 && tiles < wanted)
      g.tile_rows = std::min(g.tile_rows, ceil_div(g.rows, ceil_div(wanted, tiles)));
    g.row_tiles = ceil_div(g.rows, g.tile_rows);
    g.column_tiles = ceil_div(g.columns, g.tile_columns);
    g.plane = g.tile_rows * g.pitch;
    for (int64_t unit = 0; unit < windows.units; ++unit)
      for (int64_t tap = 0; tap < filters.kernel[1]; ++tap) {
        const int64_t at = tap * windows.dilation_x;
        const auto phase =
            std::find(windows.phases.begin(), windows.phases.end(), at % windows.stride_x) -
            windows.phases.begin();
        const int64_t plane = unit * std::ssize(windows.phases) + phase;
        g.offsets.push_back(
            static_cast<int32_t>((plane * g.plane + at / windows.stride_x) * kGroup));
      }
    for (const int32_t group : weights.more())
      g.more_offsets.push_back(g.offsets[static_cast<size_t>(group)]);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.images == 0) return;
    const int64_t tiles = g.row_tiles * g.column_tiles;
    const int64_t all = g.images * filters.group * tiles;
    const int64_t most = ceil_div(all, 4 * int64_t{workers});
    const int64_t grain = std::clamp<int64_t>(kOutputs / (g.tile_rows * g.tile_columns), 1, most);
    parallel_ranges(stream, all, grain, [&](int64_t first, int64_t last) {
      auto* patch = reinterpret_cast<uint32_t*>(scratch_of(scratch, kScratchFloats));
      auto* padding = reinterpret_cast<uint8_t*>(patch + kPatchGroups + kBeyond);
      std::fill_n(padding, g.pitch * windows.stride_x, follow.stored_zero_of_x(operands));
      const int64_t size = windows.planes() * g.plane;
      // Small patches are made some at a time: what was just written is not ready to be read.
      const int64_t at_once = std::clamp<int64_t>(kPatchGroups / size, 1, kMostAtOnce);
      std::fill_n(patch + at_once * size, kBeyond, 0U);
      for (int64_t i = first; i < last; i += at_once) {
        const int64_t end = std::min(last, i + at_once);
        for (int64_t k = i; k < end; ++k)
          fill_tile(g, operands, k / tiles, tile_of(g, k % tiles), padding, patch + (k - i) * size);
        for (int64_t k = i; k < end; ++k)
          run_tile(g, operands, k / tiles, tile_of(g, k % tiles), patch + (k - i) * size);
      }
    });
  }

  /// Results [row, row + rows) x [column, column + columns).
  struct Tile {
    int64_t row, column, rows, columns;
  };

  static Tile tile_of(const Geometry& g, int64_t index) {
    const int64_t row = index / g.column_tiles * g.tile_rows;
    const int64_t column = index % g.column_tiles * g.tile_columns;
    return {row, column, std::min(g.tile_rows, g.rows - row),
            std::min(g.tile_columns, g.columns - column)};
  }

  /// The patch of a tile of the results of `index`, an image and channel.
  void fill_tile(const Geometry& g, const Operands& operands, int64_t index, const Tile& tile,
                 const uint8_t* padding, uint32_t* patch) const {
    const auto* from = input.as<uint8_t>(operands) + index * g.height * g.width;
    const int32_t zero = follow.zero_of_x(operands);
    Line line;
    line.padding = padding;
    line.rows.step = windows.stride_x;
    line.rows.is_signed = follow.is_signed();
    line.rows.zero = zero;
    line.rows.from_line = g.y.stride * g.width;
    line.rows.to_line = g.pitch;
    line.outside = windows.form.in_group() == 4 ? static_cast<uint32_t>(zero) * 0x01010101U : 0U;
    uint32_t* plane = patch;
    for (int64_t unit = 0; unit < windows.units; ++unit)
      for (const int64_t phase : windows.phases) {
        line.find(g, g.x.start(tile.column) + phase);
        const int64_t above = unit * windows.form.in_group();
        line.taps = std::min<int64_t>(windows.form.in_group(), filters.kernel[0] - above);
        fill_plane(g, from, g.y.start(tile.row) + above * g.y.dilation, tile.rows, line, plane);
        plane += g.plane;
      }
  }

  void run_tile(const Geometry& g, const Operands& operands, int64_t index, const Tile& tile,
                const uint32_t* patch) const {
    const int32_t zero = follow.zero_of_x(operands);
    const int64_t channel = index % filters.group, first = channel * filters.count;
    int32_t bias[IntegerContraction::kMostRows];
    follow.biases(first, filters.count, zero, weights.sums() + first, bias);
    IntegerCall call;
    follow.prepare(call);
    call.groups = windows.groups();
    call.bias = bias;
    call.scale = follow.scales(first);
    call.a = weights.block(channel);
    call.more_groups = weights.count_more(channel);
    call.more_offsets = g.more_offsets.data() + weights.first_more(channel);
    call.b_offsets = g.offsets.data();
    const int64_t place = index * filters.count * g.pixels() + tile.row * g.columns + tile.column;
    std::byte* to = operands.outputs[0].data + place * width;
    const std::byte* also = added.present() ? added.data(operands) + place : nullptr;
    if (tile.columns > kShortLine) run_lines(g, tile, call, patch, to, also);
    else run_between(g, tile, call, patch, to, also);
  }

  /// What the rows of a plane of a patch have in common.
  struct Line {
    int64_t x = 0, before = 0, end = 0;  // elements [before, end) lie in the input, from x on
    uint32_t outside = 0;                // what the others are
    int64_t taps = 1;                    // rows of the window; in a group others weigh nothing
    const uint8_t* padding = nullptr;
    GroupRows rows{};

    void find(const Geometry& g, int64_t first) {
      const int64_t step = rows.step;
      before = first >= 0 ? 0 : std::min(g.pitch, (step - 1 - first) / step);
      const int64_t inside = g.width > first ? (g.width - first + step - 1) / step : 0;
      end = std::clamp(inside, before, g.pitch);
      x = first + before * step;
      rows.count = end - before;
    }
  };

  /// A plane of a patch: groups of elements of rows from `y` on, a stride further for each row.
  void fill_plane(const Geometry& g, const uint8_t* from, int64_t y, int64_t rows, Line& line,
                  uint32_t* to) const {
    for (int64_t row = 0; row < rows; ++row) {
      uint32_t* at = to + row * g.pitch;
      for (int64_t i = 0; i < line.before; ++i) at[i] = line.outside;
      for (int64_t i = line.end; i < g.pitch; ++i) at[i] = line.outside;
    }
    if (line.rows.count == 0) return;
    const int64_t last = (line.taps - 1) * g.y.dilation;  // from the first in a group
    for (int64_t row = 0; row < rows; row += line.rows.lines) {
      const int64_t top = y + row * g.y.stride;
      // As long as all rows of a group lie in the plane lines follow one another at one distance.
      const bool inside = top >= 0 && top + last < g.height;
      line.rows.lines =
          inside ? std::min(rows - row, (g.height - 1 - last - top) / g.y.stride + 1) : 1;
      for (int i = 0; i < windows.form.in_group(); ++i) {
        const int64_t of = top + std::min<int64_t>(i, line.taps - 1) * g.y.dilation;
        line.rows.from[i] = of < 0 || of >= g.height ? line.padding : from + of * g.width + line.x;
      }
      fill(line.rows, to + row * g.pitch + line.before);
    }
  }

  /// Line by line of the results.
  void run_lines(const Geometry& g, const Tile& tile, IntegerCall& call, const uint32_t* patch,
                 std::byte* to, const std::byte* also) const {
    const int64_t vectors = ceil_div(tile.columns, int64_t{lanes});
    const int64_t runs = ceil_div(vectors, int64_t{kVectors});
    call.c_stride = g.pixels() * width;
    call.added_stride = g.pixels();
    for (int64_t row = 0; row < tile.rows; ++row)
      for (int64_t run = 0; run < runs; ++run) {
        const int64_t first = run * vectors / runs * lanes;
        const int64_t count = (run + 1) * vectors / runs - run * vectors / runs;
        call.b = patch + row * g.pitch + first;
        call.c = to + (row * g.columns + first) * width;
        call.added = also == nullptr ? nullptr : also + row * g.columns + first;
        // Of what follows in the output only the next line is written as well, before its turn.
        const bool over = row + 1 < tile.rows && g.column_tiles == 1;
        const int64_t columns =
            over ? count * lanes : std::min(count * lanes, tile.columns - first);
        kernels->run(call, static_cast<int>(filters.count), static_cast<int>(count), columns);
      }
  }

  /// Where lines are short: over their ends, through memory of this function.
  void run_between(const Geometry& g, const Tile& tile, IntegerCall& call, const uint32_t* patch,
                   std::byte* to, const std::byte* also) const {
    constexpr int64_t kMost = int64_t{kVectors} * 16 * IntegerContraction::kMostRows;
    std::byte results[4 * kMost], others[kMost];
    const int64_t rows_at_once =
        std::max<int64_t>(1, (int64_t{kVectors} * lanes - tile.columns) / g.pitch + 1);
    for (int64_t row = 0; row < tile.rows; row += rows_at_once) {
      const int64_t rows = std::min(rows_at_once, tile.rows - row);
      const auto vectors =
          static_cast<int>(((rows - 1) * g.pitch + tile.columns + lanes - 1) / lanes);
      const int64_t stride = int64_t{vectors} * lanes;
      const auto each = [&](const auto& copy) {
        for (int64_t filter = 0; filter < filters.count; ++filter)
          for (int64_t i = 0; i < rows; ++i)
            copy(filter * stride + i * g.pitch, filter * g.pixels() + (row + i) * g.columns);
      };
      call.b = patch + row * g.pitch;
      call.c = results;
      call.c_stride = stride * width;
      call.added_stride = stride;
      call.added = others;
      if (also != nullptr)
        each([&](int64_t at, int64_t place) { copy_few(also + place, tile.columns, others + at); });
      kernels->run(call, static_cast<int>(filters.count), vectors, stride);
      each([&](int64_t at, int64_t place) {
        copy_few(results + at * width, tile.columns * width, to + place * width);
      });
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return prepared_convolution<IntegerDepthwiseShared>(recipe, std::move(packed), pack_filters);
}

}  // namespace
}  // namespace integer_depthwise_kernel

void register_integer_depthwise(KernelRegistry& registry) {
  using namespace integer_depthwise_kernel;
  registry.add({"cpu.conv.integer_depthwise", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
