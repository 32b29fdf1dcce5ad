// Products with weights of a few bits in closed terms: numbers are taken out of their bytes, less
// their zero points, scaled.

#include "ops/blockwise.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

/// Element number `at`, in row-major order, of operand `input`, whose sizes are known.
Expr at_number(const Expression& e, int input, const Dim& at) {
  const Dims& shape = e.shape(input);
  Dims place(shape.size());
  Dim stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride = stride * shape[i])
    place[i] = shape[i].is(1) ? Dim(0)
               : i == 0       ? floor_div(at, stride)
                              : mod(floor_div(at, stride), divisor(shape[i]));
  return e.at(input, place);
}

/// Number `at` of `bits` bits in packed bytes.
Expr unpacked(const Expression& e, int input, int64_t bits, const Dim& at) {
  const int64_t in_byte = 8 / bits;
  const Expr byte = Expr::cast(DType::i64, at_number(e, input, floor_div(at, in_byte)));
  const Expr moved = call(Function::shift_right, byte, Expr::index(mod(at, in_byte) * bits));
  return call(Function::bit_and, moved, Expr::integer((int64_t{1} << bits) - 1));
}

}  // namespace

void MatMulNBits::express(Expression& e) const {
  if (e.has(4)) return e.decline("blocks that an operand tells");
  for (const int input : {1, 2, 3, 5})
    if (e.has(input) && !e.type(input).concrete()) return e.decline("weights of unknown sizes");
  const int rank = e.rank(0);
  const Axis k = e.axis(K);
  const Dim n = loop(rank - 1), block = floor_div(k.variable, block_size);
  const int64_t blocks = (K + block_size - 1) / block_size, in_byte = 8 / bits;
  const auto real = [](const Expr& value) { return Expr::cast(DType::f32, value); };
  Expr zero = Expr(static_cast<double>(int64_t{1} << (bits - 1)), DType::f32);
  if (e.has(3) && is_float(e.type(3).dtype)) {
    zero = real(at_number(e, 3, n * blocks + block));
  } else if (e.has(3)) {
    const int64_t row = (blocks + in_byte - 1) / in_byte * in_byte;
    zero = real(unpacked(e, 3, bits, n * row + block));
  }
  const Expr whole = real(unpacked(e, 1, bits, n * (blocks * block_size) + k.variable));
  const Expr weight = real((whole - zero) * real(at_number(e, 2, n * blocks + block)));
  Dims from = loops(rank);
  from.back() = k.variable;
  const DType sums = e.type(0).dtype == DType::f64 ? DType::f64 : DType::f32;
  const Expr sum = Expr::reduce(Function::add, {k}, Expr::cast(sums, e.at(0, from)) * weight);
  e.set(0, e.has(5) ? sum + Expr::cast(sums, at_number(e, 5, n)) : sum);
}

void GatherBlockQuantized::express(Expression& e) const {
  e.decline("its data are a few bits each, packed across bytes");
}

}  // namespace hone
