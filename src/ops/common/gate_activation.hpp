#pragma once
// The activation functions that recurrent ops name.

#include <optional>
#include <string_view>

namespace hone {

struct GateActivation {
  std::string_view name;
  double (*f)(double x, double alpha, double beta);
  bool has_alpha, has_beta;
  double alpha = 0, beta = 0;  // as the ONNX operator of that name has them

  double operator()(double x) const { return f(x, alpha, beta); }
};

/// By name, in any case of letters; nullopt: no such function.
std::optional<GateActivation> gate_activation(std::string_view name);

}  // namespace hone
