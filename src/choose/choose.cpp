#include "choose/choose.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

#include "base/text.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/dim/late_sizes.hpp"

namespace hone {
namespace {

/// One way for each kernel that accepts, and what kernels say of it; the others' words go to
/// `refuse(kernel, why)`.
struct Accepted {
  Way way;
  std::string note;
};
template <class Refuse>
std::vector<Accepted> accepted(const std::vector<const Kernel*>& kernels,
                               const std::shared_ptr<const Problem>& problem,
                               const Refuse& refuse) {
  std::vector<Accepted> found;
  for (const Kernel* kernel : kernels) {
    Verdict verdict = kernel->accepts(*problem);
    if (!verdict.yes) {
      refuse(*kernel, std::move(verdict.why));
      continue;
    }
    std::string note = std::move(verdict.why);
    if (kernel->on_host)
      note += cat(note.empty() ? "" : "; ", "on the host: its operands are copied there");
    found.push_back(
        {{kernel, kernel->estimate(problem, kernel->tunings(*problem).front())}, std::move(note)});
  }
  return found;
}

/// In `found`, at least one.
size_t least_of(const std::vector<Accepted>& found) {
  const auto seconds = [](const Accepted& each) { return each.way.recipe.seconds; };
  return static_cast<size_t>(std::ranges::min_element(found, {}, seconds) - found.begin());
}

/// The first ones of each kernel before all others: how estimates of one kernel stand to another
/// one's is what they know least about.
void put_first_of_each(std::vector<Way>& ways) {
  constexpr int kFirst = 2;
  std::map<const Kernel*, int> seen;
  std::vector<Way> first, others;
  for (Way& way : ways) (seen[way.kernel]++ < kFirst ? first : others).push_back(std::move(way));
  ways = std::move(first);
  std::ranges::move(others, std::back_inserter(ways));
}

/// What is worth timing, all tunings, the best estimates first. Of the device's own kernels alone:
/// copies to the host and back would not be in the times. Nothing where the host is faster.
std::vector<Way> worth_timing(const std::vector<Accepted>& found, double least,
                              const Timing& timing) {
  std::vector<Way> ways;
  if (found[least_of(found)].way.kernel->on_host) return ways;
  for (const Accepted& each : found) {
    const Kernel& kernel = *each.way.kernel;
    const auto& problem = each.way.recipe.problem;
    if (each.way.recipe.seconds > timing.worth * least || kernel.on_host) continue;
    for (const Tuning& tuning : kernel.tunings(*problem))
      ways.push_back({&kernel, kernel.estimate(problem, tuning)});
  }
  const auto seconds = [](const Way& way) { return way.recipe.seconds; };
  std::ranges::stable_sort(ways, {}, seconds);
  if (ways.size() <= timing.most) return ways;
  put_first_of_each(ways);
  ways.resize(timing.most);
  std::ranges::stable_sort(ways, {}, seconds);
  return ways;
}

/// Puts times in the place of estimates: of each kernel its fastest tuning, without the kernels
/// that were not worth it. false: they are not known.
bool time(std::vector<Accepted>& found, double least, Timing& timing) {
  const std::vector<Way> ways = worth_timing(found, least, timing);
  if (ways.empty()) return false;
  const std::vector<double> times = timing.seconds(ways);
  if (times.empty()) return false;
  std::erase_if(found, [&](const Accepted& each) {
    return std::ranges::find(ways, each.way.kernel, &Way::kernel) == ways.end();
  });
  for (Accepted& each : found) {
    double best = INFINITY;
    for (size_t i = 0; i < ways.size(); ++i) {
      if (ways[i].kernel != each.way.kernel || times[i] >= best) continue;
      best = times[i];
      each.way = ways[i];
      each.way.recipe.seconds = best;
    }
  }
  return true;
}

Choices choose(Chooser& chooser, const Graph& graph, const Conditions& conditions,
               const OnChoice& each) {
  const LateSizes late(graph);
  Choices made;
  std::vector<std::shared_ptr<const Problem>> next;
  for (const Node& node : graph.nodes())
    if (chooser.is_timed() && late.runs_on_kernel(node))
      next.push_back(problem_of(graph, node, conditions));
  chooser.expect(next);
  for (const Node& node : graph.nodes()) {
    made.nodes.emplace_back();
    for (const Body& body : control_bodies(node.op))
      made.bodies.push_back(choose(chooser, *body, conditions_in(node, *body, conditions), each));
    if (!late.runs_on_kernel(node)) continue;
    if (each) each();
    made.nodes.back() = chooser.choose(problem_of(graph, node, conditions));
  }
  return made;
}

}  // namespace

size_t Chooser::Hash::operator()(const List& list) const {
  size_t hash = list->size();
  for (const Refusal& refusal : *list)
    hash = hash * 31 + std::hash<std::string_view>()(refusal.why);
  return hash;
}

Chosen Chooser::choose(std::shared_ptr<const Problem> problem) {
  auto refusals = std::make_shared<Refusals>();
  refusals->reserve(kernels_.size());
  const auto refuse = [&](const Kernel& kernel, std::string why) {
    refusals->push_back({std::string(kernel.name), std::move(why)});
  };
  std::vector<Accepted> found = accepted(kernels_, problem, refuse);
  if (found.empty()) {
    std::vector<std::string> reasons;
    for (const auto& [kernel, why] : *refusals) reasons.push_back(cat(kernel, ": ", why));
    fail(Code::unsupported, "no kernel runs ", describe(problem->region.body->nodes().front()),
         ": ", join(reasons, "; "));
  }
  const double least = found[least_of(found)].way.recipe.seconds;
  std::vector<const Kernel*> asked;
  for (const Accepted& each : found) asked.push_back(each.way.kernel);
  const bool is_timed = timing_ != nullptr && time(found, least, *timing_);
  Accepted& best = found[least_of(found)];
  for (const Kernel* kernel : asked)
    if (kernel != best.way.kernel)
      refuse(*kernel, is_timed ? "takes longer" : "takes longer by estimate");
  std::sort(refusals->begin(), refusals->end());
  Chosen chosen{best.way.kernel, std::move(best.way.recipe), std::move(best.note), nullptr};
  if (!refusals->empty()) chosen.refusals = *lists_.insert(std::move(refusals)).first;
  return chosen;
}

void Chooser::expect(const std::vector<std::shared_ptr<const Problem>>& problems) {
  if (timing_ == nullptr) return;
  std::vector<std::vector<Way>> all;
  for (const auto& problem : problems) {
    const auto found = accepted(kernels_, problem, [](const Kernel&, const std::string&) {});
    if (found.empty()) continue;
    const double least = found[least_of(found)].way.recipe.seconds;
    if (auto ways = worth_timing(found, least, *timing_); !ways.empty())
      all.push_back(std::move(ways));
  }
  timing_->expect(all);
}

double least_seconds(const KernelRegistry& kernels, std::shared_ptr<const Problem> problem) {
  const auto found = accepted(kernels.all(), problem, [](const Kernel&, const std::string&) {});
  if (found.empty()) return std::numeric_limits<double>::infinity();
  return found[least_of(found)].way.recipe.seconds;
}

Choices choose(const Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
               const OnChoice& each, Timing* timing) {
  Chooser chooser(kernels, timing);
  return choose(chooser, graph, conditions, each);
}

}  // namespace hone
