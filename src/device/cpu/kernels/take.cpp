// Results whose elements are picked along each axis by itself: nearest Resize, and Pad that repeats
// or mirrors.

#include <cstring>

#include "base/size.hpp"
#include "device/cpu/moves.hpp"
#include "device/cpu/resize_axes.hpp"
#include "device/cpu/step.hpp"
#include "ops/pad.hpp"

namespace hone::cpu {
namespace take_kernel {
namespace {

using Sizes = std::vector<int64_t>;

Verdict supports(const Problem& problem) {
  const Pad* pad = op_of<Pad>(problem);
  const Resize* resize = op_of<Resize>(problem);
  if (pad == nullptr && resize == nullptr) return Verdict::no("Pad and Resize only");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank() || x.rank() == 0) return Verdict::no("an operand of rank 0 or unknown");
  if (!problem.region.single()->outputs[0]->type.tensor().has_rank())
    return Verdict::no("the result's rank is unknown");
  if (const char* why = width_refusal(x.dtype)) return Verdict::no(why);
  if (pad != nullptr) {
    if (pad->mode == Pad::Mode::constant) return Verdict::no("pads with a constant");
    for (const size_t parameter : {1, 3})
      if (operand_type(problem, parameter) != nullptr)
        return Verdict::no("a parameter is computed");
    return {};
  }
  if (resize->mode != Resize::Mode::nearest) return Verdict::no("interpolates");
  return resize_supported(problem, *resize);
}

struct TakeShared final : Shared<TakeShared> {
  Region region;
  std::vector<Source> operands_of;
  int64_t width = 1;

  struct Geometry {
    std::vector<Sizes> offsets;  // by axis of the result, in elements of the operand
    int64_t lines = 0;
    // Results of a line that lie side by side in the operand, too: the most there are.
    int64_t run_first = 0, run_last = 0;
    int64_t times = 1;  // that each element of a line follows itself: those of an image made larger
  };

  Geometry geometry(const Operands& operands) const {
    Geometry g;
    const Sizes &in = operands_of[0].shape(operands), &out = operands.outputs[0].shape;
    if (element_count(out) == 0) return g;
    const Node& node = *region.single();
    g.offsets =
        node.op.as<Pad>() != nullptr ? padding(operands, in, out) : nearest(operands, in, out);
    const Sizes strides = dense_strides(in);
    for (size_t d = 0; d < in.size(); ++d)
      for (int64_t& offset : g.offsets[d]) offset *= strides[d];
    g.lines = element_count(std::span(out).first(out.size() - 1));
    const Sizes& last = g.offsets.back();
    for (int64_t first = 0, i = 1; i <= std::ssize(last); ++i) {
      const auto place = static_cast<size_t>(i);
      if (place < last.size() && last[place] == last[place - 1] + 1) continue;
      if (i - first > g.run_last - g.run_first) g.run_first = first, g.run_last = i;
      first = i;
    }
    for (int64_t times = 2; times <= kMostTimes; ++times)
      if (follows_itself(last, times)) g.times = times;
    return g;
  }

  static constexpr int64_t kMostTimes = 4;
  static bool follows_itself(const Sizes& places, int64_t times) {
    for (int64_t i = 0; i < std::ssize(places); ++i)
      if (places[static_cast<size_t>(i)] != i / times) return false;
    return std::ssize(places) % times == 0;
  }

  std::vector<Sizes> nearest(const Operands& operands, const Sizes& in, const Sizes& out) const {
    std::vector<Sizes> places;
    const std::vector<ResizeTaps> taps = resize_taps_of(region, operands_of, operands);
    for (size_t d = 0; d < in.size(); ++d) {
      Sizes axis;
      for (int64_t i = 0; i < out[d]; ++i)
        axis.push_back(taps[d].empty() ? i : taps[d][static_cast<size_t>(i)].front().place);
      places.push_back(std::move(axis));
    }
    return places;
  }

