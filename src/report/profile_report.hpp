#pragma once
// What `hone profile` makes of the times of steps.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.hpp"
#include "runtime/profile.hpp"

namespace hone::report {

/// One step of the plan, or of a body's, over all runs.
struct ProfiledStep {
  size_t place = 0;    // in the order in which steps first began
  double seconds = 0;  // median over the runs of what it took in one; bodies not counted in
  int64_t turns = 1;   // how often it ran in one run
  int64_t bytes = 0;   // of its operands and results, in all turns
  int64_t flops = 0;   // of its contractions, in all turns
  std::string kernel;  // with its tuning; of control flow and size steps what they are
  std::string ops, type, result;
  std::vector<std::string> layers;
  double flops_per_second() const { return static_cast<double>(flops) / seconds; }
  double bytes_per_second() const { return static_cast<double>(bytes) / seconds; }
};

struct ProfileReport {
  std::string model, target, inputs;
  int workers = 0;
  int64_t runs = 0;
  double seconds = 0;  // median of whole runs
  double between = 0;  // median of what runs took beside their steps
  Ceilings ceilings;   // of the device, for as many workers
  std::vector<ProfiledStep> steps;
  /// Regions that their kernels ran by reference evaluation, and how often (device/slow_runs.hpp).
  std::map<std::string, int64_t> slow;
};

/// In the order in which they first began.
std::vector<ProfiledStep> profiled_steps(const Profile& profile);

/// Seconds of all steps of each run together.
std::vector<double> seconds_of_steps(const Profile& profile);

/// `format`: text, csv or json; the dearest step first. `most`: steps that are shown; 0: all.
std::string report_text(const ProfileReport& report, std::string_view format, int most);

/// "134 (63 %)": of a ceiling; "134" where nobody measured it; empty for 0.
std::string rate_text(double per_second, double ceiling);
/// "peak  212 GFLOP/s, a copy 24 GB/s", measured; empty: they were not.
std::string ceilings_text(const Ceilings& ceilings);

/// Trace events (the JSON that chrome://tracing and Perfetto read) of all runs.
std::string trace_json(const Profile& profile);

}  // namespace hone::report
