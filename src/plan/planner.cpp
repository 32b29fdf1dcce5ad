#include "plan/planner.hpp"

#include <algorithm>
#include <utility>

#include "base/size.hpp"
#include "device/problem.hpp"
#include "ir/bodies/structural.hpp"
#include "plan/streams.hpp"

namespace hone {
static_assert(kBufferAlignment == kArenaAlignment);  // what problems promise to kernels
namespace {

using Names = std::set<std::string, std::less<>>;

/// Packed bytes of `count` elements, as a dimension.
Dim bytes_of(DType dtype, const Dim& count) { return ceil_div(count * Dim(bits(dtype)), Dim(8)); }

}  // namespace

std::vector<const Node*> nodes_in_order(const Graph& graph) {
  std::vector<const Node*> nodes;
  for (const Node& node : graph.nodes()) nodes.push_back(&node);
  return nodes;
}

Planner::Planner(const Graph& graph, const Choices& choices, const Conditions& conditions)
    : graph_(graph), conditions_(conditions), late_(graph), orders_(choices.orders) {
  for (const GraphOutput& output : graph.outputs()) outputs_.insert(output.value);
  for (const Require& require : graph.requirements()) add_bound(require);
  list_refusals(choices);
  decisions_.reserve(graph.nodes().size());
  size_t at = 0, body = 0;
  check(choices.nodes.size() == graph.nodes().size(), Code::internal, choices.nodes.size(),
        " choices for ", graph.nodes().size(), " nodes");
  for (const Node& node : graph.nodes())
    decisions_.emplace(&node, decide(node, choices.nodes[at++], choices, body));
}

void Planner::list_refusals(const Choices& choices) {
  for (const Chosen& chosen : choices.nodes)
    if (chosen.refusals != nullptr) places_of_refusals_.emplace(chosen.refusals.get(), -1);
  for (const auto& [list, place] : places_of_refusals_) refusals_.push_back(*list);
  std::sort(refusals_.begin(), refusals_.end());
  refusals_.erase(std::unique(refusals_.begin(), refusals_.end()), refusals_.end());
  for (auto& [list, place] : places_of_refusals_)
    place = static_cast<int>(std::lower_bound(refusals_.begin(), refusals_.end(), *list) -
                             refusals_.begin());
}

Decision Planner::decide(const Node& node, const Chosen& chosen, const Choices& choices,
                         size_t& body) {
  Decision decided;
  Step& step = decided.step;
  const auto named = std::find_if(node.outputs.begin(), node.outputs.end(),
                                  [](const Value* output) { return output != nullptr; });
  step.node = (*named)->name;
  decided.cut = late_.tells(node);
  if (const std::vector<Body> bodies = control_bodies(node.op); !bodies.empty()) {
    step.kind = Step::Kind::control;
    step.bodies = static_cast<int>(bodies.size());
    for (const Body& inner : bodies)
      decided.bodies.push_back(make_plan(*inner, choices.bodies.at(body++), conditions_));
    return decided;
  }
  if (!late_.runs_on_kernel(node)) {
    step.kind = Step::Kind::size;
    step.note = decided.cut ? "the sizes of its results are known only when it has run"
                            : "what has no bytes is read by reference evaluation";
    return decided;
  }
  check(chosen.kernel != nullptr, Code::internal, "no kernel was chosen for ", describe(node));
  step.kernel = chosen.kernel->name;
  step.version = chosen.kernel->version;
  step.tuning = chosen.recipe.tuning;
  step.note = chosen.note;
  if (chosen.refusals != nullptr) step.refusals = places_of_refusals_.at(chosen.refusals.get());
  decided.seconds = chosen.recipe.seconds;
  const std::vector<Value*> operands = region_operands(node);
  // A value that is several of the inputs must be one that each of them lets go.
  const std::vector<size_t>& may = chosen.recipe.may_overwrite;
  for (const size_t input : may) {
    bool all = true;
    for (size_t other = 0; other < operands.size(); ++other)
      all &= operands[other] != operands[input] ||
             std::find(may.begin(), may.end(), other) != may.end();
    if (all) decided.overwritable.push_back(operands[input]);
  }
  // Scratch of a size that only running tells is made when the step runs.
  if (late_.early(chosen.recipe.scratch_bytes)) decided.scratch = chosen.recipe.scratch_bytes;
  return decided;
}

/// What a requirement says of the largest value of a size that only running tells.
void Planner::add_bound(const Require& require) {
  const auto symbol = require.a.as_symbol();
  if (require.relation != Require::Relation::less_equal || !symbol ||
      !late_.told_by().contains(*symbol) || !late_.early(require.b))
    return;
  const auto [place, is_new] = bounds_.emplace(std::string(*symbol), require.b);
  if (!is_new) place->second = min(place->second, require.b);
}

/// The bytes of a value whose size only running tells, each such size as large as it can be.
std::optional<Dim> Planner::most_bytes(const Type& type) const {
  if (!type.is_tensor() || !type.tensor().has_rank() || type.tensor().dtype == DType::string)
    return std::nullopt;
  const auto bound = [&](std::string_view name) -> std::optional<Dim> {
    const auto found = bounds_.find(name);
    return found == bounds_.end() ? std::nullopt : std::optional(found->second);
  };
  try {
    const Dim bytes =
        bytes_of(type.tensor().dtype, product(type.tensor().shape()).substitute(bound));
    return late_.early(bytes) && !bytes.is_too_long() ? std::optional(bytes) : std::nullopt;
  } catch (const Error&) {  // more than can be counted bounds nothing
    return std::nullopt;
  }
}

std::vector<std::vector<int>> Planner::needs(const std::vector<const Node*>& order,
                                             Fence fence) const {
  std::unordered_map<const Node*, int> position;
  position.reserve(order.size());
  for (const Node* node : order) position.emplace(node, static_cast<int>(position.size()));
  const auto add_symbols = [&](const Node& node, std::vector<int>& before) {
    Names names;
    collect_symbols(node.op, names);
    for (const Value* output : node.outputs)
      if (output != nullptr) collect_symbols(output->type, names);
    for (const std::string& name : names)
      if (const auto late = late_.told_by().find(name);
          late != late_.told_by().end() && late->second != &node)
        before.push_back(position.at(late->second));
  };
  std::vector<std::vector<int>> needs(order.size());
  int fenced = -1;
  for (size_t i = 0; i < order.size(); ++i) {
    std::vector<int>& before = needs[i];
    for (const Value* input : order[i]->inputs)
      if (input != nullptr && input->producer != nullptr)
        before.push_back(position.at(input->producer));
    if (!late_.told_by().empty()) add_symbols(*order[i], before);
    if (fenced >= 0) before.push_back(fenced);
    if (fence(decision(*order[i]))) {
      for (int each = fenced + 1; each < static_cast<int>(i); ++each) before.push_back(each);
      fenced = static_cast<int>(i);
    }
    std::sort(before.begin(), before.end());
    before.erase(std::unique(before.begin(), before.end()), before.end());
  }
  return needs;
}

/// Puts the steps of one order together: lifetimes, what may share bytes.
class Planner::Laying {
 public:
  Laying(const Planner& planner, const std::vector<const Node*>& order,
         const std::vector<int>& streams)
      : planner_(planner), order_(order) {
    plan_.device = planner.conditions_.target->device;
    plan_.workers = planner.conditions_.share.workers;
    plan_.sizes = planner.conditions_.sizes;
    plan_.refusals = planner.refusals_;
    plan_.orders = planner.orders_;
    int index = 0;
    for (const Node* node : order) last_use(*node, index++);
    if (streams.empty()) return;
    clocks_.emplace(1 + *std::max_element(streams.begin(), streams.end()));
    const auto needs = planner.needs(order, joins_streams);
    for (size_t i = 0; i < order.size(); ++i) {
      position_.emplace(order[i], static_cast<int>(i));
      Step step;
      step.stream = streams[i];
      step.waits = clocks_->add(step.stream, needs[i]);
      plan_.steps.push_back(std::move(step));
    }
  }

