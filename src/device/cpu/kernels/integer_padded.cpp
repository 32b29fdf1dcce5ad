// Depthwise QLinearConv on AVX2, of sizes that are known: a band of lines of some channels is
// copied with its padding, in phases where there are strides, and convolved as it lies there.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/integer_filters.hpp"
#include "device/cpu/jit/integer_padded.hpp"
#include "device/cpu/moves.hpp"

namespace hone::cpu {
namespace integer_padded_kernel {
namespace {

constexpr int64_t kRoom = 16 * 1024;  // bytes of a band of channels: half of a first-level cache
constexpr int64_t kMargin = 64;       // that are read or written beyond
constexpr int64_t kMostChannels = 64;
constexpr int64_t kVector = IntegerPadded::kAtOnce;

std::optional<ConvGeometry> geometry_of(const Filters& filters, const IntegerChain& chain) {
  const auto in = known_sizes(chain.operand(chain.places.x));
  const auto out = known_sizes(chain.anchor->output());
  if (!in || !out) return std::nullopt;
  return ConvGeometry(filters, *in, *out);
}

/// How bands lie in memory: [phase of lines][phase of columns][line][column].
struct Bands {
  ConvGeometry g;
  int64_t lines = 1, count = 1;                                // of outputs in a band; bands
  int64_t pitch = 1, phase_lines = 1, phase = 1, channel = 1;  // the last two: bytes
  bool flat = false;  // a band of short lines is one line, with what lies between them

  Bands(const ConvGeometry& geometry, int64_t workers, int64_t channels) : g(geometry) {
    pitch = g.columns + (g.x.kernel - 1) * g.x.dilation / g.x.stride;
    flat = g.columns < kVector;
    const int64_t beyond = (g.y.kernel - 1) * g.y.dilation / g.y.stride;
    const int64_t fitting =
        (kRoom / (g.y.stride * g.x.stride) - kVector) / std::max<int64_t>(1, pitch) - beyond;
    const int64_t wanted = workers == 1 ? 1 : ceil_div(4 * workers, std::max<int64_t>(1, channels));
    count = std::clamp(wanted, ceil_div(g.rows, std::max<int64_t>(1, fitting)),
                       std::max<int64_t>(1, g.rows));
    lines = ceil_div(std::max<int64_t>(1, g.rows), count);
    count = ceil_div(std::max<int64_t>(1, g.rows), lines);
    phase_lines = lines + beyond;
    phase = phase_lines * pitch + kVector;  // vectors reach over the end of the last line
    channel = phase * g.y.stride * g.x.stride;
  }
  bool fits() const { return channel <= kRoom; }
  int64_t channels_at_once() const {
    return std::clamp<int64_t>(kRoom / channel, 1, kMostChannels);
  }
  /// Where each tap reads, line by line of the window.
  std::vector<int32_t> taps() const {
    std::vector<int32_t> places;
    for (int64_t y = 0; y < g.y.kernel; ++y)
      for (int64_t x = 0; x < g.x.kernel; ++x) {
        const int64_t down = y * g.y.dilation, right = x * g.x.dilation;
        const int64_t of = down % g.y.stride * g.x.stride + right % g.x.stride;
        places.push_back(
            static_cast<int32_t>(of * phase + down / g.y.stride * pitch + right / g.x.stride));
      }
    return places;
  }
};

std::optional<Bands> bands_of(const Problem& problem, const IntegerChain& chain) {
  const Filters filters = filters_of(problem, chain);
  const auto g = geometry_of(filters, chain);
  if (!g || g->x.stride > 2 || g->y.stride > 2) return std::nullopt;
  return Bands(*g, problem.share.workers, filters.group);
}

Verdict supports(const Problem& problem) {
  const auto chain = integer_conv_chain(problem);
  if (!chain) return Verdict::no("convolves integers of 8 bits only");
  const Weight* weight = weight_of(problem, *chain);
  if (weight == nullptr || weight->count() == 0) return Verdict::no("the weight is no constant");
  if (weight->shape().size() != 3 && weight->shape().size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  if (isa() != Isa::avx2) return Verdict::no("AVX2 only");
  const Filters filters = filters_of(problem, *chain);
  if (filters.count != 1 || filters.depth != filters.taps() ||
      filters.taps() > static_cast<int64_t>(IntegerPadded::kMostTaps))
    return Verdict::no("one filter a channel, of a small window, only");
  const IntegerForm form = integer_form(problem, *chain, IntegerForm::Kind::filters, {});
  if (!form.quantizes() || chain->sum != nullptr)
    return Verdict::no("a sum follows, or nothing is quantized");
  const auto bands = bands_of(problem, *chain);
  if (!bands || !bands->fits()) return Verdict::no("sizes that are open, or long lines or strides");
  return verdict_on(problem, *chain, form, filters.group, filters.depth);
}

/// [channel][pairs of taps], two words each, then the sum of each channel's.
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const IntegerChain chain = *integer_conv_chain(problem);
  const Filters filters = filters_of(problem, chain);
  const std::vector<int16_t> values =
      centered_weight(weight, constant_of(problem, chain.operand(chain.places.w_zero)),
                      filters.depth, filters.group);
  const int64_t pairs = ceil_div(filters.depth, int64_t{2});
  Tensor packed(DType::i32, {filters.group * (pairs + 1)});
  auto* to = reinterpret_cast<uint32_t*>(packed.mutable_bytes().data());
  std::fill_n(to, packed.count(), 0U);
  auto* sums = reinterpret_cast<int32_t*>(to + filters.group * pairs);
  for (int64_t i = 0; i < std::ssize(values); ++i) {
    const int64_t channel = i / filters.depth, tap = i % filters.depth;
    const uint32_t word = static_cast<uint16_t>(values[static_cast<size_t>(i)]);
    to[channel * pairs + tap / 2] |= tap % 2 == 0 ? word : word << 16;
    sums[channel] += values[static_cast<size_t>(i)];
  }
  return packed;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const IntegerChain chain = *integer_conv_chain(*problem);
  const Filters filters = filters_of(*problem, chain);
  made.seconds =
      typical_count(*problem, chain.anchor->output()->type) *
      (1e-10 + 0.75 * static_cast<double>(filters.depth) / problem->target->cached_per_second);
  made.scratch_bytes =
      worker_scratch(problem->share, Dim(2 * (kRoom + kMargin) / int64_t{sizeof(float)}));
  const Weight* zero = constant_of(*problem, chain.operand(chain.places.w_zero));
  if (const int input = Source(*problem, chain.operand(chain.places.weight)).input(); input >= 0)
    made.packings.push_back(
        {static_cast<size_t>(input),
         cat("conv.integer_padded/zero=", zero == nullptr ? Hash{} : zero->hash()), pack_filters});
  made.problem = std::move(problem);
  return made;
}

typedef uint8_t Bytes __attribute__((vector_size(16), aligned(1), may_alias));

/// Lines of the input with what stands around them. Vectors are written over the ends of lines:
/// what follows is written later.
struct LineWriter {
  Bytes outside{}, flip{};
  const uint8_t* end = nullptr;  // of what may be read

