// Complex numbers: what makes them, what reads their parts, arithmetic, and the operators that do
// to both parts what they do to a real tensor. (Graphs have pairs of reals: pytorch/complex.hpp.)

#include "import/pytorch/complex.hpp"

#include <algorithm>

#include "import/pytorch/promote.hpp"
#include "ops/arithmetic.hpp"
#include "ops/math.hpp"
#include "ops/shape.hpp"

namespace hone::pytorch {
namespace {

Value* node(Call& call, Op op, std::vector<Value*> inputs) {
  return call.intermediate(std::move(op), std::move(inputs), "part");
}

Item joined(Call& call, const Item& real, const Item& imaginary) {
  if (const auto* list = real.list()) {
    std::vector<Item> items;
    for (size_t i = 0; i < list->size(); ++i)
      items.push_back(joined(call, (*list)[i], imaginary.list()->at(i)));
    return list_of(std::move(items));
  }
  const auto* tensor = real.as<TensorRef>();
  if (tensor == nullptr) return real;  // a size
  Caller& caller = call.caller();
  const TensorRef made =
      caller.cell(paired(call, {caller.read(*tensor), caller.read(*imaginary.as<TensorRef>())}));
  made->complex = true;
  return made;
}

/// A complex type as that of its parts.
Item type_of_parts(const Item& type) {
  const auto* number = type.as<Dim>();
  if (number != nullptr && number->is(9)) return 6;
  return number != nullptr && number->is(10) ? Item(7) : type;
}

/// The operator as it is, once for each part. `adds`: a real operand counts for the real part alone
/// (a sum); otherwise for both (a factor, a place).
void give_by_parts(Call& call, bool adds) {
  if (!has_pairs(call.made().arguments) || call.overload().variant == "dtype")
    call.unsupported("complex numbers");
  std::vector<Item> results[2];
  const auto& parameters = call.overload().parameters;
  for (const bool imaginary : {false, true}) {
    MadeCall made = call.made();
    made.site.outputs.clear();
    for (size_t i = 0; i < parameters.size(); ++i) {
      Item& argument = made.arguments[i];
      const bool is_operand = parameters[i].name == "self" || parameters[i].name == "other";
      const bool is_tensor = argument.as<TensorRef>() != nullptr || argument.list() != nullptr;
      if (parameters[i].name == "dtype") argument = type_of_parts(argument);
      else if (is_tensor) argument = part_of(call, argument, imaginary, adds);
      else if (is_operand && imaginary && adds) argument = 0;
    }
    Call inner(call.caller(), made);
    made.overload->import(inner);
    if (inner.failed()) throw builder::FailedBefore();
    results[imaginary ? 1 : 0] = inner.results();
  }
  for (size_t i = 0; i < results[0].size(); ++i)
    call.give_item(joined(call, results[0][i], results[1].at(i)));
}
void import_complex_by_parts(Call& call) { give_by_parts(call, false); }
void import_complex_sum(Call& call) { give_by_parts(call, true); }

/// An operator that is linear in both operands, `self` and another.
void give_product(Call& call, std::string_view first, std::string_view second) {
  const Item a = call.argument(first), b = call.argument(second);
  if (!holds_pairs(a) || !holds_pairs(b)) return give_by_parts(call, false);
  const Parts x = parts(call, a), y = parts(call, b);
  const auto product = [&](Value* of, Value* by) {
    return applied(call, call.overload().name, call.overload().variant,
                   {{std::string(first), call.caller().cell(of)},
                    {std::string(second), call.caller().cell(by)}});
  };
  give_parts(call,
             {node(call, Sub{}, {product(x.real, y.real), product(x.imaginary, y.imaginary)}),
              node(call, Add{}, {product(x.real, y.imaginary), product(x.imaginary, y.real)})});
}
/// Of an equation and two tensors.
void import_complex_einsum(Call& call) {
  const std::vector<Item> operands = call.items("tensors");
  const auto all = std::count_if(operands.begin(), operands.end(), holds_pairs);
  if (all < 2) return give_by_parts(call, false);
  if (operands.size() != 2) call.unsupported("a product of ", all, " tensors of complex numbers");
  const Parts x = parts(call, operands[0]), y = parts(call, operands[1]);
  const auto product = [&](Value* of, Value* by) {
    return applied(call, "aten::einsum", "",
                   {{"equation", call.argument("equation")},
                    {"tensors", list_of({call.caller().cell(of), call.caller().cell(by)})}});
  };
  give_parts(call,
             {node(call, Sub{}, {product(x.real, y.real), product(x.imaginary, y.imaginary)}),
              node(call, Add{}, {product(x.real, y.imaginary), product(x.imaginary, y.real)})});
}
void import_complex_mul(Call& call) { give_product(call, "self", "other"); }
void import_complex_mm(Call& call) { give_product(call, "self", "mat2"); }

Value* squared_size(Call& call, const Parts& x) {
  return node(call, Add{},
              {node(call, Mul{}, {x.real, x.real}), node(call, Mul{}, {x.imaginary, x.imaginary})});
}

/// 1 / (a + bi) is (a - bi) / (a^2 + b^2).
Parts reciprocal(Call& call, const Parts& x) {
  Value* size = squared_size(call, x);
  return {node(call, Div{}, {x.real, size}),
          node(call, Div{}, {node(call, Neg{}, {x.imaginary}), size})};
}

Parts product(Call& call, const Parts& x, const Parts& y) {
  return {
      node(call, Sub{},
           {node(call, Mul{}, {x.real, y.real}), node(call, Mul{}, {x.imaginary, y.imaginary})}),
      node(call, Add{},
           {node(call, Mul{}, {x.real, y.imaginary}), node(call, Mul{}, {x.imaginary, y.real})})};
}

void import_complex_div(Call& call) {
  const Item by = call.argument("other");
  if (!holds_pairs(by)) return give_by_parts(call, false);
  Parts x;
  const Parts inverse = reciprocal(call, parts(call, by));
  if (const Item of = call.argument("self"); of.as<TensorRef>() != nullptr) x = parts(call, of);
  else x.real = call.operand(of, Call::dtype(inverse.real), "dividend");
  if (x.imaginary != nullptr) return give_parts(call, product(call, x, inverse));
  give_parts(call, {node(call, Mul{}, {x.real, inverse.real}),
                    node(call, Mul{}, {x.real, inverse.imaginary})});
}

void import_complex_reciprocal(Call& call) {
  give_parts(call, reciprocal(call, parts(call, call.argument("self"))));
}

void import_complex_square(Call& call) {
  const Parts x = parts(call, call.argument("self"));
  give_parts(call, product(call, x, x));
}
void import_complex_pow(Call& call) {
  if (const auto power = call.optional_real("exponent"); power != 2.0)
    call.unsupported("complex numbers to the power ", power.value_or(0));
  import_complex_square(call);
}

void import_complex_exp(Call& call) {
  const Parts x = parts(call, call.argument("self"));
  Value* size = node(call, Exp{}, {x.real});
  give_parts(call, {node(call, Mul{}, {size, node(call, Cos{}, {x.imaginary})}),
                    node(call, Mul{}, {size, node(call, Sin{}, {x.imaginary})})});
}

void import_complex_conjugate(Call& call) {
  const Parts x = parts(call, call.argument("self"));
  give_parts(call, {x.real, node(call, Neg{}, {x.imaginary})});
}
void import_of_real_numbers(Call& call) {
  call.unsupported(call.overload().name, " of real numbers");
}
/// Of a real tensor itself.
void import_complex_same(Call& call) { call.give_argument("self"); }

void import_complex_real(Call& call) { call.give(parts(call, call.argument("self")).real); }
void import_complex_imaginary(Call& call) {
  call.give(parts(call, call.argument("self")).imaginary);
}

void import_complex_abs(Call& call) {
  call.emit(Sqrt{}, {squared_size(call, parts(call, call.argument("self")))});
}
void import_complex_angle(Call& call) {
  const Parts x = parts(call, call.argument("self"));
  call.give(
      applied(call, "aten::atan2", "",
              {{"self", call.caller().cell(x.imaginary)}, {"other", call.caller().cell(x.real)}}));
}

// From and to pairs of reals.

void import_complex_view_as_real(Call& call) { call.give(pairs(call, "self")); }
void import_complex_view_as_complex(Call& call) {
  Value* x = call.tensor("self");
  call.check(Call::rank(x) > 0 && provably_equal(Call::shape(x).back(), 2).value_or(true),
             "pairs along an axis of ", Call::rank(x) > 0 ? Call::shape(x).back() : Dim(0));
  if (const DType dtype = Call::dtype(x); dtype != DType::f32 && dtype != DType::f64)
    call.unsupported("complex numbers of ", name(dtype));
  give_pairs(call, x);
}
Value* same_pairs(Call&, Value* written, size_t) { return written; }

/// Both operands over one another's sizes, in one type of floats.
Parts alike(Call& call, std::string_view first, std::string_view second) {
  const DType dtype = promoted_float(call, {first, second});
  Value* a = call.cast(call.tensor(first), dtype);
  Value* b = call.cast(call.tensor(second), dtype);
  if (Call::shape(a) == Call::shape(b)) return {a, b};
  const auto spread = [&](Value* x, Value* like) {
    Value* sizes = call.intermediate(Shape{}, {like}, "sizes");
    return call.intermediate(Expand{}, {x, sizes}, "spread");
  };
  Value* whole = spread(a, b);
  return {whole, spread(b, whole)};
}

void import_complex_of_parts(Call& call) { give_parts(call, alike(call, "real", "imag")); }
void import_complex_polar(Call& call) {
  const Parts x = alike(call, "abs", "angle");
  give_parts(call, {node(call, Mul{}, {x.real, node(call, Cos{}, {x.imaginary})}),
                    node(call, Mul{}, {x.real, node(call, Sin{}, {x.imaginary})})});
}

void import_complex_is_complex(Call& call) { call.give_item(holds_pairs(call.argument("self"))); }

/// To a complex type from a real one, or from a complex one to another.
void import_complex_to(Call& call) {
  const Item& self = call.argument("self");
  const auto asked = call.dtype("dtype");
  const DType dtype = asked.value_or(DType::c64);
  if (!asked) return call.give_argument("self");
  call.check(is_complex(dtype), "complex numbers as ", name(dtype));
  const DType real = dtype == DType::c64 ? DType::f32 : DType::f64;
  if (holds_pairs(self)) {
    Value* held = pairs(call, "self");
    if (Call::dtype(held) == real) return call.give_argument("self");
    return give_pairs(call, call.cast(held, real));
  }
  Value* x = call.cast(call.tensor("self"), real);
  give_parts(call, {x, zeros_like(call, x)});
}

/// A real number in every place.
void import_complex_filled(Call& call) {
  Sizes sizes = call.sizes("size");
  if (!sizes.known) call.unsupported("complex numbers of a size that only running tells");
  sizes.known->emplace_back(2);
  Tensor pair(call.dtype("dtype") == DType::c128 ? DType::f64 : DType::f32, {2});
  if (call.takes("fill_value")) pair.set_number(0, call.real("fill_value"));
  give_pairs(call, call.expanded(call.constant(std::move(pair), "pair"), sizes, "filled"));
}

constexpr std::string_view kByParts[] = {"view",         "reshape",
                                         "_unsafe_view", "flatten",
                                         "ravel",        "unflatten",
                                         "squeeze",      "unsqueeze",
                                         "expand",       "expand_as",
                                         "broadcast_to", "permute",
                                         "transpose",    "swapaxes",
                                         "swapdims",     "t",
                                         "numpy_T",      "mT",
                                         "movedim",      "moveaxis",
                                         "contiguous",   "alias",
                                         "detach",       "lift_fresh",
                                         "clone",        "lift_fresh_copy",
                                         "detach_copy",  "alias_copy",
                                         "slice",        "select",
                                         "narrow",       "index_select",
                                         "gather",       "take_along_dim",
                                         "split",        "split_with_sizes",
                                         "chunk",        "tensor_split",
                                         "unbind",       "repeat",
                                         "tile",         "roll",
                                         "flip",         "index",
                                         "sum",          "mean",
                                         "cumsum",       "neg",
                                         "diagonal",     "tril",
                                         "triu",         "sym_size",
                                         "size",         "sym_numel",
                                         "zeros_like",   "repeat_interleave",
                                         "unfold",       "constant_pad_nd",
                                         "view_as",      "reshape_as",
                                         "fft_fftshift", "fft_ifftshift"};
constexpr std::string_view kSums[] = {
    "cat", "concat", "concatenate", "stack",         "hstack",         "vstack",   "add",
    "sub", "rsub",   "copy",        "slice_scatter", "select_scatter", "index_put"};

}  // namespace

void register_complex(Importers& importers) {
  importers.add_view("view_as_real(T self)", import_complex_view_as_real, same_pairs);
  importers.add_view("view_as_complex(T self)", import_complex_view_as_complex, same_pairs);
  importers.add("complex(T real, T imag)", import_complex_of_parts);
  importers.add("polar(T abs, T angle)", import_complex_polar);
  importers.add("is_complex(T self)", import_complex_is_complex);
  // Views in PyTorch; what is written through them is refused.
  for (const std::string_view name : {"real", "conj", "_conj"})
    importers.add_view(cat(name, "(T self)"), import_complex_same);
  importers.add({"conj_physical(T self)", "_conj_physical(T self)", "resolve_conj(T self)",
                 "resolve_neg(T self)"},
                import_complex_same);
  importers.add_view("imag(T self)", import_of_real_numbers);
  importers.add("angle(T self)", import_of_real_numbers);
  for (const std::string_view name : {"view_as_real", "is_complex"})
    importers.add_complex(name, importers.find(cat("aten::", name), "")->import);
  for (const std::string_view name : kByParts) importers.add_complex(name, import_complex_by_parts);
  for (const std::string_view name : kSums) importers.add_complex(name, import_complex_sum);
  for (const std::string_view name : {"mul", "multiply", "matmul"})
    importers.add_complex(name, import_complex_mul);
  for (const std::string_view name : {"mm", "bmm"}) importers.add_complex(name, import_complex_mm);
  for (const std::string_view name : {"div", "true_divide"})
    importers.add_complex(name, import_complex_div);
  importers.add_complex("einsum", import_complex_einsum);
  for (const std::string_view name : {"zeros", "empty", "full"})
    importers.add_complex(name, import_complex_filled);
  importers.add_complex("reciprocal", import_complex_reciprocal);
  importers.add_complex("square", import_complex_square);
  importers.add_complex("pow", import_complex_pow);
  importers.add_complex("exp", import_complex_exp);
  for (const std::string_view name : {"conj", "_conj", "conj_physical", "_conj_physical"})
    importers.add_complex(name, import_complex_conjugate);
  for (const std::string_view name : {"resolve_conj", "resolve_neg"})
    importers.add_complex(name, import_complex_same);
  importers.add_complex("real", import_complex_real);
  importers.add_complex("imag", import_complex_imaginary);
  importers.add_complex("abs", import_complex_abs);
  importers.add_complex("angle", import_complex_angle);
  for (const std::string_view name : {"to", "_to_copy"})
    importers.add_complex(name, import_complex_to);
}

}  // namespace hone::pytorch
