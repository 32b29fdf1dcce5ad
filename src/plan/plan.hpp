#pragma once
// A plan: which kernel runs each node, in which order, and which values need memory when. Plain
// data with a text form; it refers to the nodes and values of its graph by name.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/chosen.hpp"
#include "device/device.hpp"
#include "device/problem.hpp"
#include "ir/graph.hpp"
#include "plan/layout.hpp"
#include "plan/memory/demand.hpp"

namespace hone {

struct Step {
  enum class Kind : uint8_t {
    run,      ///< a prepared kernel on places of known size
    size,     ///< reference evaluation: tells its results' sizes, or reads what has no bytes
    control,  ///< control flow: the bodies are sub-plans
  };
  Kind kind = Kind::run;
  std::string node;    // the name of its first wanted result
  std::string kernel;  // empty for what is no run
  int version = 0;
  Tuning tuning;
  int bodies = 0;          // of a control step
  std::string note;        // what people should know, such as why a fallback was taken
  int refusals = -1;       // of the other kernels: which of the plan's; -1: there are none
  int stream = 0;          // which it is enqueued to
  std::vector<int> waits;  // earlier steps, on other streams, that must have run before it starts
  friend bool operator==(const Step&, const Step&) = default;
};

/// A value that lives in the arena: its bytes in the graph's symbols, its lifetime in steps.
/// `value` is empty for a step's scratch. `at_most`: only running tells the size, `bytes` bounds
/// it; a value that turns out not to fit gets memory of its own.
struct PlannedBuffer {
  std::string value;
  Dim bytes;
  int first = 0, last = 0;
  bool at_most = false;
  /// With streams: the last step that may run before or beside one that reads it, where that is
  /// behind `last`. Every step behind it runs after all of these.
  int until = -1;
  int end() const { return until < 0 ? last : until; }
  friend bool operator==(const PlannedBuffer&, const PlannedBuffer&) = default;
};

struct Plan {
  std::string device;  // "cpu"
  int workers = 1;
  Bindings sizes;  // that the user expects of symbols: choice and order are for these
  std::vector<std::string> takes;  // candidate passes that ran on the graph because they paid
  std::vector<Refusals> refusals;  // that steps name, each once, sorted
  std::vector<Step> steps;         // in the order of enqueueing
  std::vector<int> segments;       // first step of each; a cut stands where sizes become known
  std::vector<PlannedBuffer> buffers;
  std::vector<Sharing> sharings;    // in the order of the steps
  std::vector<std::string> pooled;  // values whose size only running tells
  AxisOrders orders;                // of values that are not dense
  std::vector<Plan> bodies;         // of the control steps in order
  friend bool operator==(const Plan&, const Plan&) = default;
};

/// Plans the nodes of `graph` in their order, bodies of control flow too, with what was chosen for
/// them. `streams`: of each node, from 0 without a gap; empty: one stream has them all. Bodies have
/// one.
Plan make_plan(const Graph& graph, const Choices& choices, const Conditions& conditions,
               const std::vector<int>& streams = {});

/// Checks a plan from elsewhere, which is not trusted: every kernel, asked again, runs its node
/// with that tuning, and everything else is what follows from these choices.
/// Error(incompatible_engine) saying what does not fit.
void check_plan(const Graph& graph, const Plan& plan, const Device& device);
/// The same; what it says is chosen, with the problems to prepare kernels for.
Choices checked_choices(const Graph& graph, const Plan& plan, const Device& device);

/// Plans of more streams are refused.
inline constexpr int kMostStreams = 64;

/// Bounds of more bytes than this are no use: such a value gets memory when its size is known.
inline constexpr int64_t kMostBoundedBytes = int64_t{256} << 20;

/// The demand of the plan's buffers, each on its own, once every symbol they need is bound.
/// Error(usage) when one is not.
Demand demand(const Plan& plan, const Bindings& symbols);

/// The text form; parse_plan(print(p)) == p. Error(incompatible_engine) "plan line 3: ...".
std::string print(const Plan& plan);
Plan parse_plan(std::string_view text);

}  // namespace hone
