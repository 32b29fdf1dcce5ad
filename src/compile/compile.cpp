#include "compile/compile.hpp"

#include <algorithm>
#include <numeric>

#include "choose/choose.hpp"
#include "choose/orders.hpp"
#include "choose/views.hpp"
#include "compile/candidates.hpp"
#include "ir/bodies/structural.hpp"
#include "passes/clean.hpp"
#include "passes/equal_sizes.hpp"
#include "passes/fusion/account.hpp"
#include "passes/widen_halves.hpp"

namespace hone {
namespace {

/// Constants that nodes make of weights (unpacked, transposed, converted) are made once, when the
/// engine is made. What a few numbers blow up to gigabytes stays a step, in the arena.
PassOptions load_options(const PassOptions& passes) {
  PassOptions options = passes;
  options.fold_bytes = int64_t{64} << 20;
  options.fold_growth = 8;  // int4 to f32
  options.fold_random = options.fold_quantized = true;
  return options;
}
/// The same, but that quantized weights stay as they are stored.
PassOptions as_stored(PassOptions options) {
  options.fold_quantized = false;
  return options;
}

bool has_bodies(const Graph& graph) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [](const Node& node) { return !control_bodies(node.op).empty(); });
}

/// One way to run a graph.
struct Draft {
  std::unique_ptr<Graph> typed;  // its regions as kernels take them
  Choices chosen;
  Plan plan;  // in the order of the nodes as they are
  std::vector<FusionNote> notes;
  std::vector<CutRegion> cuts;
  double seconds = 0;  // by estimate, each step alone
};

/// By more than rounding: two that are as good by estimate are not so by the clock. Queries, keys
/// and values as one product make MiniLM 5 to 10 % slower on two threads of a CPU.
bool is_better(const Draft& one, const Draft& other) {
  constexpr double kRounding = 1e-9;
  return one.seconds < other.seconds * (1 - kRounding);
}

class Compiling {
 public:
  Compiling(const Device& device, const CompileOptions& options)
      : device_(device),
        options_(options),
        passes_(load_options(options.passes)),
        stored_(as_stored(passes_)),
        conditions_{device.target(), Share{options.workers}, options.sizes, {}, options.fallback} {}

  /// In types that the device computes in. Whether anything changed.
  bool take_device_types(Graph& graph) const {
    if (device_.target()->halves) return false;
    bool changed = false;
    for (const Pass& pass : device_preparation()) {
      if (is_disabled(pass.name, passes_) || !pass.run(graph, passes_)) continue;
      changed = true;
      if (options_.after) options_.after(pass, graph);
    }
    return changed;
  }

  /// With everything computed that can be, for equal sizes where that is allowed. Quantized weights
  /// are as they are stored.
  std::unique_ptr<Graph> prepare(const Graph& portable) const {
    if (options_.progress) options_.progress("passes for this machine", 0, 0);
    try {
      if (auto equal = with_equal_sizes(portable)) {
        take_device_types(*equal);
        canonicalize(*equal, stored_, options_.after);
        return equal;
      }
    } catch (const Error& error) {
      // Equal sizes contradict the model, which shows once a branch is chosen by them, say.
      if (error.code() != Code::invalid_model) throw;
    }
    std::unique_ptr<Graph> graph = portable.clone();
    take_device_types(*graph);
    canonicalize(*graph, stored_, options_.after);
    return graph;
  }

  /// At its sizes. A contradiction that only these bring is the caller's, not the model's.
  std::unique_ptr<Graph> prepare(const Remainder& rest) {
    try {
      for (const Value* value : rest.live) known_.push_back(known_weight(*value, rest.known));
      auto graph = specialize(rest.graph, rest.first, rest.live, rest.types, rest.symbols, stored_);
      if (take_device_types(*graph)) canonicalize(*graph, stored_, options_.after);
      return graph;
    } catch (const Error& error) {
      if (error.code() != Code::invalid_model) throw;
      fail(Code::usage, "the model does not run with these input sizes: ", error.message());
    }
  }

  /// From a prepared graph on.
  Compiled run(std::unique_ptr<Graph> stored) {
    if (options_.candidates) {
      take_decided(*stored, true);
      unpack(*stored);
      take_decided(*stored, false);
      return planned(draft(std::move(stored)));
    }
    return planned(cheapest(std::move(stored)));  // fuse, cover, choose, again; order, memory
  }

  /// Floats of weights that are stored quantized. Whether anything may have changed.
  bool unpack(Graph& graph, bool reports = true) const {
    static constexpr Pass kUnpack{"fold_constants", fold_constants, kExact, "weights are unpacked"};
    const AfterPass after = reports ? options_.after : nullptr;
    if (is_disabled(kUnpack.name, passes_)) return false;
    const bool changed = fold_constants(graph, passes_);
    if (changed && after) after(kUnpack, graph);
    if (!changed && !has_bodies(graph)) return false;
    canonicalize(graph, passes_, after);
    return true;
  }

  /// Candidates that an earlier compilation found to pay.
  void take_decided(Graph& graph, bool as_stored) {
    for (const CandidatePasses& candidate : candidate_passes()) {
      const auto& names = *options_.candidates;
      if (candidate.as_stored != as_stored ||
          std::find(names.begin(), names.end(), candidate.name) == names.end())
        continue;
      if (hone::run(candidate, graph, as_stored ? stored_ : passes_, options_.after))
        report_.candidates.push_back({std::string(candidate.name), 0, 0, true});
    }
  }

