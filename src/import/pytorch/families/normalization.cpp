// Normalizations, and dropout, which a trained network does not do.

#include "ops/normalization.hpp"

#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/math.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

/// The weights, else as many numbers.
Value* weights_or(Call& call, std::string_view name, const Dims& shape, DType dtype,
                  double otherwise) {
  if (Value* given = call.optional_tensor(name)) return call.cast(given, dtype);
  std::vector<int64_t> sizes;
  for (const Dim& dim : shape) {
    const auto size = dim.constant();
    if (!size) call.unsupported("as many weights as an open size says");
    sizes.push_back(*size);
  }
  Tensor made(dtype, sizes);
  call.check(made.count() <= (1 << 24), made.count(), " weights that are not given");
  for (int64_t i = 0; i < made.count(); ++i) made.set_number(i, otherwise);
  return call.constant(std::move(made), name);
}

float epsilon(Call& call) { return static_cast<float>(call.real("eps")); }

Dims channels(const Value* x) {
  const Dims& shape = Call::shape(x);
  check(!shape.empty(), Code::invalid_model, "a number where channels are wanted");
  return {shape.size() > 1 ? shape[1] : shape[0]};
}

/// By the statistics of the batch itself, over all axes but the channels.
Value* by_own_statistics(Call& call, Value* x) {
  const DType dtype = Call::dtype(x);
  Dims axes, shape(static_cast<size_t>(Call::rank(x)), Dim(1));
  for (int64_t i = 0; i < Call::rank(x); ++i)
    if (i != 1) axes.emplace_back(i);
  call.check(shape.size() >= 2, "statistics of a tensor of ", Call::rank(x), " axes");
  shape[1] = channels(x)[0];
  Value* mean = call.intermediate(ReduceMean{.axes = axes}, {x}, "mean");
  Value* apart = call.intermediate(Sub{}, {x, mean}, "apart");
  Value* squares = call.intermediate(Mul{}, {apart, apart}, "squares");
  Value* variance = call.intermediate(ReduceMean{.axes = axes}, {squares}, "variance");
  Value* sum =
      call.intermediate(Add{}, {variance, call.number(dtype, call.real("eps"), "eps")}, "sum");
  Value* y = call.intermediate(Div{}, {apart, call.intermediate(Sqrt{}, {sum}, "deviation")},
                               "normalized");
  if (Value* weight = call.optional_tensor("weight"))
    y = call.intermediate(Mul{}, {y, call.reshaped(weight, shape, "weight")}, "scaled");
  if (Value* bias = call.optional_tensor("bias"))
    y = call.intermediate(Add{}, {y, call.reshaped(bias, shape, "bias")}, "shifted");
  return y;
}

void import_batch_norm(Call& call) {
  Value* x = call.tensor("input");
  const bool has_statistics = call.takes("running_mean") && call.has("running_mean");
  const bool trains = call.takes("training") && call.flag("training");
  if (trains || !has_statistics) {
    call.give(by_own_statistics(call, x));
  } else {
    const Dims count = channels(x);
    const DType dtype = Call::dtype(x);
    call.give(call.intermediate(
        BatchNormalization{.epsilon = epsilon(call)},
        {x, weights_or(call, "weight", count, dtype, 1), weights_or(call, "bias", count, dtype, 0),
         call.cast(call.tensor("running_mean"), dtype),
         call.cast(call.tensor("running_var"), dtype)},
        "normalized"));
  }
  if (call.overload().name != "aten::batch_norm") call.give_nothing(), call.give_nothing();
}

void import_instance_norm(Call& call) {
  Value* x = call.tensor("input");
  const Dims count = channels(x);
  const DType dtype = Call::dtype(x);
  if (!call.flag("use_input_stats")) {
    return void(call.emit(
        BatchNormalization{.epsilon = epsilon(call)},
        {x, weights_or(call, "weight", count, dtype, 1), weights_or(call, "bias", count, dtype, 0),
         call.tensor("running_mean"), call.tensor("running_var")}));
  }
  call.emit(
      InstanceNormalization{.epsilon = epsilon(call)},
      {x, weights_or(call, "weight", count, dtype, 1), weights_or(call, "bias", count, dtype, 0)});
}

void import_layer_norm(Call& call) {
  Value* x = call.tensor("input");
  const Dims shape = call.dims("normalized_shape");
  const LayerNormalization op{.axis = -static_cast<int64_t>(shape.size()),
                              .epsilon = epsilon(call)};
  Value* bias = call.optional_tensor("bias");
  call.emit(op, {x, weights_or(call, "weight", shape, Call::dtype(x), 1), bias});
  if (call.overload().name == "aten::native_layer_norm") call.give_nothing(), call.give_nothing();
}

void import_group_norm(Call& call) {
  Value* x = call.tensor("input");
  const bool is_native = call.takes("group");
  const Dims count = channels(x);
  const DType dtype = Call::dtype(x);
  call.emit(
      GroupNormalization{.num_groups = call.integer(is_native ? "group" : "num_groups"),
                         .epsilon = epsilon(call)},
      {x, weights_or(call, "weight", count, dtype, 1), weights_or(call, "bias", count, dtype, 0)});
  if (is_native) call.give_nothing(), call.give_nothing();
}

