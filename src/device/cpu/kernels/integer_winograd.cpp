// 3x3 convolution of 8-bit integers at stride 1 by Winograd's F(4x4, 3x3), exact: see
// IntegerWinogradFunctions in winograd.hpp. 36 products of words where plain sums take 144 of
// bytes. What follows the sums is done by the generated kernels of plain products, without a depth.

#include <algorithm>
#include <cstring>

#include "device/cpu/chain.hpp"
#include "device/cpu/integer_filters.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/winograd_step.hpp"
#include "ops/common/quantization.hpp"

namespace hone::cpu {
namespace integer_winograd_kernel {
namespace {

constexpr int64_t kOut = WinogradPlan::kOut, kIn = WinogradPlan::kIn;
constexpr int64_t kProducts = WinogradPlan::kProducts;
constexpr int64_t kGap = 8;  // bytes that a run of tiles reads beyond its own
constexpr int64_t kMostTiles = WinogradPlan::kMostVectors * 16;  // at a time
// Of the speed that products of plain sums have, as measured; where there is one vector of tiles
// and VNNI, which waits for the weights then.
constexpr double kOfSpeed = 0.78, kOfSpeedAlone = 0.58;
constexpr int kVectors = static_cast<int>(kOut);  // of results, of one vector of tiles

IntegerForm sums_form() { return {.kind = IntegerForm::Kind::filters, .vnni = has_vnni()}; }
/// Of what follows: one row, whose biases are the sums.
IntegerForm follow_form(const Problem& problem, const IntegerChain& chain) {
  IntegerForm form = integer_form(problem, chain, IntegerForm::Kind::matrix, {});
  form.groups = IntegerForm::Groups::words;
  return form;
}

WinogradPlan plan_of(const Problem& problem, const IntegerChain& chain) {
  const std::vector<int64_t>& weight = weight_of(problem, chain)->shape();
  // Lines of sums and scales for a vector of them; of bytes of two channels, a run for each tile.
  return {problem,
          chain.anchor->output()->type.tensor().shape(),
          weight[0],
          ceil_div(weight[1], 2),
          IntegerContraction::lanes(isa()),
          IntegerContraction::most_rows(isa(), sums_form(), WinogradPlan::kVectors),
          {kOut * kOut + kOut, 2 * kIn * (kOut + kGap) / int64_t{sizeof(float)}}};
}

const Weight* zero_of_weight(const Problem& problem, const IntegerChain& chain) {
  return constant_of(problem, chain.operand(chain.places.w_zero));
}

/// No sum of products is larger.
double most_sum(const Problem& problem, const IntegerChain& chain) {
  const Weight& weight = *weight_of(problem, chain);
  const int64_t filters = weight.shape()[0], depth = weight.count() / filters;
  if (weight.is_absent() || weight.is_random()) return static_cast<double>(depth) * 255 * 255;
  const IntegerRange range = integer_range(chain.operand(chain.places.x)->type.tensor().dtype);
  double least = range.least, most = range.most;
  if (const Value* zero = chain.operand(chain.places.x_zero)) {
    const Weight* known = constant_of(problem, zero);
    least -= known == nullptr ? range.most : known->tensor().number(0);
    most -= known == nullptr ? range.least : known->tensor().number(0);
  }
  const std::vector<int16_t> values =
      centered_weight(weight.tensor(), zero_of_weight(problem, chain), depth, filters);
  double greatest = 0;
  for (int64_t filter = 0; filter < filters; ++filter) {
    double positive = 0, negative = 0;
    for (int64_t i = 0; i < depth; ++i) {
      const double value = values[static_cast<size_t>(filter * depth + i)];
      (value > 0 ? positive : negative) += value;
    }
    greatest = std::max(
        {greatest, most * positive + least * negative, -(least * positive + most * negative)});
  }
  return greatest;
}

/// A polynomial with x as coefficients at the nodes, as integers.
void transform_filter(const int* x, int* to) {
  const int near = x[0] + x[2], far = x[0] + 4 * x[2];
  to[0] = 6 * x[0];
  to[1] = near + x[1];
  to[2] = near - x[1];
  to[3] = far + 2 * x[1];
  to[4] = far - 2 * x[1];
  to[5] = 6 * x[2];
}

/// to[product * stride] of one filter[3][3].
void transform_filter(const int16_t* from, int16_t* to, int64_t stride) {
  int columns[3][6], made[6];
  for (int x = 0; x < 3; ++x) {
    const int column[3] = {from[x], from[3 + x], from[6 + x]};
    transform_filter(column, columns[x]);
  }
  for (int row = 0; row < kIn; ++row) {
    const int line[3] = {columns[0][row], columns[1][row], columns[2][row]};
    transform_filter(line, made);
    for (int column = 0; column < kIn; ++column)
      to[(row * kIn + column) * stride] = static_cast<int16_t>(made[column]);
  }
}

/// Blocks of filters, of one product after the other.
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const IntegerChain chain = *integer_conv_chain(problem);
  const WinogradPlan plan = plan_of(problem, chain);
  const int64_t channels = weight.shape()[1], all = plan.filters * channels;
  const std::vector<int16_t> values =
      centered_weight(weight, zero_of_weight(problem, chain), channels * 9, plan.filters);
  std::vector<int16_t> factors(static_cast<size_t>(kProducts * all));
  for (int64_t i = 0; i < all; ++i)
    transform_filter(values.data() + i * 9, factors.data() + i, all);
  IntegerPacking packing{{}, plan.depth, 2, false};
  for (int64_t i = 0; i < kProducts * plan.blocks(); ++i) {
    const int64_t block = i % plan.blocks();
    packing.rows.push_back(plan.first(block + 1) - plan.first(block));
  }
  // Zero points are taken off x, so that nobody wants the sums of the weights.
  const std::vector<int32_t> sums(static_cast<size_t>(kProducts * plan.filters));
  return IntegerWeights::packed(packing, sums, [&](int64_t row, std::span<int16_t> to) {
    std::copy_n(factors.data() + row * channels, channels, to.data());
  });
}

Verdict supports(const Problem& problem) {
  const auto chain = integer_conv_chain(problem);
  if (!chain) return Verdict::no("convolves integers of 8 bits only");
  const Weight* weight = weight_of(problem, *chain);
  if (weight == nullptr || weight->count() == 0) return Verdict::no("the weight is no constant");
  const Filters filters = filters_of(problem, *chain);
  if (const char* why = winograd_refusal(filters.window, filters.group, weight->shape()))
    return Verdict::no(why);
  const int64_t depth = weight->count() / weight->shape()[0];
  Verdict verdict = verdict_on(problem, *chain, sums_form(), weight->shape()[0], depth);
  if ((verdict.yes || !verdict.up_to.empty()) && most_sum(problem, *chain) >= kIntegerWinogradMost)
    return Verdict::no("sums may leave 26 bits");
  return verdict;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const IntegerChain chain = *integer_conv_chain(*problem);
  const WinogradPlan plan = plan_of(*problem, chain);
  const auto channels = static_cast<double>(2 * plan.depth);
  const auto filters = static_cast<double>(plan.filters);
  // The products, which are of short depth, the transforms, and the factors, which come from memory
  // once.
  const double factors = double{kProducts} * channels * filters;
  const Dim& images = chain.anchor->output()->type.tensor().shape()[0];
  const bool alone =
      plan.typical_tiles <= typical(*problem, images) * static_cast<double>(plan.lanes);
  const double share = has_vnni() && alone ? kOfSpeedAlone : kOfSpeed;
  made.seconds = plan.typical_tiles *
                     (2 * factors / (share * integer_speed(*problem, sums_form())) +
                      450 * channels + 1150 * filters) /
                     (4 * problem->target->flops_per_second) +
                 2 * factors / (4 * problem->target->bytes_per_second);
  made.scratch_bytes = worker_scratch(problem->share, Dim(plan.floats()));
  const Weight* zero = zero_of_weight(*problem, chain);
  if (const int input = Source(*problem, chain.operand(chain.places.weight)).input(); input >= 0)
    made.packings.push_back({static_cast<size_t>(input),
                             cat("conv.integer_winograd/", packing_text(sums_form()), "/blocks=",
                                 plan.count, "/zero=", zero == nullptr ? Hash{} : zero->hash()),
                             pack_filters});
  made.problem = std::move(problem);
  return made;
}

struct IntegerWinogradShared final : WinogradStep<IntegerWinogradShared> {
  IntegerForm form;  // of what follows
  Window window;
  int64_t channels;
  Source input, added;
  IntegerFollow follow;
  IntegerWeights weights;
  std::shared_ptr<const IntegerContraction> kernels, following;
  const IntegerWinogradFunctions& functions = integer_winograd_functions();
  std::vector<int32_t> zeros;  // biases of the products

