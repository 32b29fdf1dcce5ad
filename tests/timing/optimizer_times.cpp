// How long the optimizer takes, as a table in Markdown: from an imported graph to a plan, and from
// new input sizes to checked places. Fails, having printed it, when one is beyond its bar.
//
//   hone_optimizer_times MODEL...
//
// Weights are made before the clock starts, their hashes after. Passes: canonicalize,
// prepare_fusion, fuse. Plan: the typed graph, its plan, places in the arena for one batch size.
// New sizes: what a context does before its first kernel, with the program that is there, and where
// that one is not for these sizes: the rest of it is specialized, folded, planned, prepared. Each
// the least of kTimes.

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iostream>

#include "base/error.hpp"
#include "build/build.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/evaluation/evaluation.hpp"
#include "passes/fusion/fuse.hpp"
#include "passes/prepare_fusion.hpp"

namespace {

using namespace hone;

constexpr int kTimes = 3;
constexpr int64_t kSequence = 64;  // of every size that is no batch
constexpr double kMostToPlan = 1000, kMostLarge = 2000, kMostNewSizes = 50;  // ms

/// Of the processor, in this thread, which does all of it: a loaded machine gives the same.
double milliseconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

/// `number` counts the sizes that were asked for, so that each is new.
Bindings sizes_for(const Graph& graph, int64_t number) {
  Bindings symbols;
  for (const auto& [name, definition] : symbol_definitions(graph))
    if (definition.value->producer == nullptr)
      symbols[name] = definition.dim == 0 ? 1 + number : kSequence + 8 * number;
  return symbols;
}

std::vector<Type> types_for(const Graph& graph, const Bindings& symbols) {
  std::vector<Type> types;
  for (const Value* input : graph.inputs()) {
    const TensorType& type = input->type.tensor();
    Dims shape;
    for (const Dim& dim : type.shape()) shape.emplace_back(dim.evaluate(symbols).value());
    types.push_back(Type::tensor(type.dtype, shape));
  }
  return types;
}

void place(const Graph& graph, const Plan& plan, const Bindings& symbols) {
  const Layout layout = lay_out(plan, symbols);
  const Placement placement = solve(layout.demand, kBindEffort);
  auto wrong = validate(layout.demand, placement);
  if (!wrong) wrong = check_contents(graph, plan, layout, placement);
  check(!wrong, Code::internal, wrong.value_or(""));
}

struct Times {
  size_t nodes = 0;
  double passes = 1e9, plan = 1e9, sizes = 1e9, program = 1e9;  // ms
};

/// A copy whose weights lie in memory as those of a file would: their hashes are to be computed.
std::unique_ptr<Graph> fresh(const Graph& imported) {
  std::unique_ptr<Graph> graph = imported.clone();
  for (Value* value : graph->constants()) value->weight = Weight::of(value->weight->tensor());
  return graph;
}

Times times_of(const std::string& path) {
  ImportOptions options;
  options.random_weights = 1;
  const std::unique_ptr<Graph> imported = import_file(path, options).graph;
  (void)fresh(*imported);  // makes the weights
  Times times;
  times.nodes = imported->nodes().size();
  std::shared_ptr<const Graph> portable;
  for (int i = 0; i < kTimes; ++i) {
    std::unique_ptr<Graph> graph = fresh(*imported), fused;
    times.passes = std::min(times.passes, milliseconds([&] {
                              canonicalize(*graph);
                              fused = graph->clone();
                              prepare_fusion(*fused);
                              fuse(*fused, {});
                            }));
    portable = std::move(graph);
    times.plan = std::min(times.plan, milliseconds([&] {
                            const Compiled made =
                                compile(*portable, *open_device("cpu"), {.workers = 2});
                            place(*made.typed, made.plan, sizes_for(*made.typed, 0));
                          }));
  }
  EngineOptions two;
  two.workers = 2;
  const auto engine = Engine::make(portable, two);
  const Program& program = *engine->program();
  for (int i = 1; i <= kTimes; ++i) {
    const Bindings symbols = sizes_for(program.graph(), i);
    const std::vector<Type> types = types_for(program.graph(), symbols);
    times.sizes = std::min(times.sizes,
                           milliseconds([&] { place(program.graph(), program.plan(), symbols); }));
    times.program = std::min(times.program, milliseconds([&] {
                               const auto rest = program.rest(0, types, symbols);
                               place(rest->graph(), rest->plan(), {});
                             }));
  }
  return times;
}

/// true: within the bars.
bool print_row(const std::string& path) {
  const std::string name = std::filesystem::path(path).stem().string();
  const Times times = times_of(path);
  std::cout.precision(1);
  std::cout << std::fixed << "| " << name << " | " << times.nodes << " | " << times.passes << " | "
            << times.plan << " | " << times.passes + times.plan << " | " << times.sizes << " | "
            << times.program << " |" << std::endl;
  const double most = name == "bert_large" ? kMostLarge : kMostToPlan;
  return times.passes + times.plan <= most && times.sizes <= kMostNewSizes &&
         times.program <= kMostNewSizes;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: hone_optimizer_times MODEL...\n";
    return 2;
  }
  try {
    std::cout << "| graph | nodes | passes, ms | plan, ms | both, ms | new sizes, ms | a program "
                 "for new sizes, ms |\n|---|--:|--:|--:|--:|--:|--:|\n";
    bool good = true;
    for (int i = 1; i < count; ++i) good &= print_row(arguments[i]);
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
