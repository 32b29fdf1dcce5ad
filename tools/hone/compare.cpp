#include <memory>

#include "base/error.hpp"
#include "build/build.hpp"
#include "build/compare.hpp"
#include "model_options.hpp"
#include "output.hpp"
#include "passes/fusion/fuse.hpp"
#include "passes/prepare_fusion.hpp"
#include "runtime/engine_file.hpp"

namespace hone::cli {
namespace {

struct CompareVerb {
  ModelOptions first, second;
  bool structure = false, fused = false;
};

std::unique_ptr<Graph> optimized(const ModelOptions& model, bool fused) {
  std::shared_ptr<const Graph> portable;
  const BuildOptions options = model.build_options();
  if (is_engine_file(model.path)) portable = read_engine_file(model.path).portable;
  else portable = make_portable(import_file(model.path, model.import_options()).graph, options);
  std::unique_ptr<Graph> graph = portable->clone();
  if (!fused) return graph;
  prepare_fusion(*graph, options.passes);
  fuse(*graph, options.passes);
  return graph;
}

void compare(CompareVerb& verb) {
  check(verb.structure, Code::usage, "say what to compare: --structure");
  verb.second.random_weights = verb.first.random_weights;
  verb.second.random_gain = verb.first.random_gain;
  verb.second.disabled = verb.first.disabled;
  verb.second.keep = verb.first.keep;
  const auto a = optimized(verb.first, verb.fused), b = optimized(verb.second, verb.fused);
  const auto difference = structural_difference(*a, *b);
  check(!difference, Code::accuracy, verb.first.file_name(), " and ", verb.second.file_name(), ": ",
        difference.value_or(""));
  line("same structure  ", a->nodes().size(), " nodes  ", verb.first.file_name(), "  ",
       verb.second.file_name());
}

}  // namespace

std::function<void()> declare_compare(Arguments& arguments) {
  const auto verb = std::make_shared<CompareVerb>();
  arguments.positional("first", verb->first.path, "A model or an engine");
  arguments.positional("second", verb->second.path, "Another one");
  arguments.flag("--structure", verb->structure,
                 "Whether the graphs are the same up to names, weights, order of operands");
  arguments.flag("--regions", verb->fused, "After fusion");
  verb->first.declare_weights(arguments);
  verb->first.declare_disabled(arguments);
  return [verb] { compare(*verb); };
}

}  // namespace hone::cli
