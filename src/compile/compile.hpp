#pragma once
// The one road from a portable graph to something that runs. Nobody else fuses, covers, chooses,
// orders or spreads: the engine, a new shape, every report and the tests read what comes out here.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "choose/cover.hpp"
#include "device/device.hpp"
#include "device/timing.hpp"
#include "passes/fusion/fuse.hpp"
#include "plan/streams.hpp"

namespace hone {

struct CompileOptions {
  int workers = 1;
  bool fallback = true;  // steps that the device has no kernel for run on the host
  int most_streams = 1;  // a plan may have, each as fast as if it were alone
  PassOptions passes{};  // what is left out and kept (their limits are compile()'s own)
  Bindings sizes{};      // that the user expects of symbols; others: see expected_size()
  /// Names of the candidates to take, unpriced, as an earlier compilation found; nullopt: price.
  std::optional<std::vector<std::string>> candidates{};
  Timing* timing = nullptr;  // asked instead of estimates where kernels are chosen
  AfterPass after{};         // sees the graph after each pass that changed it
  Progress progress{};
};

/// Passes that pay only with some kernels: the whole plan's estimate without and with them.
struct Candidate {
  std::string name;              // "integer forms"
  double without = 0, with = 0;  // 0: it was decided before
  bool taken = false;
};

struct Compiled {
  /// Why the plan is as it is.
  struct Report {
    std::vector<Candidate> candidates;  // those that change the graph
    std::vector<FusionNote> notes;      // nodes that joined no region of their operand
    std::vector<CutRegion> cuts;        // regions that are not run as one
    std::vector<StreamTrial> streams;   // that were tried; empty: one was asked for
    Plan given;                         // in the order that passes left, on one stream
    double seconds = 0;                 // by estimate, at the expected sizes
  };
  std::unique_ptr<Graph> typed;  // its nodes are the plan's steps, in order
  Choices chosen;
  Plan plan;
  Report report;
};

/// What a device runs for a portable (canonical) graph. The typed graph is for the sizes of
/// with_equal_sizes(); rests of `portable` run the others. Error(unsupported) where no kernel runs
/// an op.
Compiled compile(const Graph& portable, const Device& device, const CompileOptions& options = {});

/// What is left to run of a graph once sizes are known; the fields are rest_of()'s arguments.
struct Remainder {
  const Graph& graph;
  const Node* first;
  const std::vector<const Value*>& live;
  const std::vector<Type>& types;
  const Bindings& symbols;
  const KnownInputs& known;  // of `live`: contents that are known
};
/// The same of a remainder. Error(usage) where its sizes contradict the model.
Compiled compile(const Remainder& remainder, const Device& device,
                 const CompileOptions& options = {});

/// The plan of a graph on which no pass is to run any more: chosen, ordered and placed as it is.
Compiled compile_typed(std::unique_ptr<Graph> typed, const Device& device,
                       const CompileOptions& options = {});

}  // namespace hone
