// Elements written by numbers of places along an axis.

#include "ops/scatter.hpp"

#include "import/pytorch/indices.hpp"
#include "ops/arithmetic.hpp"

namespace hone::pytorch {
namespace {

ScatterReduction reduction(Call& call) {
  if (call.overload().name == "aten::scatter_add") return ScatterReduction::add;
  if (!call.takes("reduce")) return ScatterReduction::none;
  const std::string kind = call.text("reduce");
  if (call.takes("include_self") && !call.flag("include_self"))
    call.unsupported("a reduction that leaves out what is there");
  if (kind == "add" || kind == "sum") return ScatterReduction::add;
  if (kind == "multiply" || kind == "prod") return ScatterReduction::mul;
  if (kind == "amax") return ScatterReduction::max;
  if (kind == "amin") return ScatterReduction::min;
  call.unsupported("reduce=", shown(kind));
}

void import_scatter(Call& call) {
  Value *x = call.tensor("self"), *places = call.cast(call.tensor("index"), DType::i64);
  Value* source = nullptr;
  if (call.takes("src")) {
    source = cut_to_places(call, call.cast(call.tensor("src"), Call::dtype(x)), places, -1);
  } else {
    source = call.operand(call.argument("value"), Call::dtype(x), "value");
    source = call.expanded(source, {Call::shape(places), nullptr}, "values");
  }
  call.emit(ScatterElements{.axis = call.axis("dim", x), .reduction = reduction(call)},
            {x, places, source});
}

/// Whole rows along an axis, added, copied or filled.
void import_rows_written(Call& call) {
  Value *x = call.tensor("self"), *places = call.cast(call.tensor("index"), DType::i64);
  const int64_t axis = call.axis("dim", x);
  Dims shape(static_cast<size_t>(Call::rank(x)), Dim(1)), wide = Call::shape(x);
  shape[static_cast<size_t>(axis)] = wide[static_cast<size_t>(axis)] = product(Call::shape(places));
  places = call.expanded(call.reshaped(places, shape, "places"), {wide, nullptr}, "places");
  Value* source = nullptr;
  if (call.takes("source")) source = call.cast(call.tensor("source"), Call::dtype(x));
  else source = call.operand(call.argument("value"), Call::dtype(x), "value");
  source = call.expanded(source, {wide, nullptr}, "rows");
  const bool adds = call.overload().name == "aten::index_add";
  if (adds && call.real("alpha") != 1)
    source = call.intermediate(
        Mul{}, {source, call.operand(call.argument("alpha"), Call::dtype(x), "alpha")}, "scaled");
  const auto kind = adds ? ScatterReduction::add : ScatterReduction::none;
  call.emit(ScatterElements{.axis = axis, .reduction = kind}, {x, places, source});
}

}  // namespace

void register_scatter(Importers& importers) {
  importers.add(
      {"scatter.src(T self, i dim, T index, T src)",
       "scatter.value(T self, i dim, T index, s value)",
       "scatter.reduce(T self, i dim, T index, T src, t reduce)",
       "scatter.value_reduce(T self, i dim, T index, s value, t reduce)",
       "scatter_add(T self, i dim, T index, T src)",
       "scatter_reduce.two(T self, i dim, T index, T src, t reduce, b include_self=True)"},
      import_scatter);
  importers.add({"index_add(T self, i dim, T index, T source, s alpha=1)",
                 "index_copy(T self, i dim, T index, T source)",
                 "index_fill.int_Scalar(T self, i dim, T index, s value)",
                 "index_fill.int_Tensor(T self, i dim, T index, T value)"},
                import_rows_written);
}

}  // namespace hone::pytorch
