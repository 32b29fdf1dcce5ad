// Ops that make or choose elements by their places, in closed terms.

#include "ops/generate.hpp"
#include "ir/stages/stages.hpp"
#include "ops/select.hpp"
#include "ops/stages/maps.hpp"
#include "ops/unique.hpp"

namespace hone {

void ConstantOfShape::express(Expression& e) const {
  const DType type = value.dtype();
  if (type != e.result_type().dtype) return e.decline("a value of another type");
  e.set(0, is_float(type) ? Expr(value.number(0), type) : Expr::integer(value.integer(0), type));
}

void Range::express(Expression& e) const {
  const auto only = [&](int input) {
    return e.at(input, Dims(static_cast<size_t>(e.rank(input)), Dim(0)));
  };
  const Expr start = only(0), delta = only(2);
  e.set(0, start + Expr::cast(start.dtype(), Expr::index(loop(0))) * delta);
}

void OneHot::express(Expression& e) const {
  const int rank = e.rank(0) + 1;
  const auto place = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  Dims from = loops(rank);
  const Dim here = from[place];
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(place));
  const Expr index = Expr::cast(DType::i64, e.at(0, from));
  const Expr depth = Expr::index(e.result_shape()[place]);
  const Expr positive = select(call(Function::less, index, like(index, 0)), index + depth, index);
  const Expr marks = call(Function::equal, positive, Expr::index(here));
  e.set(0, select(marks, e.at(2, Dims{1}), e.at(2, Dims{0})));
}

void EyeLike::express(Expression& e) const {
  const Expr diagonal = call(Function::equal, Expr::index(loop(1) - loop(0)), Expr::integer(k));
  e.set(0, Expr::cast(dtype, diagonal));
}

void Trilu::express(Expression& e) const {
  const auto known = e.parameter(k, 1);
  const int rank = e.rank(0);
  const Expr row = Expr::index(loop(rank - 2)), column = Expr::index(loop(rank - 1));
  Expr right = Expr::integer(0);
  if (known) right = Expr::index(known->front());
  else if (e.has(1)) right = Expr::cast(DType::i64, e.at(1, Dims(e.shape(1).size(), Dim(0))));
  const Expr x = e.here(), offset = column - row;
  const Expr kept =
      upper ? call(Function::less_equal, right, offset) : call(Function::less_equal, offset, right);
  e.set(0, select(kept, x, is_float(x.dtype()) ? like(x, 0) : Expr::integer(0, x.dtype())));
}

void ReverseSequence::express(Expression& e) const {
  const auto time = static_cast<size_t>(time_axis);
  std::vector<Expr> from;
  for (const Dim& each : loops(e.rank(0))) from.push_back(Expr::index(each));
  const Expr length = e.at(1, Dims{loop(static_cast<int>(batch_axis))}), step = from[time];
  const Expr mirrored = length - Expr::integer(1) - step;
  from[time] = select(call(Function::less, step, length), mirrored, step);
  e.set(0, e.at(0, std::move(from)));
}

}  // namespace hone