  void pad(int64_t count, uint8_t* to) const {
    for (int64_t i = 0; i < count; i += kVector) *reinterpret_cast<Bytes*>(to + i) = outside;
  }
  Bytes read(const uint8_t* from) const {
    if (from + kVector <= end) return *reinterpret_cast<const Bytes*>(from) ^ flip;
    Bytes some{};
    for (int64_t i = 0; i < end - from; ++i) some[i] = from[i];
    return some ^ flip;
  }
  /// `before` elements outside, `count` of the line, the rest outside: `pitch` in all.
  void line(const uint8_t* from, int64_t before, int64_t count, int64_t pitch, uint8_t* to) const {
    pad(before, to);
    for (int64_t i = 0; i < count; i += kVector)
      *reinterpret_cast<Bytes*>(to + before + i) = read(from + i);
    pad(pitch - before - count, to + before + count);
  }
  /// The same of every second element of `count`, and of the others.
  void two_lines(const uint8_t* from, int64_t before, int64_t count, int64_t pitch, uint8_t* even,
                 uint8_t* odd) const {
    if (before % 2 != 0) std::swap(even, odd);
    const int64_t starts[] = {before / 2, (before + 1) / 2};
    const int64_t most[] = {pitch - starts[0], pitch - starts[1]};
    const int64_t counts[] = {std::min((count + 1) / 2, most[0]), std::min(count / 2, most[1])};
    pad(starts[0], even), pad(starts[1], odd);
    for (int64_t i = 0; i < counts[0]; i += kVector) {
      const Bytes a = read(from + 2 * i), b = read(from + 2 * i + kVector);
      *reinterpret_cast<Bytes*>(even + starts[0] + i) =
          __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
      *reinterpret_cast<Bytes*>(odd + starts[1] + i) =
          __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    }
    pad(most[0] - counts[0], even + starts[0] + counts[0]);
    pad(most[1] - counts[1], odd + starts[1] + counts[1]);
  }
};

struct IntegerPaddedShared final : Shared<IntegerPaddedShared> {
  IntegerPaddedShared(const Problem& problem, const IntegerChain& chain)
      : filters(filters_of(problem, chain)),
        bands(*bands_of(problem, chain)),
        input(problem, chain.operand(chain.places.x)),
        follow(problem, chain, filters.group, IntegerForm::Groups::bytes),
        workers(problem.share.workers) {
    const bool is_signed = chain.anchor->output()->type.tensor().dtype == DType::i8;
    kernel = IntegerPadded::of({bands.taps(), is_signed});
    check(kernel != nullptr, Code::internal, "no code can be generated any more");
  }

  Filters filters;
  Bands bands;
  Source input;
  IntegerFollow follow;
  int workers;
  Tensor weights;  // as pack_filters() lays them out
  std::shared_ptr<const IntegerPadded> kernel;

