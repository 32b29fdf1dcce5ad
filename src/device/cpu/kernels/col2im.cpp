// Col2Im of f32: each line of the image is the sum of the lines of blocks that lie on it.

#include <limits>

#include "base/size.hpp"
#include "device/cpu/band.hpp"
#include "device/cpu/plane.hpp"
#include "device/cpu/step.hpp"
#include "ops/unpooling.hpp"

namespace hone::cpu {
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

  struct Geometry {
    int64_t planes = 0;             // 0: nothing to do
    std::vector<WindowAxis> outer;  // all axes but the last
    WindowAxis x{};
    int64_t lines = 1, block_lines = 1, taps = 1, outer_taps = 1;
    std::vector<int64_t> lines_of;  // [line of the image][outer tap]: of blocks; negative: none
    std::vector<Taps> inside;       // blocks of a line whose element lies in the image, by tap
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
    for (int64_t kx = 0; kx < g.x.kernel; ++kx) g.inside.push_back(g.x.outputs(kx));
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

  /// What is added to elements [first, last) of a line of the image: from[c] to element c.
  struct Piece {
    const float* from;
    int64_t first, last;
  };
  static constexpr int64_t kPieces = 64;

  /// The sum that belongs to a line of the image, of the blocks of one plane.
  static void add_line(const Geometry& g, int64_t line, const float* from, float* to) {
    std::fill_n(to, g.x.input, 0.0F);
    Piece pieces[kPieces];
    int64_t count = 0;
    for (int64_t tap = 0; tap < g.outer_taps; ++tap) {
      const int64_t blocks = g.lines_of[static_cast<size_t>(line * g.outer_taps + tap)];
      if (blocks < 0) continue;
      for (int64_t kx = 0; kx < g.x.kernel; ++kx) {
        const Taps inside = g.inside[static_cast<size_t>(kx)];
        const float* source = from + (tap * g.x.kernel + kx) * g.blocks() + blocks * g.x.output;
        const int64_t start = g.x.start(0) + kx * g.x.dilation;
        if (g.x.stride != 1) {
          for (int64_t i = inside.first; i < inside.last; ++i)
            to[start + i * g.x.stride] += source[i];
          continue;
        }
        pieces[count++] = {source - start, start + inside.first, start + inside.last};
        if (count == kPieces) add_pieces(std::span(pieces).first(kPieces), to), count = 0;
      }
    }
    add_pieces(std::span(pieces).first(static_cast<size_t>(count)), to);
  }

  /// Where all of them lie a vector at a time, each element written once.
  static void add_pieces(std::span<const Piece> pieces, float* to) {
    if (pieces.empty()) return;
    int64_t first = 0, last = std::numeric_limits<int64_t>::max();
    for (const Piece& piece : pieces)
      first = std::max(first, piece.first), last = std::min(last, piece.last);
    last = std::max(first, last);
    const float* rows[kPieces + 1] = {to + first};
    long count = 1;
    for (const Piece& piece : pieces) {
      rows[count++] = piece.from + first;
      for (int64_t c = piece.first; c < std::min(piece.last, first); ++c) to[c] += piece.from[c];
      for (int64_t c = std::max(piece.first, last); c < piece.last; ++c) to[c] += piece.from[c];
    }
    slide_functions().sum_rows(count, rows, last - first, to + first);
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

void register_col2im(KernelRegistry& registry) {
  registry.add({"cpu.col2im", 1, supports, no_tunings, recipe, prepare});
}

}  // namespace hone::cpu
