#include "ops/common/gate_activation.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

namespace hone {
namespace {

constexpr GateActivation kActivations[] = {
    {"Relu", [](double x, double, double) { return std::max(x, 0.0); }, false, false},
    {"Tanh", [](double x, double, double) { return std::tanh(x); }, false, false},
    {"Sigmoid", [](double x, double, double) { return 1 / (1 + std::exp(-x)); }, false, false},
    {"Affine", [](double x, double a, double b) { return a * x + b; }, true, true, 1, 0},
    {"LeakyRelu", [](double x, double a, double) { return x < 0 ? a * x : x; }, true, false, 0.01f},
    {"ThresholdedRelu", [](double x, double a, double) { return x > a ? x : 0.0; }, true, false, 1},
    {"ScaledTanh", [](double x, double a, double b) { return a * std::tanh(b * x); }, true, true, 1,
     1},
    {"HardSigmoid", [](double x, double a, double b) { return std::clamp(a * x + b, 0.0, 1.0); },
     true, true, 0.2f, 0.5f},
    {"Elu", [](double x, double a, double) { return x < 0 ? a * std::expm1(x) : x; }, true, false,
     1},
    {"Softsign", [](double x, double, double) { return x / (1 + std::abs(x)); }, false, false},
    {"Softplus",
     [](double x, double, double) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0); },
     false, false},
};

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

}  // namespace

std::optional<GateActivation> gate_activation(std::string_view name) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  for (const GateActivation& each : kActivations)
    if (std::equal(name.begin(), name.end(), each.name.begin(), each.name.end(), same)) return each;
  return std::nullopt;
}

}  // namespace hone
