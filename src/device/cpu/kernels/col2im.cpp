// Col2Im of f32: each line of the image is the sum of the lines of blocks that lie on it.

#include <limits>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/step.hpp"
#include "ops/unpooling.hpp"

namespace hone::cpu {
namespace col2im_kernel {
namespace {

constexpr int64_t kTile = 16 * 1024;  // elements that one worker adds at a time

Verdict supports(const Problem& problem) {
  if (op_of<Col2Im>(problem) == nullptr) return Verdict::no("Col2Im only");
  const TensorType& x = *operand_type(problem, 0);
  if (!x.has_rank() || x.dtype != DType::f32) return Verdict::no("f32 of known rank only");
  const Col2Im& op = *op_of<Col2Im>(problem);
  if (!op.image_shape || !op.block_shape)
    return Verdict::no("the shape of the image or of the blocks is computed");
  if (region_input(problem, 0) < 0) return Verdict::no("the operand is a literal");
  return {};
}

struct Col2ImShared final : Shared<Col2ImShared> {
  Region region;
  Col2Im op;

  /// What one tap along a line gives: elements [first, last) of a line of the image, of which only
  /// some taps reach those before `all` and those from `rest` on.
  struct Reach {
    int64_t shift;  // from an element of the image to that of the blocks
    int64_t first, last, all, rest;
  };

  struct Geometry {
    int64_t planes = 0;             // 0: nothing to do
    std::vector<WindowAxis> outer;  // all axes but the last
    WindowAxis x{};
    int64_t lines = 1, block_lines = 1, taps = 1, outer_taps = 1;
    std::vector<int64_t> lines_of;  // [line of the image][outer tap]: of blocks; negative: none
    std::vector<Reach> reaches;     // of the taps along a line
    int64_t first = 0, last = 0;    // elements of a line that all of them reach
    int64_t blocks() const { return block_lines * x.output; }
  };
  Geometry geometry(const Operands& operands) const {
    const std::vector<int64_t> image = evaluated(*op.image_shape, operands.symbols);
    const std::vector<int64_t> block = evaluated(*op.block_shape, operands.symbols);
    const std::vector<int64_t>& shape = operands.inputs[0].shape;
    const Window window{.strides = op.strides, .dilations = op.dilations, .pads = op.pads};
    Geometry g;
    for (size_t i = 0; i < image.size(); ++i) {
      check(block[i] >= 1, Code::invalid_model, "blocks of ", shape_text(block), " (",
            describe(*region.single()), ")");
      const Dim output = window_axis(window, i, Dim(image[i]), Dim(block[i])).output;
      const WindowAxis axis = window_axis_of(window, i, image[i], *output.constant(), block[i]);
      if (i + 1 == image.size()) g.x = axis;
      else g.outer.push_back(axis);
    }
    for (const WindowAxis& axis : g.outer) {
      g.lines *= axis.input, g.block_lines *= axis.output, g.outer_taps *= axis.kernel;
    }
    g.taps = g.outer_taps * g.x.kernel;
    check(shape[1] % g.taps == 0 && shape[2] == g.blocks(), Code::invalid_model, "blocks of shape ",
          shape_text(shape), ", wanted a multiple of ", g.taps, " and ", g.blocks(), " (",
          describe(*region.single()), ")");
    for (int64_t line = 0; line < g.lines; ++line)
      for (int64_t tap = 0; tap < g.outer_taps; ++tap)
        g.lines_of.push_back(line_of_blocks(g, line, tap));
    find_reaches(g);
    if (element_count(operands.outputs[0].shape) > 0) g.planes = shape[0] * (shape[1] / g.taps);
    return g;
  }

  void run(const Geometry& g, const Operands& operands, std::span<std::byte>,
           Stream& stream) const {
    const float* from = operands.inputs[0].as<float>();
    auto* to = operands.outputs[0].as<float>();
    parallel_ranges(
        stream, g.planes * g.lines, kTile / (g.x.input * g.taps), [&](int64_t first, int64_t last) {
          for (int64_t line = first; line < last; ++line) {
            const int64_t plane = line / g.lines;
            add_line(g, line % g.lines, from + plane * g.taps * g.blocks(), to + line * g.x.input);
          }
        });
  }

