#include "device/cuda/emit/grouped_text.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "device/cuda/emit/tensor_results.hpp"
#include "device/cuda/emit/warpgroup_text.hpp"
#include "device/cuda/texts.hpp"
#include "ops/convolution.hpp"
#include "ops/quantized.hpp"

namespace hone::cuda::emitter {
namespace {

/// [images, channels, rows, columns] with its channels innermost and nothing between.
bool has_channels_innermost(const Value* value, const Dims& shape, const Strides& strides) {
  const Dims wanted{shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]};
  return strides_of(value, shape, strides) == wanted;
}

class GroupedReading {
 public:
  GroupedReading(const Problem& problem, Grouped& made) : problem_(problem), made_(made) {}

  void run() {
    const Graph& body = *problem_.region.body;
    const Node* node = nullptr;
    for (const Node& each : body.nodes())
      if (convolves(each)) node = &each;
    if (node == nullptr || group_ < 2) return no("it has no groups of channels");
    const Type& type = node->input(0)->type;
    if (type.tensor().rank() != 4) return no("it is no picture");
    Contraction& of = made_.product.contraction;
    of = contraction_of(body, strides_of(problem_));
    of.loose = loose_values(problem_);
    if (!of.declined.empty()) return no(of.declined);
    if (!multiplies_halves(of) && !find_integers(problem_, made_.product))
      return no("its operands are no halves, and no integers of 8 bits");
    if (of.rows.empty()) {  // the picture's, as it may be either operand
      std::swap(of.rows, of.columns);
      std::swap(of.a, of.b);
      std::swap(made_.product.a.zero, made_.product.b.zero);
    }
    if (made_.product.integers()) find_zero();
    if (!made_.declined.empty()) return;
    std::erase_if(of.batches, [&](const Axis& axis) {  // loops of one turn, as a single picture's
      if (axis.extent.is(1)) of.rows.insert(of.rows.begin(), axis);
      return axis.extent.is(1);
    });
    if (of.batches.size() != 1 || !of.columns.empty()) return no("its groups are not its filters'");
    std::swap(of.batches, of.columns);
    read_operands(*node);
    if (made_.declined.empty()) read_geometry();
  }

 private:
  void no(std::string why) { made_.declined = std::move(why); }

  bool convolves(const Node& node) {
    const auto found = [&](const auto* conv, size_t weight) {
      if (conv == nullptr) return false;
      window_ = conv->window, group_ = conv->group, weight_ = weight;
      return true;
    };
    return found(node.op.as<Conv>(), 1) || found(node.op.as<ConvInteger>(), 1) ||
           found(node.op.as<QLinearConv>(), 3);
  }

  /// Sums are made in f32, where those of so many products are exact.
  void find_zero() {
    constexpr int64_t kMostDepth = 512;
    HalfProduct& product = made_.product;
    const Contraction& of = product.contraction;
    if (product.b.zero) return no("its weight has a zero point");
    if (*of.depth_count().constant() > kMostDepth) return no("its sums are long");
    if (product.a.zero) {
      const Expr& point = product.a.zero->operands()[0];
      if (point.kind() != Expr::Kind::number) return no("its zero point comes later");
      made_.zero = point.integer();
      product.a.zero.reset();
    }
    if (of.a->kind() == Expr::Kind::load && of.a->outside().value_or(static_cast<double>(
                                                made_.zero)) != static_cast<double>(made_.zero))
      return no("what lies outside is no zero");
  }

  bool is_input(const Value* value) const {
    return std::ranges::count(problem_.region.body->inputs(), value) > 0;
  }
  bool is_weight(const Value* value) const {
    const auto& inputs = problem_.region.body->inputs();
    const auto at = std::ranges::find(inputs, value) - inputs.begin();
    return problem_.weights[static_cast<size_t>(at)] != nullptr;
  }