  IntegerWinogradShared(const Problem& problem, const IntegerChain& chain)
      : WinogradStep(plan_of(problem, chain), problem.share.workers),
        form(follow_form(problem, chain)),
        window(filters_of(problem, chain).window),
        channels(weight_of(problem, chain)->shape()[1]),
        input(problem, chain.operand(chain.places.x)),
        added(problem, chain.added_value()),
        follow(problem, chain, plan.filters, IntegerForm::Groups::words),
        kernels(IntegerContraction::of(isa(), sums_form(), WinogradPlan::kVectors)),
        following(IntegerContraction::of(isa(), form, kVectors)),
        zeros(IntegerContraction::kMostRows) {
    check(kernels != nullptr && following != nullptr, Code::internal,
          "no code can be generated any more");
  }

  Geometry geometry(const Operands& operands) const {
    return {plan, window, input.shape(operands), operands.outputs[0].shape, workers};
  }

  /// to[product][pair of channels][tile] of a chunk of tiles of an image; `work` is the worker's
  /// own.
  void transform_input(const Geometry& g, const Operands& operands, int64_t area,
                       const Range& pairs, float* work, float* to) const {
    const int64_t chunk = area % g.chunks, image = area / g.chunks;
    const int64_t plane = g.y.input * g.x.input, line = g.stride * (kOut + kGap);
    const auto* from = input.as<std::byte>(operands) + image * channels * plane;
    auto* bytes = reinterpret_cast<std::byte*>(plan.lines_of(work));
    const auto* own = reinterpret_cast<const unsigned char*>(bytes);
    const IntegerWinogradLines lines{own, own + kIn * line, line, follow.is_signed(),
                                     follow.zero_of_x(operands)};
    int32_t places[kMostTiles];
    find_places(g, chunk, places);
    const uint8_t padding = follow.stored_zero_of_x(operands);
    for (int64_t pair = pairs.begin; pair < pairs.end; ++pair) {
      copy_lines(g, chunk, from + 2 * pair * plane, padding, places, bytes);
      // A channel that is not there has factors of zero.
      copy_lines(g, chunk, from + std::min(2 * pair + 1, channels - 1) * plane, padding, places,
                 bytes + kIn * line);
      functions.input(lines, places, g.stride / plan.lanes,
                      reinterpret_cast<unsigned*>(to) + pair * g.stride,
                      plan.step(plan.depth, g.stride));
    }
  }