  Plan run() {
    plan_.steps.resize(order_.size());
    bool cut = true;
    for (size_t i = 0; i < order_.size(); ++i) {
      if (cut) plan_.segments.push_back(static_cast<int>(i));
      add_step(*order_[i], static_cast<int>(i));
      cut = planner_.decision(*order_[i]).cut;
    }
    if (clocks_)
      for (PlannedBuffer& buffer : plan_.buffers) extend(buffer);
    return std::move(plan_);
  }

 private:
  void last_use(const Node& node, int index) {
    for (const Value* input : node.inputs)
      if (input != nullptr) last_[input] = index;
  }

  void add_step(const Node& node, int index) {
    const Decision& decided = planner_.decision(node);
    Step& step = plan_.steps[static_cast<size_t>(index)];
    const int stream = step.stream;
    std::vector<int> waits = std::move(step.waits);
    step = decided.step;
    step.stream = stream;
    step.waits = std::move(waits);
    plan_.bodies.insert(plan_.bodies.end(), decided.bodies.begin(), decided.bodies.end());
    if (!decided.scratch.is(0)) plan_.buffers.push_back({"", decided.scratch, index, index});
    for (const Value* output : node.outputs)
      if (output != nullptr && !planner_.outputs_.contains(output)) place(*output, index);
    if (step.kind == Step::Kind::run) share(node, decided.overwritable, index);
  }

  /// With streams, other steps than the next may still run beside the last one that reads it.
  void extend(PlannedBuffer& buffer) const {
    int until = clocks_->last_beside(buffer.first);
    if (!buffer.value.empty())
      for (const Node* user : planner_.graph_.find(buffer.value)->users)
        until = std::max(until, clocks_->last_beside(position_.at(user)));
    if (until > buffer.last) buffer.until = until;
  }