  void read_operands(const Node& node) {
    const Contraction& of = made_.product.contraction;
    made_.picture = node.input(0);
    made_.weight = node.input(weight_);
    const Value* result = of.stage->value;
    if (!is_input(made_.picture) || !is_input(made_.weight) || !is_weight(made_.weight))
      return no("its weight is no constant, or something is computed before");
    if (of.loose.contains(made_.picture) || of.loose.contains(result))
      return no("addresses may be no multiples of 16");
    if (!has_channels_innermost(made_.picture, made_.picture->type.tensor().shape(), of.strides) ||
        !has_channels_innermost(result, of.stage->extents, of.strides))
      return no("channels are not innermost");
  }

  void read_geometry() {
    const int64_t run = made_.product.run();  // filters of a thread, 16 bytes
    const Dims& picture = made_.picture->type.tensor().shape();
    const Dims& weight = made_.weight->type.tensor().shape();
    const auto all = picture[1].constant(), filters = weight[0].constant(),
               channels = weight[1].constant();
    if (!all || !filters || !channels) return no("its channels are open");
    made_.channels = *channels;
    made_.filters = *filters / group_;
    const bool small = made_.channels == made_.filters && run % made_.channels == 0;
    const bool large = made_.channels % run == 0 && made_.filters % run == 0;
    if ((!small && !large) || *filters % run != 0)
      return no(cat("groups of ", made_.channels, " channels and ", made_.filters, " filters"));
    for (size_t axis = 0; axis < 2; ++axis) {
      GroupedAxis& to = axis == 0 ? made_.down : made_.across;
      const auto taps = weight[axis + 2].constant();
      if (!taps) return no("its filters are of open size");
      const SymbolicAxis sizes = window_axis(window_, axis, picture[axis + 2], *taps);
      const auto pad = sizes.pad_begin.constant();
      if (!pad) return no("its padding is open");
      to = {picture[axis + 2],    sizes.output,           *taps,
            window_.stride(axis), window_.dilation(axis), *pad};
    }
    constexpr int64_t kMostTaps = 11, kMostStride = 4;
    for (const GroupedAxis* axis : {&made_.down, &made_.across})
      if (axis->taps > kMostTaps || axis->stride > kMostStride || axis->dilation > kMostStride)
        return no("its windows are large");
  }

  const Problem& problem_;
  Grouped& made_;
  Window window_;
  int64_t group_ = 1;
  size_t weight_ = 1;  // of the node's operands
};

class GroupedWriting {
 public:
  GroupedWriting(const Grouped& grouped, const GroupedTile& shape)
      : grouped_(grouped),
        of_(grouped.product.contraction),
        shape_(shape),
        buffers_(of_),
        results_(grouped.product, tile_, buffers_, dims_) {
    tile_.columns = static_cast<int>(*of_.column_count().constant());
    tile_.element_bytes = grouped.product.element_bytes;
    tile_.words = words_of(grouped.product);
  }

  ContractText run() {
    const std::string body = written();
    for (const auto& [name, place] : buffers_.places)
      made_.text.counts.push_back(hone::product(place.shape));
    std::string numbers;
    for (const auto& [name, symbol] : dims_.symbols().all()) {
      made_.symbols.push_back(name);
      numbers += cat(", I ", symbol);
    }
    const auto number = [](const char* name, int64_t value) {
      return cat("constexpr int ", name, " = ", value, ";\n");
    };
    made_.text.body = cat(
        buffers_.tables, product_text(grouped_.product, 0), number("kPixels", shape_.pixels),
        number("kParts", shape_.parts), number("kMostAtOnce", GroupedTile::kMostAtOnce),
        number("kRun", grouped_.product.run()), number("kZero", grouped_.zero),
        number("kChannels", grouped_.channels), number("kHigh", grouped_.down.taps),
        number("kWide", grouped_.across.taps), number("kStepDown", grouped_.down.dilation),
        number("kStep", grouped_.across.dilation), number("kStride", grouped_.across.stride),
        embedded_text("grouped"), "extern \"C\" __global__ void __launch_bounds__(256) grouped(",
        buffers_.declarations, "char* scratch", numbers, ") {\n", body, "}\n");
    made_.parameters = buffers_.parameters;
    return std::move(made_);
  }

