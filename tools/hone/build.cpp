#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>

#include "base/error.hpp"
#include "base/file.hpp"
#include "choose/cover.hpp"
#include "device/cpu/stream.hpp"
#include "ir/structural.hpp"
#include "ir/text.hpp"
#include "model_options.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "regions.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct BuildVerb {
  ModelOptions model;
  std::string output, dump;
  bool explain = false;
  SaveOptions save;
};

/// Writes the graph after the import and after each pass that changed it, numbered in order.
class Dump {
 public:
  explicit Dump(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    check(!error, Code::io, "--dump ", folder_.string(), ": ", error.message());
  }
  void write(std::string_view name, std::string_view does, const Graph& graph) {
    const double seconds = seconds_since(start_);
    char number[16];
    std::snprintf(number, sizeof number, "%02d-", count_++);
    AtomicFile file(folder_ / cat(number, name, ".graph"));
    file.write(cat("# ", name, ": ", does, " (", seconds_text(seconds), ")\n"));
    file.write(hone::print(graph));
    file.commit();
    start_ = Clock::now();  // writing is not counted
  }
  /// A text beside the graphs.
  void write_text(std::string_view name, std::string_view text) {
    AtomicFile file(folder_ / name);
    file.write(text);
    file.commit();
    ++count_;
  }
  void start_clock() { start_ = Clock::now(); }
  int count() const { return count_; }

 private:
  std::filesystem::path folder_;
  int count_ = 0;
  Clock::time_point start_ = Clock::now();
};

class Explanation {
 public:
  void add(const Graph& graph, const Plan& plan, const std::string& indent) {
    size_t body = 0, segment = 0, at = 0;
    for (const Node& node : graph.nodes()) {
      if (at >= plan.steps.size()) break;
      if (segment < plan.segments.size() && plan.segments[segment] == static_cast<int>(at))
        rows_.push_back({cat(indent, "segment ", segment++)});
      const Step& step = plan.steps[at];
      add_step(cat(indent, "  step ", at), node, step);
      ++at;
      for (const Body& inner : control_bodies(node.op)) {
        if (body >= plan.bodies.size()) break;
        rows_.push_back({cat(indent, "    ", inner->name())});
        add(*inner, plan.bodies[body++], indent + "    ");
      }
    }
  }

  std::string text() const {
    std::string text = table(rows_);
    if (notes_.empty()) return text + "fallbacks: none\n";
    text += "fallbacks and other notes:\n";
    std::vector<std::vector<std::string>> lines;
    for (const auto& [words, who] : notes_)
      lines.push_back({cat("  ", who.second, "x"), who.first, words});
    return text + table(lines, {true, false, false});
  }

 private:
  void add_step(std::string head, const Node& node, const Step& step) {
    std::string how = "by size: reference evaluation";
    if (step.kind == Step::Kind::control) how = "control flow: sub-plans";
    else if (step.kind == Step::Kind::run) {
      how = cat(step.kernel, "/", step.version);
      if (!step.tuning.empty()) how += cat(" {", tuning_text(step.tuning), "}");
    }
    std::string who = origins_text(node.origin);
    if (who.empty()) who = cat("%", step.node);
    if (!node.by.empty()) who += cat(" (by ", node.by, ")");
    rows_.push_back({std::move(head), std::string(node.op.name()), std::move(how), who});
    if (step.note.empty()) return;
    auto& note = notes_[cat(node.op.name(), ": ", step.note)];
    if (note.second++ == 0) note.first = cat("first: ", who);
  }

  std::vector<std::vector<std::string>> rows_;
  std::map<std::string, std::pair<std::string, int>> notes_;  // words -> first step, count
};

/// Which regions choice cuts, and why: a line for each reason.
std::string cuts_text(const Graph& fused, const Share& share) {
  const std::unique_ptr<Graph> graph = fused.clone();
  std::vector<CutRegion> cuts;
  cover(*graph, cpu::kernels(), share, &cuts);
  std::map<std::string, std::pair<int, size_t>> reasons;  // why -> regions, steps
  for (const CutRegion& cut : cuts) {
    auto& [regions, steps] = reasons[cut.why];
    ++regions;
    steps += cut.values.size();
  }
  std::string text;
  for (const auto& [why, count] : reasons)
    text += cat("cut  ", count.first, count.first == 1 ? " region" : " regions", " into ",
                count.second, " steps: ", why, "\n");
  return text;
}

