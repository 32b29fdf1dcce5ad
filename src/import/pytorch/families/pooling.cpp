// Pooling with windows, and with as many windows as are asked for.

#include "ops/pooling.hpp"

#include "import/pytorch/windows.hpp"
#include "ops/arithmetic.hpp"
#include "ops/layout.hpp"
#include "ops/matmul.hpp"
#include "ops/reduction.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

/// "max_pool2d" pools 2 axes.
size_t spatial_axes(const Call& call) {
  const std::string& name = call.overload().name;
  return static_cast<size_t>(name[name.find('d', name.find("pool")) - 1] - '0');
}

/// An input without a batch is a batch of one.
Value* batched(Call& call, Value* x) {
  const auto axes = static_cast<int>(spatial_axes(call));
  call.check(Call::rank(x) == axes + 1 || Call::rank(x) == axes + 2, "an input of ", Call::rank(x),
             " axes");
  if (Call::rank(x) == axes + 2) return x;
  return call.intermediate(Unsqueeze{.axes = Dims{Dim(0)}}, {x}, "batch");
}
Value* unbatched(Call& call, Value* result, const Value* x) {
  if (Call::rank(result) == Call::rank(x)) return result;
  return call.intermediate(Squeeze{.axes = Dims{Dim(0)}}, {result}, "result");
}

Window window(Call& call) {
  const size_t axes = spatial_axes(call);
  Window made{.kernel_shape = call.integers("kernel_size", axes),
              .strides = call.integers("stride", axes),
              .pads = both_ends(call.integers("padding", axes))};
  if (made.strides.empty()) made.strides = made.kernel_shape;
  return builder::plain_window(std::move(made));
}

/// Where each is the largest, counted within its plane.
Value* plane_places(Call& call, Value* places, const Value* x) {
  const Dims& shape = Call::shape(x);
  const Dim plane = product(Dims(shape.begin() + 2, shape.end()));
  return call.intermediate(Mod{}, {places, call.late(plane)}, "places");
}

void import_max_pool(Call& call) {
  Value *given = call.tensor("self"), *x = batched(call, given);
  MaxPool op{.window = window(call), .ceil_mode = call.flag("ceil_mode")};
  op.window.dilations = call.integers("dilation", spatial_axes(call));
  op.window = builder::plain_window(std::move(op.window));
  const bool with_places = call.overload().name.ends_with("_with_indices");
  if (!with_places || !call.wants(1)) {
    Value* result = call.intermediate(op, {x}, "pooled");
    call.give(unbatched(call, result, given));
    if (with_places) call.give_nothing();
    return;
  }
  const auto results = call.intermediates(op, {x}, 2, "pooled");
  call.give(unbatched(call, results[0], given));
  call.give(unbatched(call, plane_places(call, results[1], x), given));
}

void import_avg_pool(Call& call) {
  Value *given = call.tensor("self"), *x = batched(call, given);
  AveragePool op{.window = window(call),
                 .ceil_mode = call.flag("ceil_mode"),
                 .count_include_pad = call.flag("count_include_pad")};
  std::optional<int64_t> divisor;
  if (spatial_axes(call) > 1) divisor = call.optional_integer("divisor_override");
  if (!divisor) {
    return call.give(unbatched(call, call.intermediate(op, {x}, "pooled"), given));
  }
  if (op.ceil_mode) call.unsupported("divisor_override with ceil_mode");
  call.check(*divisor != 0, "divisor_override is 0");
  op.count_include_pad = true;
  double taps = 1;
  for (const int64_t size : op.window.kernel_shape) taps *= static_cast<double>(size);
  Value* mean = unbatched(call, call.intermediate(op, {x}, "pooled"), given);
  call.emit(Mul{},
            {mean, call.number(Call::dtype(x), taps / static_cast<double>(*divisor), "factor")});
}

/// Sizes asked for along the spatial axes; None keeps the input's.
Dims asked_sizes(Call& call, const Value* x, size_t axes) {
  Dims asked;
  if (call.argument("output_size").list() == nullptr) {
    asked.assign(axes, call.dim("output_size"));
    return asked;
  }
  const auto items = call.items("output_size");
  call.check(items.size() == 1 || items.size() == axes, "output_size has ", uint64_t{items.size()},
             " entries, wanted ", uint64_t{axes});
  for (size_t i = 0; i < axes; ++i) {
    const Item& item = items.size() == 1 ? items[0] : items.at(i);
    const Dims& shape = Call::shape(x);
    if (item.is_none()) asked.push_back(shape[shape.size() - axes + i]);
    else asked.push_back(call.sizes(std::vector<Item>{item}).known.value_or(Dims{Dim(-1)}).front());
  }
  return asked;
}

/// Window i of `output` over `input` elements: [floor(i in / out), ceil((i + 1) in / out)).
Tensor window_means(DType dtype, int64_t input, int64_t output) {
  Tensor weights(dtype, {input, output});
  for (int64_t i = 0; i < output; ++i) {
    const int64_t start = i * input / output, end = ((i + 1) * input + output - 1) / output;
    for (int64_t k = start; k < end; ++k)
      weights.set_number(k * output + i, 1.0 / static_cast<double>(end - start));
  }
  return weights;
}