 private:
  std::string written() {
    std::string out = "  let_others_begin();\n";
    ExprText text(buffers_.places, dims_, out, 1);
    const Dims& picture = grouped_.picture->type.tensor().shape();
    const std::string m = dims_.variable("m");
    const GroupedAxis &down = grouped_.down, &across = grouped_.across;
    text.line(cat("const I n_count = ", dims_(of_.column_count()), ", high = ", dims_(down.input),
                  ", wide = ", dims_(across.input), ", all = ", dims_(picture[1]),
                  ", rows = ", dims_(down.output), ", wide_results = ", dims_(across.output), ";"));
    text.line("const I units = n_count / kRun, runs = (wide_results + kPixels - 1) / kPixels;");
    text.line(cat("const I u = (I)blockIdx.x * ", shape_.units(), " + (I)threadIdx.x % ",
                  shape_.units(), ";"));
    text.line("wait_for_others();");
    if (tile_.words > 0) {
      text.line(cat("__shared__ int words[", tile_.words * tile_.columns, "];"));
      text.line("const unsigned columns = shared_address(words);");
      text.line("constexpr int n0 = 0;");
      results_.keep_words(out, 1, "(int)threadIdx.x", shape_.threads());
      text.line("__syncthreads();");
    }
    const std::string there = cat("u < units * runs * rows * ", dims_(picture[0]));
    text.line("float sums[kPixels][kRun] = {};");
    text.open(cat("if (", there, ") {"));
    place(text);
    text.line(cat("const I first = kChannels < kRun ? n_first : n_first / ", grouped_.filters,
                  " * kChannels;"));
    text.line(cat("add_windows(sums, ", buffers_.names.at(grouped_.picture),
                  " + image * high * wide * all + first, ", buffers_.names.at(grouped_.weight),
                  " + n_first, row * ", down.stride, " - ", down.pad, ", run * ", across.stride,
                  " - ", across.pad, ", high, wide, all, n_count);"));
    text.close();
    if (shape_.parts > 1) text.line("if (!join_parts(sums)) return;");
    text.line(cat("if (!(", there, ")) return;"));
    place(text);
    if (tile_.words > 0) text.line("const int at_column = (int)n_first;");
    text.line("#pragma unroll");
    text.open("for (int p = 0; p < kPixels; ++p) {");
    text.line("if (run + p >= wide_results) break;");
    text.line(cat("const I ", m, " = line * wide_results + run + p;"));
    text.line("const float (&eight)[kRun] = sums[p];");
    results_.put_eight(out, tile_.words > 0);
    text.close();
    return out;
  }

  /// Of the unit.
  static void place(ExprText& text) {
    text.line("const I n_first = u % units * kRun, run = u / units % runs * kPixels;");
    text.line("const I line = u / units / runs, image = line / rows, row = line % rows;");
  }

  const Grouped& grouped_;
  const Contraction& of_;
  const GroupedTile shape_;
  TensorTile tile_;
  ContractBuffers buffers_;
  DimText dims_;
  TensorResults results_;
  ContractText made_;
};

}  // namespace

std::shared_ptr<const Grouped> grouped_of(const Problem& problem) {
  auto made = std::make_shared<Grouped>();
  GroupedReading(problem, *made).run();
  return made;
}

ContractText text_of(const Grouped& grouped, const GroupedTile& tile) {
  return GroupedWriting(grouped, tile).run();
}

Tensor filters_innermost(const Tensor& weight) {
  const int64_t filters = weight.dim(0), channels = weight.dim(1), high = weight.dim(2),
                wide = weight.dim(3), taps = high * wide;
  Tensor turned(weight.dtype(), {high, wide, channels, filters});
  const auto bytes = static_cast<size_t>(bits(weight.dtype()) / 8);
  for (int64_t filter = 0; filter < filters; ++filter)
    for (int64_t channel = 0; channel < channels; ++channel)
      for (int64_t tap = 0; tap < taps; ++tap) {
        const int64_t from = (filter * channels + channel) * taps + tap;
        const int64_t to = (tap * channels + channel) * filters + filter;
        std::memcpy(turned.mutable_bytes().data() + static_cast<size_t>(to) * bytes,
                    weight.bytes().data() + static_cast<size_t>(from) * bytes, bytes);
      }
  return turned;
}

}  // namespace hone::cuda::emitter