/// What fusion makes of the engine's graph: printed, and dumped.
void tell_regions(const Engine& engine, const BuildOptions& options, bool explain, Dump* dump) {
  if (dump != nullptr) dump->start_clock();
  const FusedGraph made =
      fused(*engine.portable(), options.passes, dump == nullptr ? AfterPass() : options.after_pass);
  if (dump != nullptr) dump->write_text("regions.stages", stages_text(made));
  const Sizes sizes(*engine.portable(), {});
  if (explain) print(explained(made, sizes) + cuts_text(*made.graph, Share{engine.workers()}));
}

std::filesystem::path output_of(const BuildVerb& verb) {
  if (!verb.output.empty()) return verb.output;
  return std::filesystem::path(verb.model.path).filename().replace_extension(".hone");
}

/// As import, passes, runtime and engine files name them.
constexpr std::string_view kStages[] = {"reading the model",       "passes",
                                        "passes for this machine", "kernels and plan",
                                        "packing weights",         "writing"};

void build_file(const BuildVerb& verb) {
  const std::filesystem::path output = output_of(verb);
  check(!is_engine_file(verb.model.path), Code::usage, verb.model.file_name(),
        " is an engine already; wanted a model");
  std::error_code error;
  check(!std::filesystem::equivalent(verb.model.path, output, error), Code::usage, "-o ",
        output.string(), " is the model itself");
  const Clock::time_point start = Clock::now();
  ProgressLine stages(kStages);
  stages.tell(kStages[0], 0, 0);
  Imported imported = import_file(verb.model.path, verb.model.import_options());
  BuildOptions options = verb.model.build_options();
  options.engine.progress = stages.progress();
  std::unique_ptr<Dump> dump;
  if (!verb.dump.empty()) {
    dump = std::make_unique<Dump>(verb.dump);
    dump->write("import", cat("the graph of ", verb.model.file_name()), *imported.graph);
  }
  int changes = 0;
  options.after_pass = [&](const Pass& pass, const Graph& graph) {
    stages.tell(kStages[1], ++changes, 0);
    if (dump) dump->write(pass.name, pass.does, graph);
  };
  stages.tell(kStages[1], 0, 0);
  const std::shared_ptr<const Engine> engine =
      build(std::move(imported.graph), options, std::move(imported.defaults));
  SaveOptions how = verb.save;
  how.progress = stages.progress();
  save(*engine, output, how);
  stages.end();
  const double seconds = seconds_since(start);
  if (verb.explain || dump) tell_regions(*engine, options, verb.explain, dump.get());
  if (verb.explain) {
    line("plan ", engine->graph().name(), "  ", engine->plan().device, ", ", engine->workers(),
         engine->workers() == 1 ? " worker" : " workers");
    Explanation explanation;
    explanation.add(engine->graph(), engine->plan(), " ");
    print(explanation.text());
  }
  if (dump) line("graphs  ", verb.dump, "  ", dump->count(), " files");
  line("engine  ", output.string(), "  ", bytes_text(std::filesystem::file_size(output)), "  ",
       seconds_text(seconds));
}

}  // namespace

std::function<void()> declare_build(Arguments& arguments) {
  const auto verb = std::make_shared<BuildVerb>();
  arguments.positional("model", verb->model.path, "A model (.onnx)");
  arguments.option("-o,--output", verb->output, "FILE.hone",
                   "The engine; the model's name with .hone, in this folder, when not given");
  arguments.flag("--explain", verb->explain,
                 "Print each region: layers, why; each step: kernel, notes");
  arguments.option("--dump", verb->dump, "DIR",
                   "Write the graph after each pass that changed it, and stages");
  arguments.flag("--drop-portable", verb->save.drop_portable,
                 "Leave out the portable graph: the engine runs on machines like this one only");
  arguments.flag("--keep-defaults", verb->save.keep_defaults,
                 "Keep inputs' own values replaceable, however large the engine grows");
  verb->model.declare_workers(arguments);
  verb->model.declare_weights(arguments);
  verb->model.declare_disabled(arguments);
  return [verb] { build_file(*verb); };
}

}  // namespace hone::cli
