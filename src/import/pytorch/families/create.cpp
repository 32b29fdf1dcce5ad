// Tensors made of sizes, numbers and bounds.

#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/generate.hpp"
#include "ops/random.hpp"
#include "ops/select.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

/// One number in every place.
void emit_filled(Call& call, const Sizes& sizes, const Item& number, DType dtype) {
  Value* value = call.operand(number, dtype, "value");
  if (!value->is_constant()) {
    if (!sizes.known) return void(call.emit(Expand{}, {value, sizes.operand}));
    return void(call.emit(Expand{.shape = *sizes.known}, {value}));
  }
  const Tensor one = value->weight->tensor().reshaped({1});
  if (sizes.known && sizes.known->empty()) return call.give(value);
  std::vector<Value*> operands;
  if (!sizes.known) operands.push_back(sizes.operand);
  call.emit(ConstantOfShape{.shape = sizes.known, .value = one}, operands);
}

/// The type that a number has of itself.
DType own_type(const Item& number) {
  if (number.as<bool>() != nullptr) return DType::boolean;
  if (number.as<Dim>() != nullptr) return DType::i64;
  if (const auto* late = number.as<LateNumber>())
    return is_float(Call::dtype(late->value)) ? DType::f32 : Call::dtype(late->value);
  return DType::f32;
}

/// What is empty is anything; zeros are the same in every run.
Item number(Call& call) {
  const std::string_view name = call.overload().name;
  if (call.takes("fill_value")) return call.argument("fill_value");
  return name.find("ones") != std::string_view::npos ? Item(1.0) : Item(0.0);
}

void import_filled(Call& call) {
  const DType otherwise =
      call.takes("fill_value") ? own_type(call.argument("fill_value")) : DType::f32;
  emit_filled(call, call.sizes("size"), number(call), call.dtype("dtype").value_or(otherwise));
}
void import_filled_like(Call& call) {
  Value* x = call.tensor("self");
  const DType dtype = call.dtype("dtype").value_or(Call::dtype(x));
  const Sizes sizes = call.takes("size") ? call.sizes("size") : Sizes{Call::shape(x), nullptr};
  emit_filled(call, sizes, number(call), dtype);
}
void import_fill(Call& call) {
  Value* x = call.tensor("self");
  const Item value = call.takes("value") ? call.argument("value") : Item(0);
  emit_filled(call, {Call::shape(x), nullptr}, value, Call::dtype(x));
}

void import_scalar_tensor(Call& call) {
  const Item& item = call.argument("s");
  call.give(call.operand(item, call.dtype("dtype").value_or(DType::f32), "number"));
}

/// start, start + step ... before end.
void import_arange(Call& call) {
  const Item start = call.takes("start") ? call.argument("start") : Item(0);
  const Item step = call.takes("step") ? call.argument("step") : Item(1);
  const Item& end = call.argument("end");
  const DType dtype = call.dtype("dtype").value_or(promoted(call, {start, step, end}));
  // Bounds that are no whole numbers are counted as they are, and converted afterwards.
  const DType own = is_float(dtype) ? dtype : promoted(call, {start, step, end});
  const DType in = own == DType::f16 || own == DType::bf16 ? DType::f32 : own;
  Value* numbers = call.intermediate(Range{},
                                     {call.operand(start, in, "start"),
                                      call.operand(end, in, "end"), call.operand(step, in, "step")},
                                     "numbers");
  call.give(call.cast(numbers, dtype, "numbers"));
}

void import_linspace(Call& call) {
  const DType dtype = call.dtype("dtype").value_or(DType::f32);
  const double start = call.real("start"), end = call.real("end");
  const int64_t steps = call.integer("steps");
  call.check(steps >= 0 && steps < (1 << 24), "steps is ", steps);
  Tensor made(dtype, {steps});
  const double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
  for (int64_t i = 0; i < steps; ++i)  // from both ends, as PyTorch counts
    made.set_number(i, i < steps / 2 || steps == 1
                           ? start + step * static_cast<double>(i)
                           : end - step * static_cast<double>(steps - 1 - i));
  call.give(call.constant(std::move(made), "numbers"));
}

