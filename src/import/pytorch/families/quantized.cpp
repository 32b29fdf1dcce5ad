// Quantized tensors: those of TorchScript, which carry their scale, and the integers of programs
// that torch.ao quantizes. (Source: PyTorch 2.15, aten/src/ATen/native/quantized.)

#include <algorithm>
#include <cmath>

#include "import/pytorch/quantization.hpp"
#include "import/pytorch/windows.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/convolution.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/matmul.hpp"
#include "ops/quantize.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

const Quantization& grid_of(const Call& call, std::string_view name) {
  const auto* tensor = call.argument(name).as<TensorRef>();
  call.check(tensor != nullptr && (*tensor)->quantized.has_value(), name, " is not quantized");
  return *(*tensor)->quantized;
}

void import_quantize(Call& call) {
  give_on_grid(call, call.tensor("self"),
               {call.real("scale"), call.integer("zero_point"), *call.dtype("dtype")});
}

void import_dequantize(Call& call) { call.give(call.tensor("self")); }

void import_int_repr(Call& call) {
  call.give(integers_on_grid(call, call.tensor("self"), grid_of(call, "self")));
}

void import_scale(Call& call) { call.give_item(grid_of(call, "self").scale); }
void import_zero_point(Call& call) { call.give_item(grid_of(call, "self").zero_point); }

/// Weights and what belongs to them, as an object.
void import_prepack(Call& call) {
  auto packed = std::make_shared<Object>();
  packed->type = kPacked;
  for (const Parameter& each : call.overload().parameters)
    packed->attributes.emplace_back(each.name, call.argument(each.name));
  call.give_item(packed);
}

const Item& packed_item(const Call& call, std::string_view name) {
  const auto* packed = call.argument("packed").as<std::shared_ptr<Object>>();
  call.check(packed != nullptr && (*packed)->type == kPacked, "its weights are ",
             kind_of(call.argument("packed")));
  const Item* found = (*packed)->find(name);
  call.check(found != nullptr, "its weights have no ", name);
  return *found;
}

Value* packed_tensor(const Call& call, std::string_view name) {
  const Item& item = packed_item(call, name);
  if (item.is_none()) return nullptr;
  const auto* tensor = item.as<TensorRef>();
  call.check(tensor != nullptr, name, " is ", kind_of(item));
  return call.caller().read(*tensor);
}

std::vector<int64_t> packed_integers(const Call& call, std::string_view name, size_t count) {
  const Item& item = packed_item(call, name);
  call.check(item.list() != nullptr, name, " is ", kind_of(item));
  std::vector<int64_t> found;
  for (const Item& each : *item.list()) {
    const auto* dim = each.as<Dim>();
    call.check(dim != nullptr && dim->is_constant(), name, " has ", kind_of(each));
    found.push_back(*dim->constant());
  }
  if (found.size() == 1) found.assign(count, found[0]);
  call.check(found.size() == count, name, " has ", uint64_t{found.size()}, " entries");
  return found;
}

/// add_relu, conv2d_relu ...
bool clips(const Call& call) {
  return call.overload().name.ends_with("_relu") && call.overload().name != "quantized::leaky_relu";
}

/// What the operator is asked to give: clipped where its name says so, on the grid asked for.
void give_result(Call& call, Value* x, DType dtype) {
  if (clips(call)) x = call.intermediate(Relu{}, {x}, "relu");
  give_on_grid(call, x, {call.real("output_scale"), call.integer("output_zero_point"), dtype});
}

