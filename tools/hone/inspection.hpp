#pragma once
// What `hone inspect` finds out about a model or an engine.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compile/compile.hpp"
#include "ir/graph.hpp"
#include "model_options.hpp"
#include "runtime/engine_sections.hpp"
#include "sizes.hpp"

namespace hone {
class ModelError;
struct FusionCandidates;
}  // namespace hone

namespace hone::cli {

struct OpRow {
  std::string op;
  int64_t nodes = 0;
  Dim flops;
};

struct Inspection {
  std::string file;
  std::vector<std::pair<std::string, std::string>> about;  // format, producer, opset ...
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
  Sizes sizes;                          // by --shape, the others assumed
  std::optional<int64_t> arena_bytes;   // exact, when every size is known
  std::optional<int64_t> bound_bytes;   // no arena for this order of steps is smaller
  std::vector<std::string> open_sizes;  // values whose size only running tells
};

/// Error: every problem of the model at once, as import_file gives it. `most_streams`: the plan may
/// have; of an engine it is what it is.
Inspection inspect_file(const ModelOptions& options, int most_streams = 1);

/// 2 x multiply-adds of one node; 0 for what is no contraction.
Dim flops_of(const Node& node);

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

}  // namespace hone::cli
