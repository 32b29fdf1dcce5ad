#include "tuning_file.hpp"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <set>

#include "base/file.hpp"
#include "device/problem.hpp"
#include "output.hpp"

namespace hone::cli {
namespace {

std::atomic<bool> stopped = false;
struct sigaction before = {};

/// Once; the next one does what it did before.
void stop(int) {
  stopped.store(true);
  ::sigaction(SIGINT, &before, nullptr);
}

}  // namespace

Records read_records(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  try {
    return Records::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  } catch (const Error& error) {
    fail(error.code(), path.string(), ": ", error.message());
  }
}

void write_records(const Records& records, const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  AtomicFile file(path);
  file.write(records.print());
  file.commit();
}

std::filesystem::path default_tuning_file() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  std::filesystem::path folder = variable("XDG_CACHE_HOME");
  if (!folder.is_absolute()) folder = variable("HOME") / ".cache";
  return folder / "hone" / "tuning.txt";
}

void TuningOptions::declare(Arguments& arguments) {
  arguments.option("--opt", level, "0|1|2|3",
                   "0: no fusion; 1: kernels by estimate; 2: timed here; 3: all are timed; 1");
  arguments.option("--tuning", file, "FILE",
                   "What was timed before and is timed now; in the user's cache when not given");
  arguments.option("--tune-seconds", seconds, "S", "Time for that; estimates hold behind it; 60");
  arguments.flag("--deterministic", deterministic,
                 "Time nothing: use what --tuning has, and estimates for the rest");
}

void TuningOptions::check() const {
  hone::check(level >= 0 && level <= 3, Code::usage, "--opt ", level, ": wanted 0 to 3");
  hone::check(seconds >= 0, Code::usage, "--tune-seconds ", seconds, ": wanted 0 or more");
  hone::check(level >= 2 || (file.empty() && !deterministic), Code::usage,
              "--tuning and --deterministic need --opt 2 or 3: no kernel is timed below");
}

Tuning::Tuning(const TuningOptions& options, BuildOptions& build) : options_(options) {
  EngineOptions& engine = build.engine;
  options_.check();
  if (options_.level == 0) build.passes.disabled.emplace_back("fuse");
  if (options_.level < 2) return;
  file_ = options_.file.empty() ? default_tuning_file() : std::filesystem::path(options_.file);
  if (engine.device == nullptr) engine.device = open_device();
  if (engine.workers == 0) engine.workers = engine.device->target()->workers;
  TunerOptions how;
  how.budget = options_.seconds;
  how.measures = !options_.deterministic;
  how.stop = &stopped;
  tuner_ = std::make_unique<Tuner>(engine.device, engine.workers, read_records(file_), how);
  if (options_.level == 3) tuner_->try_all();
  engine.timing = tuner_.get();
  build.trials = &trials_;
  struct sigaction action = {};
  action.sa_handler = stop;
  ::sigfillset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &before);
}

Tuning::~Tuning() {
  if (tuner_ != nullptr && !stopped.load()) ::sigaction(SIGINT, &before, nullptr);
}

std::string Tuning::finish(const Graph& graph, const Bindings& sizes) {
  if (tuner_ == nullptr) return {};
  if (tuner_->measured() > 0) {
    Records all = read_records(file_);  // another build may have written meanwhile
    all.merge(tuner_->records());
    write_records(all, file_);
  }
  std::string text =
      cat(tuner_->measured(), " problems timed, ", tuner_->known(), " known from ", file_.string());
  if (tuner_->estimated() > 0) text += cat(", ", tuner_->estimated(), " by estimate");
  if (stopped.load()) text += " (stopped)";
  std::set<std::string, std::less<>> open;
  for (const Value* input : graph.inputs()) collect_symbols(input->type, open);
  for (const std::string& name : open)
    text += cat(name == *open.begin() ? "; for " : ", ", name, "=",
                expected_size(name, graph.ranges(), sizes));
  const bool assumed =
      std::ranges::any_of(open, [&](const std::string& name) { return !sizes.contains(name); });
  if (assumed) text += " (--shape gives other sizes)";
  return text;
}

std::string Tuning::trials() const {
  std::vector<std::string> all;
  for (const EngineTrial& trial : trials_)
    all.push_back(cat(trial.way, " ", seconds_text(trial.seconds), trial.taken ? " (taken)" : ""));
  return join(all, ", ");
}

}  // namespace hone::cli
