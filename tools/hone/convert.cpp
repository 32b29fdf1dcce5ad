#include <filesystem>
#include <memory>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "compile/compile.hpp"
#include "export/export.hpp"
#include "model_options.hpp"
#include "output.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {
namespace {

struct ConvertVerb {
  ModelOptions model;
  std::string output, external = "auto";
  bool portable = false, optimized = false;
};

ExportOptions export_options(const ConvertVerb& verb) {
  using External = ExportOptions::External;
  ExportOptions options;
  if (verb.external == "always") options.external = External::always;
  else if (verb.external == "never") options.external = External::never;
  else
    check(verb.external == "auto", Code::usage, "--external ", verb.external,
          ": wanted auto, always or never");
  return options;
}

/// A model as it was imported or, asked for, after the passes; an engine's graph.
std::shared_ptr<const Graph> read_graph(const ConvertVerb& verb) {
  const ModelOptions& model = verb.model;
  if (is_engine_file(model.path)) {
    model.check_engine_options();
    auto portable = read_engine_file(model.path, true).parts.portable;
    check(
        portable != nullptr, Code::unsupported, model.file_name(),
        " was built with --drop-portable: it has no graph that other programs could read; convert "
        "the model");
    return portable;
  }
  const bool passes = verb.portable || verb.optimized;
  check(passes || (model.disabled.empty() && model.keep.empty()), Code::usage,
        "--disable and --keep go with --portable or --optimized");
  Imported imported = import_file(model.path, model.import_options());
  model.input_shapes(*imported.graph);  // tells what is asked of no input
  if (!passes) return std::move(imported.graph);
  return make_portable(std::move(imported.graph), model.build_options());
}

/// What is written.
std::shared_ptr<const Graph> graph_of(const ConvertVerb& verb) {
  if (verb.optimized && is_engine_file(verb.model.path)) {
    verb.model.check_engine_options();
    const std::shared_ptr<const Engine> engine = load(verb.model.path);
    return {engine, &engine->graph()};
  }
  std::shared_ptr<const Graph> graph = read_graph(verb);
  if (!verb.optimized) return graph;
  CompileOptions how;
  how.workers = usable_cores();
  how.passes = verb.model.build_options().passes;
  how.sizes = verb.model.given_sizes(*graph);
  return compile(*graph, *open_device(), how).typed;
}

void convert(const ConvertVerb& verb) {
  const std::filesystem::path output = verb.output;
  const std::string form = output.extension().string();
  check(form == ".onnx" || form == ".graph", Code::usage, "-o ", verb.output,
        ": wanted a name that ends in .onnx or .graph (Hone's text)");
  std::error_code error;
  check(!std::filesystem::equivalent(verb.model.path, output, error), Code::usage, "-o ",
        verb.output, " is the model itself");
  check(!verb.portable || !verb.optimized, Code::usage,
        "--optimized goes further than --portable: wanted one of them");
  const ExportOptions options = export_options(verb);
  const std::shared_ptr<const Graph> graph = graph_of(verb);
  if (form == ".graph") {
    const Exported made = export_text(*graph, output);
    line("graph  ", verb.output, "  ", bytes_text(made.model_bytes));
    if (made.data_bytes > 0) line("data   ", made.data.string(), "  ", bytes_text(made.data_bytes));
    return;
  }
  const Exported made = export_onnx(*graph, output, options);
  line("model  ", verb.output, "  ", bytes_text(made.model_bytes));
  if (made.data_bytes > 0) line("data   ", made.data.string(), "  ", bytes_text(made.data_bytes));
}

}  // namespace

std::function<void()> declare_convert(Arguments& arguments) {
  const auto verb = std::make_shared<ConvertVerb>();
  verb->model.declare_path(arguments);
  arguments.option("-o,--output", verb->output, "FILE.onnx|FILE.graph",
                   "What to write: an ONNX model, or the graph as text", true);
  arguments.option("--external", verb->external, "auto|always|never",
                   "Weights in FILE.onnx.data; auto: from 64 MiB on");
  arguments.flag("--portable", verb->portable,
                 "Write the graph after the passes, as an engine holds it");
  arguments.flag("--optimized", verb->optimized,
                 "Write what an engine for this machine runs; regions are local functions");
  verb->model.declare_weights(arguments);
  verb->model.declare_shapes(arguments);
  verb->model.declare_disabled(arguments);
  return [verb] { convert(*verb); };
}

}  // namespace hone::cli
