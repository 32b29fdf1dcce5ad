#include "plan/plan.hpp"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/size.hpp"
#include "device/problem.hpp"
#include "ir/structural.hpp"

namespace hone {
namespace {

using Names = std::set<std::string, std::less<>>;

/// Packed bytes of `count` elements, as a dimension.
Dim bytes_of(DType dtype, const Dim& count) { return ceil_div(count * Dim(bits(dtype)), Dim(8)); }

class Planner {
 public:
  Planner(const Graph& graph, const Choose& choose, std::string_view device, const Share& share)
      : graph_(graph), choose_(choose), share_(share) {
    plan_.device = std::string(device);
    plan_.workers = share.workers;
    for (const auto& [name, definition] : symbol_definitions(graph))
      if (definition.value->producer != nullptr) late_.emplace(name, definition.value->producer);
    for (const GraphOutput& output : graph.outputs()) outputs_.insert(output.value);
    for (const Require& require : graph.requirements()) add_bound(require);
  }

  Plan run() {
    int index = 0;
    for (const Node& node : graph_.nodes()) last_use(node, index++);
    bool cut = true;
    for (const Node& node : graph_.nodes()) {
      if (cut) plan_.segments.push_back(static_cast<int>(plan_.steps.size()));
      cut = add_step(node);
    }
    return std::move(plan_);
  }

 private:
  void last_use(const Node& node, int index) {
    for (const Value* input : node.inputs)
      if (input != nullptr) last_[input] = index;
  }

  /// The size is a function of the inputs' sizes alone.
  bool early(const Type& type) const {
    if (!type.is_tensor() || !type.tensor().has_rank() || type.tensor().dtype == DType::string)
      return false;
    Names names;
    collect_symbols(type, names);
    return early(names);
  }
  bool early(const Dim& dim) const {
    Names names;
    dim.collect_symbols(names);
    return early(names);
  }
  bool early(const Names& names) const {
    return std::none_of(names.begin(), names.end(),
                        [&](const auto& name) { return late_.contains(name); });
  }

  /// Running the node tells a size that nothing before it did.
  bool defines_sizes(const Node& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const Value* output) {
      if (output == nullptr) return false;
      if (!output->type.is_tensor() || !output->type.tensor().has_rank() ||
          output->type.tensor().dtype == DType::string)
        return true;
      Names names;
      collect_symbols(output->type, names);
      return std::any_of(names.begin(), names.end(), [&](const auto& name) {
        const auto found = late_.find(name);
        return found != late_.end() && found->second == &node;
      });
    });
  }

  /// Kernels see bytes; strings, sequences and optionals have none.
  static bool reads_no_bytes(const Node& node) {
    return std::any_of(node.inputs.begin(), node.inputs.end(), [](const Value* input) {
      return input != nullptr &&
             (!input->type.is_tensor() || input->type.tensor().dtype == DType::string);
    });
  }

  /// true: the next step starts a segment.
  bool add_step(const Node& node) {
    const int index = static_cast<int>(plan_.steps.size());
    Step step;
    const auto named = std::find_if(node.outputs.begin(), node.outputs.end(),
                                    [](const Value* output) { return output != nullptr; });
    step.node = (*named)->name;
    const bool sizes = defines_sizes(node);
    std::vector<const Value*> overwritable;
    if (const std::vector<Body> bodies = control_bodies(node.op); !bodies.empty()) {
      step.kind = Step::Kind::control;
      step.bodies = static_cast<int>(bodies.size());
      for (const Body& body : bodies)
        plan_.bodies.push_back(make_plan(*body, choose_, plan_.device, share_));
    } else if (sizes || reads_no_bytes(node)) {
      step.kind = Step::Kind::size;
      step.note = sizes ? "the sizes of its results are known only when it has run"
                        : "what has no bytes is read by reference evaluation";
    } else {
      const Choice choice = choose_(problem_of(graph_, node, share_));
      step.kernel = choice.kernel->name;
      step.version = choice.kernel->version;
      step.tuning = choice.recipe.tuning;
      step.note = choice.note;
      const std::vector<Value*> operands = region_operands(node);
      for (const size_t input : choice.recipe.may_overwrite)
        overwritable.push_back(operands[input]);
      // Scratch of a size that only running tells is made when the step runs.
      if (!choice.recipe.scratch_bytes.is(0) && early(choice.recipe.scratch_bytes))
        plan_.buffers.push_back({"", choice.recipe.scratch_bytes, index, index});
    }
    for (const Value* output : node.outputs)
      if (output != nullptr && !outputs_.contains(output)) place(*output, index);
    if (step.kind == Step::Kind::run) share(node, std::move(overwritable), index);
    plan_.steps.push_back(std::move(step));
    return sizes;
  }

