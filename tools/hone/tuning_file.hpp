#pragma once
// What was measured of kernels on this machine: where it is kept, and how a build adds to it.

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "build/build.hpp"
#include "tune/tuner.hpp"
#include "verb.hpp"

namespace hone::cli {

/// Error(usage) naming the file when it is no such file; a file that is not there has no records.
Records read_records(const std::filesystem::path& path);
void write_records(const Records& records, const std::filesystem::path& path);

/// tuning.txt in $XDG_CACHE_HOME/hone, else in ~/.cache/hone.
std::filesystem::path default_tuning_file();

/// How hard a build tries.
struct TuningOptions {
  int level = 1;
  std::string file;
  double seconds = 60;
  bool deterministic = false;

  void declare(Arguments& arguments);
  /// Error(usage).
  void check() const;
};

/// Lets a build time kernels, as these options say. While it lives, Ctrl-C ends the measurements
/// and not the build; a second Ctrl-C ends it.
class Tuning {
 public:
  Tuning(const TuningOptions& options, BuildOptions& build);
  ~Tuning();
  Tuning(const Tuning&) = delete;
  Tuning& operator=(const Tuning&) = delete;
  /// Adds what was measured to the file. What happened, for people, with the sizes that were taken
  /// for the open ones of `graph`; empty: nothing was to be timed.
  std::string finish(const Graph& graph, const Bindings& sizes);
  /// Whole engines that were timed, for people; empty: none were.
  std::string trials() const;

 private:
  TuningOptions options_;
  std::filesystem::path file_;
  std::unique_ptr<Tuner> tuner_;
  std::vector<EngineTrial> trials_;
};

}  // namespace hone::cli
