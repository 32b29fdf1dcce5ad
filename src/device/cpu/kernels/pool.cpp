// Pooling over one or two spatial axes. Floats: over bands in a frame, a vector of results at a
// time. 8-bit integers: each kernel element updates a line of results.

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/bytes.hpp"
#include "device/cpu/pooling.hpp"

namespace hone::cpu {
namespace {

Verdict supports(const Problem& problem) {
  const auto fields = pool_fields(problem);
  if (!fields) return Verdict::no("MaxPool and AveragePool only");
  if (region_input(problem, 0) < 0) return Verdict::no("the operand is a literal");
  const TensorType* x = operand_type(problem, 0);
  if (!x->has_rank() || (x->rank() != 3 && x->rank() != 4))
    return Verdict::no("one or two spatial dimensions only");
  const bool bytes = x->dtype == DType::u8 || x->dtype == DType::i8;
  if (x->dtype != DType::f32 && (fields->average || !bytes))
    return Verdict::no("f32 only; maxima of 8-bit integers too");
  if (wanted_output(problem, 1) >= 0) return Verdict::no("the places of the maxima are wanted");
  return {};
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const PoolFields fields = *pool_fields(*problem);
  made.seconds = streaming_seconds(*problem, 2 * fields.taps());
  const TensorType& x = *operand_type(*problem, 0);
  if (x.dtype == DType::f32)
    made.scratch_bytes = worker_scratch(
        problem->share, band_floats(fields.window, x.shape().back(), fields.window.kernel_shape));
  made.problem = std::move(problem);
  return made;
}

struct PoolShared final : Shared<PoolShared> {
  PoolFields fields;
  DType dtype = DType::f32;

  int64_t workers = 1;

  struct Geometry {
    int64_t planes = 0;  // 0: nothing to do
    BandLayout band;
    std::vector<long> offsets;
    int64_t grain = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = operands.inputs[0].shape, &out = operands.outputs[0].shape;
    if (element_count(out) == 0) return {};
    const auto axis = [&](size_t at) { return fields.axis(at, in, out); };
    const bool line = in.size() == 3;
    Geometry g{in[0] * in[1], BandLayout(line ? kNoAxis : axis(0), axis(line ? 0 : 1)), {}, 1};
    g.offsets = g.band.offsets();
    g.grain = g.band.grain(g.planes, workers);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
           Stream& stream) const {
    if (g.planes == 0) return;
    if (dtype == DType::u8) run_bytes<uint8_t>(g, operands, stream);
    else if (dtype == DType::i8) run_bytes<int8_t>(g, operands, stream);
    else run_floats(g, operands, scratch, stream);
  }

  void run_floats(const Geometry& g, const Operands& operands, std::span<std::byte> scratch,
                  Stream& stream) const {
    const SlideFunctions& functions = slide_functions();
    const float frame = fields.frame();
    const WindowAxis& y = g.band.y;
    const std::vector<float> whole =
        fields.average ? divisors(g.band.x, y.kernel) : std::vector<float>();
    each_band(g.band, g.offsets, g.planes, g.grain, operands.inputs[0].as<float>(),
              operands.outputs[0].as<float>(), frame, scratch, stream,
              [&](int64_t, int64_t first, const Slide& slide) {
                if (!fields.average) return functions.max(slide);
                functions.sum(slide);
                for (int64_t row = 0; row < slide.rows; ++row) {
                  const int64_t lines = fields.elements(y, first + row);
                  float* sums = slide.to + row * slide.count;
                  if (lines == y.kernel) functions.divide(slide.count, whole.data(), sums);
                  else functions.divide(slide.count, divisors(g.band.x, lines).data(), sums);
                }
              });
  }

  /// What the sums of a row are divided by; 1 where a window has no element.
  std::vector<float> divisors(const WindowAxis& x, int64_t lines) const {
    std::vector<float> all;
    for (int64_t i = 0; i < x.output; ++i)
      all.push_back(static_cast<float>(std::max<int64_t>(1, lines * fields.elements(x, i))));
    return all;
  }

  template <class T>
  void run_bytes(const Geometry& g, const Operands& operands, Stream& stream) const {
    const T* in = operands.inputs[0].as<T>();
    T* out = operands.outputs[0].as<T>();
    const WindowAxis &y = g.band.y, &x = g.band.x;
    constexpr int64_t kTile = 4 * 1024;  // results that one worker takes at a time
    parallel_ranges(stream, g.planes * y.output, kTile / x.output,
                    [&](int64_t first, int64_t last) {
                      for (int64_t line = first; line < last; ++line) {
                        const int64_t row = line % y.output;
                        const T* from = in + line / y.output * y.input * x.input;
                        T* to = out + line * x.output;
                        std::fill_n(to, x.output, std::numeric_limits<T>::lowest());
                        const Taps inside = y.taps(row);
                        for (int64_t tap = inside.first; tap < inside.last; ++tap)
                          add_line(x, from + (y.start(row) + tap * y.dilation) * x.input, to);
                      }
                    });
  }

  template <class T>
  static void add_line(const WindowAxis& x, const T* from, T* to) {
    for (int64_t tap = 0; tap < x.kernel; ++tap) {
      const Taps results = x.outputs(tap);
      const T* source = from + x.start(0) + tap * x.dilation + results.first * x.stride;
      byte_functions().raise(
          results.last - results.first, reinterpret_cast<const unsigned char*>(source), x.stride,
          std::is_signed_v<T>, reinterpret_cast<unsigned char*>(to) + results.first);
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<PoolShared>();
  shared->fields = *pool_fields(*recipe.problem);
  shared->workers = recipe.problem->share.workers;
  shared->dtype = operand_type(*recipe.problem, 0)->dtype;
  return shared;
}

}  // namespace

void register_pool(KernelRegistry& registry) {
  registry.add({"cpu.pool", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