void import_packed_convolution(Call& call) {
  Value *x = call.tensor("self"), *weight = packed_tensor(call, "weight");
  // Weights for one axis may be packed as those for two.
  const bool lacks_axis = Call::rank(x) == 3 && Call::rank(weight) == 4;
  if (lacks_axis) x = call.intermediate(Unsqueeze{.axes = Dims{Dim(2)}}, {x}, "rows");
  const auto spatial = static_cast<size_t>(std::max(Call::rank(weight) - 2, 1));
  const auto* groups = packed_item(call, "groups").as<Dim>();
  call.check(groups != nullptr && groups->is_constant(), "groups is no number");
  const Window window =
      builder::plain_window({.strides = packed_integers(call, "stride", spatial),
                             .dilations = packed_integers(call, "dilation", spatial),
                             .pads = both_ends(packed_integers(call, "padding", spatial))});
  std::vector<Value*> inputs{x, weight, packed_tensor(call, "bias")};
  const bool is_transposed = call.overload().name.find("transpose") != std::string::npos;
  Value* y = is_transposed ? call.intermediate(ConvTranspose{.window = window,
                                                             .group = *groups->constant(),
                                                             .output_padding = packed_integers(
                                                                 call, "output_padding", spatial)},
                                               inputs, "convolved")
                           : call.intermediate(Conv{.window = window, .group = *groups->constant()},
                                               inputs, "convolved");
  if (lacks_axis) y = call.intermediate(Squeeze{.axes = Dims{Dim(2)}}, {y}, "row");
  give_result(call, y, grid_of(call, "self").dtype);
}

Value* dense(Call& call) {
  Value* weight = call.transposed(packed_tensor(call, "weight"), 0, 1, "turned");
  Value* y = call.intermediate(MatMul{}, {call.tensor("self"), weight}, "product");
  Value* bias = packed_tensor(call, "bias");
  return bias == nullptr ? y : call.intermediate(Add{}, {y, bias}, "biased");
}

void import_packed_linear(Call& call) {
  give_result(call, dense(call), grid_of(call, "self").dtype);
}

/// Activations are floats, and stay so: PyTorch rounds them to the range that they have in a run.
void import_dynamic_linear(Call& call) {
  Value* y = dense(call);
  if (call.overload().name.find("_relu") != std::string::npos)
    y = call.intermediate(Relu{}, {y}, "relu");
  call.give(y);
}

/// An operator on floats whose result is put on a grid.
struct OnGrid {
  std::string_view overload, name, variant = "";
};
constexpr OnGrid kOnGrid[] = {
    {"add(T self, T other, f output_scale, i output_zero_point)", "aten::add", "Tensor"},
    {"add_relu(T self, T other, f output_scale, i output_zero_point)", "aten::add", "Tensor"},
    {"mul(T self, T other, f output_scale, i output_zero_point)", "aten::mul", "Tensor"},
    {"mul_relu(T self, T other, f output_scale, i output_zero_point)", "aten::mul", "Tensor"},
    {"matmul(T self, T other, f output_scale, i output_zero_point)", "aten::matmul"},
    {"hardswish(T self, f output_scale, i output_zero_point)", "aten::hardswish"},
    {"sigmoid(T self, f output_scale, i output_zero_point)", "aten::sigmoid"},
    {"elu(T self, f output_scale, i output_zero_point, s alpha=1, s scale=1, s input_scale=1)",
     "aten::elu"},
    {"leaky_relu(T self, s negative_slope, b inplace, f output_scale, i output_zero_point)",
     "aten::leaky_relu"},
    {"prelu(T self, T weight, f output_scale, i output_zero_point)", "aten::prelu"},
    {"softmax(T self, i dim, f output_scale, i output_zero_point)", "aten::softmax", "int"},
    {"layer_norm(T input, i[] normalized_shape, T? weight, T? bias, f eps, f output_scale, "
     "i output_zero_point)",
     "aten::layer_norm"},
    {"group_norm(T input, i num_groups, T? weight, T? bias, f eps, f output_scale, "
     "i output_zero_point)",
     "aten::group_norm"},
    {"batch_norm2d(T input, T? weight, T? bias, T running_mean, T running_var, f eps, "
     "f output_scale, i output_zero_point)",
     "aten::batch_norm"},
    {"batch_norm2d_relu(T input, T? weight, T? bias, T running_mean, T running_var, f eps, "
     "f output_scale, i output_zero_point)",
     "aten::batch_norm"},
    {"cat(T[] tensors, i dim, f? output_scale, i? output_zero_point)", "aten::cat"},
    {"cat_relu(T[] tensors, i dim, f? output_scale, i? output_zero_point)", "aten::cat"}};

