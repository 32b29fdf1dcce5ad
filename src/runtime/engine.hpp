#pragma once
// An engine: a portable graph made ready for this machine. Immutable to its users, thread-safe.

#include <memory>
#include <optional>
#include <string>

#include "base/progress.hpp"
#include "base/threads.hpp"
#include "ir/defaults.hpp"
#include "runtime/program.hpp"

namespace hone {

struct EngineOptions {
  std::shared_ptr<Device> device{};  // null: open_device()
  int workers = 0;                   // 0: one per usable core
  bool fallback = true;              // steps that the device has no kernel for run on the host
  int streams = 1;         // that a plan may have at most, of a device that has its own memory
  size_t specialized = 8;  // programs kept, of each graph, for sizes the general one cannot run
  /// Left out and kept by the passes that run on the typed graph, too (their limits are its own).
  PassOptions passes = {};
  /// Compiled code of an engine file runs whoever wrote it; else that which this user wrote.
  bool trust = false;
  Bindings sizes{};          // that are expected of the model's symbols: choices are made for them
  Timing* timing = nullptr;  // asked while the engine is made instead of estimates, not later
  /// Names of the candidate passes to take, unpriced; nullopt: those whose price is lower.
  std::optional<std::vector<std::string>> candidates{};
  Progress progress{};     // told while the engine is made, not later
  AfterPass after_pass{};  // sees the typed graph after each pass that changed it; not later
};

/// What a file has for one device: the graph that its plan is of, and the plan.
struct DevicePart {
  std::string target;                  // the device and instruction set: "cpu avx2"
  std::shared_ptr<const Graph> typed;  // null: made again from the portable graph
  Plan plan;
  std::string outdated{};  // why nothing but the portable graph is used; empty: it can be
  Hash packer{};           // what `packed` depend on, see packer_of()
  std::vector<PackedForm> packed{};
  std::vector<MachineCode> code{};  // that its kernels run by, sorted, where the device keeps any
  std::string signature{};          // of that, see engine_code.hpp; empty: nobody signed it
};

class Engine {
 public:
  /// Plans and prepares `portable` (canonical) for a device. `part`: an earlier part of the same
  /// graph; when it is not for this device or does not fit, a new plan is made and `replanned()`
  /// says why. Without `portable` that cannot be: Error(incompatible_engine).
  static std::shared_ptr<const Engine> make(std::shared_ptr<const Graph> portable,
                                            const EngineOptions& options = {},
                                            const DevicePart* part = nullptr,
                                            std::shared_ptr<const Defaults> defaults = nullptr);

  /// Null: the engine's file was written without it.
  const std::shared_ptr<const Graph>& portable() const { return portable_; }
  /// The typed graph that the plan is of: the portable one with everything computed that can be.
  const Graph& graph() const { return *graph_; }
  /// What the inputs and outputs are, and may be; graph() may be for fewer sizes.
  const Graph& stated() const { return program_->stated(); }
  /// What a file keeps of this engine for this machine. `packed`: the packed weights, too.
  DevicePart part(bool packed = false) const;
  Device& device() const { return *options_.device; }
  /// Why the plan is as it is; of an engine from a file nothing but the plan says so.
  const Compiled::Report& report() const { return report_; }
  const Plan& plan() const { return program_->plan(); }
  const std::shared_ptr<const Program>& program() const { return program_; }
  /// Why an earlier part was not used; empty: it was, or none was given.
  const std::string& replanned() const { return replanned_; }
  /// Inputs that have a value of their own, which the graph has as constants; null: there are none.
  const std::shared_ptr<const Defaults>& defaults() const { return defaults_; }
  /// An engine whose inputs are these, too, made of the graph as it was imported; a few are kept.
  /// Error(internal) for a name that is none of the defaults.
  std::shared_ptr<const Engine> with_inputs(const std::set<std::string>& names) const;
  int workers() const { return workers_; }
  int64_t packed_bytes() const { return packs_.bytes(); }

 private:
  Engine() = default;
  std::string use(const DevicePart& part, const EngineOptions& options);
  void offer_code(const DevicePart& part, bool trust) const;
  void prepare(Plan plan, const Choices& chosen, const EngineOptions& options);
  CompileOptions compile_options() const;

  struct Opened {
    std::set<std::string> inputs;
    std::shared_ptr<const Engine> engine;
  };

  std::shared_ptr<const Graph> portable_, graph_;
  std::shared_ptr<const Defaults> defaults_;
  EngineOptions options_;
  int workers_ = 1;
  std::string replanned_;
  Compiled::Report report_;
  PackStore packs_;
  std::shared_ptr<const Program> program_;
  mutable std::mutex mutex_;
  mutable std::list<Opened> opened_;  // most recently used first
};

}  // namespace hone
