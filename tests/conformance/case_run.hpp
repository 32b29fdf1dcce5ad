#pragma once

#include <string>

#include "conformance/suite.hpp"
#include "device/device.hpp"
#include "passes/pass.hpp"

namespace hone {

enum class Outcome : uint8_t {
  passed,
  failed,
  missing,  // an operator or a kind of value that Hone does not run yet
};
struct Result {
  Outcome outcome = Outcome::passed;
  std::string why;
  bool restructured = false;  // what was written and read back is another portable graph
  std::string elsewhere{};    // the first kernel that runs on the host, not on the device
};

struct HowToRun {
  bool networks_by_reference = false;
  bool round_trip = false;  // written as ONNX and read back first
  PassOptions passes;
  std::shared_ptr<Device> device;  // null: open_device()
};

/// Runs a case through an engine and, whole networks only where asked for, by reference evaluation.
Result run_case(const Case& the_case, const HowToRun& how);

}  // namespace hone
