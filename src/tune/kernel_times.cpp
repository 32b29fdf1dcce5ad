#include "tune/kernel_times.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "device/problem.hpp"
#include "device/timing.hpp"
#include "ir/inference.hpp"
#include "ir/text/text.hpp"
#include "ops/common/registry.hpp"
#include "tune/measure.hpp"

namespace hone {

std::string_view embedded_cases(std::string_view file);  // generated

std::vector<KernelCase> kernel_cases() {
  std::vector<KernelCase> cases;
  for (const std::string_view file :
       {"convolutions", "products", "rows", "elements", "moves", "pictures"}) {
    constexpr std::string_view kMark = "# ";  // begins the line with a case's name
    std::string_view text = embedded_cases(file);
    while (!text.empty()) {
      const size_t line = text.find('\n'), next = text.find("\n# ", line);
      KernelCase& made = cases.emplace_back();
      made.name = text.substr(kMark.size(), line - kMark.size());
      made.graph = parse(text.substr(line + 1, next - line), all_ops());
      infer(*made.graph);
      text.remove_prefix(next == std::string_view::npos ? text.size() : next + 1);
    }
  }
  return cases;
}

std::vector<KernelTime> time_kernels(const Graph& graph, const Pattern& names, Device& device,
                                     Stream& stream) {
  const std::unique_ptr<Graph> region = graph.clone();
  std::vector<Node*> nodes;
  for (Node& node : region->nodes()) nodes.push_back(&node);
  const Node& whole = nodes.size() == 1 ? *nodes.front() : *fuse_nodes(*region, nodes);
  const auto problem =
      problem_of(*region, whole, Conditions{.target = device.target(), .share = stream.share()});
  std::vector<Way> ways;
  for (const Kernel* kernel : device.kernels().all()) {
    if (!names.found_in(kernel->name) || !kernel->accepts(*problem).yes) continue;
    for (const Tuning& tuning : kernel->tunings(*problem))
      ways.push_back({kernel, kernel->estimate(problem, tuning)});
  }
  if (ways.empty()) return {};
  const std::vector<double> seconds = measure(ways, device, stream);
  check(!seconds.empty(), Code::internal, "the kernels of ", graph.name(), " cannot be timed");
  std::vector<KernelTime> times;
  for (size_t i = 0; i < ways.size(); ++i)
    times.push_back({std::string(ways[i].kernel->name), ways[i].recipe.tuning, seconds[i],
                     ways[i].recipe.seconds});
  std::ranges::stable_sort(times, {}, &KernelTime::seconds);
  return times;
}

}  // namespace hone
