#include <memory>

#include "base/error.hpp"
#include "base/threads.hpp"
#include "build/build.hpp"
#include "build/compare.hpp"
#include "compare_data.hpp"
#include "model_options.hpp"
#include "output.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {
namespace {

struct CompareVerb {
  ModelOptions first, second;
  DataOptions values;
  std::vector<std::string> second_disabled;
  bool structure = false, fused = false, data = false;
};

/// What an engine of the portable graph runs.
std::shared_ptr<const Graph> typed_of(const Graph& portable, int workers,
                                      const PassOptions& passes) {
  CompileOptions how;
  how.workers = workers > 0 ? workers : usable_cores();
  how.passes = passes;
  return compile(portable, *open_device(), how).typed;
}

void check_portable(bool has_portable) {
  check(has_portable, Code::unsupported,
        "an engine built with --drop-portable has no graph to compile; leave out --regions");
}

/// What --structure looks at; typed: null where it is not there or not wanted.
struct Graphs {
  std::shared_ptr<const Graph> portable, typed;
  int workers = 0;                // that the typed graph is for
  std::vector<std::string> left;  // parts of an engine that are for other machines
};

Graphs graphs_of(const ModelOptions& model) {
  Graphs graphs;
  const std::string here = open_device()->target()->text();
  if (!is_engine_file(model.path)) {
    graphs.portable =
        make_portable(import_file(model.path, model.import_options()).graph, model.build_options());
    return graphs;
  }
  EngineFile file = read_engine_file(model.path);
  graphs.portable = std::move(file.parts.portable);
  for (const DevicePart& part : file.parts.devices) {
    if (graphs.workers != 0 || part.target != here || !part.outdated.empty()) {
      graphs.left.push_back(part.target);
      continue;
    }
    graphs.typed = part.typed;
    graphs.workers = part.plan.workers;
  }
  return graphs;
}

void check_same(const CompareVerb& verb, const Graph& a, const Graph& b, std::string_view which) {
  const auto difference = structural_difference(a, b);
  check(!difference, Code::accuracy, verb.first.file_name(), " and ", verb.second.file_name(), ": ",
        which, ": ", difference.value_or(""));
}

/// The typed graphs, where an engine has one: it is what runs. Another operand's is made for as
/// many workers. false: neither has.
bool compare_typed(const CompareVerb& verb, const Graphs& a, const Graphs& b) {
  if (a.typed == nullptr && b.typed == nullptr) return false;
  const int workers = a.typed != nullptr ? a.workers : b.workers;
  const auto typed = [&](const Graphs& graphs, const ModelOptions& model) {
    if (graphs.typed != nullptr && graphs.workers == workers) return graphs.typed;
    check(graphs.portable != nullptr, Code::unsupported, model.file_name(),
          " was built with --drop-portable, for another number of workers: its graph cannot be "
          "made again to be compared");
    return typed_of(*graphs.portable, workers, model.build_options().passes);
  };
  check_same(verb, *typed(a, verb.first), *typed(b, verb.second), "the typed graphs");
  return true;
}

void compare_structure(const CompareVerb& verb) {
  Graphs a = graphs_of(verb.first), b = graphs_of(verb.second);
  const bool portable = a.portable != nullptr && b.portable != nullptr;
  if (verb.fused) check_portable(portable);
  if (portable && verb.fused) {
    a.portable = typed_of(*a.portable, verb.first.workers, verb.first.build_options().passes);
    b.portable = typed_of(*b.portable, verb.first.workers, verb.second.build_options().passes);
  }
  if (portable)
    check_same(verb, *a.portable, *b.portable,
               verb.fused ? "the graphs that run" : "the portable graphs");
  const bool typed = !verb.fused && compare_typed(verb, a, b);
  std::vector<std::string_view> looked_at;
  if (portable) looked_at.push_back(verb.fused ? "graphs that run" : "portable graphs");
  if (typed) looked_at.push_back("typed graphs, which engines run");
  line("same structure  ", (portable ? a.portable : a.typed)->nodes().size(), " nodes  ",
       verb.first.file_name(), "  ", verb.second.file_name());
  std::string left = "not the contents of weights, not plans";
  for (const Graphs* each : {&a, &b})
    if (!each->left.empty() && !verb.fused)
      left += cat(", not what engines have for ", join(each->left, ", "));
  line("compared  ", join(looked_at, "; "), "; ", left);
}

Operand operand_of(const ModelOptions& model) {
  Operand made;
  made.what = model.file_name();
  BuildOptions options = model.build_options();
  made.options = options.engine;
  if (is_engine_file(model.path)) {
    made.engine = load(model.path, {options.engine});
    made.what += made.engine->replanned().empty()
                     ? ", the engine as it is"
                     : cat(", the engine, planned again: ", made.engine->replanned());
    return made;
  }
  made.options.passes = options.passes;
  made.graph = graphs_of(model).portable;
  made.engine = Engine::make(made.graph, made.options);
  made.what += ", built for this machine";
  if (!model.disabled.empty()) made.what += cat(", without ", join(model.disabled, ", "));
  return made;
}

/// For reference evaluation: what an engine runs.
Operand fused_operand(const ModelOptions& model) {
  const std::shared_ptr<const Graph> portable = graphs_of(model).portable;
  check_portable(portable != nullptr);
  Operand made;
  made.graph = typed_of(*portable, model.workers, model.build_options().passes);
  made.what = cat(model.file_name(), ", the graph that runs");
  return made;
}

void compare_values(const CompareVerb& verb) {
  bool differs = false;
  check(!verb.fused || verb.values.reference, Code::usage,
        "--regions goes with --structure, or with --data --reference");
  print(compare_data(operand_of(verb.first),
                     verb.fused ? fused_operand(verb.second) : operand_of(verb.second), verb.first,
                     verb.values, differs));
  check(!differs, Code::accuracy, verb.first.file_name(), " and ", verb.second.file_name(),
        " do not compute the same");
}

/// What an engine cannot be told any more is said, not passed over.
void check_disabled(const CompareVerb& verb) {
  const bool settled = is_engine_file(verb.second.path) && !verb.fused;
  check(!settled || verb.second_disabled.empty(), Code::usage, verb.second.file_name(),
        " is an engine: its passes have run; --disable-second is for models");
}

void compare(CompareVerb& verb) {
  check(verb.structure != verb.data, Code::usage,
        "say what to compare: --structure or --data, one of them");
  verb.second.random_weights = verb.first.random_weights;
  verb.second.random_gain = verb.first.random_gain;
  verb.second.disabled = verb.first.disabled;
  verb.second.disabled.insert(verb.second.disabled.end(), verb.second_disabled.begin(),
                              verb.second_disabled.end());
  verb.second.keep = verb.first.keep;
  verb.second.follow_links = verb.first.follow_links;
  verb.second.workers = verb.first.workers;
  check_disabled(verb);
  if (verb.structure) compare_structure(verb);
  else compare_values(verb);
}

}  // namespace

std::function<void()> declare_compare(Arguments& arguments) {
  const auto verb = std::make_shared<CompareVerb>();
  arguments.positional("first", verb->first.path, "A model or an engine");
  arguments.positional("second", verb->second.path, "Another one");
  arguments.flag("--structure", verb->structure,
                 "Whether graphs are the same up to names, weights, operand order");
  arguments.flag("--data", verb->data,
                 "Whether values are the same on the same inputs; the first that is not");
  arguments.flag("--regions", verb->fused,
                 "The graphs that run, their regions as kernels take them");
  verb->values.declare(arguments);
  verb->first.declare_shapes(arguments);
  verb->first.declare_workers(arguments);
  verb->first.declare_weights(arguments);
  verb->first.declare_disabled(arguments);
  arguments.option("--disable-second", verb->second_disabled, "PASS",
                   "Leave out a pass of the second alone (repeatable)");
  return [verb] { compare(*verb); };
}

}  // namespace hone::cli
