#pragma once

#include <string>

#include "conformance/suite.hpp"

namespace hone {

enum class Outcome : uint8_t {
  passed,
  failed,
  missing,  // an operator or a kind of value that Hone does not run yet
};
struct Result {
  Outcome outcome = Outcome::passed;
  std::string why;
};

/// Runs a case through an engine and, whole networks only where `networks_by_reference`, by
/// reference evaluation.
Result run_case(const Case& the_case, bool networks_by_reference);

}  // namespace hone
