// Rotary position embedding in closed terms.

#include "ops/rotary.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {

void RotaryEmbedding::express(Expression& e) const {
  const Dims &x = e.shape(0), &cosine = e.shape(1);
  const Dim half = cosine.back();
  const bool by_head = e.rank(0) == 4;
  Dim head = x[x.size() - 1];
  if (!by_head) head = num_heads == 0 ? half * 2 : floor_div(x[2], num_heads);
  const Dim batch = loop(0), sequence = loop(by_head ? 2 : 1), last = loop(by_head ? 3 : 2);
  const Dim place = by_head ? last : mod(last, divisor(head));  // in its head
  // The pair's number and the place of the other one of it.
  const Expr at = Expr::index(place);
  const Expr first = interleaved
                         ? call(Function::equal, Expr::index(mod(place, 2)), Expr::integer(0))
                         : call(Function::less, at, Expr::index(half));
  const Dim pair = interleaved ? floor_div(place, 2) : mod(place, divisor(half));
  const Dim apart = interleaved ? Dim(1) : half;
  const auto angle = [&](int input) {
    if (!e.has(3)) return e.at(input, Dims{batch, sequence, pair});
    const bool one = e.rank(3) == 1;
    const Expr id = Expr::cast(DType::i64, e.at(3, one ? Dims{0} : Dims{batch, sequence}));
    return e.at(input, std::vector<Expr>{one ? id + Expr::index(sequence) : id, Expr::index(pair)});
  };
  const auto element = [&](const Dim& away) {
    Dims from = loops(e.rank(0));
    from.back() = last + away;
    return e.at(0, from);
  };
  const Expr own = element(0), c = angle(1), s = angle(2);
  const Expr turned = select(first, c * own - s * element(apart), s * element(0 - apart) + c * own);
  const Expr turns = call(Function::less, at, Expr::index(half * 2));
  e.set(0, select(turns, turned, own));
}

}  // namespace hone