  /// The first of all values that may lie in the same bytes.
  const std::string& family(const std::string& value) const {
    const auto found = families_.find(value);
    return found == families_.end() ? value : family(found->second);
  }

  /// A result goes over an operand only where no other operand may lie in the same bytes: it would
  /// change while it is read.
  void share(const Node& node, std::vector<const Value*> overwritable, int index) {
    std::erase_if(overwritable, [&](const Value* operand) {
      if (last_.at(operand) != index) return true;  // read again
      return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const Value* other) {
        return other != nullptr && other != operand && family(other->name) == family(operand->name);
      });
    });
    std::vector<Sharing> found;
    add_sharings(node, overwritable, found);
    const auto in_arena = [&](const std::string& name) {
      const Value* value = graph_.find(name);
      return value->producer != nullptr && !outputs_.contains(value);
    };
    const auto shares = [&](const Sharing& sharing) {
      return in_arena(sharing.value) && in_arena(sharing.of);
    };
    // A step is spared only where all of it is in place.
    const bool all = std::all_of(found.begin(), found.end(), [&](const Sharing& sharing) {
      return sharing.kind == Sharing::Kind::over || shares(sharing);
    });
    std::erase_if(found, [&](const Sharing& sharing) {
      return sharing.kind == Sharing::Kind::over ? !shares(sharing) : !all;
    });
    for (Sharing& sharing : found) {
      const std::string one = family(sharing.value), other = family(sharing.of);
      if (one != other) families_[one] = other;
      plan_.sharings.push_back(std::move(sharing));
    }
  }

  /// What a requirement says of the largest value of a size that only running tells.
  void add_bound(const Require& require) {
    const auto symbol = require.a.as_symbol();
    if (require.relation != Require::Relation::less_equal || !symbol || !late_.contains(*symbol) ||
        !early(require.b))
      return;
    const auto [place, is_new] = bounds_.emplace(std::string(*symbol), require.b);
    if (!is_new) place->second = min(place->second, require.b);
  }

  /// The bytes of a value whose size only running tells, each such size as large as it can be.
  std::optional<Dim> most_bytes(const Type& type) const {
    if (!type.is_tensor() || !type.tensor().has_rank() || type.tensor().dtype == DType::string)
      return std::nullopt;
    const auto bound = [&](std::string_view name) -> std::optional<Dim> {
      const auto found = bounds_.find(name);
      return found == bounds_.end() ? std::nullopt : std::optional(found->second);
    };
    try {
      const Dim bytes =
          bytes_of(type.tensor().dtype, product(type.tensor().shape()).substitute(bound));
      return early(bytes) ? std::optional(bytes) : std::nullopt;
    } catch (const Error&) {  // more than can be counted bounds nothing
      return std::nullopt;
    }
  }

  void place(const Value& value, int index) {
    const bool is_early = early(value.type);
    const TensorType* type = is_early ? &value.type.tensor() : nullptr;
    const std::optional<Dim> bytes =
        is_early ? bytes_of(type->dtype, product(type->shape())) : most_bytes(value.type);
    if (!bytes) {
      plan_.pooled.push_back(value.name);
      return;
    }
    const auto last = last_.find(&value);
    plan_.buffers.push_back(
        {value.name, *bytes, index, last == last_.end() ? index : last->second, !is_early});
  }

  const Graph& graph_;
  const Choose& choose_;
  const Share share_;
  Plan plan_;
  std::map<std::string, const Node*, std::less<>> late_;  // symbols that a result defines
  std::map<std::string, Dim, std::less<>> bounds_;        // of some of them
  std::set<const Value*> outputs_;
  std::unordered_map<const Value*, int> last_;
  std::unordered_map<std::string, std::string> families_;  // of values that may share bytes
};

}  // namespace

