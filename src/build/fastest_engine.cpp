#include "build/fastest_engine.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>

#include "base/log.hpp"
#include "base/size.hpp"
#include "base/text.hpp"
#include "device/problem.hpp"
#include "ir/text/text.hpp"
#include "runtime/context.hpp"

namespace hone {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 30;  // of the inputs
constexpr double kClose = 1.25;   // candidates whose prices are further apart are not doubted
constexpr double kEnough = 1.5;   // seconds that one engine runs for, at least kLeastRounds rounds
constexpr double kSample = 2e-3;  // seconds of one sample: of several runs where one is shorter
constexpr size_t kLeastRounds = 3, kMostRounds = 25;
constexpr double kFaster = 0.99;  // times the first engine's: what is less may be chance

/// How an engine is made that is not the one of measured kernels and priced candidates.
struct Way {
  std::string name;
  bool estimates = false;
  std::vector<std::string> candidates{};  // that are taken, where kernels are timed
};

std::vector<Way> ways_beside(const Engine& engine) {
  std::vector<Way> ways{{"kernels by estimate", true}};
  for (const Candidate& each : engine.report().candidates) {
    const double less = std::min(each.with, each.without), more = std::max(each.with, each.without);
    if (less <= 0 || more > kClose * less) continue;
    std::vector<std::string> taken = engine.plan().takes;
    if (each.taken) std::erase(taken, each.name);
    else taken.push_back(each.name);
    ways.push_back({cat(each.taken ? "without " : "with ", each.name), false, std::move(taken)});
  }
  return ways;
}

/// nullopt: an input cannot be made up.
std::optional<NamedTensors> made_up_inputs(const Engine& engine) {
  const Graph& graph = engine.stated();
  std::set<std::string, std::less<>> symbols;
  for (const Value* input : graph.inputs()) collect_symbols(input->type, symbols);
  const Bindings sizes = expected_sizes(symbols, graph.ranges(), engine.plan().sizes);
  NamedTensors inputs;
  int64_t total = 0;
  for (const Value* input : graph.inputs()) {
    if (!input->type.is_tensor() || !input->type.tensor().has_rank()) return std::nullopt;
    const TensorType& type = input->type.tensor();
    if (type.dtype == DType::string) return std::nullopt;
    std::vector<int64_t> shape;
    for (const Dim& dim : type.shape()) {
      const auto size = dim.evaluate(sizes);
      if (!size || *size < 0) return std::nullopt;
      shape.push_back(*size);
    }
    const auto count = try_element_count(shape);
    if (!count || *count > kMostBytes / 8 || (total += *count * 8) > kMostBytes)
      return std::nullopt;
    Tensor made(type.dtype, shape);
    if (is_float(type.dtype))
      for (int64_t i = 0; i < made.count(); ++i)
        made.set_number(i, 0.5 + static_cast<double>(i * 7919 % 1009) / 1009);
    inputs.emplace_back(input->name, std::move(made));
  }
  return inputs;
}

/// An engine that runs, as often as a sample takes.
class Runner {
 public:
  Runner(std::shared_ptr<const Engine> engine, const NamedTensors& inputs)
      : context_(std::move(engine)), inputs_(inputs) {
    context_.run(inputs_);  // pages and caches
    runs_ = static_cast<int>(std::clamp(kSample / sample(), 1.0, 1000.0));
  }

  double sample() {
    const auto start = std::chrono::steady_clock::now();
    for (int run = 0; run < runs_; ++run) context_.run(inputs_);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    spent_ += spent.count();
    return spent.count() / runs_;
  }
  double spent() const { return spent_; }

 private:
  Context context_;
  const NamedTensors& inputs_;
  int runs_ = 1;
  double spent_ = 0;
};

double median(std::vector<double> times) {
  const auto middle = times.begin() + static_cast<ptrdiff_t>(times.size() / 2);
  std::nth_element(times.begin(), middle, times.end());
  return *middle;
}

/// Medians of the seconds of engines that take turns, each first in turn.
std::vector<double> timed(const std::vector<std::shared_ptr<const Engine>>& engines,
                          const NamedTensors& inputs) {
  std::deque<Runner> runners;
  for (const auto& engine : engines) runners.emplace_back(engine, inputs);
  std::vector<std::vector<double>> times(engines.size());
  for (size_t round = 0; round < kMostRounds; ++round) {
    if (round >= kLeastRounds && runners.front().spent() > kEnough) break;
    for (size_t i = 0; i < engines.size(); ++i) {
      const size_t at = (i + round) % engines.size();
      times[at].push_back(runners[at].sample());
    }
  }
  std::vector<double> medians;
  for (auto& each : times) medians.push_back(median(std::move(each)));
  return medians;
}

class Comparing {
 public:
  Comparing(const std::shared_ptr<const Graph>& portable, const EngineOptions& options,
            const std::shared_ptr<const Defaults>& defaults)
      : portable_(portable), options_(options), defaults_(defaults) {}

