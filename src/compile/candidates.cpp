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
constexpr std::string_view kStacked[] = {"stack_siblings"};
constexpr std::string_view kSiblings[] = {"split_gemm", "fuse_siblings", "batch_matmuls"};

/// Each pass of fusion_preparation() is in one of them.
constexpr CandidatePasses kCandidates[] = {
    {"integer forms", kIntegers, {}, true},
    {"chains", kChains},
    {"rotary embeddings", kRotary},
    {"causal masks", kCausal},
    {"cheaper ops", kStrength},
    {"siblings in a batch", kStacked},
    {"siblings side by side", kSiblings, "split_gemm"},
};

}  // namespace

std::span<const CandidatePasses> candidate_passes() { return kCandidates; }

namespace {

bool has(const CandidatePasses& candidate, const Pass& pass) {
  return std::find(candidate.passes.begin(), candidate.passes.end(), pass.name) !=
         candidate.passes.end();
}

/// What the passes of a candidate change, before anything tidies up behind them: that computes with
/// weights, which takes long, and need not for nothing.
enum class Changes : uint8_t {
  nothing,
  makes_way,  ///< and nothing it could make way for
  more
};
Changes changes(const CandidatePasses& candidate, Graph& graph, const PassOptions& options) {
  bool any = false;
  for (const Pass& pass : fusion_preparation()) {
    if (!has(candidate, pass) || is_disabled(pass.name, options)) continue;
    if (any) infer(graph);
    if (!pass.run(graph, options)) continue;
    if (pass.name != candidate.makes_way) return Changes::more;
    any = true;
  }
  return any ? Changes::makes_way : Changes::nothing;
}

bool run_passes(const CandidatePasses& candidate, Graph& graph, const PassOptions& options,
                const AfterPass& after) {
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

}  // namespace

bool run(const CandidatePasses& candidate, Graph& graph, const PassOptions& options,
         const AfterPass& after) {
  if (!candidate.makes_way.empty() && changes(candidate, *graph.clone(), options) != Changes::more)
    return false;
  return run_passes(candidate, graph, options, after);
}

std::unique_ptr<Graph> tried(const CandidatePasses& candidate, const Graph& graph,
                             const PassOptions& options, std::unique_ptr<Graph>& copy) {
  if (copy == nullptr) copy = graph.clone();
  if (!candidate.makes_way.empty()) {
    const Changes found = changes(candidate, *copy, options);
    if (found == Changes::nothing) return nullptr;
    copy.reset();
    if (found == Changes::makes_way) return nullptr;
    copy = graph.clone();
  }
  return run_passes(candidate, *copy, options, nullptr) ? std::move(copy) : nullptr;
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
