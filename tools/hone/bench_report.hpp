#pragma once
// The figures of `hone bench` and how they are written.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "latency.hpp"

namespace hone::cli {

/// One choice of input sizes.
struct Measured {
  std::string inputs;   // "image=1x3x224x224"
  int64_t samples = 1;  // of one inference: what the inputs have first
  double first = 0;     // seconds of a new context and its first inference
  double elapsed = 0;   // seconds in which all contexts together made latency.runs inferences
  Latency latency;
  double enqueued = 0;  // median seconds until the host has handed all to a device apart; 0: none
  int64_t arena_bytes = 0;  // of one context
  double per_second() const { return static_cast<double>(latency.runs) / elapsed; }
};

struct BenchReport {
  std::string model, version, target, processor;
  int cores = 0;  // usable ones
  int workers = 0, contexts = 0;
  double warm_up = 0;       // seconds before each measurement
  bool built = false;       // of a model; else an engine was loaded
  double open_seconds = 0;  // until the engine could run
  int64_t packed_bytes = 0, peak_bytes = 0;
  std::vector<Measured> cases;
};

/// `format`: text, md, csv or json. Seconds in csv and json are seconds, bytes are bytes.
std::string report_text(const BenchReport& report, std::string_view format);

}  // namespace hone::cli
