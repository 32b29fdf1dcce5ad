// Rounding to few bits, as training for integers writes it; integers as real numbers.

#include "ops/quantize.hpp"

#include <cmath>
#include <limits>

#include "import/tensorflow/node_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/math.hpp"

namespace hone::tensorflow {
namespace {

/// A range moved so that 0 is one of its steps. (Source: fake_quant_ops_functor.h.)
struct Nudged {
  float least = 0, most = 0, scale = 0;
  int64_t zero = 0;  // the step that stands for 0
};
Nudged nudged(float least, float most, int64_t first, int64_t last) {
  Nudged made;
  made.scale = (most - least) / static_cast<float>(last - first);
  const float from_least = static_cast<float>(first) - least / made.scale;
  made.zero = from_least <= static_cast<float>(first)  ? first
              : from_least >= static_cast<float>(last) ? last
                                                       : std::lround(from_least);
  made.least = static_cast<float>(first - made.zero) * made.scale;
  made.most = static_cast<float>(last - made.zero) * made.scale;
  return made;
}

/// Eight bits become QuantizeLinear and DequantizeLinear, which passes know; of other widths the
/// steps are written out.
void fake_quantize(NodeReader& node, const std::vector<float>& least,
                   const std::vector<float>& most) {
  const int64_t bits = node.integer("num_bits", 8);
  const bool narrow = node.flag("narrow_range", false);
  node.check(bits >= 2 && bits <= 16 && !least.empty() && least.size() == most.size(), bits,
             " bits for ", uint64_t{least.size()}, " ranges");
  const int64_t first = narrow ? 1 : 0, last = (int64_t{1} << bits) - 1;
  const bool is_one = least.size() == 1;
  const auto count = static_cast<int64_t>(least.size());
  const std::vector<int64_t> shape = is_one ? std::vector<int64_t>{} : std::vector{count};
  Tensor scales(DType::f32, shape), zeros(DType::u8, shape), lowest(DType::f32, shape),
      highest(DType::f32, shape);
  for (int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    node.check(least[at] <= 0 && most[at] >= 0 && least[at] < most[at], "a range from ", least[at],
               " to ", most[at]);
    const Nudged range = nudged(least[at], most[at], first, last);
    scales.put(i, range.scale), lowest.put(i, range.least), highest.put(i, range.most);
    if (bits == 8) zeros.set_integer(i, range.zero);
  }
  Value* x = node.required(0);
  Value* bottom = node.constant(std::move(lowest), "least");
  Value* scale = node.constant(std::move(scales), "scale");
  if (bits == 8) {
    const int64_t axis = is_one ? 0 : node.rank_of(0) - 1;
    if (narrow) x = node.intermediate(Max{}, {x, bottom}, "raised");
    Value* zero = node.constant(std::move(zeros), "zero");
    Value* whole = node.intermediate(QuantizeLinear{.axis = axis, .output_dtype = DType::u8},
                                     {x, scale, zero}, "whole");
    return void(node.emit(DequantizeLinear{.axis = axis}, {whole, scale, zero}));
  }
  Value* top = node.constant(std::move(highest), "most");
  x = node.intermediate(Max{}, {node.intermediate(Min{}, {x, top}, "lowered"), bottom}, "clipped");
  Value* steps =
      node.intermediate(Div{}, {node.intermediate(Sub{}, {x, bottom}, "above"), scale}, "steps");
  steps = node.intermediate(Add{}, {steps, node.number(0.5, DType::f32, "half")}, "raised_steps");
  steps = node.intermediate(Floor{}, {steps}, "whole");
  node.emit(Add{}, {node.intermediate(Mul{}, {steps, scale}, "back"), bottom});
}

void import_fake_quant_args(NodeReader& node) {
  fake_quantize(node, {node.real("min", -6)}, {node.real("max", 6)});
}

std::vector<float> reals(const NodeReader& node, int i) {
  const Tensor* tensor = node.constant_tensor(i);
  if (tensor == nullptr || !is_float(tensor->dtype()))
    node.unsupported("a range that is computed from data");
  std::vector<float> list;
  for (int64_t at = 0; at < tensor->count(); ++at)
    list.push_back(static_cast<float>(tensor->number(at)));
  return list;
}
float one_real(const NodeReader& node, int i) {
  const std::vector<float> list = reals(node, i);
  if (list.size() != 1) node.unsupported(uint64_t{list.size()}, " ranges, one for each channel");
  return list.front();
}

void import_fake_quant(NodeReader& node) { fake_quantize(node, reals(node, 1), reals(node, 2)); }

/// Of whole numbers between min and max, inputs 1 and 2. (Source: dequantize_op.cc.)
void import_dequantize(NodeReader& node) {
  const DType type = node.type_of(0);
  node.check(is_integer(type) && bits(type) <= 32, "whole numbers of ", type);
  const float least = one_real(node, 1), most = one_real(node, 2);
  const std::string_view mode = node.word("mode", "MIN_COMBINED");
  const double width = std::ldexp(1.0, bits(type));
  const double lowest = is_signed(type) ? -width / 2 : 0, highest = lowest + width - 1;
  double scale = (double{most} - double{least}) / (width - 1), offset = double{least};
  double from = lowest;
  if (mode == "SCALED") {
    const double bottom = lowest + (node.flag("narrow_range", false) ? 1 : 0);
    scale = double{most} / highest;
    if (is_signed(type)) scale = std::max(scale, double{least} / bottom);
    offset = from = 0;
  } else if (mode == "MIN_FIRST") {
    offset = most == least ? double{most} : std::round(double{least} / scale) * scale;
  } else {
    node.check(mode == "MIN_COMBINED", "the mode ", builder::quoted(mode));
  }
  Value* x = node.cast(node.required(0), DType::f32, "numbers");
  if (from != 0) x = node.intermediate(Sub{}, {x, node.number(from, DType::f32, "lowest")}, "up");
  x = node.intermediate(Mul{}, {x, node.number(scale, DType::f32, "scale")}, "scaled");
  if (offset != 0)
    x = node.intermediate(Add{}, {x, node.number(offset, DType::f32, "offset")}, "moved");
  node.give(0, node.cast(x, node.dtype("dtype", DType::f32), "real"));
}

/// To steps between given bounds, inputs 1 and 2, and back. (Source: quantize_and_dequantize_op.h.)
void import_quantize_and_dequantize(NodeReader& node) {
  if (!node.flag("range_given", node.op() != "QuantizeAndDequantizeV2"))
    node.unsupported("a range that is that of the data");
  const int64_t bits = node.inputs() > 3 ? node.one_int(3) : node.integer("num_bits", 8);
  node.check(bits >= 2 && bits <= 24, bits, " bits");
  const bool is_signed = node.flag("signed_input", true);
  const double last = std::ldexp(1.0, static_cast<int>(is_signed ? bits - 1 : bits)) - 1;
  const double first = !is_signed ? 0 : node.flag("narrow_range", false) ? -last : -last - 1;
  double least = double{one_real(node, 1)}, most = double{one_real(node, 2)};
  constexpr double kNone = std::numeric_limits<double>::max();
  const double by_least = first * least > 0 ? first / least : kNone;
  const double by_most = last * most > 0 ? last / most : kNone;
  node.check(std::min(by_least, by_most) < kNone, "a range from ", least, " to ", most);
  const double scale = std::min(by_least, by_most), step = 1 / scale;
  if (by_least < by_most) most = last * step;
  else least = first * step;
  Value* x = node.intermediate(
      Clip{}, {node.required(0), node.scalar(least, "least"), node.scalar(most, "most")},
      "clipped");
  x = node.intermediate(Mul{}, {x, node.scalar(scale, "scale")}, "steps");
  const std::string_view rounding = node.word("round_mode", "HALF_TO_EVEN");
  if (rounding == "HALF_TO_EVEN") {
    x = node.intermediate(Round{}, {x}, "whole");
  } else {
    node.check(rounding == "HALF_UP", "the rounding ", builder::quoted(rounding));
    x = node.intermediate(Add{}, {x, node.scalar(0.5, "half")}, "raised");
    x = node.intermediate(Floor{}, {x}, "whole");
  }
  node.emit(Mul{}, {x, node.scalar(step, "step")});
}

}  // namespace

void register_quantize(Importers& importers) {
  importers.add("FakeQuantWithMinMaxArgs", import_fake_quant_args);
  importers.add({"FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel"},
                import_fake_quant);
  importers.add("Dequantize", import_dequantize);
  importers.add({"QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4"},
                import_quantize_and_dequantize);
}

}  // namespace hone::tensorflow