  /// In its lines, for each tile of a chunk. Those that are not there follow the last one.
  static void find_places(const Geometry& g, int64_t chunk, int32_t* places) {
    int64_t runs = 0;
    g.each_run(g.first(chunk), g.size(chunk), [&](int64_t at, int64_t, int64_t, int64_t run) {
      for (int64_t i = at; i < at + run; ++i)
        places[i] = static_cast<int32_t>(i * kOut + runs * kGap);
      ++runs;
    });
    for (int64_t i = g.size(chunk); i < g.stride; ++i)
      places[i] = places[i - 1] + static_cast<int32_t>(kOut);
  }

  /// What the tiles of a chunk see of a channel.
  static void copy_lines(const Geometry& g, int64_t chunk, const std::byte* plane, uint8_t padding,
                         const int32_t* places, std::byte* lines) {
    const int64_t line = g.stride * (kOut + kGap);
    const uint32_t padded = padding * 0x01010101U;
    g.each_run(g.first(chunk), g.size(chunk), [&](int64_t at, int64_t y, int64_t x, int64_t run) {
      // Bytes [begin, end) lie in the input; other groups of four are padded, all or in part.
      const int64_t start = g.x.start(x), groups = run + 1;
      const int64_t begin = std::clamp<int64_t>(-start, 0, groups * kOut);
      const int64_t end = std::clamp(g.x.input - start, begin, groups * kOut);
      std::byte* to = lines + places[at];
      for (int64_t i = 0; i < kIn; ++i, to += line) {
        const int64_t row = g.y.start(y) + i;
        const bool inside = row >= 0 && row < g.y.input;
        for (int64_t group = 0; group < (inside ? (begin + kOut - 1) / kOut : groups); ++group)
          std::memcpy(to + group * kOut, &padded, sizeof padded);
        if (!inside) continue;
        for (int64_t group = end / kOut; group < groups; ++group)
          std::memcpy(to + group * kOut, &padded, sizeof padded);
        copy_few(plane + row * g.x.input + start + begin, end - begin, to + begin);
      }
    });
  }

