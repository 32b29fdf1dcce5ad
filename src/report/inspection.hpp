#pragma once
// What a model or an engine is, as figures and as text: `hone inspect` and hone_engine_report().

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/build.hpp"
#include "compile/candidates.hpp"
#include "compile/compile.hpp"
#include "ir/graph.hpp"
#include "report/open_sizes.hpp"
#include "runtime/engine_sections.hpp"

namespace hone {
class ModelError;
}  // namespace hone

namespace hone::report {

struct OpRow {
  std::string op;
  int64_t nodes = 0;
  Dim flops;
};

struct Inspection {
  std::string file;
  std::vector<std::pair<std::string, std::string>> about;  // format, version, producer ...
  std::unique_ptr<Graph> graph;           // as it was imported; of an engine the portable graph
  std::shared_ptr<const Graph> portable;  // canonical
  std::unique_ptr<Graph> typed;           // what `plan` is of
  Plan plan;
  Compiled::Report report;                   // why it is so; of an engine's own plan empty
  std::shared_ptr<const Defaults> defaults;  // null: none
  std::vector<SectionEntry> sections;        // of an engine file

  std::vector<OpRow> ops;  // by FLOPs, then by name; those of bodies too
  int64_t nodes = 0;
  int64_t parameters = 0, parameter_tensors = 0, parameter_bytes = 0;
  Dim flops;  // 2 x multiply-adds of matrix products and convolutions, of the dearer branch, of one
              // turn of a loop
  Dim naive_bytes;                      // every value a buffer of its own
  std::vector<Dim> peaks;               // the arena is at least the largest of these
  OpenSizes sizes;                      // by --shape, the others assumed
  std::optional<int64_t> arena_bytes;   // exact, when every size is known
  std::optional<int64_t> bound_bytes;   // no arena for this order of steps is smaller
  std::vector<std::string> open_sizes;  // values whose size only running tells
};

/// Shapes that the user gives to inputs, by name.
using Shapes = std::map<std::string, std::vector<int64_t>, std::less<>>;

struct InspectOptions {
  ImportOptions import{};
  BuildOptions build{};
  int most_streams = 1;  // the plan may have; of an engine it is what it is
  /// Of the graph as it was imported, the shapes that its inputs are to have; empty: none are
  /// given.
  std::function<Shapes(const Graph&)> shapes{};
};

/// A model (nothing is packed) or an engine file. Error: every problem of the model at once, as
/// import_file gives it; Error(usage) where it does not run with the shapes.
Inspection inspect_file(const std::filesystem::path& path, const InspectOptions& options = {});
/// An engine at hand.
Inspection inspect(const Engine& engine);

/// Fills in the figures: operations, parameters, memory.
void count(Inspection& inspection);

/// 2 x multiply-adds of one node; 0 for what is no contraction.
Dim flops_of(const Node& node);

/// What fusion finds in the portable graph at the inspection's sizes, beside what runs.
FusionCandidates candidates_of(const Inspection& inspection, const PassOptions& passes = {});

/// The whole as text, and as JSON with the plan, what it runs and what fusion finds.
std::string inspection_text(const Inspection& inspection);
std::string inspection_json(const Inspection& inspection, const FusionCandidates& found);
/// Of a model that cannot be imported: what is in the way, as JSON.
std::string problems_json(const std::string& file, const ModelError& error);
/// The arena in a few lines, at the inspection's sizes: exact size, bound, a buffer per value.
std::string memory_text(const Inspection& inspection);
/// A drawing of the arena over the steps, at the inspection's sizes, as SVG; more in tooltips.
std::string arena_svg(const Inspection& inspection);
/// The symbols in the sizes of the plan's buffers.
Symbols buffer_symbols(const Plan& plan);
/// The table of ops alone.
std::string ops_text(const Inspection& inspection);

}  // namespace hone::report
