// Shifts in closed terms.

#include "ops/logic.hpp"
#include "ir/stages/stages.hpp"

namespace hone {

void BitShift::express(Expression& e) const {
  const int rank = static_cast<int>(e.result_shape().size());
  const Expr a = e.broadcast(0, rank), by = e.broadcast(1, rank);
  if (direction == Direction::left) return e.set(0, call(Function::shift_left, a, by));
  if (!is_signed(a.dtype())) return e.set(0, call(Function::shift_right, a, by));
  // All bits of a negative number become its sign.
  const Expr most = Expr::integer(bits(a.dtype()) - 1, a.dtype());
  const Expr negative = call(Function::less, by, Expr::integer(0, a.dtype()));
  e.set(0, call(Function::shift_right, a, select(negative, most, min(by, most))));
}

}  // namespace hone