void import_rms_norm(Call& call) {
  Value* x = call.tensor("input");
  const Dims shape = call.dims("normalized_shape");
  // Of the type's own precision where nothing is said.
  const double eps = call.optional_real("eps").value_or(1.1920928955078125e-07);
  call.emit(RMSNormalization{.axis = -static_cast<int64_t>(shape.size()),
                             .epsilon = static_cast<float>(eps)},
            {x, weights_or(call, "weight", shape, Call::dtype(x), 1)});
  if (call.overload().name == "aten::_fused_rms_norm") call.give_nothing();
}

/// A direction v / |v| with a length g, for each index of an axis.
void import_weight_norm(Call& call) {
  Value *v = call.tensor("v"), *g = call.tensor("g");
  const int64_t kept = call.axis("dim", v);
  Dims axes;
  for (int64_t i = 0; i < Call::rank(v); ++i)
    if (i != kept) axes.emplace_back(i);
  Value* norm = call.intermediate(ReduceL2{.axes = axes}, {v}, "norm");
  call.emit(Mul{}, {v, call.intermediate(Div{}, {g, norm}, "factor")});
}

void import_dropout(Call& call) {
  if (call.flag("train") && call.real("p") > 0)
    call.unsupported("the network is exported as it trains: call eval() before the export");
  call.give_argument("input");
}
void import_native_dropout(Call& call) {
  if (call.has("train") && call.flag("train") && call.real("p") > 0)
    call.unsupported("the network is exported as it trains: call eval() before the export");
  call.give_argument("input");
  call.give_nothing();
}

/// x1 . x2 / (|x1| |x2|), each length at least eps.
void import_cosine_similarity(Call& call) {
  const DType dtype = promoted_float(call, {"x1", "x2"});
  Value *a = call.cast(call.tensor("x1"), dtype), *b = call.cast(call.tensor("x2"), dtype);
  const int64_t axis = call.axis("dim", Call::rank(a) > Call::rank(b) ? a : b);
  const auto unit = [&](Value* x) {
    Value* norm = call.intermediate(ReduceL2{.axes = Dims{Dim(axis)}}, {x}, "norm");
    norm = call.intermediate(Max{}, {norm, call.number(dtype, call.real("eps"), "eps")}, "norm");
    return call.intermediate(Div{}, {x, norm}, "unit");
  };
  Value* product = call.intermediate(Mul{}, {unit(a), unit(b)}, "product");
  call.emit(ReduceSum{.axes = Dims{Dim(axis)}, .keepdims = false}, {product});
}

}  // namespace

void register_normalization(Importers& importers) {
  importers.add({"batch_norm(T input, T? weight, T? bias, T? running_mean, T? running_var, "
                 "b training, f momentum, f eps, b cudnn_enabled)",
                 "_native_batch_norm_legit_no_training(T input, T? weight, T? bias, "
                 "T running_mean, T running_var, f momentum, f eps)",
                 "_native_batch_norm_legit.no_stats(T input, T? weight, T? bias, b training, "
                 "f momentum, f eps)",
                 "native_batch_norm(T input, T? weight, T? bias, T? running_mean, "
                 "T? running_var, b training, f momentum, f eps)"},
                import_batch_norm);
  importers.add(
      "instance_norm(T input, T? weight, T? bias, T? running_mean, T? running_var, "
      "b use_input_stats, f momentum, f eps, b cudnn_enabled)",
      import_instance_norm);
  importers.add({"layer_norm(T input, i[] normalized_shape, T? weight=None, T? bias=None, "
                 "f eps=1e-05, b cudnn_enable=True)",
                 "native_layer_norm(T input, i[] normalized_shape, T? weight, T? bias, f eps)"},
                import_layer_norm);
  importers.add({"group_norm(T input, i num_groups, T? weight=None, T? bias=None, f eps=1e-05, "
                 "b cudnn_enabled=True)",
                 "native_group_norm(T input, T? weight, T? bias, i N, i C, i HxW, i group, f eps)"},
                import_group_norm);
  importers.add({"rms_norm(T input, i[] normalized_shape, T? weight=None, f? eps=None)",
                 "_fused_rms_norm(T input, i[] normalized_shape, T? weight, f? eps)"},
                import_rms_norm);
  importers.add("_weight_norm(T v, T g, i dim=0)", import_weight_norm);
  importers.add("dropout(T input, f p, b train)", import_dropout);
  importers.add("feature_dropout(T input, f p, b train)", import_dropout);
  importers.add("alpha_dropout(T input, f p, b train)", import_dropout);
  importers.add("native_dropout(T input, f p, b? train)", import_native_dropout);
  importers.add("cosine_similarity(T x1, T x2, i dim=1, f eps=1e-08)", import_cosine_similarity);
}

}  // namespace hone::pytorch
