// Gathers in closed terms: loads at places that an operand tells.

#include "ops/gather.hpp"
#include "ir/stages/stages.hpp"
#include "ops/stages/maps.hpp"

namespace hone {
namespace {

/// The place on an axis of `size` that an element of operand 1 tells; negative ones count from the
/// end.
Expr place_of(const Expression& e, const Dims& index, const Dim& size) {
  const Expr place = Expr::cast(DType::i64, e.at(1, index));
  return select(call(Function::less, place, like(place, 0)), place + Expr::index(size), place);
}

}  // namespace

void Gather::express(Expression& e) const {
  const int rank = e.rank(0);
  const int place = static_cast<int>(axis < 0 ? axis + rank : axis), width = e.rank(1);
  Dims picked;
  for (int i = 0; i < width; ++i) picked.push_back(loop(place + i));
  std::vector<Expr> indices;
  for (int i = 0; i < rank; ++i) {
    if (i == place) indices.push_back(place_of(e, picked, e.shape(0)[static_cast<size_t>(i)]));
    else indices.push_back(Expr::index(loop(i < place ? i : i + width - 1)));
  }
  e.set(0, e.at(0, std::move(indices)));
}

void GatherElements::express(Expression& e) const {
  const int rank = e.rank(0);
  if (rank == 0) return e.decline("a gather from a scalar");
  const auto place = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  const Dims here = loops(rank);
  std::vector<Expr> indices;
  for (const Dim& each : here) indices.push_back(Expr::index(each));
  indices[place] = place_of(e, here, e.shape(0)[place]);
  e.set(0, e.at(0, std::move(indices)));
}

void GatherND::express(Expression& e) const {
  const auto width = e.shape(1).back().constant();
  if (!width) return e.decline("coordinates of a length that only running tells");
  const int outer = e.rank(1) - 1;  // loops that choose a tuple
  Dims tuple = loops(outer);
  tuple.emplace_back(0);
  std::vector<Expr> indices;
  for (int i = 0; i < e.rank(0); ++i) {
    const auto batch = static_cast<int>(batch_dims), named = batch + static_cast<int>(*width);
    if (i < batch) {
      indices.push_back(Expr::index(loop(i)));
    } else if (i < named) {
      tuple.back() = i - batch;
      indices.push_back(place_of(e, tuple, e.shape(0)[static_cast<size_t>(i)]));
    } else {
      indices.push_back(Expr::index(loop(outer + i - named)));
    }
  }
  e.set(0, e.at(0, std::move(indices)));
}

}  // namespace hone
