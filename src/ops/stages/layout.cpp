// Layout ops in closed terms: index maps.

#include "ops/layout.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
void Transpose::express(Expression& e) const {
  const int rank = e.rank(0);
  Dims from(static_cast<size_t>(rank), Dim(0));
  for (int i = 0; i < rank; ++i) {
    const auto axis = perm.empty() ? rank - 1 - i : perm[static_cast<size_t>(i)];
    from[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = loop(i);
  }
  e.set(0, e.at(0, from));
}

void Concat::express(Expression& e) const {
  const int rank = e.rank(0);
  const auto place = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  const Expr at = Expr::index(loop(static_cast<int>(place)));
  Dims offsets{0};
  for (int i = 0; i < e.inputs(); ++i) offsets.push_back(offsets.back() + e.shape(i)[place]);
  const auto piece = [&](int i) {
    Dims from = loops(rank);
    from[place] = from[place] - offsets[static_cast<size_t>(i)];
    return e.at(i, from);
  };
  Expr joined = piece(e.inputs() - 1);
  for (int i = e.inputs() - 1; i-- > 0;) {
    const Expr end = Expr::index(offsets[static_cast<size_t>(i) + 1]);
    joined = select(call(Function::less, at, end), piece(i), joined);
  }
  e.set(0, joined);
}

void Split::express(Expression& e) const {
  const int rank = e.rank(0);
  const auto place = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  Dim offset = 0;
  for (int i = 0; i < static_cast<int>(e.node().outputs.size()); ++i) {
    if (!e.wants(i)) return e.decline("not all pieces are wanted");
    Dims from = loops(rank);
    from[place] = from[place] + offset;
    e.set(i, e.at(0, from));
    offset = offset + e.result_shape(i)[place];
  }
}

void Tile::express(Expression& e) const {
  Dims from = loops(e.rank(0));
  for (size_t i = 0; i < from.size(); ++i) {
    const Dim& size = e.shape(0)[i];
    if (size.is(1)) from[i] = 0;
    else if (!size.is(0)) from[i] = mod(from[i], size);
  }
  e.set(0, e.at(0, from));
}

void DepthToSpace::express(Expression& e) const {
  const Dim b = blocksize, row = mod(loop(2), b), column = mod(loop(3), b);
  const Dim block = row * b + column;
  const Dim depth = e.result_shape()[1];
  const Dim channel = mode == Mode::DCR ? block * depth + loop(1) : loop(1) * (b * b) + block;
  e.set(0, e.at(0, Dims{loop(0), channel, floor_div(loop(2), b), floor_div(loop(3), b)}));
}

void SpaceToDepth::express(Expression& e) const {
  const Dim b = blocksize;
  const bool dcr = mode == DepthToSpace::Mode::DCR;
  const Dim depth = divisor(e.shape(0)[1]);
  const Dim block = dcr ? floor_div(loop(1), depth) : mod(loop(1), b * b);
  const Dim channel = dcr ? mod(loop(1), depth) : floor_div(loop(1), b * b);
  e.set(0, e.at(0, Dims{loop(0), channel, loop(2) * b + floor_div(block, b),
                        loop(3) * b + mod(block, b)}));
}

}  // namespace hone