void import_eye(Call& call) {
  const Dim rows = call.dim("n"), columns = call.takes("m") ? call.dim("m") : rows;
  const DType dtype = call.dtype("dtype").value_or(DType::f32);
  const ConstantOfShape zeros{.shape = Dims{rows, columns}, .value = Tensor(DType::f32, {1})};
  call.emit(EyeLike{.dtype = dtype}, {call.intermediate(zeros, {}, "zeros")});
}

/// Numbers drawn anew in every run; nobody can compare them.
template <class Op>
void import_random(Call& call) {
  DType dtype = DType::f32;
  Sizes sizes;
  if (call.takes("self")) {
    Value* x = call.tensor("self");
    dtype = Call::dtype(x);
    sizes = {Call::shape(x), nullptr};
  } else {
    sizes = call.sizes("size");
  }
  Op op;
  op.numbers.dtype = call.dtype("dtype").value_or(dtype);
  const ConstantOfShape zeros{.shape = sizes.known, .value = Tensor(DType::f32, {1})};
  std::vector<Value*> operands;
  if (!sizes.known) operands.push_back(sizes.operand);
  call.emit(op, {call.intermediate(zeros, operands, "sizes")});
}

}  // namespace

void register_create(Importers& importers) {
  importers.add(
      {"zeros(i[] size, i? dtype=None, i? layout=None, a device=None, b? pin_memory=None)",
       "ones(i[] size, i? dtype=None, i? layout=None, a device=None, b? pin_memory=None)",
       "empty.memory_format(i[] size, i? dtype=None, i? layout=None, a device=None, "
       "b? pin_memory=None, i? memory_format=None)",
       "full(i[] size, s fill_value, i? dtype=None, i? layout=None, a device=None, "
       "b? pin_memory=None)"},
      import_filled);
  importers.add({"zeros_like(T self, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None, i? memory_format=None)",
                 "ones_like(T self, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None, i? memory_format=None)",
                 "empty_like(T self, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None, i? memory_format=None)",
                 "full_like(T self, s fill_value, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None, i? memory_format=None)",
                 "new_zeros(T self, i[] size, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None)",
                 "new_ones(T self, i[] size, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None)",
                 "new_empty(T self, i[] size, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None)",
                 "new_full(T self, i[] size, s fill_value, i? dtype=None, i? layout=None, "
                 "a device=None, b? pin_memory=None)"},
                import_filled_like);
  importers.add({"fill.Scalar(T self, s value)", "fill.Tensor(T self, T value)", "zero(T self)"},
                import_fill);
  importers.add(
      "scalar_tensor(s s, i? dtype=None, i? layout=None, a device=None, "
      "b? pin_memory=None)",
      import_scalar_tensor);
  importers.add({"arange(s end, i? dtype=None, i? layout=None, a device=None, b? pin_memory=None)",
                 "arange.start(s start, s end, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None)",
                 "arange.start_step(s start, s end, s step=1, i? dtype=None, i? layout=None, "
                 "a device=None, b? pin_memory=None)"},
                import_arange);
  importers.add(
      "linspace(s start, s end, i steps, i? dtype=None, i? layout=None, a device=None, "
      "b? pin_memory=None)",
      import_linspace);
  importers.add({"eye(i n, i? dtype=None, i? layout=None, a device=None, b? pin_memory=None)",
                 "eye.m(i n, i m, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None)"},
                import_eye);
  importers.add({"randn(i[] size, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None)",
                 "randn_like(T self, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None, i? memory_format=None)"},
                import_random<RandomNormalLike>);
  importers.add({"rand(i[] size, i? dtype=None, i? layout=None, a device=None, b? pin_memory=None)",
                 "rand_like(T self, i? dtype=None, i? layout=None, a device=None, "
                 "b? pin_memory=None, i? memory_format=None)"},
                import_random<RandomUniformLike>);
}

}  // namespace hone::pytorch
