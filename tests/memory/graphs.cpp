// Plans models at two batch sizes, without running them, and prints a table in Markdown. Models are
// planned once; what a new size costs is the time from sizes to checked places.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "base/error.hpp"
#include "build/build.hpp"
#include "choose/choose.hpp"
#include "compile/compile.hpp"
#include "ir/bodies/structural.hpp"

namespace {

using namespace hone;

constexpr int64_t kSequence = 64;  // of every size that is no batch
constexpr double kMostOverBound = 1.02;
constexpr double kMostSeconds = 0.05;

Bindings sizes_for(const Graph& graph, int64_t batch) {
  Bindings symbols;
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer == nullptr)
      symbols[name] = definition.dim == 0 ? batch : kSequence;
  return symbols;
}

/// As engines run it.
Compiled compiled(const std::string& path, const CompileOptions& how) {
  ImportOptions options;
  options.random_weights = 1;
  return compile(*make_portable(import_file(path, options).graph), *open_device("cpu"), how);
}

/// true: within the bars.
bool print_row(const Graph& graph, const Plan& plan, const Plan& given, const std::string& name,
               int64_t batch) {
  const Bindings symbols = sizes_for(graph, batch);
  const auto start = std::chrono::steady_clock::now();
  const Layout layout = lay_out(plan, symbols);
  const Placement placement = solve(layout.demand, kBindEffort);
  auto wrong = validate(layout.demand, placement);
  if (!wrong) wrong = check_contents(graph, plan, layout, placement);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  check(!wrong, Code::internal, name, ": ", wrong.value_or(""));
  const int64_t bound = lower_bound(layout.demand);
  int64_t naive = 0;
  for (const int64_t bytes : layout.bytes) naive += bytes;
  const double ratio = static_cast<double>(placement.bytes) / static_cast<double>(bound);
  std::cout << "| " << name << " | " << batch << " | " << plan.steps.size() << " | "
            << std::count(layout.idle.begin(), layout.idle.end(), true) << " | " << naive << " | "
            << lower_bound(demand(plan, symbols)) << " | "
            << lower_bound(lay_out(given, symbols).demand) << " | " << bound << " | "
            << placement.bytes << " | ";
  std::cout.precision(3);
  std::cout << std::fixed << ratio << " | ";
  std::cout.precision(1);
  std::cout << 1000 * took.count() << " |" << std::endl;
  return ratio <= kMostOverBound && took.count() <= kMostSeconds;
}

/// Simulated with the processor's estimates, each stream as fast as if it were alone.
int run_streams(const std::vector<std::string>& paths) {
  constexpr int kMost = 4;
  std::cout << "| graph | streams | times as fast | waits | bound | bound / one stream |\n"
               "|---|--:|--:|--:|--:|--:|\n";
  for (const std::string& path : paths) {
    const Compiled made = compiled(path, {.workers = 1, .most_streams = kMost});
    const Plan& plan = made.plan;
    const std::vector<StreamTrial>& trials = made.report.streams;
    const int taken = stream_count(plan);
    const auto trial = std::find_if(trials.begin(), trials.end(),
                                    [&](const auto& each) { return each.streams == taken; });
    std::cout << "| " << std::filesystem::path(path).stem().string() << " | " << taken << " | ";
    std::cout.precision(2);
    std::cout << std::fixed << trials.front().seconds / trial->seconds << " | " << trial->waits
              << " | " << trial->arena << " | "
              << static_cast<double>(trial->arena) / static_cast<double>(trials.front().arena)
              << " |" << std::endl;
  }
  return 0;
}

int run(const std::vector<std::string>& paths) {
  std::cout << "| graph | batch | steps | of them no work | a buffer per value | bound, nothing "
               "shared | bound, order as it came | bound | arena | arena / bound | ms |\n"
               "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  bool good = true;
  for (const std::string& path : paths) {
    const Compiled made = compiled(path, {.workers = 2});
    const Graph* graph = made.typed.get();
    const Plan& plan = made.plan;
    const Plan& given = made.report.given;
    const std::string name = std::filesystem::path(path).stem().string();
    for (const int64_t batch : {1, 16}) good &= print_row(*graph, plan, given, name, batch);
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const bool streams = count > 1 && std::string_view(arguments[1]) == "--streams";
  if (count < (streams ? 3 : 2)) {
    std::cerr << "usage: hone_memory_graphs [--streams] MODEL...\n";
    return 2;
  }
  try {
    if (streams) return run_streams({arguments + 2, arguments + count});
    return run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
