// Fourier transforms and complex numbers, which graphs hold as pairs of reals along one axis more
// at the end: a tensor whose type is complex in the file is such a value here.

#include "import/tflite/op_reader.hpp"
#include "ops/activation.hpp"
#include "ops/arithmetic.hpp"
#include "ops/cast.hpp"
#include "ops/common/complex.hpp"
#include "ops/layout.hpp"
#include "ops/math.hpp"
#include "ops/pad.hpp"
#include "ops/shape.hpp"
#include "ops/signal.hpp"

namespace hone::tflite {
namespace {

/// Inputs: real numbers, the sizes of the last two axes, which are cut or padded to these.
void import_rfft_2d(OpReader& op) {
  const int64_t rank = op.rank_of(0);
  const std::vector<int64_t> sizes = op.ints(1);
  op.check(rank >= 2 && sizes.size() == 2, uint64_t{sizes.size()}, " sizes for a tensor of ", rank,
           " axes");
  Value* x = op.intermediate(Unsqueeze{.axes = Dims{Dim(rank)}}, {op.required(0)}, "signal");
  for (size_t i = 2; i-- > 0;) {  // the last one first: of real numbers its first half is enough
    const int64_t axis = rank - 2 + static_cast<int64_t>(i);
    const Dft dft{.dft_length = Dims{Dim(sizes[i])}, .axis = Dims{Dim(axis)}, .onesided = i == 1};
    if (i == 0) op.emit(dft, {x});
    else x = op.intermediate(dft, {x}, "rows");
  }
}

/// One part of each pair of input `i`.
Value* part(OpReader& op, int64_t which, int i = 0) {
  const int64_t last = op.rank_of(i) - 1;
  const auto halves =
      op.intermediates(Split{.axis = last, .num_outputs = 2}, {op.required(i)}, 2, "half");
  return op.intermediate(Squeeze{.axes = Dims{Dim(last)}}, {halves[static_cast<size_t>(which)]},
                         "part");
}
void give_pairs(OpReader& op, Value* real, Value* imaginary) {
  const int64_t last = real->type.tensor().rank();
  const auto raised = [&](Value* x) {
    return op.intermediate(Unsqueeze{.axes = Dims{Dim(last)}}, {x}, "raised");
  };
  op.emit(Concat{.axis = last}, {raised(real), raised(imaginary)});
}
void import_real(OpReader& op) { op.give(0, part(op, 0)); }
void import_imag(OpReader& op) { op.give(0, part(op, 1)); }
void import_complex_abs(OpReader& op) {
  const auto square = [&](int64_t which) {
    Value* x = part(op, which);
    return op.intermediate(Mul{}, {x, x}, "square");
  };
  op.emit(Sqrt{}, {op.intermediate(Add{}, {square(0), square(1)}, "sum")});
}

void import_complex_mul(OpReader& op) {
  if (op.activation(0) != Activation::none) op.unsupported("an activation of complex numbers");
  Value* x[] = {part(op, 0), part(op, 1)};
  Value* y[] = {part(op, 0, 1), part(op, 1, 1)};
  const auto times = [&](int i, int k) { return op.intermediate(Mul{}, {x[i], y[k]}, "product"); };
  give_pairs(op, op.intermediate(Sub{}, {times(0, 0), times(1, 1)}, "real"),
             op.intermediate(Add{}, {times(0, 1), times(1, 0)}, "imaginary"));
}

/// To complex numbers, whose second part is 0, or from them: the first part.
void import_complex_cast(OpReader& op) {
  const auto to = op.out(0).dtype;
  if (!to) op.unsupported("to a type that Hone does not have");
  const bool from_pairs = is_complex(*op.in(0).dtype);
  if (!is_complex(*to)) return void(op.emit(Cast{.to = *to}, {part(op, 0)}));
  if (from_pairs) return void(op.emit(Cast{.to = part_type(*to)}, {op.required(0)}));
  const int64_t rank = op.rank_of(0);
  Value* real = op.intermediate(Cast{.to = part_type(*to)}, {op.required(0)}, "real");
  Value* raised = op.intermediate(Unsqueeze{.axes = Dims{Dim(rank)}}, {real}, "raised");
  Dims pads(2 * static_cast<size_t>(rank) + 2, Dim(0));
  pads.back() = 1;
  op.emit(Pad{.pads = pads}, {raised});
}

/// To the sizes that the file states.
void import_reshape_pairs(OpReader& op) {
  Dims shape;
  for (const int64_t size : op.out(0).shape) shape.emplace_back(size);
  shape.emplace_back(2);
  op.emit(Reshape{.shape = shape}, {op.required(0)});
}

}  // namespace

void register_fourier(Importers& importers) {
  importers.add_complex("RFFT2D", import_rfft_2d);
  importers.add_complex("REAL", import_real);
  importers.add_complex("IMAG", import_imag);
  importers.add_complex("COMPLEX_ABS", import_complex_abs);
  importers.add_complex("MUL", import_complex_mul);
  importers.add_complex("CAST", import_complex_cast);
  for (const std::string_view kind : {"RESHAPE", "SQUEEZE", "EXPAND_DIMS"})
    importers.add_complex(kind, import_reshape_pairs);
}

}  // namespace hone::tflite
