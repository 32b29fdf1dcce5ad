#include "device/cuda/emit/turned_weights.hpp"

#include <cstring>
#include <map>

#include "ir/graph.hpp"
#include "ir/stages/stages.hpp"

namespace hone::cuda::emitter {
namespace {

/// It is one of the variables of what is folded.
bool is_folded(const Expr& index) {
  if (index.kind() != Expr::Kind::index) return false;
  const auto variable = index.dim().as_variable();
  return variable && variable->starts_with("r.");
}

bool is_loop(const Expr& index, const Stage& stage) {
  for (size_t axis = 0; axis < stage.extents.size(); ++axis)
    if (index.is_loop(static_cast<int>(axis))) return true;
  return false;
}

}  // namespace

std::vector<size_t> weights_to_turn(const Problem& problem) {
  const Graph& body = *problem.region.body;
  const Strides strides = strides_of(problem);
  std::map<const Value*, bool> good;
  for (const auto& stage : stages_of(body).list) {
    const bool multiplies = stage->kind() == Stage::Kind::contract;
    visit(stage->expr, [&](const Expr& load) {
      if (load.kind() != Expr::Kind::load) return;
      const auto* value = std::get_if<const Value*>(&load.source());
      if (value == nullptr) return;
      const auto& indices = load.operands();
      const bool is_column = multiplies && indices.size() == 2 && is_folded(indices[0]) &&
                             is_loop(indices[1], *stage) && !load.outside();
      const auto [place, is_new] = good.emplace(*value, is_column);
      place->second &= is_column;
    });
  }
  std::vector<size_t> found;
  for (size_t i = 0; i < body.inputs().size(); ++i) {
    const Value* input = body.inputs()[i];
    const auto place = good.find(input);
    if (place != good.end() && place->second && problem.weights[i] != nullptr &&
        !strides.contains(input) && bits(input->type.tensor().dtype) % 8 == 0)
      found.push_back(i);
  }
  return found;
}

Dims turned_strides(const Value& weight) { return {1, weight.type.tensor().shape()[0]}; }

Tensor turned(const Tensor& weight) {
  constexpr int64_t kSide = 64;  // of a piece that stays in the first-level cache
  const int64_t rows = weight.dim(0), columns = weight.dim(1);
  Tensor made(weight.dtype(), {columns, rows});
  const auto bytes = static_cast<size_t>(bits(weight.dtype()) / 8);
  const std::byte* from = weight.bytes().data();
  std::byte* to = made.mutable_bytes().data();
  for (int64_t row = 0; row < rows; row += kSide)
    for (int64_t column = 0; column < columns; column += kSide)
      for (int64_t c = column; c < std::min(columns, column + kSide); ++c)
        for (int64_t r = row; r < std::min(rows, row + kSide); ++r)
          std::memcpy(to + static_cast<size_t>(c * rows + r) * bytes,
                      from + static_cast<size_t>(r * columns + c) * bytes, bytes);
  return made;
}

}  // namespace hone::cuda::emitter