Plan make_plan(const Graph& graph, const Choose& choose, std::string_view device,
               const Share& share) {
  return Planner(graph, choose, device, share).run();
}

namespace {

template <class... Parts>
void fits(bool condition, const Parts&... parts) {
  check(condition, Code::incompatible_engine, "the plan does not fit the graph: ", parts...);
}

/// The run steps of a plan in the order in which planning asks for their choices.
void collect_runs(const Plan& plan, std::vector<const Step*>& runs) {
  size_t body = 0;
  for (const Step& step : plan.steps) {
    if (step.kind == Step::Kind::run) runs.push_back(&step);
    for (int each = 0; each < step.bodies && body < plan.bodies.size(); ++each)
      collect_runs(plan.bodies[body++], runs);
  }
}

Choice choice_of(const Step& step, std::shared_ptr<const Problem> problem,
                 const KernelRegistry& kernels) {
  const Kernel* kernel = kernels.find(step.kernel);
  fits(kernel != nullptr && kernel->version == step.version, "there is no kernel ", step.kernel,
       "/", step.version);
  const Verdict verdict = kernel->supports(*problem);
  fits(verdict.yes, step.kernel, " refuses ", describe(problem->region.body->nodes().front()), ": ",
       verdict.why);
  const std::vector<Tuning> tunings = kernel->tunings(*problem);
  fits(std::find(tunings.begin(), tunings.end(), step.tuning) != tunings.end(), step.kernel,
       " has no tuning {", tuning_text(step.tuning), "}");
  return {kernel, kernel->recipe(std::move(problem), step.tuning), step.note};
}

}  // namespace

void check_plan(const Graph& graph, const Plan& plan, std::string_view device,
                const KernelRegistry& kernels) {
  std::vector<const Step*> runs;
  collect_runs(plan, runs);
  size_t next = 0;
  const Choose choose = [&](std::shared_ptr<const Problem> problem) {
    fits(next < runs.size(), "it has ", runs.size(), " kernels");
    return choice_of(*runs[next++], std::move(problem), kernels);
  };
  const Plan again = make_plan(graph, choose, device, Share{plan.workers});
  fits(again.steps == plan.steps && again.bodies == plan.bodies, "its steps differ");
  fits(again.buffers == plan.buffers && again.sharings == plan.sharings &&
           again.pooled == plan.pooled,
       "its memory differs");
  fits(again == plan, "its device or segments differ");
}

Demand demand(const Plan& plan, const Bindings& symbols) {
  Demand demand;
  for (const PlannedBuffer& buffer : plan.buffers) {
    const auto bytes = buffer.bytes.evaluate(symbols);
    if (buffer.at_most) {
      const bool useful = bytes && *bytes >= 0 && *bytes <= kMostBoundedBytes;
      demand.buffers.push_back({useful ? *bytes : 0, buffer.first, buffer.last});
      continue;
    }
    check(bytes && *bytes >= 0, Code::usage, "the size of ",
          buffer.value.empty() ? std::string("scratch") : cat("%", buffer.value), ", ",
          buffer.bytes, " bytes, ", bytes ? cat("is ", *bytes) : std::string("cannot be computed"),
          " for the given input sizes");
    demand.buffers.push_back({*bytes, buffer.first, buffer.last});
  }
  return demand;
}

}  // namespace hone
