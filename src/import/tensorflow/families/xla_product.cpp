// Products and convolutions of XLA, as jax2tf writes them.

#include <algorithm>

#include "import/tensorflow/xla.hpp"
#include "ops/cast.hpp"
#include "ops/convolution.hpp"
#include "ops/einsum.hpp"
#include "ops/matmul.hpp"
#include "ops/shape.hpp"

namespace hone::tensorflow {
namespace {

// DotDimensionNumbers.
constexpr uint32_t kLeftSummed = 1, kRightSummed = 2, kLeftBatch = 3, kRightBatch = 4;

/// Operands in the type that the result is to have.
std::pair<Value*, Value*> operands(NodeReader& node) {
  const DType to = node.dtype("preferred_element_type", node.type_of(0));
  return {node.cast(node.required(0), to, "left"), node.cast(node.required(1), to, "right")};
}

void import_xla_dot(NodeReader& node) {
  const AxisNumbers axes(node, "dimension_numbers");
  const auto &left_summed = axes.list(kLeftSummed), &right_summed = axes.list(kRightSummed),
             &left_batch = axes.list(kLeftBatch), &right_batch = axes.list(kRightBatch);
  const int64_t left_rank = node.rank_of(0), right_rank = node.rank_of(1);
  node.check(left_summed.size() == right_summed.size() && left_batch.size() == right_batch.size(),
             "axes that go together with none");
  for (const auto* list : {&left_summed, &left_batch}) check_axes(node, *list, left_rank);
  for (const auto* list : {&right_summed, &right_batch}) check_axes(node, *list, right_rank);
  const auto [a, b] = operands(node);
  const bool plain = left_batch.empty() && left_rank >= 1 && right_rank == 2 &&
                     left_summed == std::vector<int64_t>{left_rank - 1} &&
                     right_summed == std::vector<int64_t>{0};
  if (plain) return void(node.emit(MatMul{}, {a, b}));
  // Every axis a letter: those that go together share one.
  if (left_rank + right_rank > 26)
    node.unsupported("a product of ", left_rank + right_rank, " axes");
  std::string left(static_cast<size_t>(left_rank), ' '),
      right(static_cast<size_t>(right_rank), ' '), result;
  char next = 'a';
  for (size_t i = 0; i < left_batch.size(); ++i) {
    left[static_cast<size_t>(left_batch[i])] = right[static_cast<size_t>(right_batch[i])] = next;
    result += next++;
  }
  for (size_t i = 0; i < left_summed.size(); ++i)
    left[static_cast<size_t>(left_summed[i])] = right[static_cast<size_t>(right_summed[i])] =
        next++;
  for (std::string* operand : {&left, &right})
    for (char& letter : *operand)
      if (letter == ' ') result += letter = next++;
  node.emit(Einsum{.equation = cat(left, ",", right, "->", result)}, {a, b});
}

// ConvolutionDimensionNumbers.
constexpr uint32_t kBatch = 7, kFeature = 8, kSpatial = 11, kKernelIn = 3, kKernelOut = 4,
                   kKernelSpatial = 6, kResultBatch = 9, kResultFeature = 10, kResultSpatial = 12;

std::vector<int64_t> layout(const AxisNumbers& axes, uint32_t first, uint32_t second,
                            uint32_t spatial) {
  std::vector<int64_t> perm{axes.one(first), axes.one(second)};
  const auto& rest = axes.list(spatial);
  perm.insert(perm.end(), rest.begin(), rest.end());
  return perm;
}

/// Operands: images, weights, strides, padding, dilation of both, groups.
void import_xla_conv(NodeReader& node) {
  const AxisNumbers axes(node, "dimension_numbers");
  if (node.integer("batch_group_count", 1) != 1) node.unsupported("groups of the batch");
  const int64_t rank = node.rank_of(0), spatial = rank - 2;
  const auto images = layout(axes, kBatch, kFeature, kSpatial);
  const auto kernel = layout(axes, kKernelOut, kKernelIn, kKernelSpatial);
  const auto result = layout(axes, kResultBatch, kResultFeature, kResultSpatial);
  for (const auto* perm : {&images, &kernel, &result}) {
    node.check(static_cast<int64_t>(perm->size()) == rank, "a convolution of ", rank, " axes with ",
               uint64_t{perm->size()}, " numbers of axes");
    check_axes(node, *perm, rank);
  }
  node.check(spatial >= 1, "a convolution of ", rank, " axes");
  const std::vector<int64_t> strides = node.ints(2), padding = node.ints(3), spread = node.ints(4),
                             dilations = node.ints(5);
  const auto wanted = static_cast<size_t>(spatial);
  node.check(strides.size() == wanted && padding.size() == 2 * wanted && spread.size() == wanted &&
                 dilations.size() == wanted,
             "a window of other axes than the images");
  auto [x, weights] = operands(node);
  x = transposed(node, x, images);
  weights = transposed(node, weights, kernel);
  std::vector<int64_t> low(2, 0), high(2, 0), interior(2, 0);
  Window window{
      .strides = strides, .dilations = dilations, .pads = std::vector<int64_t>(2 * wanted)};
  bool is_plain = true;
  for (size_t i = 0; i < wanted; ++i) {
    low.push_back(padding[2 * i]), high.push_back(padding[2 * i + 1]);
    interior.push_back(spread[i] - 1);
    window.pads[i] = padding[2 * i], window.pads[wanted + i] = padding[2 * i + 1];
    is_plain = is_plain && low.back() >= 0 && high.back() >= 0 && spread[i] == 1;
  }
  if (!is_plain) {
    Value* zero = node.number(0, x->type.tensor().dtype, "zero");
    x = padded(node, x, zero, low, high, interior);
    window.pads.assign(2 * wanted, 0);
  }
  Value* y = node.intermediate(Conv{.window = std::move(window), .group = node.one_int(6)},
                               {x, weights}, "convolved");
  node.give(0, transposed(node, y, inverse(result)));
}

void import_xla_pad(NodeReader& node) {
  node.give(0, padded(node, node.required(0), node.required(1), node.ints(2), node.ints(3),
                      node.ints(4)));
}

void import_xla_einsum(NodeReader& node) {
  node.emit(Einsum{.equation = std::string(node.word("equation", ""))},
            {node.required(0), node.required(1)});
}

/// Says where something is kept or computed, or that it is not to be moved: nothing to compute.
void import_xla_mark(NodeReader& node) {
  for (size_t i = 0; i < node.items().size(); ++i)
    node.give_item(static_cast<int>(i), node.items()[i]);
}

void import_xla_precision(NodeReader& node) {
  const int64_t exponent = node.integer("exponent_bits", 8),
                mantissa = node.integer("mantissa_bits", 23);
  const DType type = node.type_of(0);
  if (exponent == 8 && mantissa >= 23) return node.give(0, node.required(0));
  DType narrow = type;
  if (exponent == 8 && mantissa == 7) narrow = DType::bf16;
  else if (exponent == 5 && mantissa == 10) narrow = DType::f16;
  else node.unsupported("floats of ", exponent, " and ", mantissa, " bits");
  node.give(0, node.cast(node.cast(node.required(0), narrow, "narrow"), type, "wide"));
}

}  // namespace

void register_xla_product(Importers& importers) {
  importers.add({"XlaDot", "XlaDotV2"}, import_xla_dot);
  importers.add({"XlaConv", "XlaConvV2"}, import_xla_conv);
  importers.add("XlaPad", import_xla_pad);
  importers.add("XlaEinsum", import_xla_einsum);
  importers.add("XlaSharding", import_xla_mark);
  importers.add("XlaOptimizationBarrier", import_xla_mark);
  importers.add("XlaReducePrecision", import_xla_precision);
}

}  // namespace hone::tensorflow