  std::shared_ptr<const Engine> run(std::vector<EngineTrial>* trials) {
    const std::shared_ptr<const Engine> first = make(nullptr);
    const auto inputs = made_up_inputs(*first);
    if (!inputs) return told(first, nullptr);
    const std::vector<Way> ways = ways_beside(*first);
    std::vector<std::string> names{"timed kernels"};
    for (const Way& way : ways) names.push_back(way.name);
    std::shared_ptr<const Engine> best = first;
    std::vector<double> seconds;  // as far as they are measured here
    size_t best_at = 0;
    const auto measure = [&](size_t at) {
      if (options_.progress)
        options_.progress("whole engines", static_cast<int64_t>(at),
                          static_cast<int64_t>(names.size()));
      if (at == 0) return seconds.emplace_back(timed({first}, *inputs)[0]);
      const std::shared_ptr<const Engine> other = make(&ways[at - 1]);
      if (other->plan() == best->plan()) return seconds.emplace_back(seconds[best_at]);
      const std::vector<double> now = timed({best, other}, *inputs);
      // In the time that the best took first: machines have fast and slow minutes.
      seconds.push_back(now[1] / now[0] * seconds[best_at]);
      if (!is_faster(seconds[at], seconds[best_at])) return seconds[at];
      best = other;
      best_at = at;
      return seconds[at];
    };
    const std::vector<double> known =
        options_.timing->seconds_of_engines(question(*first), names, measure);
    size_t taken = 0;
    for (size_t i = 1; i < known.size(); ++i)
      if (is_faster(known[i], known[taken])) taken = i;
    if (trials != nullptr)
      for (size_t i = 0; i < known.size(); ++i) trials->push_back({names[i], known[i], i == taken});
    const Way* way = taken == 0 ? nullptr : &ways[taken - 1];
    return told(taken == best_at ? best : make(way), way);  // another than the best: records say so
  }

 private:
  static bool is_faster(double seconds, double than) { return seconds < kFaster * than; }

  /// `way` null: by times of kernels and prices of candidates.
  std::shared_ptr<const Engine> make(const Way* way, const AfterPass& after_pass = {}) const {
    EngineOptions options = options_;
    options.after_pass = after_pass;
    if (way != nullptr) {
      options.progress = nullptr;
      if (way->estimates) options.timing = nullptr;
      else options.candidates = way->candidates;
    }
    return Engine::make(portable_, options, nullptr, defaults_);
  }

  /// The engine; where somebody wants to see its graphs, made again for them to be seen.
  std::shared_ptr<const Engine> told(const std::shared_ptr<const Engine>& engine,
                                     const Way* way) const {
    return options_.after_pass ? make(way, options_.after_pass) : engine;
  }

  /// What the engines have in common, and what the first one is: with other kernels in the plan all
  /// are timed anew.
  std::string question(const Engine& engine) const {
    return cat(engine.device().target()->text(), " ", engine.workers(), " workers\n",
               print(engine.plan()), print(engine.graph(), {.origins = false, .align = false}));
  }

  const std::shared_ptr<const Graph>& portable_;
  const EngineOptions& options_;
  const std::shared_ptr<const Defaults>& defaults_;
};

}  // namespace

std::shared_ptr<const Engine> fastest_engine(const std::shared_ptr<const Graph>& portable,
                                             const EngineOptions& options,
                                             const std::shared_ptr<const Defaults>& defaults,
                                             std::vector<EngineTrial>* trials) {
  check(options.timing != nullptr, Code::internal, "engines are compared by nobody's clock");
  return Comparing(portable, options, defaults).run(trials);
}

}  // namespace hone
