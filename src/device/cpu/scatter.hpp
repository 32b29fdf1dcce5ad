#pragma once
// How an update and the element that it meets become one, as the ops' own evaluation does it.

#include <algorithm>

#include "device/cpu/half.hpp"
#include "device/cpu/step.hpp"
#include "ops/scatter.hpp"

namespace hone::cpu {

template <ScatterReduction kReduction, class T>
T combined(T a, T b) {
  constexpr bool kFloat = std::is_floating_point_v<T>;
  if constexpr (kReduction == ScatterReduction::max) return a != a || a > b ? a : b;
  else if constexpr (kReduction == ScatterReduction::min) return a != a || a < b ? a : b;
  else if constexpr (kReduction == ScatterReduction::none) return b;
  else if constexpr (kFloat) return kReduction == ScatterReduction::add ? a + b : a * b;
  else {
    const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);  // wraps
    return static_cast<T>(kReduction == ScatterReduction::add ? x + y : x * y);
  }
}
template <ScatterReduction kReduction, DType kType>
Half<kType> combined(Half<kType> a, Half<kType> b) {
  if constexpr (kReduction == ScatterReduction::none) return b;
  else return Half<kType>::of(combined<kReduction>(a.number(), b.number()));
}

/// run.template operator()<T, kReduction>() for elements that need to be told apart: numbers when
/// they are combined, else anything of their width.
template <class Run>
void with_reduction(ScatterReduction reduction, DType dtype, const Run& run) {
  const auto combining = [&]<ScatterReduction kReduction>() {
    switch (dtype) {
      case DType::f64: return run.template operator()<double, kReduction>();
      case DType::f32: return run.template operator()<float, kReduction>();
      case DType::f16: return run.template operator()<Half<DType::f16>, kReduction>();
      case DType::bf16: return run.template operator()<Half<DType::bf16>, kReduction>();
      case DType::i64: return run.template operator()<int64_t, kReduction>();
      default: return run.template operator()<int32_t, kReduction>();
    }
  };
  constexpr auto kNone = ScatterReduction::none;
  switch (reduction) {
    case ScatterReduction::add: return combining.template operator()<ScatterReduction::add>();
    case ScatterReduction::mul: return combining.template operator()<ScatterReduction::mul>();
    case ScatterReduction::max: return combining.template operator()<ScatterReduction::max>();
    case ScatterReduction::min: return combining.template operator()<ScatterReduction::min>();
    case kNone: break;
  }
  switch (bits(dtype)) {
    case 8: return run.template operator()<uint8_t, kNone>();
    case 16: return run.template operator()<uint16_t, kNone>();
    case 32: return run.template operator()<uint32_t, kNone>();
    default: return run.template operator()<uint64_t, kNone>();
  }
}

/// Why elements of `dtype` are not scattered; null: they are.
inline const char* scatter_refusal(ScatterReduction reduction, DType dtype) {
  if (const char* why = width_refusal(dtype)) return why;
  switch (dtype) {
    case DType::f64:
    case DType::f32:
    case DType::f16:
    case DType::bf16:
    case DType::i64:
    case DType::i32: return nullptr;
    default:
      return reduction == ScatterReduction::none ? nullptr
                                                 : "combines f64, f32, f16, bf16, i64, i32 only";
  }
}

/// An update costs more than an element that is only copied. The result may be written over the
/// data, unless that is the indices or the updates, too.
inline Recipe scatter_recipe(std::shared_ptr<const Problem> problem, const Tuning& tuning) {
  Recipe made = streaming_recipe<>(problem, tuning);
  made.seconds += 2e-9 * typical_count(*problem, problem->region.single()->inputs[2]->type);
  const int data = region_input(*problem, 0);
  if (data >= 0 && data != region_input(*problem, 1) && data != region_input(*problem, 2))
    made.may_overwrite.push_back(static_cast<size_t>(data));
  return made;
}

}  // namespace hone::cpu