  /// Negative pads crop first; what is left is padded.
  std::vector<Sizes> padding(const Operands& operands, const Sizes& in, const Sizes& out) const {
    const Pad& pad = *region.single()->op.as<Pad>();
    const Sizes pads = evaluated(*pad.pads, operands.symbols);
    Sizes axes, before(in.size()), after(in.size());
    if (pad.axes) axes = evaluated(*pad.axes, operands.symbols);
    else
      for (size_t d = 0; d < in.size(); ++d) axes.push_back(static_cast<int64_t>(d));
    for (size_t i = 0; i < axes.size(); ++i) {
      const size_t d = axis_index(axes[i], in.size());
      before[d] = pads[i], after[d] = pads[i + axes.size()];
    }
    std::vector<Sizes> places;
    for (size_t d = 0; d < in.size(); ++d) {
      const int64_t crop = std::max<int64_t>(0, -before[d]);
      const int64_t kept = in[d] - crop + std::min<int64_t>(0, after[d]);
      check(kept > 0, Code::usage, "there is nothing to repeat along axis ", d, " of ",
            shape_text(in), " (", describe(*region.single()), ")");
      Sizes axis;
      for (int64_t i = 0; i < out[d]; ++i)
        axis.push_back(crop + padding_source(pad.mode, i - std::max<int64_t>(0, before[d]), kept));
      places.push_back(std::move(axis));
    }
    return places;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const std::byte* from = operands_of[0].data(operands);
    std::byte* to = operands.outputs[0].data;
    if (width == 1) run_typed<uint8_t>(g, from, to, stream);
    else if (width == 2) run_typed<uint16_t>(g, from, to, stream);
    else if (width == 4) run_typed<uint32_t>(g, from, to, stream);
    else run_typed<uint64_t>(g, from, to, stream);
  }

  template <class T>
  static void run_typed(const Geometry& g, const std::byte* from, std::byte* to, Stream& stream) {
    if (g.lines == 0) return;
    const Sizes& last = g.offsets.back();
    const auto count = static_cast<int64_t>(last.size());
    constexpr int64_t kTile = 16 * 1024;  // elements that one worker takes at a time
    parallel_ranges(stream, g.lines, kTile / count, [&](int64_t first, int64_t end) {
      const T* before = nullptr;  // what the line before was made of
      Sizes index(g.offsets.size() - 1);
      for (size_t d = index.size(), rest = static_cast<size_t>(first); d-- > 0;) {
        index[d] = static_cast<int64_t>(rest % g.offsets[d].size());
        rest /= g.offsets[d].size();
      }
      for (int64_t line = first; line < end; ++line) {
        const T* source = reinterpret_cast<const T*>(from);
        for (size_t d = 0; d < index.size(); ++d)
          source += g.offsets[d][static_cast<size_t>(index[d])];
        for (size_t d = index.size(); d-- > 0; index[d] = 0)
          if (++index[d] < std::ssize(g.offsets[d])) break;
        T* target = reinterpret_cast<T*>(to) + line * count;
        if (source == before) std::memcpy(target, target - count, bytes_of<T>(count));
        else take_line(g, source, target);
        before = source;
      }
    });
  }

  template <class T>
  static size_t bytes_of(int64_t count) {
    return static_cast<size_t>(count) * sizeof(T);
  }

  template <class T>
  static void take_line(const Geometry& g, const T* source, T* target) {
    const Sizes& last = g.offsets.back();
    const auto count = static_cast<int64_t>(last.size());
    const int64_t* places = last.data();
    constexpr int64_t kRun = 8;  // worth a copy
    if (g.times == 2) return repeat<2>(source, count / 2, target);
    if (g.times == 3) return repeat<3>(source, count / 3, target);
    if (g.times == 4) return repeat<4>(source, count / 4, target);
    const int64_t run = g.run_last - g.run_first;
    if (run < kRun) {
      for (int64_t i = 0; i < count; ++i) target[i] = source[places[i]];
      return;
    }
    for (int64_t i = 0; i < g.run_first; ++i) target[i] = source[places[i]];
    std::memcpy(target + g.run_first, source + places[g.run_first], bytes_of<T>(run));
    for (int64_t i = g.run_last; i < count; ++i) target[i] = source[places[i]];
  }

  template <int kTimes, class T>
  static void repeat(const T* source, int64_t count, T* target) {
    for (int64_t i = 0; i < count; ++i)
      for (int k = 0; k < kTimes; ++k) target[i * kTimes + k] = source[i];
  }
};

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<TakeShared>();
  shared->region = recipe.problem->region;
  shared->operands_of = sources(*recipe.problem);
  shared->width = bits(operand_type(*recipe.problem, 0)->dtype) / 8;
  return shared;
}

}  // namespace
}  // namespace take_kernel

void register_take(KernelRegistry& registry) {
  using namespace take_kernel;
  registry.add({"cpu.take", 1, supports, no_tunings, streaming_recipe<4>, prepare});
}

}  // namespace hone::cpu
