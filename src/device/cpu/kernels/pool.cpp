// Pooling over one to three spatial axes. Floats: the lines that a line of results reads become
// one, element by element, whose windows become the results; both a vector at a time. 8-bit
// integers: each kernel element updates a line of results.

#include <algorithm>
#include <map>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/bytes.hpp"
#include "device/cpu/pooling.hpp"

namespace hone::cpu {
namespace pool_kernel {
namespace {

Verdict supports(const Problem& problem) {
  const auto fields = pool_fields(problem);
  if (!fields) return Verdict::no("MaxPool and AveragePool only");
  const TensorType* x = operand_type(problem, 0);
  if (!x->has_rank() || x->rank() < 3 || x->rank() > 5)
    return Verdict::no("one to three spatial dimensions only");
  const bool bytes = (x->dtype == DType::u8 || x->dtype == DType::i8) && x->rank() < 5;
  if (x->dtype != DType::f32 && (fields->average || !bytes))
    return Verdict::no("f32 only; maxima of 8-bit integers in planes too");
  if (wanted_output(problem, 1) >= 0) return Verdict::no("the places of the maxima are wanted");
  return {};
}

/// Windows within one line, of lines that lie one behind the other.
Window line_window(const Window& window) {
  const size_t last = window.kernel_shape.size() - 1;
  Window line;
  line.kernel_shape = {1, window.kernel_shape[last]};
  line.strides = {1, window.stride(last)};
  line.dilations = {1, window.dilation(last)};
  if (!window.pads.empty()) line.pads = {0, window.pads[last], 0, window.pads[2 * last + 1]};
  return line;
}

/// Lines of results take their time one by one, but where they are joined: see Geometry.
double seconds_of(const Problem& problem, const PoolFields& fields) {
  const Window& window = fields.window;
  const size_t last = window.kernel_shape.size() - 1;
  const auto across = static_cast<double>(window.kernel_shape[last]);
  const double lines_read = fields.taps() / across;  // by one line of results
  const TensorType& result = problem.region.single()->outputs[0]->type.tensor();
  const double results = typical_count(problem, problem.region.single()->outputs[0]->type);
  const double lines = results / std::max(1.0, typical(problem, result.shape().back()));
  const bool joined = window.stride(last) == 1 && (last == 0 || window.stride(last - 1) == 1) &&
                      result.shape().back() == operand_type(problem, 0)->shape().back();
  const double line = joined ? 3e-9 : 1.5e-8 + 5e-9 * lines_read;
  return results * (lines_read + across) * 9e-11 + lines * line;
}

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made;
  made.tuning = tuning;
  const PoolFields fields = *pool_fields(*problem);
  const TensorType& x = *operand_type(*problem, 0);
  made.seconds = seconds_of(*problem, fields);
  const Window line = line_window(fields.window);
  if (x.dtype == DType::f32)
    made.scratch_bytes = worker_scratch(
        problem->share, band_floats(line, x.shape().back(), line.kernel_shape) + x.shape().back());
  made.problem = std::move(problem);
  return made;
}

struct PoolShared final : Shared<PoolShared> {
  static constexpr bool kLaunches = true;
  PoolFields fields;
  Source source;
  DType dtype = DType::f32;
  int64_t workers = 1;

  explicit PoolShared(const Problem& problem)
      : fields(*pool_fields(problem)),
        source(problem, 0),
        dtype(operand_type(problem, 0)->dtype),
        workers(problem.share.workers) {}