std::string_view name_of(std::string_view overload) {
  return overload.substr(0, overload.find('('));
}

void import_on_grid(Call& call) {
  const std::string_view name = std::string_view(call.overload().name).substr(11);  // quantized::
  const auto* found = std::find_if(std::begin(kOnGrid), std::end(kOnGrid), [&](const OnGrid& each) {
    return name_of(each.overload) == name;
  });
  const Overload* overload = all_importers().find(found->name, found->variant);
  hone::check(overload != nullptr, Code::internal, "no operator ", found->name);
  std::vector<std::pair<std::string, Item>> arguments;
  for (const Parameter& each : overload->parameters) {
    if (call.takes(each.name)) arguments.emplace_back(each.name, call.argument(each.name));
    else if (each.name == "training") arguments.emplace_back(each.name, false);
    else if (each.name == "momentum") arguments.emplace_back(each.name, 0.0);
    else if (each.name == "cudnn_enabled") arguments.emplace_back(each.name, false);
  }
  const MadeCall made{overload, call.site(), bound_arguments(*overload, {}, arguments)};
  Call inner(call.caller(), made);
  overload->import(inner);
  if (inner.failed()) throw builder::FailedBefore();
  const auto* result = inner.results().at(0).as<TensorRef>();
  call.check(result != nullptr, "gives no tensor");
  const Item& first = call.argument(call.overload().parameters[0].name);
  const Item& tensor =
      first.list() != nullptr && !first.list()->empty() ? first.list()->front() : first;
  const auto* quantized = tensor.as<TensorRef>();
  call.check(quantized != nullptr && (*quantized)->quantized.has_value(), "is not quantized");
  const Quantization grid = *(*quantized)->quantized;
  Value* x = call.caller().read(*result);
  if (call.has("output_scale")) return give_result(call, x, grid.dtype);
  if (clips(call)) x = call.intermediate(Relu{}, {x}, "relu");
  give_on_grid(call, x, grid);
}

/// A factor changes the scale alone.
void import_mul_scalar(Call& call) {
  Quantization grid = grid_of(call, "self");
  const double factor = call.real("other");
  if (!(factor > 0)) call.unsupported("a factor of ", factor);
  grid.scale *= factor;
  Value* x = call.tensor("self");
  give_on_grid(
      call, call.intermediate(Mul{}, {x, call.number(Call::dtype(x), factor, "factor")}, "product"),
      grid);
}

/// A summand is rounded to the grid, whose zero point it moves.
void import_add_scalar(Call& call) {
  Quantization grid = grid_of(call, "self");
  const double steps = std::nearbyint(call.real("other") / grid.scale);
  const double zero = static_cast<double>(grid.zero_point) - steps;
  const double least = grid.dtype == DType::i8 ? -128 : 0;
  if (zero < least || zero > least + 255) call.unsupported("a summand that exceeds the range");
  grid.zero_point = static_cast<int64_t>(zero);
  Value* x = call.tensor("self");
  Value* summand = call.number(Call::dtype(x), steps * grid.scale, "summand");
  give_on_grid(call, call.intermediate(Add{}, {x, summand}, "sum"), grid);
}

void import_relu6(Call& call) {
  Value* x = call.tensor("self");
  Value* y = call.intermediate(
      Clip{}, {x, call.number(Call::dtype(x), 0, "least"), call.number(Call::dtype(x), 6, "most")},
      "clipped");
  give_on_grid(call, y, grid_of(call, "self"));
}

// Programs of torch.ao: integers beside their scales.

