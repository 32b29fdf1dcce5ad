#pragma once
// An engine: a portable graph made ready for this machine. Immutable to its users, thread-safe.

#include <memory>
#include <string>

#include "base/threads.hpp"
#include "runtime/program.hpp"

namespace hone {

struct EngineOptions {
  int workers = 0;         // 0: one per usable core
  size_t specialized = 8;  // programs kept, of each graph, for sizes the general one cannot run
  /// Left out and kept by the passes that run on the typed graph, too (their limits are its own).
  PassOptions passes = {};
};

class Engine {
 public:
  /// Plans and prepares `portable` (canonical) for the CPU. `plan`: an earlier plan of the same
  /// graph for this machine; when it does not fit, a new one is made and `replanned()` says why.
  static std::shared_ptr<const Engine> make(std::shared_ptr<const Graph> portable,
                                            const EngineOptions& options = {},
                                            const Plan* plan = nullptr);

  const Graph& portable() const { return *portable_; }
  /// The typed graph that the plan is of: the portable one with everything computed that can be.
  const Graph& graph() const { return *graph_; }
  const Plan& plan() const { return program_->plan(); }
  const std::shared_ptr<const Program>& program() const { return program_; }
  /// Why an earlier plan was not used; empty: it was, or none was given.
  const std::string& replanned() const { return replanned_; }
  int workers() const { return workers_; }
  int64_t packed_bytes() const { return packs_.bytes(); }

 private:
  Engine() = default;

  std::shared_ptr<const Graph> portable_, graph_;
  int workers_ = 1;
  std::string replanned_;
  PackStore packs_;
  std::shared_ptr<const Program> program_;
};

}  // namespace hone
