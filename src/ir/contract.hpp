#pragma once
// How far a pass or a rule may move results.

#include <cstdint>

namespace hone {

struct Contract {
  enum class Kind : uint8_t {
    exact,    ///< the same numbers
    ulp,      ///< apart by at most `units` last places of the tensor's largest magnitude
    half,     ///< the same, of f32 too in last places of the f16, or bf16, that the graph has
    quantum,  ///< integers apart by at most `units`; floats by as many last places as for ulp
  };
  Kind kind = Kind::exact;
  int units = 0;
  friend constexpr bool operator==(const Contract&, const Contract&) = default;
};

inline constexpr Contract kExact{};
constexpr Contract ulp(int units) { return {Contract::Kind::ulp, units}; }
constexpr Contract half(int units) { return {Contract::Kind::half, units}; }
constexpr Contract quantum(int units) { return {Contract::Kind::quantum, units}; }

}  // namespace hone
