#include <memory>
#include <utility>

#include "base/error.hpp"
#include "base/file.hpp"
#include "dot.hpp"
#include "import/report.hpp"
#include "inspection.hpp"
#include "ir/text.hpp"
#include "output.hpp"
#include "regions.hpp"

namespace hone::cli {
namespace {

struct InspectOptions {
  ModelOptions model;
  std::string output, format = "text";
  std::string svg;
  int streams = 1;
  bool graph = false, plan = false, ops = false, regions = false, dot = false;
};

void draw(const Inspection& found, const std::string& path) {
  const std::string svg = arena_svg(found);
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
  check(options.streams >= 1 && options.streams <= kMostStreams, Code::usage, "--streams ",
        options.streams, ": wanted 1 to ", kMostStreams);
  check(options.streams == 1 || options.plan || options.format == "json", Code::usage,
        "--streams goes with --plan, or with --format json");
  const Inspection found = [&] {
    try {
      return inspect_file(options.model, options.streams);
    } catch (const ModelError& error) {
      if (options.format == "json")
        give(options.output, problems_json(options.model.file_name(), error));
      throw;
    }
  }();
  std::string text;
  if (options.graph) text += hone::print(*found.graph);
  if (options.plan) text += memory_text(found) + hone::print(found.plan);
  if (options.ops) text += ops_text(found);
  if (!options.svg.empty()) draw(found, options.svg);
  const auto candidates = [&] {
    const PassOptions passes = options.model.build_options().passes;
    return find_fusion(*specialized(*found.portable, found.sizes, passes), passes);
  };
  if (options.regions)
    text += regions_text({*found.typed, found.plan, found.report}, found.sizes) +
            candidates_text(candidates(), found.sizes);
  if (options.dot) text += dot_text(*found.typed);
  if (!parts)
    text = options.format == "json" ? inspection_json(found, candidates()) : inspection_text(found);
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
  arguments.option("--streams", options->streams, "N",
                   "With --plan: on at most N streams, each as fast as if it were alone");
  arguments.flag("--regions", options->regions,
                 "Print what runs, step by step, and what fusion finds beside it");
  arguments.option("--svg", options->svg, "FILE",
                   "Draw the arena over time, --shape gives its sizes");
  arguments.flag("--dot", options->dot, "Print the graph that runs, for Graphviz");
  arguments.flag("--ops", options->ops, "Print the table of ops");
  options->model.declare_shapes(arguments);
  options->model.declare_workers(arguments);
  options->model.declare_weights(arguments);
  options->model.declare_disabled(arguments);
  return [options] {
    settle_output(options->output, options->format, {"text", "json"});
    inspect(*options);
  };
}

}  // namespace hone::cli
