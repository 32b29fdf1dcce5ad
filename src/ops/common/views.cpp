#include "ops/common/views.hpp"

namespace hone {
namespace {

/// Axes [first, last) of both shapes hold the same elements.
struct Group {
  size_t operand_first, operand_last, result_first, result_last;
};

/// Cuts both shapes into groups as small as can be told from their dims.
std::vector<Group> groups(const Dims& operand, const Dims& result) {
  std::vector<Group> all;
  size_t i = 0, j = 0;
  while (i < operand.size() || j < result.size()) {
    Group group{i, i, j, j};
    Dim from = 1, to = 1;
    do {
      // The smaller product grows; where neither divides the other, both go on to the end.
      const bool take_operand = i < operand.size() && (j == result.size() || exact_div(to, from));
      if (take_operand) from = from * operand[i++];
      else to = to * result[j++];
    } while (!(from == to) && (i < operand.size() || j < result.size()));
    group.operand_last = i, group.result_last = j;
    all.push_back(group);
  }
  return all;
}

}  // namespace

Dims reshape_map(const Dims& operand, const Dims& result) {
  Dims map(operand.size(), Dim(0));
  for (const Group& group : groups(operand, result)) {
    Dim linear = 0;
    for (size_t j = group.result_first; j < group.result_last; ++j)
      linear = linear * result[j] + (result[j].is(1) ? Dim(0) : loop(static_cast<int>(j)));
    Dim stride = 1;
    bool outermost = true;
    for (size_t i = group.operand_first; i < group.operand_last; ++i)
      if (!operand[i].is(1)) stride = stride * operand[i];
    for (size_t i = group.operand_first; i < group.operand_last; ++i) {
      if (operand[i].is(1)) continue;
      const auto inner = exact_div(stride, operand[i]);
      stride = inner.value_or(Dim(1));
      const Dim quotient = floor_div(linear, stride);
      map[i] = outermost ? quotient : mod(quotient, operand[i]);
      outermost = false;
    }
  }
  return map;
}

void express_reshape(Expression& e) {
  for (const Dim& dim : e.shape(0))
    if (dim.is(0)) return e.set(0, e.at(0, Dims(e.shape(0).size(), Dim(0))));
  e.set(0, e.at(0, reshape_map(e.shape(0), e.result_shape())));
}

}  // namespace hone
