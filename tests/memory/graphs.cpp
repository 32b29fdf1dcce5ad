// Plans models at two batch sizes, without running them, and prints a table in Markdown. Models are
// planned once; what a new size costs is the time from sizes to checked places.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "base/error.hpp"
#include "build/build.hpp"
#include "ir/structural.hpp"

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

/// true: within the bars.
bool print_row(const Graph& graph, const Plan& plan, const std::string& name, int64_t batch) {
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
            << lower_bound(demand(plan, symbols)) << " | " << bound << " | " << placement.bytes
            << " | ";
  std::cout.precision(3);
  std::cout << std::fixed << ratio << " | ";
  std::cout.precision(1);
  std::cout << 1000 * took.count() << " |" << std::endl;
  return ratio <= kMostOverBound && took.count() <= kMostSeconds;
}

int run(const std::vector<std::string>& paths) {
  std::cout << "| graph | batch | steps | of them no work | a buffer per value | bound, nothing "
               "shared | bound | arena | arena / bound | ms |\n"
               "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  bool good = true;
  for (const std::string& path : paths) {
    ImportOptions options;
    options.random_weights = 1;
    const auto portable = make_portable(import_file(path, options).graph);
    const auto graph = make_typed(*portable, 2);
    const Plan plan = plan_for_cpu(*graph, 2);
    const std::string name = std::filesystem::path(path).stem().string();
    for (const int64_t batch : {1, 16}) good &= print_row(*graph, plan, name, batch);
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: hone_memory_graphs MODEL...\n";
    return 2;
  }
  try {
    return run({arguments + 1, arguments + count});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
