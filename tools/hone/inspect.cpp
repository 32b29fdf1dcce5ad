#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/file.hpp"
#include "import/report.hpp"
#include "ir/text/text.hpp"
#include "model_options.hpp"
#include "output.hpp"
#include "report/dot.hpp"
#include "report/inspection.hpp"
#include "report/regions.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {
namespace {

struct InspectOptions {
  ModelOptions model;
  std::string output, format = "text";
  std::string svg;
  bool graph = false, plan = false, ops = false, regions = false, dot = false;
};

void draw(const report::Inspection& found, const std::string& path) {
  const std::string svg = report::arena_svg(found);
  AtomicFile file(path);
  file.write(svg);
  file.commit();
}

void inspect(const InspectOptions& options) {
  if (!options.svg.empty())
    check(options.format == "text", Code::usage, "--svg goes with --format text");
  const bool parts = !options.svg.empty() || options.dot || options.graph || options.plan ||
                     options.ops || options.regions;
  check(!parts || options.format == "text", Code::usage,
        "--format json prints everything but the graph; leave out --graph, --plan, --ops, "
        "--regions and --dot");
  check(options.model.streams == 1 || options.plan || options.format == "json", Code::usage,
        "--streams goes with --plan, or with --format json");
  report::InspectOptions how;
  how.import = options.model.import_options();
  how.build = options.model.build_options();
  how.most_streams = options.model.streams;
  how.shapes = [&](const Graph& graph) { return options.model.input_shapes(graph); };
  if (is_engine_file(options.model.path)) options.model.check_engine_options();
  const report::Inspection found = [&] {
    try {
      return report::inspect_file(options.model.path, how);
    } catch (const ModelError& error) {
      if (options.format == "json")
        give(options.output, report::problems_json(options.model.file_name(), error));
      throw;
    }
  }();
  std::string text;
  if (options.graph) text += hone::print(*found.graph);
  if (options.plan) text += report::memory_text(found) + hone::print(found.plan);
  if (options.ops) text += report::ops_text(found);
  if (!options.svg.empty()) draw(found, options.svg);
  const auto candidates = [&] { return report::candidates_of(found, how.build.passes); };
  if (options.regions)
    text += report::regions_text({*found.typed, found.plan, found.report}, found.sizes) +
            report::candidates_text(candidates(), found.sizes);
  if (options.dot) text += report::dot_text(*found.typed);
  if (!parts)
    text = options.format == "json" ? report::inspection_json(found, candidates())
                                    : report::inspection_text(found);
  give(options.output, text);
}

}  // namespace

std::function<void()> declare_inspect(Arguments& arguments) {
  const auto options = std::make_shared<InspectOptions>();
  options->model.declare_path(arguments);
  arguments.option("-o,--output", options->output, "FILE",
                   "Write there what would be printed; FILE.json: as JSON");
  arguments.option("--format", options->format, "text|json",
                   "Form of what is printed; -o text and -o json say it, too");
  arguments.flag("--graph", options->graph, "Print the graph as text, as it was imported");
  arguments.flag("--plan", options->plan, "Print the plan for this machine and its memory");
  arguments.flag("--regions", options->regions,
                 "Print what runs, step by step, and what fusion finds beside it");
  arguments.option("--svg", options->svg, "FILE",
                   "Draw the arena over time, --shape gives its sizes");
  arguments.flag("--dot", options->dot, "Print the graph that runs, for Graphviz");
  arguments.flag("--ops", options->ops, "Print the table of ops");
  options->model.declare_shapes(arguments);
  options->model.declare_workers(arguments);
  options->model.declare_device(arguments);
  options->model.declare_weights(arguments);
  options->model.declare_disabled(arguments);
  return [options] {
    settle_output(options->output, options->format, {"text", "json"});
    inspect(*options);
  };
}

}  // namespace hone::cli