  IntegerCall call(const Geometry& g) const {
    IntegerCall call;
    call.groups = plan.depth;
    call.b_offsets = g.offsets.data();
    call.bias = zeros.data();
    return call;
  }
  const int32_t* factors(int64_t product, int64_t block) const {
    return weights.block(product * plan.blocks() + block);
  }
  /// Tiles that are not there are multiplied as well.
  void multiply(const IntegerCall& call, int rows, int vectors, int64_t) const {
    kernels->function(rows, vectors)(&call);
  }

  /// Results of `some` of the `filters` that the products are of.
  void transform_output(const Geometry& g, const Operands& operands, int64_t area,
                        const Range& filters, const Range& some, const float* from,
                        float* lines) const {
    const int64_t step = plan.step(filters.end - filters.begin, g.stride);
    const int64_t plane = g.y.output * g.x.output;
    const int64_t chunk = area % g.chunks, image = area / g.chunks, count = g.size(chunk);
    float* scales = lines + kOut * kOut * plan.lanes;
    auto* sums = reinterpret_cast<int32_t*>(lines);
    const void* no_row = nullptr;
    IntegerCall call;
    follow.prepare(call);
    call.a_rows = &no_row;
    call.scale = scales;
    for (int64_t filter = some.begin; filter < some.end; ++filter) {
      int32_t bias = 0;
      follow.biases(filter, 1, 0, weights.sums(), &bias);
      std::fill_n(scales, kOut * plan.lanes, *follow.scales(filter));
      const int64_t place = (image * plan.filters + filter) * plane;
      for (int64_t tile = 0; tile < count; tile += plan.lanes) {
        const float* products = from + (filter - filters.begin) * g.stride + tile;
        functions.output(reinterpret_cast<const unsigned*>(products), step, bias, sums);
        g.each_run(g.first(chunk) + tile, std::min(plan.lanes, count - tile),
                   [&](int64_t at, int64_t y, int64_t x, int64_t run) {
                     finish(g, operands, place, {at, y, x, run}, sums, call);
                   });
      }
    }
  }

  struct Run {
    int64_t at, y, x, tiles;
  };
  /// Rows of pixels of a run of tiles, of the plane at `place`.
  void finish(const Geometry& g, const Operands& operands, int64_t place, const Run& run,
              const int32_t* sums, IntegerCall& call) const {
    const int64_t length = std::min(run.tiles * kOut, g.x.output - run.x);
    const int vectors = static_cast<int>((length + plan.lanes - 1) / plan.lanes);
    for (int64_t i = 0; i < std::min(kOut, g.y.output - run.y); ++i) {
      const int64_t pixel = place + (run.y + i) * g.x.output + run.x;
      call.bias = sums + (i * plan.lanes + run.at) * kOut;
      call.c = operands.outputs[0].data + pixel * form.result_bytes();
      if (added.present()) call.added = added.data(operands) + pixel;
      following->run(call, 1, vectors, length);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return prepared_convolution<IntegerWinogradShared>(recipe, std::move(packed), pack_filters);
}

}  // namespace
}  // namespace integer_winograd_kernel

void register_integer_winograd(KernelRegistry& registry) {
  using namespace integer_winograd_kernel;
  registry.add({"cpu.conv.integer_winograd", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