  static void find_reaches(Geometry& g) {
    g.last = std::numeric_limits<int64_t>::max();
    for (int64_t kx = 0; kx < g.x.kernel; ++kx) {
      const Taps inside = g.x.outputs(kx);
      const int64_t start = g.x.start(0) + kx * g.x.dilation;
      g.reaches.push_back(
          {kx * g.blocks() - start, start + inside.first, start + inside.last, 0, 0});
      g.first = std::max(g.first, g.reaches.back().first);
      g.last = std::min(g.last, g.reaches.back().last);
    }
    g.last = std::max(g.first, g.last);
    for (Reach& reach : g.reaches) {
      reach.all = std::min(reach.last, g.first);
      reach.rest = std::max(reach.first, g.last);
    }
  }

  /// The sum that belongs to a line of the image, of the blocks of one plane. With a stride of 1
  /// what all taps reach is made a vector at a time.
  static void add_line(const Geometry& g, int64_t line, const float* from, float* to) {
    constexpr long kRows = 64;
    std::fill_n(to, g.x.input, 0.0F);
    const float* rows[kRows] = {to + g.first};
    long count = 1;
    const auto sum = [&] {
      slide_functions().sum_rows(count, rows, g.last - g.first, to + g.first);
      count = 1;
    };
    for (int64_t tap = 0; tap < g.outer_taps; ++tap, from += g.x.kernel * g.blocks()) {
      const int64_t blocks = g.lines_of[static_cast<size_t>(line * g.outer_taps + tap)];
      if (blocks < 0) continue;
      if (g.x.stride != 1) {
        add_apart(g, from + blocks * g.x.output, to);
        continue;
      }
      for (const Reach& reach : g.reaches) {
        const float* source = from + blocks * g.x.output + reach.shift;
        for (int64_t c = reach.first; c < reach.all; ++c) to[c] += source[c];
        for (int64_t c = reach.rest; c < reach.last; ++c) to[c] += source[c];
        rows[count++] = source + g.first;
        if (count == kRows) sum();
      }
    }
    if (count > 1 && g.first < g.last) sum();
  }

  static void add_apart(const Geometry& g, const float* source, float* to) {
    for (int64_t kx = 0; kx < g.x.kernel; ++kx, source += g.blocks()) {
      const Taps inside = g.x.outputs(kx);
      float* place = to + g.x.start(0) + kx * g.x.dilation;
      for (int64_t i = inside.first; i < inside.last; ++i) place[i * g.x.stride] += source[i];
    }
  }

  /// Which line of blocks lies on a line of the image with the tap; negative: none.
  static int64_t line_of_blocks(const Geometry& g, int64_t line, int64_t tap) {
    int64_t found = 0, step = 1;
    for (size_t d = g.outer.size(); d-- > 0;) {
      const WindowAxis& axis = g.outer[d];
      const int64_t at = line % axis.input + axis.pad_begin - tap % axis.kernel * axis.dilation;
      if (at < 0 || at % axis.stride != 0 || at / axis.stride >= axis.output) return -1;
      found += at / axis.stride * step;
      step *= axis.output, line /= axis.input, tap /= axis.kernel;
    }
    return found;
  }
};

Recipe recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  return streaming_recipe<4>(std::move(problem), tuning);
}

std::shared_ptr<const Prepared> prepare(const Recipe& recipe, std::vector<Tensor>, hone::Device&) {
  auto shared = std::make_shared<Col2ImShared>();
  shared->region = recipe.problem->region;
  shared->op = *op_of<Col2Im>(*recipe.problem);
  return shared;
}

}  // namespace
}  // namespace col2im_kernel

void register_col2im(KernelRegistry& registry) {
  using namespace col2im_kernel;
  registry.add({"cpu.col2im", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