/// Along one axis, windows of uneven sizes as a product with their shares.
Value* uneven_means(Call& call, Value* x, int64_t axis, const Dim& asked) {
  const auto input = Call::shape(x)[static_cast<size_t>(axis)].constant(),
             output = asked.constant();
  if (!input || !output) call.unsupported("windows over an axis of open size");
  call.check(*output > 0 && *input < (1 << 16) && *output < (1 << 16), "pools ", *input, " to ",
             *output);
  Value* shares = call.constant(window_means(Call::dtype(x), *input, *output), "shares");
  const int64_t last = Call::rank(x) - 1;
  if (axis != last) x = call.transposed(x, axis, last, "turned");
  x = call.intermediate(MatMul{}, {x, shares}, "means");
  return axis == last ? x : call.transposed(x, axis, last, "turned");
}

/// Windows of one size for all axes; nullopt: they do not come out even.
std::optional<Window> even_window(const Value* x, const Dims& asked) {
  Window made;
  const Dims& shape = Call::shape(x);
  for (size_t i = 0; i < asked.size(); ++i) {
    const Dim& input = shape[shape.size() - asked.size() + i];
    const auto in = input.constant(), out = asked[i].constant();
    if (provably_equal(input, asked[i]) == true) {
      made.kernel_shape.push_back(1);
    } else {
      if (!in || !out || *out <= 0 || *in % *out != 0) return std::nullopt;
      made.kernel_shape.push_back(*in / *out);
    }
  }
  made.strides = made.kernel_shape;
  return builder::plain_window(std::move(made));
}

bool all_ones(const Dims& dims) {
  return std::all_of(dims.begin(), dims.end(), [](const Dim& dim) { return dim.is(1); });
}

Dims last_axes(const Value* x, size_t count) {
  Dims axes;
  for (int64_t i = 0; i < static_cast<int64_t>(count); ++i)
    axes.emplace_back(Call::rank(x) - static_cast<int64_t>(count) + i);
  return axes;
}

void import_adaptive_avg_pool(Call& call) {
  Value* given = call.tensor("self");
  const size_t axes = spatial_axes(call);
  const Dims asked = asked_sizes(call, given, axes);
  if (all_ones(asked)) return void(call.emit(ReduceMean{.axes = last_axes(given, axes)}, {given}));
  Value* x = batched(call, given);
  if (const auto even = even_window(x, asked)) {
    x = call.intermediate(AveragePool{.window = *even}, {x}, "pooled");
    return call.give(unbatched(call, x, given));
  }
  for (size_t i = 0; i < axes; ++i)
    x = uneven_means(call, x, static_cast<int64_t>(i) + 2, asked[i]);
  call.give(unbatched(call, x, given));
}

void import_adaptive_max_pool(Call& call) {
  Value* given = call.tensor("self");
  const size_t axes = spatial_axes(call);
  const Dims asked = asked_sizes(call, given, axes);
  if (all_ones(asked) && !call.wants(1)) {
    call.give(call.intermediate(ReduceMax{.axes = last_axes(given, axes)}, {given}, "largest"));
    return call.give_nothing();
  }
  Value* x = batched(call, given);
  const auto even = even_window(x, asked);
  if (!even) call.unsupported("windows of uneven sizes");
  const auto results = call.intermediates(MaxPool{.window = *even}, {x}, 2, "pooled");
  call.give(unbatched(call, results[0], given));
  if (!call.wants(1)) return call.give_nothing();
  call.give(unbatched(call, plane_places(call, results[1], x), given));
}

}  // namespace

void register_pooling(Importers& importers) {
  for (const std::string_view name :
       {"max_pool1d", "max_pool2d", "max_pool3d", "max_pool1d_with_indices",
        "max_pool2d_with_indices", "max_pool3d_with_indices"})
    importers.add(cat(name,
                      "(T self, i[] kernel_size, i[] stride=[], i[] padding=0, "
                      "i[] dilation=1, b ceil_mode=False)"),
                  import_max_pool);
  importers.add(
      "avg_pool1d(T self, i[1] kernel_size, i[1] stride=[], i[1] padding=0, "
      "b ceil_mode=False, b count_include_pad=True)",
      import_avg_pool);
  for (const std::string_view name : {"avg_pool2d", "avg_pool3d"})
    importers.add(cat(name,
                      "(T self, i[] kernel_size, i[] stride=[], i[] padding=0, "
                      "b ceil_mode=False, b count_include_pad=True, "
                      "i? divisor_override=None)"),
                  import_avg_pool);
  for (const std::string_view name :
       {"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "_adaptive_avg_pool2d",
        "_adaptive_avg_pool3d"})
    importers.add(cat(name, "(T self, i[] output_size)"), import_adaptive_avg_pool);
  for (const std::string_view name : {"adaptive_max_pool1d", "adaptive_max_pool2d"})
    importers.add(cat(name, "(T self, i[] output_size)"), import_adaptive_max_pool);
}

}  // namespace hone::pytorch
