#include <memory>

#include "base/error.hpp"
#include "build/build.hpp"
#include "build/compare.hpp"
#include "compare_data.hpp"
#include "model_options.hpp"
#include "output.hpp"
#include "passes/fusion/fuse.hpp"
#include "passes/prepare_fusion.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {
namespace {

struct CompareVerb {
  ModelOptions first, second;
  DataOptions values;
  std::vector<std::string> second_disabled;
  bool structure = false, fused = false, data = false;
};

std::unique_ptr<Graph> optimized(const ModelOptions& model, bool fused) {
  std::shared_ptr<const Graph> portable;
  const BuildOptions options = model.build_options();
  if (is_engine_file(model.path)) portable = read_engine_file(model.path).parts.portable;
  else portable = make_portable(import_file(model.path, model.import_options()).graph, options);
  std::unique_ptr<Graph> graph = portable->clone();
  if (!fused) return graph;
  prepare_fusion(*graph, options.passes);
  fuse(*graph, options.passes);
  return graph;
}

void compare_structure(const CompareVerb& verb) {
  const auto a = optimized(verb.first, verb.fused), b = optimized(verb.second, verb.fused);
  const auto difference = structural_difference(*a, *b);
  check(!difference, Code::accuracy, verb.first.file_name(), " and ", verb.second.file_name(), ": ",
        difference.value_or(""));
  line("same structure  ", a->nodes().size(), " nodes  ", verb.first.file_name(), "  ",
       verb.second.file_name());
}

void compare_values(const CompareVerb& verb) {
  const auto a = optimized(verb.first, verb.fused), b = optimized(verb.second, verb.fused);
  bool differs = false;
  print(compare_data(*a, *b, verb.first, verb.values, differs));
  check(!differs, Code::accuracy, verb.first.file_name(), " and ", verb.second.file_name(),
        " do not compute the same");
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
  arguments.flag("--regions", verb->fused, "After fusion");
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
