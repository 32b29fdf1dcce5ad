// From a model, an engine's file or an engine to what is told of it.

#include "base/threads.hpp"
#include "ir/dim/sizes.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "ir/evaluation/rest.hpp"
#include "ir/inference.hpp"
#include "report/inspection.hpp"
#include "report/regions.hpp"
#include "runtime/engine_file.hpp"

namespace hone::report {
namespace {

void take(Compiled compiled, Inspection& found) {
  found.typed = std::move(compiled.typed);
  found.plan = std::move(compiled.plan);
  found.report = std::move(compiled.report);
}

std::shared_ptr<Device> device_of(const BuildOptions& build) {
  return build.engine.device != nullptr ? build.engine.device : open_device();
}

CompileOptions compile_options(const BuildOptions& build) {
  CompileOptions how;
  how.workers = build.engine.workers > 0 ? build.engine.workers : usable_cores();
  how.fallback = build.engine.fallback;
  how.passes = build.passes;
  return how;
}

/// The typed graph of a plan, as it was when the plan was made, its order too.
std::unique_ptr<Graph> typed_graph(const DevicePart& part, const Graph* portable,
                                   const Device& device) {
  if (part.typed != nullptr) return part.typed->clone();
  return compile(*portable, device,
                 {.workers = part.plan.workers,
                  .sizes = part.plan.sizes,
                  .candidates = part.plan.takes})
      .typed;
}

void inspect_engine(const std::filesystem::path& path, const InspectOptions& options,
                    Inspection& found) {
  EngineFile file = read_engine_file(path);
  found.about = {{"format", cat("engine, version ", file.version)}, {"made by", file.parts.about}};
  found.sections = std::move(file.sections);
  const auto& parts = file.parts.devices;
  found.portable = file.parts.portable != nullptr ? file.parts.portable : parts.front().typed;
  found.graph = found.portable->clone();
  found.defaults = file.parts.defaults;
  for (const DevicePart& each : parts)
    found.about.emplace_back("part", cat(each.target, ", ", each.plan.workers, " workers"));
  if (file.parts.portable == nullptr)
    found.about.emplace_back("portable graph", "left out: it cannot be planned again");
  const auto device = device_of(options.build);
  const auto part = std::ranges::find(parts, device->target()->text(), &DevicePart::target);
  if (part != parts.end() && part->outdated.empty()) {
    found.typed = typed_graph(*part, found.portable.get(), *device);
    try {
      check_plan(*found.typed, part->plan, *device);
      found.plan = part->plan;
      return;
    } catch (const Error& error) {
      if (error.code() != Code::incompatible_engine || file.parts.portable == nullptr) throw;
      found.about.emplace_back("plan", cat("made again, as a run does: ", error.message()));
    }
  }
  take(compile(*found.portable, *device, compile_options(options.build)), found);
}

void inspect_model(const std::filesystem::path& path, const InspectOptions& options,
                   Inspection& found) {
  Imported imported = import_file(path, options.import);
  found.about = {
      {"format", imported.format}, {"version", imported.version}, {"producer", imported.producer}};
  for (const auto& [key, value] : imported.metadata) found.about.emplace_back(key, value);
  found.graph = imported.graph->clone();
  found.defaults = imported.defaults;
  if (!imported.fixed_defaults.empty()) found.about.emplace_back("note", imported.fixed_defaults);
  found.portable = make_portable(std::move(imported.graph), options.build);
}

/// Whether the plan is for other sizes than the given shapes: a run with them takes the portable
/// graph.
bool is_for_others(const Graph& typed, const Shapes& given) {
  Bindings sizes;
  for (const auto& [name, shape] : given)
    if (!bind(typed.find(name)->type.tensor(), shape, sizes)) return true;
  return is_planned_otherwise(typed, sizes);
}

/// The plan of the portable graph at the given sizes, as a run makes it.
void plan_at(const Bindings& given, const InspectOptions& options, Inspection& found) {
  CompileOptions how = compile_options(options.build);
  how.workers = found.plan.workers;
  how.sizes = given;
  std::unique_ptr<Graph> graph = found.portable->clone();
  const SymbolSizes sizes(given.begin(), given.end());
  for (Value* input : graph->inputs()) input->type = substitute(input->type, replacement_by(sizes));
  try {
    check(substitute(*graph, sizes).empty(), Code::internal, "a number is too long to write");
    infer(*graph);
    take(compile(*graph, *device_of(options.build), how), found);
  } catch (const Error& error) {
    if (error.code() != Code::invalid_model) throw;
    fail(Code::usage, "--shape: the model does not run with these sizes: ", error.message());
  }
  found.about.emplace_back("plan", "of the graph for these sizes, as a run with them makes it");
}

Bindings sizes_of(const Graph& graph, const Shapes& shapes) {
  Bindings sizes;
  for (const auto& [name, shape] : shapes) bind(graph.find(name)->type.tensor(), shape, sizes);
  return sizes;
}

}  // namespace

Inspection inspect_file(const std::filesystem::path& path, const InspectOptions& options) {
  Inspection found;
  found.file = path.filename().string();
  const bool engine = is_engine_file(path);
  if (engine) {
    check(options.most_streams == 1, Code::usage,
          "an engine has its plan; --streams goes with a model");
    inspect_engine(path, options, found);
  } else {
    inspect_model(path, options, found);
  }
  const Shapes shapes = options.shapes ? options.shapes(*found.graph) : Shapes();
  const Bindings given = sizes_of(*found.graph, shapes);
  if (!engine) {
    CompileOptions how = compile_options(options.build);
    how.most_streams = options.most_streams;
    how.sizes = given;
    take(compile(*found.portable, *device_of(options.build), how), found);
  }
  if (is_for_others(*found.typed, shapes)) plan_at(given, options, found);
  found.sizes = OpenSizes(*found.graph, given);
  count(found);
  return found;
}

Inspection inspect(const Engine& engine) {
  Inspection found;
  found.file = engine.stated().name();
  found.about = {
      {"format", "engine"},
      {"part", cat(engine.device().target()->text(), ", ", engine.workers(), " workers")}};
  found.portable = engine.portable();
  if (found.portable == nullptr) found.portable = engine.stated().clone();
  found.graph = found.portable->clone();
  found.defaults = engine.defaults();
  found.typed = engine.graph().clone();
  found.plan = engine.plan();
  found.report = engine.report();
  found.sizes = OpenSizes(*found.graph, {});
  count(found);
  return found;
}

FusionCandidates candidates_of(const Inspection& found, const PassOptions& passes) {
  return find_fusion(*specialized(*found.portable, found.sizes, passes), passes);
}

}  // namespace hone::report
