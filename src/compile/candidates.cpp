#include "compile/candidates.hpp"

#include <algorithm>

#include "ir/inference.hpp"
#include "passes/prepare_fusion.hpp"

namespace hone {
namespace {

constexpr std::string_view kIntegers[] = {"move_quantize", "fold_quantize"};
constexpr std::string_view kChains[] = {"recognize_chains"};
constexpr std::string_view kRotary[] = {"recognize_rotary"};
constexpr std::string_view kCausal[] = {"recognize_causal"};
constexpr std::string_view kStrength[] = {"reduce_strength"};
constexpr std::string_view kSiblings[] = {"split_gemm", "fuse_siblings", "batch_matmuls"};

/// Each pass of fusion_preparation() is in one of them.
constexpr CandidatePasses kCandidates[] = {
    {"integer forms", kIntegers, {}, true},
    {"chains", kChains},
    {"rotary embeddings", kRotary},
    {"causal masks", kCausal},
    {"cheaper ops", kStrength},
    {"siblings side by side", kSiblings, "split_gemm"},
};

}  // namespace

std::span<const CandidatePasses> candidate_passes() { return kCandidates; }

namespace {

bool has(const CandidatePasses& candidate, const Pass& pass) {
  return std::find(candidate.passes.begin(), candidate.passes.end(), pass.name) !=
         candidate.passes.end();
}

/// Whether more changes a copy than what makes way for it. What tidies up computes with weights,
/// which takes long: it need not for nothing.
bool finds_more(const CandidatePasses& candidate, const Graph& graph, const PassOptions& options) {
  const std::unique_ptr<Graph> copy = graph.clone();
  for (const Pass& pass : fusion_preparation()) {
    if (!has(candidate, pass) || is_disabled(pass.name, options)) continue;
    infer(*copy);
    if (pass.run(*copy, options) && pass.name != candidate.makes_way) return true;
  }
  return false;
}

}  // namespace

bool run(const CandidatePasses& candidate, Graph& graph, const PassOptions& options,
         const AfterPass& after) {
  if (!candidate.makes_way.empty() && !finds_more(candidate, graph, options)) return false;
  PassOptions only = options;
  for (const Pass& pass : fusion_preparation())
    if (!has(candidate, pass)) only.disabled.emplace_back(pass.name);
  bool changed = false;
  prepare_fusion(graph, only, [&](const Pass& pass, const Graph& now) {
    changed = true;
    if (after) after(pass, now);
  });
  return changed;
}

FusionCandidates find_fusion(const Graph& portable, const PassOptions& options,
                             const AfterPass& after) {
  static constexpr Pass kFusion{kFuse, nullptr, {}, "regions as large as is legal"};
  FusionCandidates made;
  made.graph = portable.clone();
  const StepAccount before = account(*made.graph);
  made.steps_before = before.launched;
  made.bytes_before = before.bytes;
  prepare_fusion(*made.graph, options, after);
  if (fuse(*made.graph, options, &made.notes) && after) after(kFusion, *made.graph);
  made.account = account(*made.graph);
  const std::unique_ptr<Graph> cut = made.graph->clone();
  cut_where_marked(*cut);
  made.bytes_cut = account(*cut).bytes;
  return made;
}

}  // namespace hone