  struct Geometry {
    int64_t planes = 0;  // 0: nothing to do
    WindowAxis z = kNoAxis, y = kNoAxis, x = kNoAxis;
    BandLayout lines;  // what a band of results reads: a line for each line of them
    std::vector<long> offsets;
    std::vector<Taps> slices, rows;                // that lie in the input, by place of the result
    std::map<int64_t, std::vector<float>> shares;  // of a mean, where so many lines count
    std::vector<const float*> share_of;            // [z][y]
    // Each line of results is as long as one of the input, one behind the other: a band is folded
    // as one line, and what windows over its ends gave is made anew.
    bool joined = false;
    struct End {
      int64_t x, first, taps;  // the result; the first element that counts, and how many do
    };
    std::vector<End> ends;
    int64_t grain = 1;
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t>&in = source.shape(operands), &out = operands.outputs[0].shape;
    if (element_count(out) == 0) return {};
    const auto axis = [&](size_t at) { return fields.axis(at, in, out); };
    const size_t last = in.size() - 3;
    Geometry g;
    g.planes = in[0] * in[1];
    g.x = axis(last);
    if (last > 0) g.y = axis(last - 1);
    if (last > 1) g.z = axis(0);
    g.lines = BandLayout({g.y.output, g.y.output, 1, 1, 1, 0, 0}, g.x);
    g.offsets = g.lines.offsets();
    const int64_t taps = g.z.kernel * g.y.kernel + g.x.kernel;
    g.grain =
        std::max<int64_t>(1, g.lines.grain(g.planes * g.z.output, workers) * g.x.kernel / taps);
    for (int64_t z = 0; z < g.z.output; ++z) g.slices.push_back(g.z.taps(z));
    for (int64_t y = 0; y < g.y.output; ++y) g.rows.push_back(g.y.taps(y));
    g.joined = g.x.stride == 1 && g.y.stride == 1 && g.x.output == g.x.input;
    for (int64_t x = 0; g.joined && x < g.x.output; ++x)
      if (const Taps taps = g.x.taps(x); taps.last - taps.first < g.x.kernel)
        g.ends.push_back({x, g.x.start(x) + taps.first * g.x.dilation, taps.last - taps.first});
    if (fields.average) add_shares(g);
    return g;
  }

  void add_shares(Geometry& g) const {
    for (int64_t z = 0; z < g.z.output; ++z)
      for (int64_t y = 0; y < g.y.output; ++y) {
        const int64_t lines = fields.elements(g.z, z) * fields.elements(g.y, y);
        std::vector<float>& all = g.shares[lines];
        for (auto i = std::ssize(all); i < g.x.output; ++i)
          all.push_back(1.0f /
                        static_cast<float>(std::max<int64_t>(1, lines * fields.elements(g.x, i))));
        // Of as many lines as a band has, for all of those that are alike.
        const auto row = static_cast<size_t>(g.x.output);
        const size_t wanted = row * static_cast<size_t>(std::min(kBandRows, g.y.output));
        for (size_t i = all.size(); i < wanted; ++i) all.push_back(all[i - row]);
        g.share_of.push_back(all.data());  // which stays where it is
      }
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
    const auto* from = source.as<float>(operands);
    auto* to = operands.outputs[0].as<float>();
    const SlideFunctions& functions = slide_functions();
    const int64_t bands = g.lines.bands(), volume = g.z.input * g.y.input * g.x.input;
    launch_ranges(
        stream, g.planes * g.z.output * bands, g.grain,
        [=, this, &g, &functions](int64_t begin, int64_t end) {
          float* lines = scratch_of(scratch, g.lines.floats() + g.x.input);
          std::fill_n(lines, g.lines.floats(), fields.frame());
          for (int64_t i = begin; i < end; ++i) {
            const int64_t slice = i / bands, first = i % bands * kBandRows;
            const int64_t z = slice % g.z.output, count = std::min(kBandRows, g.y.output - first);
            const float* plane = from + slice / g.z.output * volume;
            float* results = to + (slice * g.y.output + first) * g.x.output;
            for (int64_t y = 0; y < count;) {
              const int64_t many = g.joined ? alike(g, first + y, count - y) : 1;
              const int64_t row = g.joined ? g.x.input : g.lines.row();
              fold_lines(g, functions, plane, z, first + y, many, lines + g.lines.floats(),
                         lines + y * row);
              y += many;
            }
            fold_windows(g, functions, z, first, count, lines, results);
          }
        },
        [&](int64_t begin, int64_t end) {
          const auto planes = [&](const float* tensor, int64_t plane) {  // whole ones
            return Box::of(tensor, begin / bands / g.z.output * plane,
                           ((end - 1) / bands / g.z.output + 1) * plane);
          };
          const auto line = [&](int64_t i) {
            return i / bands * g.y.output + std::min(g.y.output, i % bands * kBandRows);
          };
          return Touched{
              {planes(from, volume)},
              {Box::of(to, line(begin) * g.x.output,
                       (end % bands == 0 ? end / bands * g.y.output : line(end)) * g.x.output)}};
        });
  }

  /// Lines of results from `y` on, at most `most`, that read as many lines each.
  static int64_t alike(const Geometry& g, int64_t y, int64_t most) {
    const auto same = [&](int64_t other) {
      const Taps &a = g.rows[static_cast<size_t>(y)], &b = g.rows[static_cast<size_t>(other)];
      return a.first == b.first && a.last == b.last;
    };
    int64_t count = 1;
    while (count < most && same(y + count)) ++count;
    return count;
  }

