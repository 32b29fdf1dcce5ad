#pragma once

#include <array>

#include "ir/evaluation/evaluation.hpp"
#include "ir/inference.hpp"

namespace hone {

/// What a reduction makes of the elements along its axes; of none: the fold's identity (mean: NaN).
enum class Fold : uint8_t {
  sum,
  mean,
  max,
  min,
  prod,
  l1,           ///< sum of magnitudes
  l2,           ///< square root of the sum of squares
  log_sum,      ///< log of the sum
  log_sum_exp,  ///< log of the sum of exponentials, without overflow
  sum_square,
};
inline constexpr std::array<std::string_view, 10> kReduceNames = {
    "ReduceSum", "ReduceMean", "ReduceMax",    "ReduceMin",       "ReduceProd",
    "ReduceL1",  "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"};

/// The stages of a reduction with these fields.
void express_reduce(Expression& e, Fold fold, const std::optional<Dims>& axes, bool keepdims,
                    bool noop_with_empty_axes);

/// Folds a tensor of numbers (max, min: of bools too) along axes. Integers wrap; what is computed
/// in floats truncates.
template <Fold F>
struct Reduce {
  static constexpr std::string_view kName = kReduceNames[static_cast<size_t>(F)];
  static constexpr Arity kInputs{1, 2};
  static constexpr Parameter kParameters[] = {{"axes", 1}};
  std::optional<Dims> axes = {};      ///< in [-rank, rank); none or empty: all axes
  bool keepdims = true;               ///< reduced axes stay with size 1
  bool noop_with_empty_axes = false;  ///< none or empty: no axis at all
  void fields(FieldList& f) const {
    f("axes", axes)("keepdims", keepdims)("noop_with_empty_axes", noop_with_empty_axes);
  }
  void infer(Inference& c) const;
  void dims(Inference& c) const
      requires(F == Fold::sum || F == Fold::max || F == Fold::min || F == Fold::prod);
  void eval(Evaluation& c) const;
  void express(Expression& e) const { express_reduce(e, F, axes, keepdims, noop_with_empty_axes); }
};

using ReduceSum = Reduce<Fold::sum>;
using ReduceMean = Reduce<Fold::mean>;
using ReduceMax = Reduce<Fold::max>;
using ReduceMin = Reduce<Fold::min>;
using ReduceProd = Reduce<Fold::prod>;
using ReduceL1 = Reduce<Fold::l1>;
using ReduceL2 = Reduce<Fold::l2>;
using ReduceLogSum = Reduce<Fold::log_sum>;
using ReduceLogSumExp = Reduce<Fold::log_sum_exp>;
using ReduceSumSquare = Reduce<Fold::sum_square>;

}  // namespace hone