/// Zero points in the type of the integers.
Value* zero_points(Call& call, DType dtype) {
  if (!call.has("zero_points")) return nullptr;
  return call.cast(call.tensor("zero_points"), dtype, "zero_points");
}

/// The integers that a type has, or fewer of them.
Value* within(Call& call, Value* integers, DType dtype) {
  const int64_t least = dtype == DType::i8 ? -128 : 0;
  const int64_t from = call.integer("quant_min"), to = call.integer("quant_max");
  if (from <= least && to >= least + 255) return integers;
  return call.intermediate(Clip{},
                           {integers, call.number(dtype, static_cast<double>(from), "least"),
                            call.number(dtype, static_cast<double>(to), "most")},
                           "clipped");
}

DType integers_asked(Call& call) {
  const DType dtype = *call.dtype("dtype");
  if (dtype != DType::u8 && dtype != DType::i8 && dtype != DType::i16 && dtype != DType::u16)
    call.unsupported("quantized to ", name(dtype));
  return dtype;
}

/// A scale and a zero point as numbers or as tensors of one element.
std::pair<Value*, Value*> one_scale(Call& call, DType dtype) {
  const auto scalar = [&](std::string_view name, DType type) {
    return call.reshaped(call.operand(call.argument(name), type, name), {}, name);
  };
  return {scalar("scale", DType::f32), scalar("zero_point", dtype)};
}

void import_quantize_decomposed(Call& call) {
  const DType dtype = integers_asked(call);
  const auto [scale, zero] = one_scale(call, dtype);
  Value* integers = call.intermediate(QuantizeLinear{.output_dtype = dtype},
                                      {call.tensor("input"), scale, zero}, "quantized");
  call.give(within(call, integers, dtype));
}

void import_dequantize_decomposed(Call& call) {
  const auto [scale, zero] = one_scale(call, Call::dtype(call.tensor("input")));
  call.give(from_integers(call, call.tensor("input"), scale, zero, 1));
}

void import_quantize_channels(Call& call) {
  const DType dtype = integers_asked(call);
  Value* x = call.tensor("input");
  Value* scales = call.cast(call.tensor("scales"), DType::f32, "scales");
  Value* integers =
      call.intermediate(QuantizeLinear{.axis = call.axis("axis", x), .output_dtype = dtype},
                        {x, scales, zero_points(call, dtype)}, "quantized");
  call.give(within(call, integers, dtype));
}

void import_dequantize_channels(Call& call) {
  Value* x = call.tensor("input");
  Value* scales = call.cast(call.tensor("scales"), DType::f32, "scales");
  call.give(
      from_integers(call, x, scales, zero_points(call, Call::dtype(x)), call.axis("axis", x)));
}

/// Scale and zero point of all integers over the range of a tensor, made to hold 0.
void import_choose_qparams(Call& call) {
  const double from = static_cast<double>(call.integer("quant_min")),
               to = static_cast<double>(call.integer("quant_max"));
  Value* x = call.tensor("input");
  const DType type = Call::dtype(x);
  const auto number = [&](double value) { return call.number(type, value, "number"); };
  const auto node = [&](Op op, std::vector<Value*> inputs) {
    return call.intermediate(std::move(op), std::move(inputs), "range");
  };
  Value* least = node(Min{}, {node(ReduceMin{}, {call.reshaped(x, {Dim(-1)}, "all")}), number(0)});
  Value* most = node(Max{}, {node(ReduceMax{}, {call.reshaped(x, {Dim(-1)}, "all")}), number(0)});
  Value* scale = node(Div{}, {node(Sub{}, {most, least}), number(to - from)});
  scale = node(Max{}, {scale, number(call.real("eps"))});
  Value* zero = node(Sub{}, {number(from), node(Round{}, {node(Div{}, {least, scale})})});
  zero = node(Clip{}, {zero, number(from), number(to)});
  call.give(call.cast(call.reshaped(scale, {Dim(1)}, "scale"), DType::f64));
  call.give(call.cast(call.reshaped(zero, {Dim(1)}, "zero_point"), DType::i64));
}

