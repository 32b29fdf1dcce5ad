// The times of steps put together over the runs.

#include <algorithm>

#include "ir/bodies/structural.hpp"
#include "report/inspection.hpp"
#include "report/profile_report.hpp"
#include "report/regions.hpp"
#include "report/text.hpp"
#include "runtime/program.hpp"

namespace hone::report {
namespace {

int64_t flops_at(const Node& node, const Bindings& symbols) {
  if (const Fused* fused = node.op.as<Fused>()) {
    int64_t sum = 0;
    for (const Node& each : fused->body->nodes()) sum += flops_at(each, symbols);
    return sum;
  }
  return flops_of(node).evaluate(symbols).value_or(0);
}

/// The type of the first result, sizes in numbers.
std::string type_of(const Node& node, const Bindings& symbols) {
  for (const Value* output : node.outputs) {
    if (output == nullptr) continue;
    if (!output->type.is_tensor() || !output->type.tensor().has_rank()) return cat(output->type);
    std::vector<int64_t> sizes;
    for (const Dim& dim : output->type.tensor().shape())
      sizes.push_back(dim.evaluate(symbols).value_or(-1));
    if (std::find(sizes.begin(), sizes.end(), -1) != sizes.end()) return cat(output->type);
    return cat(output->type.tensor().dtype, shape_text(sizes));
  }
  return {};
}

double seconds_of(const Profile::Time& time) {
  return std::chrono::duration<double>(time.end - time.begin).count();
}

struct Gathered {
  size_t place;
  const Profile::Time* first;
  std::vector<double> by_run;
  int64_t times = 0;
};

}  // namespace

std::vector<double> seconds_of_steps(const Profile& profile) {
  std::vector<double> sums(static_cast<size_t>(profile.runs()));
  for (const Profile::Time& time : profile.times())
    if (!time.outer) sums[static_cast<size_t>(time.run - 1)] += seconds_of(time);
  return sums;
}

std::vector<ProfiledStep> profiled_steps(const Profile& profile) {
  std::vector<double> own;  // without the steps inside
  for (const Profile::Time& time : profile.times()) own.push_back(seconds_of(time));
  for (const Profile::Time& time : profile.times())
    if (time.outer) own[*time.outer] -= seconds_of(time);
  std::map<std::pair<const Program*, size_t>, Gathered> gathered;
  for (size_t i = 0; i < own.size(); ++i) {
    const Profile::Time& time = profile.times()[i];
    const auto [found, added] = gathered.try_emplace({time.program, time.step});
    Gathered& step = found->second;
    if (added) step.place = gathered.size() - 1, step.first = &time;
    step.by_run.resize(static_cast<size_t>(profile.runs()));
    step.by_run[static_cast<size_t>(time.run - 1)] += own[i];
    ++step.times;
  }
  std::vector<ProfiledStep> steps;
  for (auto& [key, each] : gathered) {
    const auto& [program, index] = key;
    const Node& node = *program->steps()[index].node;
    const Profile::Sizes& sizes = profile.sizes(*each.first);
    ProfiledStep step;
    step.place = each.place;
    step.turns = std::max<int64_t>(1, each.times / std::max<int64_t>(1, profile.runs()));
    const auto middle = each.by_run.begin() + std::ssize(each.by_run) / 2;
    std::nth_element(each.by_run.begin(), middle, each.by_run.end());
    step.seconds = *middle;
    step.bytes = sizes.bytes * step.turns;
    step.flops = flops_at(node, sizes.symbols) * step.turns;
    step.kernel = how_of(program->plan().steps[index]);
    step.ops = ops_of(node);
    step.type = type_of(node, sizes.symbols);
    step.result = program->plan().steps[index].node;
    step.layers = {node.origin.begin(), node.origin.end()};
    steps.push_back(std::move(step));
  }
  std::sort(steps.begin(), steps.end(),
            [](const auto& a, const auto& b) { return a.place < b.place; });
  return steps;
}

}  // namespace hone::report