  /// The lines that results at (z, y) read, as one: where windows of BandLayout read it; and those
  /// of the `many` lines from there on, behind it. `room`: a line as it lies in the input.
  void fold_lines(const Geometry& g, const SlideFunctions& functions, const float* plane, int64_t z,
                  int64_t y, int64_t many, float* room, float* to) const {
    constexpr long kMost = 64;  // lines at a time; those before them are one of the next
    const auto fold = fields.average ? functions.sum_rows : functions.max_rows;
    float* line = g.x.stride == 1 ? to + g.x.pad_begin : room;
    const float* all[kMost];
    long count = 0;
    const int64_t elements = many * g.x.input;
    const Taps slices = g.slices[static_cast<size_t>(z)], rows = g.rows[static_cast<size_t>(y)];
    for (int64_t kz = slices.first; kz < slices.last; ++kz)
      for (int64_t ky = rows.first; ky < rows.last; ++ky) {
        if (count == kMost) {
          fold(count, all, elements, line);
          all[0] = line;
          count = 1;
        }
        all[count++] = plane + ((g.z.start(z) + kz * g.z.dilation) * g.y.input + g.y.start(y) +
                                ky * g.y.dilation) *
                                   g.x.input;
      }
    if (count == 0) std::fill_n(line, elements, fields.frame());
    else fold(count, all, elements, line);
    const auto place = [&](int64_t c) { return to + g.lines.place(g.x.pad_begin + c); };
    if (g.x.stride == 2) functions.part(g.x.input, line, place(0), place(1));
    else if (g.x.stride > 2)
      for (int64_t c = 0; c < g.x.input; ++c) *place(c) = line[c];
  }

  void fold_windows(const Geometry& g, const SlideFunctions& functions, int64_t z, int64_t first,
                    int64_t count, const float* lines, float* to) const {
    Slide slide{lines, g.lines.row(), g.offsets.data(), nullptr, g.x.kernel, 0.0f,
                to,    count,         g.x.output};
    if (g.joined) slide.rows = 1, slide.count = count * g.x.output;
    if (fields.average) functions.sum(slide);
    else functions.max(slide);
    if (g.joined) fold_ends(g, count, lines, to);
    const float* const* shares = g.share_of.data() + z * g.y.output + first;
    for (int64_t y = 0, end = 0; fields.average && y < count; y = end) {
      while (end < count && shares[end] == shares[y]) ++end;
      functions.multiply((end - y) * g.x.output, shares[y], to + y * g.x.output);
    }
  }

  /// Results whose windows hang over an end of their line, of joined ones: of four lines at a time.
  void fold_ends(const Geometry& g, int64_t count, const float* lines, float* to) const {
    constexpr int64_t kLines = 4;
    typedef float Floats __attribute__((vector_size(kLines * sizeof(float))));
    for (const Geometry::End& end : g.ends)
      for (int64_t y = 0; y < count; y += kLines) {
        // Those behind the last line are the last one's again.
        int64_t at[kLines];
        for (int64_t i = 0; i < kLines; ++i) at[i] = std::min(y + i, count - 1) * g.x.output;
        const float* line = lines + g.x.pad_begin + end.first;
        Floats made = Floats{} + fields.frame();
        for (int64_t tap = 0; tap < end.taps; ++tap, line += g.x.dilation) {
          const Floats next{line[at[0]], line[at[1]], line[at[2]], line[at[3]]};
          if (fields.average) made += next;
          else made = ((next > made) | (next != next)) ? next : made;
        }
        for (int64_t i = 0; i < kLines; ++i) to[at[i] + end.x] = made[i];
      }
  }

  template <class T>
  void run_bytes(const Geometry& g, const Operands& operands, Stream& stream) const {
    const T* in = source.as<T>(operands);
    T* out = operands.outputs[0].as<T>();
    const WindowAxis &y = g.y, &x = g.x;
    constexpr int64_t kTile = 4 * 1024;  // results that one worker takes at a time
    launch_ranges(stream, g.planes * y.output, kTile / x.output,
                  [=, &y, &x](int64_t first, int64_t last) {
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
  return std::make_shared<PoolShared>(*recipe.problem);
}

}  // namespace
}  // namespace pool_kernel

void register_pool(KernelRegistry& registry) {
  using namespace pool_kernel;
  registry.add({"cpu.pool", 2, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