  /// Of a graph that nobody needs afterwards.
  Draft draft(std::unique_ptr<Graph> prepared) {
    Draft made;
    made.typed = std::move(prepared);
    if (fuse(*made.typed, passes_, &made.notes) &&
        cover(*made.typed, device_.kernels(), conditions_of(*made.typed), &made.cuts) &&
        !is_disabled("merge_common", passes_))
      merge_common(*made.typed, passes_);  // of a view, every region has a copy
    if (!is_disabled(kFuse, passes_))
      take_views(*made.typed, device_.kernels(), conditions_of(*made.typed), passes_.keep);
    // What is left where a region was cut may be views alone, which need no step.
    cut_regions(*made.typed, [](const Node& fused) { return !is_copy_of_views(fused); });
    split_refused(*made.typed, device_.kernels(), conditions_of(*made.typed));
    choose_all(made);
    return made;
  }

  /// The draft with those candidates that make the whole plan cheaper, one after the other. A graph
  /// that no candidate changes is drafted as it is, without a copy.
  Draft cheapest(std::unique_ptr<Graph> stored) {
    std::unique_ptr<Graph> copy;
    std::vector<std::pair<const CandidatePasses*, std::unique_ptr<Graph>>> unpacked_later;
    for (const CandidatePasses& candidate : candidate_passes())
      if (candidate.as_stored)
        if (auto graph = tried(candidate, *stored, stored_, copy))
          unpacked_later.emplace_back(&candidate, std::move(graph));
    std::unique_ptr<Graph> prepared = copy != nullptr ? std::move(copy) : stored->clone();
    const bool is_as_stored = !unpack(*prepared);
    std::optional<Draft> best;
    const auto compare = [&](const CandidatePasses& candidate, std::unique_ptr<Graph> graph) {
      if (!best) best = draft(prepared->clone());
      std::unique_ptr<Graph> as_prepared = graph->clone();
      Draft with = draft(std::move(graph));
      const bool taken = is_better(with, *best);
      report_.candidates.push_back(
          {std::string(candidate.name), best->seconds, with.seconds, taken});
      if (!taken) return;
      if (options_.after) {  // now that it is the one
        Graph& from = candidate.as_stored ? *stored : *prepared;
        hone::run(candidate, from, candidate.as_stored ? stored_ : passes_, options_.after);
        if (candidate.as_stored) unpack(from);
      }
      best = std::move(with);
      prepared = std::move(as_prepared);
      copy.reset();
    };
    for (auto& [candidate, graph] : unpacked_later) {
      unpack(*graph, false);
      compare(*candidate, std::move(graph));
    }
    if (is_as_stored && !best) copy = std::move(stored);
    stored.reset();
    for (const CandidatePasses& candidate : candidate_passes())
      if (!candidate.as_stored)
        if (auto graph = tried(candidate, *prepared, passes_, copy))
          compare(candidate, std::move(graph));
    copy.reset();
    return best ? *std::move(best) : draft(std::move(prepared));
  }

  /// In an order that needs little memory, on streams, with every value's place.
  Compiled planned(Draft draft) {
    Compiled made;
    made.plan = plan_on_streams(*draft.typed, draft.chosen, conditions_, options_.most_streams,
                                &report_.streams, &draft.plan);
    for (const Candidate& candidate : report_.candidates)
      if (candidate.taken) made.plan.takes.push_back(candidate.name);
    if (options_.after) options_.after(kTyped, *draft.typed);
    report_.notes = std::move(draft.notes);
    report_.cuts = std::move(draft.cuts);
    report_.given = std::move(draft.plan);
    made.typed = std::move(draft.typed);
    made.chosen = std::move(draft.chosen);
    report_.seconds = simulate(made.plan, step_seconds(*made.typed, made.plan, made.chosen));
    made.report = std::move(report_);
    return made;
  }

  /// Of a draft whose typed graph stands.
  void choose_all(Draft& made) {
    const auto total = static_cast<int64_t>(made.typed->nodes().size());
    int64_t done = 0;
    made.chosen = choose(
        *made.typed, device_.kernels(), conditions_of(*made.typed),
        [&] {  // bodies have more
          if (options_.progress)
            options_.progress("kernels and plan", std::min(done++, total), total);
        },
        options_.timing);
    choose_orders(made.chosen, *made.typed, device_.kernels(), conditions_of(*made.typed),
                  options_.timing);
    made.plan = make_plan(*made.typed, made.chosen, conditions_);
    const std::vector<double> seconds = step_seconds(*made.typed, made.plan, made.chosen);
    made.seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  }

 private:
  static constexpr Pass kTyped{"typed", nullptr, {}, "what runs, in the order of the plan"};

  /// The inputs of what is left of a graph are the values that it reads, in order.
  Conditions conditions_of(const Graph& graph) const {
    Conditions conditions = conditions_;
    for (size_t i = 0; i < known_.size(); ++i)
      if (known_[i] != nullptr) conditions.known.emplace(graph.inputs()[i], known_[i]);
    return conditions;
  }

  const Device& device_;
  const CompileOptions& options_;
  const PassOptions passes_, stored_;
  const Conditions conditions_;
  std::vector<std::shared_ptr<const Weight>> known_;  // of the inputs of what is left of a graph
  Compiled::Report report_;
};

}  // namespace

Compiled compile(const Graph& portable, const Device& device, const CompileOptions& options) {
  Compiling road(device, options);
  return road.run(road.prepare(portable));
}

Compiled compile(const Remainder& remainder, const Device& device, const CompileOptions& options) {
  Compiling road(device, options);
  return road.run(road.prepare(remainder));
}

Compiled compile_typed(std::unique_ptr<Graph> typed, const Device& device,
                       const CompileOptions& options) {
  Compiling road(device, options);
  Draft draft;
  draft.typed = std::move(typed);
  road.choose_all(draft);
  return road.planned(std::move(draft));
}

}  // namespace hone
