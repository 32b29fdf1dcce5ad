#include "support/fusion_check.hpp"

#include "base/text.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/inference.hpp"
#include "ir/region.hpp"
#include "passes/fusion/fuse.hpp"

namespace hone::test {
namespace {

std::vector<std::string> regions_of(const Graph& graph) {
  std::vector<std::string> names;  // of a result each
  for (const Node& node : graph.nodes())
    if (node.op.as<Fused>() != nullptr) names.push_back(node.outputs.front()->name);
  return names;
}

/// Cuts each region in two, at its value number `turn` and some. The pairs of pieces.
std::vector<std::pair<Node*, Node*>> cut_each(Graph& graph, uint64_t turn) {
  std::vector<std::pair<Node*, Node*>> pieces;
  for (const std::string& name : regions_of(graph)) {
    Node* region = graph.find(name)->producer;
    const Body body = region->op.as<Fused>()->body;
    auto at = body->nodes().begin();
    std::advance(at, (turn + pieces.size()) % body->nodes().size());
    const Value* value = nullptr;
    for (const Value* output : at->outputs)
      if (value == nullptr) value = output;
    try {
      pieces.push_back(cut_region(graph, region, value->name));
    } catch (const Error& error) {
      if (error.code() != Code::usage) throw;  // everything in it is needed for this value
    }
  }
  return pieces;
}

std::string check_cut(const Graph& fused, uint64_t turn, Truth& truth) {
  const std::unique_ptr<Graph> graph = fused.clone();
  const auto pieces = cut_each(*graph, turn);
  if (pieces.empty()) return "";
  graph->sort();
  if (std::string wrong = truth.check(cat("cut ", turn), kExact, *graph); !wrong.empty())
    return wrong;
  for (const auto& [before, behind] : pieces) fuse_nodes(*graph, {before, behind}, kFuse);
  graph->sort();
  if (regions_of(*graph).size() != regions_of(fused).size())
    return cat("after cut ", turn, ": put together again, there are ", regions_of(*graph).size(),
               " regions");
  return truth.check(cat("cut and fused ", turn), kExact, *graph);
}

}  // namespace

std::string check_fusion(const Graph& prepared, const PassCheck& how, Truth& truth) try {
  const std::unique_ptr<Graph> graph = prepared.clone();
  infer(*graph);
  fuse(*graph, how.options);
  if (std::string wrong = truth.check(kFuse, kExact, *graph); !wrong.empty()) return wrong;
  // Other places in other graphs, the same ones in the same graph.
  const uint64_t start = static_cast<uint64_t>(how.cuts) + 7 * graph->nodes().size();
  for (int i = 0; i < how.cuts; ++i)
    if (std::string wrong = check_cut(*graph, start + static_cast<uint64_t>(i), truth);
        !wrong.empty())
      return wrong;
  if (!cut_regions(*graph, [](const Node&) { return false; })) return "";
  return truth.check("cut_regions", kExact, *graph);
} catch (const std::exception& error) {
  return cat("after fuse: ", error.what());
}

}  // namespace hone::test
