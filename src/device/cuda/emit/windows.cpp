#include "device/cuda/emit/windows.hpp"

#include <cstring>

#include "base/text.hpp"
#include "device/cuda/emit/writing.hpp"
#include "ir/graph.hpp"

namespace hone::cuda::emitter {
namespace {

bool has(const Dim& dim, const Axis& axis) {
  return !(at_places(dim, {{name_of(axis), 0}}) == dim);
}

/// step * result + tap - before, of no other loop.
bool find_along(const Dim& index, const Axis& result, const std::vector<Axis>& depth,
                Windows::Along& along) {
  const auto step_of = [&](const Axis& axis) {
    return (at_places(index, {{name_of(axis), axis.variable + 1}}) - index).constant();
  };
  const auto step = step_of(result);
  const auto taps = depth[along.axis].extent.constant(), tap = step_of(depth[along.axis]);
  if (!taps || !tap || !step) return false;
  along.results = result.extent;
  along.taps = *taps;
  along.step = result.extent.is(1) ? 1 : *step;
  if (along.step < 1 || (along.taps > 1 && *tap != 1)) return false;
  const Dim rest = index - Dim(*step) * result.variable - Dim(*tap) * depth[along.axis].variable;
  const auto before = rest.constant();
  if (!before) return false;
  along.before = -*before;
  return true;
}

}  // namespace

Brought Windows::brought() const {
  Brought made;
  made.kind = Brought::Kind::picture;
  made.sizes = {window(), width.results, down(), pictures};
  const Dim row = right() * Dim(of_place());
  made.strides = {of_place(), row, row * down()};
  made.width.results = width.results;
  made.height.taps = height.places();
  made.height.results = height.results;
  return made;
}

std::optional<Windows> windows_of(const HalfProduct& product) {
  constexpr size_t kRank = 4;
  constexpr int64_t kMostChannels = 48, kMostStep = 4, kMostPlaces = 64;
  const Contraction& of = product.contraction;
  const HalfSide& side = product.a;
  if ((side.way != Way::picked && side.way != Way::copied) || product.b.way != Way::packed ||
      of.depth.size() != 3)
    return std::nullopt;
  const auto loops = picture_loops(of);
  if (!loops) return std::nullopt;
  const std::vector<Expr>& at = side.load->operands();
  if (at.size() != kRank) return std::nullopt;
  for (const Expr& index : at)
    if (index.kind() != Expr::Kind::index) return std::nullopt;
  // Which loop of the depth is which: the channel's is an index by itself.
  Windows made;
  made.run = product.run(), made.block_depth = product.block_depth();
  std::optional<size_t> channel, row, column;
  for (size_t i = 0; i < of.depth.size(); ++i) {
    if (at[1].dim() == of.depth[i].variable) channel = i;
    else if (has(at[2].dim(), of.depth[i])) row = i;
    else if (has(at[3].dim(), of.depth[i])) column = i;
  }
  if (!channel || !row || !column) return std::nullopt;
  if (loops->pictures == nullptr
          ? !at[0].dim().is(0) && at[0].dim().as_variable() == std::nullopt
          : at[0].dim() != loops->pictures->variable && !loops->pictures->extent.is(1))
    return std::nullopt;
  made.channel_axis = *channel, made.height.axis = *row, made.width.axis = *column;
  const auto channels = of.depth[*channel].extent.constant();
  if (!channels || !find_along(at[2].dim(), *loops->down, of.depth, made.height) ||
      !find_along(at[3].dim(), *loops->right, of.depth, made.width))
    return std::nullopt;
  made.channels = *channels;
  if (loops->pictures != nullptr) made.pictures = loops->pictures->extent;
  if (made.channels > kMostChannels || made.height.step > kMostStep ||
      made.width.step > kMostStep || made.height.places() > kMostPlaces ||
      made.height.taps * made.width.taps == 1)
    return std::nullopt;
  if (product.integers() && made.width.places() * made.of_place() <= HalfProduct::kRowBytes / 2)
    made.block_depth = HalfProduct::kRowBytes / 2;
  return made;
}

std::string spread_text(const HalfProduct& product, const Windows& windows,
                        const ContractBuffers& buffers, DimText& dims) {
  const Contraction& of = product.contraction;
  std::string out = "  let_others_begin();\n  wait_for_others();\n";
  ExprText text(buffers.places, dims, out, 1);
  const int64_t runs = windows.of_place() / windows.run;
  const std::string right = dims(windows.right()), down = dims(windows.down());
  text.line(cat("const I count = ", dims(windows.elements()), " / ", windows.run, ";"));
  text.open(cat("for (I u = (I)blockIdx.x * ", kSpreadThreads,
                " + (I)threadIdx.x; u < count; u += (I)gridDim.x * ", kSpreadThreads, ") {"));
  text.line(cat("const I place = u / ", runs, ";"));
  const std::string picture = dims.variable("picture"), h = dims.variable("spread_h"),
                    w = dims.variable("spread_w"), c = dims.variable("spread_c");
  text.line(cat("const I to_right = place % ", right, ", to_down = place / ", right, " % ", down,
                ", ", picture, " = place / ", right, " / ", down, ";"));
  text.line(cat("unsigned ", product.integers() ? "char" : "short", " x[", windows.run, "] = {};"));
  text.line("#pragma unroll");
  text.open(cat("for (int e = 0; e < ", windows.run, "; ++e) {"));
  text.line(cat("const int of_place = (int)(u % ", runs, ") * ", windows.run, " + e;"));
  text.line(cat("const I ", c, " = of_place % ", windows.channels, ", ", w, " = to_right * ",
                windows.width.step, " + of_place / ", windows.channels, " % ", windows.width.step,
                ", ", h, " = to_down * ", windows.height.step, " + of_place / ",
                windows.channels * windows.width.step, ";"));
  text.open(
      cat("if (of_place < ", windows.height.step * windows.width.step * windows.channels, ") {"));
  Indices at;
  const PictureLoops loops = *picture_loops(of);
  for (const Axis& batch : of.batches) at[name_of(batch)] = 0;
  if (loops.pictures != nullptr) at[name_of(*loops.pictures)] = Dim::variable("picture");
  at[name_of(*loops.down)] = 0;
  at[name_of(*loops.right)] = 0;
  at[name_of(of.depth[windows.channel_axis])] = Dim::variable("spread_c");
  at[name_of(of.depth[windows.height.axis])] = Dim::variable("spread_h");
  at[name_of(of.depth[windows.width.axis])] = Dim::variable("spread_w");
  const Expr value = buffers.in_text(*product.a.operand, at);
  text.line(cat("x[e] = ", stored(text.value(value), product.a.operand->dtype()), ";"));
  text.close();
  text.close();
  text.line("((uint4*)scratch)[u] = packed(x);");
  text.close();
  return out;
}

std::string packing_name(const HalfProduct& product, const Windows& windows,
                         const PackedForm& form) {
  return cat(packing_name(product, product.b, form), "/windows/", windows.height.step, "x",
             windows.width.step, ":", windows.channel_axis, windows.height.axis,
             windows.width.axis);
}

int64_t sums_begin(const HalfProduct& product, const Windows& windows, const PackedForm& form) {
  return form.rows(*Contraction::count(*product.b.axes).constant()) * windows.tiles() *
         form.row_bytes;
}

int64_t packed_bytes(const HalfProduct& product, const Windows& windows, const PackedForm& form) {
  return sums_begin(product, windows, form) + (product.integers() ? rows_of(product.b) * 4 : 0);
}

Tensor pack_windows(const HalfProduct& product, const Windows& windows, const Tensor& weight,
                    const PackedForm& form) {
  const std::vector<int64_t> across = places_of(*product.b.axes, product.b.steps.data());
  const int64_t* steps = product.b.steps.data() + product.b.axes->size();
  const auto rows = static_cast<size_t>(form.rows(std::ssize(across))),
             bytes = static_cast<size_t>(product.element_bytes);
  Tensor packed(DType::u8, {packed_bytes(product, windows, form)});
  std::byte* to = packed.mutable_bytes().data();
  const int64_t window = windows.window(), of_place = windows.of_place();
  for (int64_t h = 0; h < windows.height.taps; ++h)
    for (int64_t w = 0; w < windows.width.taps; ++w)
      for (int64_t c = 0; c < windows.channels; ++c) {
        const int64_t down = h / windows.height.step, right = w / windows.width.step;
        const int64_t in_place =
            (h % windows.height.step * windows.width.step + w % windows.width.step) *
                windows.channels +
            c;
        const int64_t k = down * window + right * of_place + in_place;
        const int64_t from = h * steps[windows.height.axis] + w * steps[windows.width.axis] +
                             c * steps[windows.channel_axis];
        for (size_t row = 0; row < across.size(); ++row)
          std::memcpy(to + packed_place(product, form, static_cast<size_t>(k), row, rows),
                      weight.bytes().data() + bytes * static_cast<size_t>(across[row] + from),
                      bytes);
      }
  if (product.integers())
    pack_sums_of_rows(product, weight, to + sums_begin(product, windows, form));
  return packed;
}

}  // namespace hone::cuda::emitter
