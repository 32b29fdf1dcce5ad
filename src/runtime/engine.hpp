#pragma once
// An engine: a portable graph made ready for this machine. Immutable to its users, thread-safe.

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/threads.hpp"
#include "runtime/program.hpp"

namespace hone {

struct EngineOptions {
  int workers = 0;         // 0: one per usable core
  size_t specialized = 8;  // programs kept for input sizes that the general one cannot run
};

/// The graph that plans are of: a copy of `portable` with everything computed that can be.
std::unique_ptr<Graph> make_typed(const Graph& portable);
/// A plan of a typed graph; nothing is prepared or packed.
Plan plan_for_cpu(const Graph& typed, int workers);

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
  const Plan& plan() const { return general_->plan(); }
  /// Why an earlier plan was not used; empty: it was, or none was given.
  const std::string& replanned() const { return replanned_; }
  int workers() const { return workers_; }
  int64_t packed_bytes() const { return packs_.bytes(); }

  /// The program that runs these input sizes: the general one, else one specialized for them (a few
  /// are kept). Error(usage) when the sizes contradict the model.
  std::shared_ptr<const Program> program(const std::vector<std::vector<int64_t>>& shapes) const;

 private:
  struct Specialized {
    std::vector<std::vector<int64_t>> shapes;
    std::shared_ptr<const Program> program;
  };
  Engine() = default;
  std::shared_ptr<const Program> prepare(std::shared_ptr<const Graph> graph) const;
  bool general_runs(const std::vector<std::vector<int64_t>>& shapes) const;

  std::shared_ptr<const Graph> portable_, graph_;
  std::shared_ptr<const Program> general_;
  bool open_ = false;  // some size, or whether a requirement holds, is known only by running
  int workers_ = 1;
  size_t keep_ = 0;
  std::string replanned_;
  mutable PackStore packs_;
  mutable std::mutex mutex_;
  mutable std::list<Specialized> specialized_;  // most recently used first
};

}  // namespace hone
