#include <algorithm>

#include "ir/rules/match.hpp"
#include "ops/arithmetic.hpp"
#include "ops/matmul.hpp"
#include "passes/rules.hpp"

namespace hone {
namespace {

/// `$axes` are the axes `first`, `first` + 1, ... of `%x`, as many as `count`, in any order.
bool axes_are(const Match& match, int64_t first, int64_t count) {
  const auto* axes = match.field<std::optional<Dims>>("axes");
  const Value* x = match.value("x");
  if (axes == nullptr || !*axes || x == nullptr || std::ssize(**axes) != count || count < 1)
    return false;
  std::vector<bool> seen(static_cast<size_t>(count));
  for (const Dim& dim : **axes) {
    const auto axis = dim.constant();
    if (!axis) return false;
    const int64_t place = (*axis < 0 ? *axis + x->type.tensor().rank() : *axis) - first;
    if (place < 0 || place >= count) return false;
    seen[static_cast<size_t>(place)] = true;
  }
  return std::find(seen.begin(), seen.end(), false) == seen.end();
}

int64_t rank_of_x(const Match& match) { return match.value("x")->type.tensor().rank(); }

bool last_axis(const Match& match) { return axes_are(match, rank_of_x(match) - 1, 1); }
bool last_two_axes(const Match& match) { return axes_are(match, rank_of_x(match) - 2, 2); }
bool last_three_axes(const Match& match) { return axes_are(match, rank_of_x(match) - 3, 3); }
bool channel_axis(const Match& match) { return axes_are(match, 1, 1); }
bool spatial_axes(const Match& match) { return axes_are(match, 2, rank_of_x(match) - 2); }

bool z_is_zero(const Match& match) { return uniform_number(*match.value("z")) == 0.0; }

/// Slices along `$steps` take neighbours.
bool unit_steps(const Match& match) {
  const auto* steps = match.field<std::optional<Dims>>("steps");
  return steps != nullptr && (!*steps || std::all_of((*steps)->begin(), (*steps)->end(),
                                                     [](const Dim& step) { return step.is(1); }));
}

bool is_product(const Value* value) {
  return value != nullptr && value->producer != nullptr &&
         value->producer->op.as<MatMul>() != nullptr;
}

/// Scores are no mask of other scores; put together with one, they would be found again as scores.
/// A mask may be made by Mul: (1 - m) * -1e9.
bool is_no_score(const Value* mask) {
  const Node* producer = mask->producer;
  const bool scaled = producer != nullptr && producer->op.as<Mul>() != nullptr &&
                      std::any_of(producer->inputs.begin(), producer->inputs.end(), is_product);
  return !is_product(mask) && !scaled;
}
bool bias_is_no_score(const Match& match) { return is_no_score(match.value("bias")); }
bool mask_is_no_score(const Match& match) { return is_no_score(match.value("mask")); }

/// The contents of `@b` are here, those of `%x` are computed: what is made of `@b` is made now.
bool contents_of_b(const Match& match) {
  const Weight& weight = *match.value("b")->weight;
  return !match.value("x")->is_constant() && !weight.is_absent() && !weight.is_random();
}

}  // namespace

const Guards& rule_guards() {
  static const Guards kGuards = {{"last_axis", last_axis},
                                 {"last_two_axes", last_two_axes},
                                 {"last_three_axes", last_three_axes},
                                 {"channel_axis", channel_axis},
                                 {"spatial_axes", spatial_axes},
                                 {"contents_of_b", contents_of_b},
                                 {"z_is_zero", z_is_zero},
                                 {"unit_steps", unit_steps},
                                 {"bias_is_no_score", bias_is_no_score},
                                 {"mask_is_no_score", mask_is_no_score}};
  return kGuards;
}

}  // namespace hone