  /// With streams: everything that touches the bytes of the value and is enqueued before the step
  /// has run when it starts.
  bool only_one(const Value& value, int index) {
    if (!clocks_) return true;
    const std::string bytes = family(value.name);
    const auto others = members_.find(bytes);
    const auto ran = [&](const std::string& name) {
      const Value* member = planner_.graph_.find(name);
      std::vector<const Node*> touching(member->users.begin(), member->users.end());
      if (member->producer != nullptr) touching.push_back(member->producer);
      return std::all_of(touching.begin(), touching.end(), [&](const Node* node) {
        const int step = position_.at(node);
        return step >= index || clocks_->before(step, index);
      });
    };
    return ran(value.name) && (others == members_.end() ||
                               std::all_of(others->second.begin(), others->second.end(), ran));
  }

  /// The first of all values that may lie in the same bytes. What lies on the way to it is put
  /// right below it.
  std::string family(const std::string& value) {
    std::string first = value;
    for (auto next = families_.find(first); next != families_.end(); next = families_.find(first))
      first = next->second;
    for (auto next = families_.find(value); next != families_.end();)
      next = families_.find(std::exchange(next->second, first));
    return first;
  }

  /// Families that several operands are of.
  std::set<std::string> shared_families(const Node& node) {
    std::set<std::string> shared;
    std::unordered_map<std::string, const Value*> seen;
    for (const Value* input : node.inputs) {
      if (input == nullptr) continue;
      std::string bytes = family(input->name);
      if (const auto [place, is_new] = seen.emplace(bytes, input); place->second != input)
        shared.insert(std::move(bytes));
    }
    return shared;
  }

  /// A result goes over an operand only where no other operand may lie in the same bytes: it would
  /// change while it is read.
  void share(const Node& node, std::vector<const Value*> overwritable, int index) {
    std::erase_if(overwritable, [&](const Value* operand) {
      return last_.at(operand) != index || !only_one(*operand, index);  // read again
    });
    if (!overwritable.empty()) {
      const std::set<std::string> shared = shared_families(node);
      std::erase_if(overwritable,
                    [&](const Value* operand) { return shared.contains(family(operand->name)); });
    }
    std::vector<Sharing> found;
    add_sharings(node, overwritable, found);
    const auto in_arena = [&](const std::string& name) {
      const Value* value = planner_.graph_.find(name);
      return value->producer != nullptr && !planner_.outputs_.contains(value);
    };
    // Offsets of views and parts are those of dense values. Kernels know themselves what they may
    // write over.
    const auto is_dense = [&](const std::string& name) { return !planner_.orders_.contains(name); };
    const auto shares = [&](const Sharing& sharing) {
      return in_arena(sharing.value) && in_arena(sharing.of) &&
             (sharing.kind == Sharing::Kind::over ||
              (is_dense(sharing.value) && is_dense(sharing.of)));
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
      if (one != other) unite(one, other);
      plan_.sharings.push_back(std::move(sharing));
    }
  }

  void unite(const std::string& one, const std::string& other) {
    families_[one] = other;
    if (!clocks_) return;
    std::vector<std::string> moved = std::move(members_[one]);
    moved.push_back(one);
    std::vector<std::string>& kept = members_[other];
    if (kept.empty()) kept.push_back(other);
    kept.insert(kept.end(), moved.begin(), moved.end());
  }

  void place(const Value& value, int index) {
    const bool is_early = planner_.late_.early(value.type);
    const TensorType* type = is_early ? &value.type.tensor() : nullptr;
    const std::optional<Dim> bytes =
        is_early ? bytes_of(type->dtype, product(type->shape())) : planner_.most_bytes(value.type);
    if (!bytes) {
      plan_.pooled.push_back(value.name);
      return;
    }
    const auto last = last_.find(&value);
    plan_.buffers.push_back(
        {value.name, *bytes, index, last == last_.end() ? index : last->second, !is_early});
  }

  const Planner& planner_;
  const std::vector<const Node*>& order_;
  Plan plan_;
  std::unordered_map<const Value*, int> last_;
  std::unordered_map<std::string, std::string> families_;  // of values that may share bytes
  std::unordered_map<std::string, std::vector<std::string>> members_;  // of families, by the first
  std::optional<Clocks> clocks_;                                       // of more streams than one
  std::unordered_map<const Node*, int> position_;
};

Plan Planner::plan(const std::vector<const Node*>& order, const std::vector<int>& streams) const {
  return Laying(*this, order, streams).run();
}

Plan make_plan(const Graph& graph, const Choices& choices, const Conditions& conditions,
               const std::vector<int>& streams) {
  return Planner(graph, choices, conditions).plan(nodes_in_order(graph), streams);
}

}  // namespace hone
