#include "build/fastest_engine.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/log.hpp"
#include "base/size.hpp"
#include "base/text.hpp"
#include "device/problem.hpp"
#include "ir/text.hpp"
#include "runtime/context.hpp"

namespace hone {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 30;  // of the inputs
constexpr double kClose = 1.25;   // candidates whose prices are further apart are not doubted
constexpr double kEnough = 1.5;   // seconds that one engine runs for, at least kLeastRounds rounds
constexpr double kSample = 2e-3;  // seconds of one sample: of several runs where one is shorter
constexpr int kLeastRounds = 3, kMostRounds = 25;
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

/// Seconds of both, which take turns: first one begins a round, then the other.
std::pair<double, double> timed(const std::shared_ptr<const Engine>& a,
                                const std::shared_ptr<const Engine>& b,
                                const NamedTensors& inputs) {
  Runner of_a(a, inputs), of_b(b, inputs);
  std::vector<double> times_a, times_b;
  for (int round = 0; round < kMostRounds; ++round) {
    if (round >= kLeastRounds && of_a.spent() + of_b.spent() > 2 * kEnough) break;
    if (round % 2 == 0) times_a.push_back(of_a.sample());
    times_b.push_back(of_b.sample());
    if (round % 2 != 0) times_a.push_back(of_a.sample());
  }
  return {median(times_a), median(times_b)};
}

class Comparing {
 public:
  Comparing(const std::shared_ptr<const Graph>& portable, const EngineOptions& options,
            const std::shared_ptr<const Defaults>& defaults)
      : portable_(portable), options_(options), defaults_(defaults) {}

  std::shared_ptr<const Engine> run(std::vector<EngineTrial>* trials) {
    const std::shared_ptr<const Engine> first = make(nullptr);
    const auto inputs = made_up_inputs(*first);
    if (!inputs) return first;
    std::vector<Way> ways = ways_beside(*first);
    std::vector<std::string> names{"timed kernels"};
    for (const Way& way : ways) names.push_back(way.name);
    std::shared_ptr<const Engine> best = first;
    size_t best_at = 0;
    const auto measure = [&] {
      std::vector<double> seconds{0};
      for (const Way& way : ways) {
        if (options_.progress)
          options_.progress("whole engines", static_cast<int64_t>(seconds.size()) - 1,
                            static_cast<int64_t>(ways.size()));
        const std::shared_ptr<const Engine> other = make(&way);
        if (other->plan() == best->plan()) {  // the same engine
          seconds.push_back(seconds[best_at]);
          continue;
        }
        const auto [now, others] = timed(best, other, *inputs);
        if (seconds[0] == 0) seconds[0] = now;
        // In the time of the first: machines have fast and slow minutes.
        seconds.push_back(others / now * seconds[best_at]);
        if (!is_faster(seconds.back(), seconds[best_at])) continue;
        best = other;
        best_at = seconds.size() - 1;
      }
      if (seconds[0] == 0) seconds.clear();  // all are the first
      return seconds;
    };
    const std::vector<double> seconds =
        options_.timing->seconds_of_engines(question(*first), names, measure);
    if (seconds.size() != names.size()) return first;
    size_t taken = 0;
    for (size_t i = 1; i < seconds.size(); ++i)
      if (is_faster(seconds[i], seconds[taken])) taken = i;
    if (trials != nullptr)
      for (size_t i = 0; i < names.size(); ++i)
        trials->push_back({names[i], seconds[i], i == taken});
    if (taken == best_at) return best;
    return make(&ways[taken - 1]);  // as records say
  }

 private:
  static bool is_faster(double seconds, double than) { return seconds < kFaster * than; }

  /// Null: by times of kernels and prices of candidates.
  std::shared_ptr<const Engine> make(const Way* way) const {
    EngineOptions options = options_;
    if (way != nullptr) {
      options.after_pass = nullptr;
      options.progress = nullptr;
      if (way->estimates) options.timing = nullptr;
      else options.candidates = way->candidates;
    }
    return Engine::make(portable_, options, nullptr, defaults_);
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
