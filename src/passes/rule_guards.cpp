#include "ir/match.hpp"
#include "passes/rules.hpp"

namespace hone {
namespace {

/// `$axes` is the last axis of `%x` alone.
bool last_axis(const Match& match) {
  const auto* axes = match.field<std::optional<Dims>>("axes");
  const Value* x = match.value("x");
  if (axes == nullptr || !*axes || (*axes)->size() != 1 || x == nullptr) return false;
  const Dim& axis = (*axes)->front();
  return axis.is(-1) || axis.is(x->type.tensor().rank() - 1);
}

}  // namespace

const Guards& rule_guards() {
  static const Guards kGuards = {{"last_axis", last_axis}};
  return kGuards;
}

}  // namespace hone