void register_decomposed(Importers& importers) {
  constexpr std::string_view kRange = ", i quant_min, i quant_max, i dtype";
  const auto add = [&](std::string_view name, std::string_view parameters, std::string_view more,
                       Overload::Import import) {
    importers.add(cat("quantized_decomposed::", name, "(T input, ", parameters, kRange, more, ")"),
                  import);
  };
  for (const std::string_view variant : {"", ".tensor", ".tensor2"}) {
    add(cat("quantize_per_tensor", variant), "a scale, a zero_point", "",
        import_quantize_decomposed);
    add(cat("dequantize_per_tensor", variant), "a scale, a zero_point", ", i? out_dtype=None",
        import_dequantize_decomposed);
  }
  add("quantize_per_channel", "T scales, T? zero_points, i axis", "", import_quantize_channels);
  add("dequantize_per_channel", "T scales, T? zero_points, i axis", ", i? out_dtype=None",
      import_dequantize_channels);
  importers.add(
      "quantized_decomposed::choose_qparams.tensor(T input, i quant_min, i quant_max, f eps, "
      "i dtype)",
      import_choose_qparams);
}

}  // namespace

void register_quantized(Importers& importers) {
  const auto add = [&](std::initializer_list<std::string_view> overloads, Overload::Import import) {
    for (const std::string_view overload : overloads) importers.add_quantizing(overload, import);
  };
  add({"quantize_per_tensor(T self, f scale, i zero_point, i dtype)"}, import_quantize);
  add({"dequantize.self(T self)"}, import_dequantize);
  add({"int_repr(T self)"}, import_int_repr);
  add({"q_scale(T self)"}, import_scale);
  add({"q_zero_point(T self)"}, import_zero_point);
  add({"quantized::linear_prepack(T weight, T? bias=None)",
       "quantized::linear_prepack_fp16(T weight, T? bias=None)"},
      import_prepack);
  for (const std::string_view axes : {"1", "2", "3"}) {
    add({cat("quantized::conv", axes,
             "d_prepack(T weight, T? bias, i[] stride, i[] padding, i[] dilation, i groups)"),
         cat("quantized::conv_transpose", axes,
             "d_prepack(T weight, T? bias, i[] stride, i[] padding, i[] output_padding, "
             "i[] dilation, i groups)")},
        import_prepack);
    constexpr std::string_view kGiven = "(T self, a packed, f output_scale, i output_zero_point)";
    add({cat("quantized::conv", axes, "d.new", kGiven),
         cat("quantized::conv", axes, "d_relu.new", kGiven),
         cat("quantized::conv_transpose", axes, "d", kGiven)},
        import_packed_convolution);
  }
  add({"quantized::linear(T self, a packed, f output_scale, i output_zero_point)",
       "quantized::linear_relu(T self, a packed, f output_scale, i output_zero_point)"},
      import_packed_linear);
  add({"quantized::linear_dynamic(T self, a packed, b reduce_range=False)",
       "quantized::linear_relu_dynamic(T self, a packed, b reduce_range=False)"},
      import_dynamic_linear);
  add({"quantized::linear_dynamic_fp16(T self, a packed)",
       "quantized::linear_relu_dynamic_fp16(T self, a packed)"},
      import_dynamic_linear);
  for (const OnGrid& each : kOnGrid) add({cat("quantized::", each.overload)}, import_on_grid);
  add({"quantized::mul_scalar(T self, s other)", "quantized::mul.Scalar(T self, s other)"},
      import_mul_scalar);
  add({"quantized::add_scalar(T self, s other)", "quantized::add.Scalar(T self, s other)"},
      import_add_scalar);
  add({"quantized::relu6(T self, b inplace=False)"}, import_relu6);
  register_decomposed(importers);
}

}  // namespace hone::pytorch
