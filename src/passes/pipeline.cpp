#include <algorithm>

#include "ir/bodies/change_bodies.hpp"
#include "ir/evaluation/work.hpp"
#include "ir/inference.hpp"
#include "passes/clean.hpp"
#include "passes/equal_sizes.hpp"
#include "passes/fold.hpp"
#include "passes/pass.hpp"
#include "passes/prepare_fusion.hpp"
#include "passes/widen_halves.hpp"

namespace hone {
namespace {

constexpr Pass kPipeline[] = {
    {"select_branches", select_branches, kExact,
     "an if whose condition is known becomes its branch"},
    {"unroll_loops", unroll_loops, kExact, "loops of few turns become their turns"},
    {"absorb_parameters", absorb_parameters, kExact, "known axes, shapes and pads become fields"},
    {"fold_constants", fold_constants, kExact, "what can be computed now is computed now"},
    {"remove_identities", remove_identities, kExact, "what gives its operand back goes"},
    {"spell_reshapes", spell_reshapes, kExact, "Squeeze, Unsqueeze and Flatten become Reshape"},
    {"spell_einsum", spell_einsum, ulp(8), "Einsum becomes a product of matrices"},
    {"spell_vectors", spell_vectors, kExact, "MatMul multiplies matrices only"},
    {"spell_axes", spell_axes, kExact, "axes count from the front"},
    {"merge_common", merge_common, kExact, "what is computed twice is computed once"},
    {"cancel_transposes", cancel_transposes, kExact, "transposes undo each other"},
    {"merge_reshapes", merge_reshapes, kExact, "a reshape of a reshape is one"},
    {"merge_casts", merge_casts, kExact, "a cast of a cast is one"},
    {"merge_slices", merge_slices, kExact, "a slice of a slice is one"},
    {"absorb_pads", absorb_pads, kExact, "convolutions and pools pad for themselves"},
    {"crop_taps", crop_taps, kExact, "kernel elements that see padding only are cut off"},
    {"nest_concats", nest_concats, kExact, "a concatenation reads an earlier one"},
    {"simplify", simplify, ulp(1), "identities go, cheaper spellings of the same come"},
    {"recognize_activations", recognize_activations, ulp(32),
     "chains that are one activation become it"},
    {"recognize_norms", recognize_norms, ulp(64), "chains that are one normalization become it"},
    {"recognize_masks", recognize_masks, kExact, "masks gathered by place are masks"},
    {"recognize_attention", recognize_attention, ulp(512), "products about a softmax become one"},
    {"sink_expands", sink_expands, kExact, "what repeats elements goes behind elementwise ops"},
    {"fold_batch_norm", fold_batch_norm, ulp(64), "batch norm goes into weights beside it"},
    {"fold_scale", fold_scale, ulp(64), "factors of channels go into weights beside them"},
    {"fold_bias", fold_bias, ulp(64), "numbers added to channels go into biases beside them"},
    {"drop_zero_bias", drop_zero_bias, ulp(1), "a bias of zeros is no bias"},
    {"remove_dead", remove_dead, kExact, "what no output needs goes"},
};

constexpr Pass kFusionPreparation[] = {
    {"move_quantize", move_quantize, kExact, "what only moves elements moves quantized ones"},
    {"fold_quantize", fold_quantize, quantum(1), "float ops between quantized values are integer"},
    {"recognize_chains", recognize_chains, ulp(64), "chains that are one op become it"},
    {"recognize_rotary", recognize_rotary, ulp(8), "products with cosines and sines turn pairs"},
    {"recognize_causal", recognize_causal, ulp(64), "masks of what comes later need no reading"},
    {"split_gemm", split_gemm, ulp(4), "Gemm becomes MatMul and Add"},
    {"reduce_strength", reduce_strength, ulp(2), "cheaper ops say the same"},
    {"stack_siblings", stack_siblings, kExact, "products of one operand become one with a batch"},
    {"fuse_siblings", fuse_siblings, kExact, "siblings on one operand become one and a Split"},
    {"batch_matmuls", batch_matmuls, kExact, "small products of one size become one with a batch"},
};

constexpr Pass kDevicePreparation[] = {
    {"widen_halves", widen_halves, half(64), "halves become f32 where that is what computes"},
};

/// Each round can reveal more to the next (a folded condition, a branch's constants); chains of
/// that are short.
constexpr int kMaxRounds = 16;

/// Rounds of the passes until nothing changes. `after` may be null.
bool run_rounds(Graph& graph, const PassOptions& options, const AfterPass& after);

bool canonicalize_bodies(Graph& graph, const PassOptions& options) {
  bool changed = false;
  for (Node& node : graph.nodes()) {
    if (options.keep(node)) continue;
    auto op =
        change_bodies(node.op, [&](Graph& body) { return run_rounds(body, options, nullptr); });
    if (!op) continue;
    graph.set_op(&node, *std::move(op));
    changed = true;
  }
  return changed;
}

bool run_rounds(Graph& graph, const PassOptions& options, const AfterPass& after) {
  // Bodies first, and once: what the graph around them learns later reaches them when it is
  // specialized.
  infer(graph);
  const bool bodies = canonicalize_bodies(graph, options);
  bool changed = true, any = bodies;
  for (int round = 0; changed && round < kMaxRounds; ++round) {
    if (round > 0 || bodies) infer(graph);
    changed = false;
    for (const Pass& pass : kPipeline) {
      if (is_disabled(pass.name, options) || !pass.run(graph, options)) continue;
      changed = any = true;
      if (after) after(pass, graph);
      if (pass.run == select_branches || pass.run == unroll_loops) infer(graph);
    }
  }
  return any;
}

}  // namespace

bool is_disabled(std::string_view pass, const PassOptions& options) {
  return std::any_of(options.disabled.begin(), options.disabled.end(),
                     [&](const std::string& name) { return name == pass || name == "all"; });
}

std::span<const Pass> pipeline() { return kPipeline; }
std::span<const Pass> fusion_preparation() { return kFusionPreparation; }
std::span<const Pass> device_preparation() { return kDevicePreparation; }

void prepare_fusion(Graph& graph, const PassOptions& options, const AfterPass& after) {
  bool changed = true, is_inferred = true;
  for (int round = 0; changed && round < kMaxRounds; ++round) {
    changed = false;
    for (const Pass& pass : kFusionPreparation) {
      if (is_disabled(pass.name, options)) continue;
      if (!is_inferred) infer(graph);
      is_inferred = !pass.run(graph, options);
      if (is_inferred) continue;
      changed = true;
      if (after) after(pass, graph);
    }
    if (changed) run_rounds(graph, options, after);
  }
}

void canonicalize(Graph& graph, const PassOptions& options, const AfterPass& after) {
  const WorkBudget budget(fold_steps(graph, options));  // of all rounds together
  join_equal_symbols(graph);
  run_rounds(graph, options, after);
}

}  // namespace hone
