#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/error.hpp"
#include "base/file.hpp"
#include "ir/text/text.hpp"
#include "model_options.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "report/regions.hpp"
#include "runtime/engine_file.hpp"
#include "tuning_file.hpp"

namespace hone::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct BuildVerb {
  ModelOptions model;
  std::string output, dump;
  bool explain = false;
  SaveOptions save;
  TuningOptions tuning;
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
  int count() const { return count_; }

 private:
  std::filesystem::path folder_;
  int count_ = 0;
  Clock::time_point start_ = Clock::now();
};

std::filesystem::path output_of(const BuildVerb& verb) {
  if (!verb.output.empty()) return verb.output;
  return std::filesystem::path(verb.model.path).filename().replace_extension(".hone");
}

/// As import, passes, runtime and engine files name them.
constexpr std::string_view kStages[] = {"reading the model",       "passes",
                                        "passes for this machine", "kernels and plan",
                                        "packing weights",         "writing"};
/// Where kernels are timed, too.
constexpr std::string_view kTimedStages[] = {kStages[0], kStages[1],      kStages[2], kStages[3],
                                             kStages[4], "whole engines", kStages[5]};

/// What stays f32 under --fp16 or --bf16: all of it, or the first few.
void tell_kept(DType halves, const std::vector<KeptWide>& kept, bool all) {
  constexpr size_t kFew = 4;
  if (kept.empty()) return line(name(halves), "     all of it");
  line(name(halves), "     but for ", kept.size(), kept.size() == 1 ? " node" : " nodes",
       " and what follows, in f32:");
  const size_t shown = all ? kept.size() : std::min(kept.size(), kFew);
  for (size_t i = 0; i < shown; ++i) line("  ", kept[i].node, ": ", kept[i].why);
  if (shown < kept.size()) line("  ", kept.size() - shown, " more: --explain");
}

void build_file(const BuildVerb& verb) {
  const std::filesystem::path output = output_of(verb);
  check(!is_engine_file(verb.model.path), Code::usage, verb.model.file_name(),
        " is an engine already; wanted a model");
  std::error_code error;
  check(!std::filesystem::equivalent(verb.model.path, output, error), Code::usage, "-o ",
        output.string(), " is the model itself");
  const Clock::time_point start = Clock::now();
  ProgressLine stages(verb.tuning.level < 2 ? std::span<const std::string_view>(kStages)
                                            : std::span<const std::string_view>(kTimedStages));
  stages.tell(kStages[0], 0, 0);
  Imported imported = import_file(verb.model.path, verb.model.import_options());
  BuildOptions options = verb.model.build_options();
  options.engine.progress = stages.progress();
  options.engine.sizes = verb.model.given_sizes(*imported.graph);
  std::vector<KeptWide> kept;
  options.kept = &kept;
  Tuning tuning(verb.tuning, options);
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
  if (dump)
    options.engine.after_pass = [&](const Pass& pass, const Graph& graph) {
      dump->write(pass.name, pass.does, graph);
    };
  stages.tell(kStages[1], 0, 0);
  const std::shared_ptr<const Engine> engine =
      build(std::move(imported.graph), options, std::move(imported.defaults));
  const std::string timed = tuning.finish(engine->stated(), options.engine.sizes);
  SaveOptions how = verb.save;
  how.progress = stages.progress();
  save(*engine, output, how);
  stages.end();
  const double seconds = seconds_since(start);
  if (dump) dump->write_text("regions.stages", report::stages_text(engine->graph()));
  if (verb.explain)
    print(report::explained({engine->graph(), engine->plan(), engine->report()},
                            report::OpenSizes(*engine->portable(), {})));
  if (options.halves) tell_kept(*options.halves, kept, verb.explain);
  if (dump) line("graphs  ", verb.dump, "  ", dump->count(), " files");
  if (!timed.empty()) line("tuning  ", timed);
  if (const std::string trials = tuning.trials(); !trials.empty()) line("whole   ", trials);
  line("engine  ", output.string(), "  ", bytes_text(std::filesystem::file_size(output)), "  ",
       seconds_text(seconds));
  // The process ends here, and the system takes memory back faster than a large engine gives it.
  [[maybe_unused]] static const auto* const left = new std::shared_ptr<const Engine>(engine);
}

}  // namespace

std::function<void()> declare_build(Arguments& arguments) {
  const auto verb = std::make_shared<BuildVerb>();
  arguments.positional("model", verb->model.path,
                       "A model (ONNX, PyTorch, TensorFlow, TFLite, Caffe, MXNet)");
  arguments.option("-o,--output", verb->output, "FILE.hone",
                   "The engine; the model's name with .hone, in this folder, when not given");
  arguments.flag("--explain", verb->explain,
                 "Print the plan: of each step its ops, kernel, layers, why");
  arguments.option("--dump", verb->dump, "DIR",
                   "Write the graph after each pass that changed it, and stages");
  arguments.flag("--drop-portable", verb->save.drop_portable,
                 "Leave out the portable graph: the engine runs on machines like this one only");
  arguments.flag("--packed", verb->save.packed,
                 "Keep weights packed for this machine, too: a larger file that loads sooner");
  arguments.flag("--keep-defaults", verb->save.keep_defaults,
                 "Keep inputs' own values replaceable, however large the engine grows");
  verb->tuning.declare(arguments);
  verb->model.declare_shapes(arguments);
  verb->model.declare_workers(arguments);
  verb->model.declare_device(arguments);
  verb->model.declare_halves(arguments);
  verb->model.declare_weights(arguments);
  verb->model.declare_disabled(arguments);
  return [verb] { build_file(*verb); };
}

}  // namespace hone::cli