  int64_t geometry(const Operands& operands) const { return input.shape(operands)[0]; }

  void run(int64_t images, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    const int64_t group = filters.group, most = ceil_div(group, 4 * int64_t{workers});
    const int64_t some = std::min(bands.channels_at_once(), workers == 1 ? group : most);
    const int64_t chunks = ceil_div(group, some);
    stream.parallel(images * chunks * bands.count, [&](int64_t tile) {
      const int64_t chunk = tile / bands.count % chunks;
      auto* room = reinterpret_cast<uint8_t*>(
          scratch_of(scratch, 2 * (kRoom + kMargin) / int64_t{sizeof(float)}));
      run_band(operands, tile / bands.count / chunks, chunk * some,
               std::min(group, (chunk + 1) * some), tile % bands.count, room);
    });
  }

  /// A band of channels [begin, end) of an image.
  void run_band(const Operands& operands, int64_t index, int64_t begin, int64_t end, int64_t band,
                uint8_t* room) const {
    const ConvGeometry& g = bands.g;
    const int64_t first = band * bands.lines, lines = std::min(bands.lines, g.rows - first);
    const int64_t plane = index * filters.group + begin;
    const int32_t zero = follow.zero_of_x(operands);
    fill(operands, plane, end - begin, first, zero, room);
    const int64_t pairs = ceil_div(filters.depth, int64_t{2});
    const auto* numbers = reinterpret_cast<const int32_t*>(weights.bytes().data());
    int32_t bias[kMostChannels];
    follow.biases(begin, end - begin, zero, numbers + filters.group * pairs + begin, bias);
    IntegerCall parameters;
    follow.prepare(parameters);
    IntegerPaddedCall call;
    call.in = room;
    call.weights = numbers + begin * pairs;
    call.bias = bias;
    call.scale = follow.scales(begin);
    call.channels = end - begin;
    call.in_bytes = bands.channel;
    call.low = parameters.low;
    call.high = parameters.high;
    call.zero = parameters.zero;
    std::byte* to = operands.outputs[0].data + plane * g.pixels() + first * g.columns;
    if (!bands.flat) {
      call.lines = lines;
      call.last = g.columns - kVector;
      call.in_line = bands.pitch;
      call.out = reinterpret_cast<uint8_t*>(to);
      call.out_line = g.columns;
      call.out_bytes = g.pixels();
      return (*kernel)(call);
    }
    const int64_t length = (lines - 1) * bands.pitch + g.columns;
    call.lines = 1;
    call.last = std::max<int64_t>(0, length - kVector);
    call.out = room + kRoom + kMargin;
    call.out_bytes = std::max(length, kVector);
    (*kernel)(call);
    for (int64_t channel = 0; channel < call.channels; ++channel)
      for (int64_t line = 0; line < lines; ++line)
        copy_few(reinterpret_cast<const std::byte*>(call.out + channel * call.out_bytes +
                                                    line * bands.pitch),
                 g.columns, to + channel * g.pixels() + line * g.columns);
  }

  /// What the outputs of lines from `first` on read of some channels.
  void fill(const Operands& operands, int64_t plane, int64_t channels, int64_t first, int32_t zero,
            uint8_t* to) const {
    const ConvGeometry& g = bands.g;
    const auto* from = input.as<uint8_t>(operands);
    LineWriter writer;
    writer.outside += static_cast<uint8_t>(zero);
    if (follow.is_signed()) writer.flip += uint8_t{0x80};
    writer.end = from + element_count(input.shape(operands));
    from += plane * g.height * g.width;
    const int64_t left = g.x.start(0),
                  before = std::clamp<int64_t>(-left, 0, bands.pitch * g.x.stride);
    const int64_t skipped = std::max<int64_t>(left, 0);
    const int64_t count =
        std::clamp<int64_t>(g.width - skipped, 0, bands.pitch * g.x.stride - before);
    for (int64_t channel = 0; channel < channels; ++channel, from += g.height * g.width)
      for (int64_t phase = 0; phase < g.y.stride; ++phase, to += g.x.stride * bands.phase)
        for (int64_t line = 0; line < bands.phase_lines; ++line) {
          const int64_t y = g.y.start(first + line) + phase;
          const bool inside = y >= 0 && y < g.height;
          const uint8_t* source = from + (inside ? y * g.width + skipped : 0);
          uint8_t* at = to + line * bands.pitch;
          if (g.x.stride == 1)
            writer.line(source, inside ? before : 0, inside ? count : 0, bands.pitch, at);
          else
            writer.two_lines(source, inside ? before : 0, inside ? count : 0, bands.pitch, at,
                             at + bands.phase);
        }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return prepared_convolution<IntegerPaddedShared>(recipe, std::move(packed), pack_filters);
}

}  // namespace
}  // namespace integer_padded_kernel

void register_integer_padded(KernelRegistry& registry) {
  using namespace integer_padded_kernel;
  registry.add({"cpu.conv.integer_padded", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
