// Pooling over one or two spatial axes: each kernel element updates a line of results.

#include "ops/pooling.hpp"

#include <algorithm>

#include "base/size.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/step.hpp"

namespace hone::cpu {
namespace {

struct Fields {
  Window window;
  bool ceil_mode = false, average = false, count_padding = false;
};
std::optional<Fields> fields_of(const Problem& problem) {
  if (const auto* op = op_of<MaxPool>(problem)) return Fields{op->window, op->ceil_mode};
  if (const auto* op = op_of<AveragePool>(problem))
    return Fields{op->window, op->ceil_mode, true, op->count_include_pad};
  return std::nullopt;
}

Verdict supports(const Problem& problem) {
  const auto fields = fields_of(problem);
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
  double taps = 1;
  const Fields fields = *fields_of(*problem);
  for (const int64_t size : fields.window.kernel_shape) taps *= static_cast<double>(size);
  made.seconds = streaming_seconds(*problem, 2 * taps);
  made.problem = std::move(problem);
  return made;
}

struct PoolShared final : Shared<PoolShared> {
  Fields fields;
  DType dtype = DType::f32;

  struct Geometry {
    int64_t planes = 0;  // 0: nothing to do
    WindowAxis y = kNoAxis, x = kNoAxis;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = operands.inputs[0].shape, &out = operands.outputs[0].shape;
    if (element_count(out) == 0) return {};
    const auto axis = [&](size_t at) {
      return window_axis_of(fields.window, at, in[at + 2], out[at + 2],
                            fields.window.kernel_shape[at], fields.ceil_mode);
    };
    const int64_t planes = in[0] * in[1];
    if (in.size() == 3) return {planes, kNoAxis, axis(0)};
    return {planes, axis(0), axis(1)};
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    if (dtype == DType::f32) run_typed<float>(g, operands, stream);
    else if (dtype == DType::u8) run_typed<uint8_t>(g, operands, stream);
    else run_typed<int8_t>(g, operands, stream);
  }

  template <class T>
  void run_typed(const Geometry& g, const Operands& operands, Stream& stream) const {
    const T* in = operands.inputs[0].as<T>();
    T* out = operands.outputs[0].as<T>();
    const WindowAxis &y = g.y, &x = g.x;
    constexpr int64_t kTile = 4 * 1024;  // results that one worker takes at a time
    parallel_ranges(stream, g.planes * y.output, kTile / x.output,
                    [&](int64_t first, int64_t last) {
                      for (int64_t line = first; line < last; ++line) {
                        const int64_t row = line % y.output;
                        const T* from = in + line / y.output * y.input * x.input;
                        T* to = out + line * x.output;
                        std::fill_n(to, x.output, start<T>());
                        const Taps inside = y.taps(row);
                        for (int64_t tap = inside.first; tap < inside.last; ++tap)
                          add_line(x, from + (y.start(row) + tap * y.dilation) * x.input, to);
                        if (fields.average) divide(y, x, row, to);
                      }
                    });
  }

  template <class T>
  T start() const {
    if constexpr (std::is_floating_point_v<T>)
      return fields.average ? 0 : -std::numeric_limits<T>::infinity();
    else return std::numeric_limits<T>::lowest();
  }

  template <class T>
  void add_line(const WindowAxis& x, const T* from, T* to) const {
    for (int64_t tap = 0; tap < x.kernel; ++tap) {
      const Taps results = x.outputs(tap);
      const T* source = from + x.start(0) + tap * x.dilation;
      if (fields.average) {
        for (int64_t i = results.first; i < results.last; ++i)
          to[i] = static_cast<T>(to[i] + source[i * x.stride]);
      } else if (x.stride == 1) {
        for (int64_t i = results.first; i < results.last; ++i) to[i] = greater(to[i], source[i]);
      } else {
        for (int64_t i = results.first; i < results.last; ++i)
          to[i] = greater(to[i], source[i * x.stride]);
      }
    }
  }

  /// NaN wins.
  template <class T>
  static T greater(T known, T next) {
    return next > known || next != next ? next : known;
  }

  template <class T>
  void divide(const WindowAxis& y, const WindowAxis& x, int64_t row, T* to) const {
    const Taps in_y = y.taps(row);
    const int64_t lines = fields.count_padding ? y.padded_taps(row) : in_y.last - in_y.first;
    for (int64_t i = 0; i < x.output; ++i) {
      const Taps in_x = x.taps(i);
      const int64_t count =
          lines * (fields.count_padding ? x.padded_taps(i) : in_x.last - in_x.first);
      to[i] = count == 0 ? T{0} : static_cast<T>(to[i] / static_cast<T>(count));
    }
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>) {
  auto shared = std::make_shared<PoolShared>();
  shared->fields = *fields_of(*recipe.problem);
  shared->dtype = operand_type(*recipe.problem, 0)->dtype;
  return shared;
}

}  // namespace

void register_pool(KernelRegistry& registry) {
  registry.add({"cpu.pool", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
