// Depthwise QLinearConv by kernels that read planes as they lie, without copies: one filter a
// channel, sizes that are known.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/chain.hpp"
#include "device/cpu/depthwise_plan.hpp"
#include "device/cpu/integer_filters.hpp"
#include "device/cpu/jit/integer_planes.hpp"

namespace hone::cpu {
namespace integer_planes_kernel {
namespace {

constexpr int64_t kChannelVectors = 2048;  // of outputs that a worker takes at a time
constexpr int64_t kAtOnce = 64;            // channels, at most

std::optional<ConvGeometry> geometry_of(const Filters& filters, const IntegerChain& chain) {
  const auto in = known_sizes(chain.operand(chain.places.x));
  const auto out = known_sizes(chain.anchor->output());
  if (!in || !out) return std::nullopt;
  return ConvGeometry(filters, *in, *out);
}

Verdict supports(const Problem& problem) {
  const auto chain = integer_conv_chain(problem);
  if (!chain) return Verdict::no("convolves integers of 8 bits only");
  const Weight* weight = weight_of(problem, *chain);
  if (weight == nullptr || weight->count() == 0) return Verdict::no("the weight is no constant");
  if (weight->shape().size() != 3 && weight->shape().size() != 4)
    return Verdict::no("one or two spatial dimensions only");
  if (isa() != Isa::avx512) return Verdict::no("AVX-512 only");
  const Filters filters = filters_of(problem, *chain);
  if (!depthwise_form(filters)) return Verdict::no("one filter a channel, of a small window, only");
  const IntegerForm form = integer_form(problem, *chain, IntegerForm::Kind::filters, {});
  if (!form.quantizes() || chain->sum != nullptr)
    return Verdict::no("a sum follows, or nothing is quantized");
  const auto g = geometry_of(filters, *chain);
  if (!g || !DepthwisePlan::takes(*g)) return Verdict::no("planes that are open or large");
  return verdict_on(problem, *chain, form, filters.group, filters.depth);
}

/// [channel][tap], then the sum of each channel's.
Tensor pack_filters(const Problem& problem, const Tuning&, const Tensor& weight) {
  const IntegerChain chain = *integer_conv_chain(problem);
  const Filters filters = filters_of(problem, chain);
  const std::vector<int16_t> values =
      centered_weight(weight, constant_of(problem, chain.operand(chain.places.w_zero)),
                      filters.depth, filters.group);
  Tensor packed(DType::i32, {filters.group * (filters.depth + 1)});
  auto* to = reinterpret_cast<int32_t*>(packed.mutable_bytes().data());
  int32_t* sums = to + std::ssize(values);
  std::fill_n(sums, filters.group, 0);
  for (int64_t i = 0; i < std::ssize(values); ++i) {
    const int16_t value = values[static_cast<size_t>(i)];
    to[i] = int32_t{static_cast<uint16_t>(value)};  // the upper word is 0
    sums[i / filters.depth] += value;
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
      (5e-11 + 0.5 * static_cast<double>(filters.depth) / problem->target->cached_per_second);
  const Weight* zero = constant_of(*problem, chain.operand(chain.places.w_zero));
  if (const int input = Source(*problem, chain.operand(chain.places.weight)).input(); input >= 0)
    made.packings.push_back(
        {static_cast<size_t>(input),
         cat("conv.integer_planes/zero=", zero == nullptr ? Hash{} : zero->hash()), pack_filters});
  made.problem = std::move(problem);
  return made;
}

struct IntegerPlanesShared final : Shared<IntegerPlanesShared> {
  IntegerPlanesShared(const Problem& problem, const IntegerChain& chain)
      : filters(filters_of(problem, chain)),
        form{*depthwise_form(filters), false, has_vnni()},
        image(*geometry_of(filters, chain)),
        plan(isa(), form.window, image),
        input(problem, chain.operand(chain.places.x)),
        follow(problem, chain, filters.group, IntegerForm::Groups::words),
        workers(problem.share.workers) {
    form.is_signed = follow.is_signed();
    kernel = IntegerPlanes::of(isa(), form);
    check(kernel != nullptr, Code::internal, "no code can be generated any more");
  }

  Filters filters;
  IntegerPlanesForm form;
  ConvGeometry image;
  DepthwisePlan plan;
  Source input;
  IntegerFollow follow;
  int workers;
  Tensor weights;  // as pack_filters() lays them out
  std::shared_ptr<const IntegerPlanes> kernel;

  struct Geometry {
    int64_t images = 0, parts = 1;  // of the vectors of a plane
  };
  Geometry geometry(const Operands& operands) const {
    Geometry g{input.shape(operands)[0], 1};
    if (g.images == 0 || workers == 1) return g;
    g.parts = std::min(plan.vectors, ceil_div(4 * int64_t{workers}, g.images * filters.group));
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const int64_t group = filters.group, most = ceil_div(group, 4 * int64_t{workers});
    const int64_t some =
        std::clamp<int64_t>(kChannelVectors / plan.vectors, 1, std::min(most, kAtOnce));
    const int64_t chunks = ceil_div(group, some);
    stream.parallel(g.images * chunks * g.parts, [&](int64_t tile) {
      const int64_t part = tile % g.parts, chunk = tile / g.parts % chunks;
      const int64_t image_index = tile / g.parts / chunks;
      run_planes(operands, image_index, chunk * some, std::min(group, (chunk + 1) * some),
                 part * plan.vectors / g.parts, (part + 1) * plan.vectors / g.parts);
    });
  }

  /// Vectors [first, last) of the planes of channels [begin, end), at most kAtOnce, of an image.
  void run_planes(const Operands& operands, int64_t index, int64_t begin, int64_t end,
                  int64_t first, int64_t last) const {
    const auto* numbers = reinterpret_cast<const int32_t*>(weights.bytes().data());
    const int32_t* sums = numbers + filters.group * filters.depth;
    const int32_t zero = follow.zero_of_x(operands);
    const int64_t plane = index * filters.group + begin;
    int32_t bias[kAtOnce];
    follow.biases(begin, end - begin, zero, sums + begin, bias);
    for (int64_t i = 0; i < end - begin; ++i) bias[i] -= zero * sums[begin + i];
    IntegerCall parameters;
    follow.prepare(parameters);
    IntegerPlanesCall call;
    call.in_bytes = image.height * image.width;
    call.out_bytes = image.pixels();
    call.row_bytes = image.y.dilation * image.width;
    call.in = input.data(operands) + plane * call.in_bytes;
    call.out = operands.outputs[0].data + plane * call.out_bytes;
    call.weights = numbers + begin * filters.depth;
    call.bias = bias;
    call.scale = follow.scales(begin);
    call.channels = end - begin;
    call.table = plan.table.data() + static_cast<size_t>(first) * plan.entry_bytes;
    call.vectors = last - first;
    call.low = parameters.low;
    call.high = parameters.high;
    call.zero = parameters.zero;
    call.x_zero = form.window.stride == 1 ? zero : (zero & 0xFF) * 0x01010101;
    if (call.channels > 0 && call.vectors > 0) (*kernel)(call);
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor> packed,
                                        hone::Device&) {
  return prepared_convolution<IntegerPlanesShared>(recipe, std::move(packed), pack_filters);
}

}  // namespace
}  // namespace integer_planes_kernel

void register_integer_planes(KernelRegistry& registry) {
  using namespace integer_planes_kernel;
  registry.add({"cpu.conv.integer_planes", 1, supports, no_tunings, recipe, prepare, true});
}

}  // namespace hone::cpu
