#include "choose/cover.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "choose/channels.hpp"
#include "choose/choose.hpp"
#include "choose/questions.hpp"
#include "device/axis_orders.hpp"
#include "device/problem.hpp"
#include "device/strided_view.hpp"
#include "ir/bodies/structural.hpp"
#include "ir/stages/stages.hpp"

namespace hone {
namespace {

using Nodes = std::vector<const Node*>;

/// All ways to cut at so many marks are tried.
constexpr size_t kMostCuts = 4;
/// Where a region is taken apart from the front, kernels are asked about so many nodes at a time:
/// the question copies them, and a region may have hundreds.
constexpr size_t kLongestPiece = 32;

/// Ways to run some nodes of a region: each piece is one step.
struct Cover {
  std::vector<Nodes> pieces;
  double seconds = 0;

  void add(Cover other) {
    std::move(other.pieces.begin(), other.pieces.end(), std::back_inserter(pieces));
    seconds += other.seconds;
  }
};

/// Finds the cover of one region.
class Covering {
 public:
  Covering(const Graph& graph, const Node& fused, const KernelRegistry& kernels,
           const Conditions& conditions, const Channels& channels, Answers& answers)
      : fused_(*fused.op.as<Fused>()),
        body_(*fused_.body),
        kernels_(kernels),
        conditions_(conditions),
        ranges_(graph.ranges()),
        weights_(weights_of(fused, body_, conditions)),
        orders_(orders_within(graph, fused, channels)),
        cuts_(cuts_of(fused_, body_)),
        answers_(answers),
        questions_(body_, weights_, orders_, answers) {
    // The host's processors run what has no kernel of the device, op by op: a region that only they
    // would take whole is copied there and back.
    for (const Kernel* kernel : kernels.all())
      if (kernel->several && !kernel->on_host) several_.push_back(kernel);
  }

  Cover run() {
    Nodes all;
    for (const Node& node : body_.nodes()) all.push_back(&node);
    if (several_.empty()) {
      why_ = "no kernel runs more than one op";
      return single_ops(all);
    }
    const Cover best = best_of(all);
    if (best.pieces.size() > 1 && why_.empty())
      why_ = cat("by estimate the pieces take ", best.seconds, " s, the whole ", whole_, " s");
    return best;
  }
  const std::string& why() const { return why_; }

 private:
  static Questions::Weights weights_of(const Node& fused, const Graph& body,
                                       const Conditions& conditions) {
    Questions::Weights weights;
    for (size_t i = 0; i < fused.inputs.size(); ++i)
      weights[body.inputs()[i]] = known_weight(*fused.inputs[i], conditions.known);
    return weights;
  }

  /// Where fusion marked one, and in front of a product whose operand the region computes: a kernel
  /// that computes it while it reads may do so anew for each result.
  static std::vector<const Value*> cuts_of(const Fused& fused, const Graph& body) {
    std::vector<const Value*> cuts;
    for (const std::string& cut : fused.cuts) cuts.push_back(body.find(cut));
    for (const Node& node : body.nodes())
      if (multiplies(node))
        for (const Value* input : node.inputs)
          if (input != nullptr && input->producer != nullptr && !viewed(*input) &&
              std::ranges::find(cuts, input) == cuts.end())
            cuts.push_back(input);
    return cuts;
  }
  static bool multiplies(const Node& node) {
    const Stages stages = stages_of(node);
    return std::ranges::any_of(
        stages.list, [](const auto& stage) { return stage->kind() == Stage::Kind::contract; });
  }

  static Cover single_ops(const Nodes& nodes) {
    Cover cover;
    for (const Node* node : nodes) cover.pieces.push_back({node});
    return cover;
  }

  /// The whole in one piece, parted at a marked cut, or, where no kernel takes it whole, from the
  /// front: whatever takes less.
  Cover best_of(const Nodes& nodes) {
    const bool is_all = nodes.size() == body_.nodes().size();
    std::optional<Cover> best;
    if (const Answer answer = ask(nodes, is_all ? &why_ : nullptr); answer.yes)
      best = Cover{{nodes}, answer.seconds};
    if (is_all && best) whole_ = best->seconds;
    const bool is_taken = best.has_value();
    for (size_t i = 0; i < std::min(cuts_.size(), kMostCuts); ++i) {
      auto [first, second] = parted(nodes, cuts_[i]);
      if (first.empty() || second.empty()) continue;
      Cover parts = best_of(first);
      parts.add(best_of(second));
      if (!best || parts.seconds < best->seconds) best = std::move(parts);
    }
    if (is_taken) return *std::move(best);
    Cover front = from_the_front(nodes);
    return !best || is_better(front, *best) ? front : *std::move(best);
  }

  /// Fewer seconds, or as many in fewer pieces.
  static bool is_better(const Cover& one, const Cover& other) {
    constexpr double kRounding = 1e-9;
    if (one.seconds < other.seconds * (1 - kRounding)) return true;
    return one.seconds <= other.seconds * (1 + kRounding) &&
           one.pieces.size() < other.pieces.size();
  }

  /// The longest part that a kernel accepts, then the rest likewise.
  Cover from_the_front(Nodes nodes) {
    const bool is_compared = !cuts_.empty();  // with other covers, by its time
    Cover cover;
    if (auto found = behind_views(nodes)) return *std::move(found);
    bool in_vain = false;  // no kernel took a part of what was ahead the last time
    while (!nodes.empty()) {
      const Nodes ahead(nodes.begin(), nodes.begin() + static_cast<ptrdiff_t>(
                                                           std::min(nodes.size(), kLongestPiece)));
      in_vain &= ahead.size() == kLongestPiece && stands_apart(ahead);
      const Nodes taken = in_vain ? Nodes{ahead.front()} : longest_accepted(ahead);
      in_vain = taken.size() == 1;
      if (is_compared) cover.seconds += ask(taken).seconds;
      std::erase_if(nodes, [&, next = size_t{0}](const Node* node) mutable {
        return next < taken.size() && node == taken[next] && ++next > 0;
      });
      cover.pieces.push_back(taken);
    }
    return cover;
  }

  /// Views in front as steps, where one kernel takes all that is behind them: it may read what the
  /// views make where it lies. nullopt: there are none, or no kernel does.
  std::optional<Cover> behind_views(const Nodes& nodes) {
    const auto views = static_cast<ptrdiff_t>(views_in_front(nodes));
    if (views == 0) return std::nullopt;
    const Nodes front(nodes.begin(), nodes.begin() + views),
        rest(nodes.begin() + views, nodes.end());
    const Answer answer = ask(rest);
    if (!answer.yes) return std::nullopt;
    Cover cover = single_ops(front);
    for (const Node* node : front) cover.seconds += ask({node}).seconds;
    cover.pieces.push_back(rest);
    cover.seconds += answer.seconds;
    return cover;
  }

  /// How many of them are views, one after the other; 0 where all are.
  static size_t views_in_front(const Nodes& nodes) {
    const auto is_view = [](const Node* node) {
      return node->outputs.size() == 1 && viewed(*node->output()) != nullptr;
    };
    const auto end = std::ranges::find_if_not(nodes, is_view);
    return end == nodes.end() ? 0 : static_cast<size_t>(end - nodes.begin());
  }

  /// The last node, which is new, reads no other's result: it makes no part of several.
  static bool stands_apart(const Nodes& nodes) {
    const auto& inputs = nodes.back()->inputs;
    return std::ranges::none_of(inputs, [&](const Value* input) {
      return input != nullptr && input->producer != nullptr &&
             std::ranges::find(nodes, input->producer) != nodes.end();
    });
  }

  /// All of these nodes, what one of their values needs, or the first one alone.
  Nodes longest_accepted(const Nodes& nodes) {
    Nodes longest = {nodes.front()};
    if (nodes.size() == 1) return nodes;
    const Answer answer = ask(nodes);
    if (answer.yes) return nodes;
    for (const auto& [node, result] : answer.ends) {
      auto [first, second] = parted(nodes, nodes[node]->outputs[result]);
      if (first.size() > longest.size() && !second.empty() && ask(first).yes)
        longest = std::move(first);
    }
    return longest;
  }

  /// What `value` needs of the nodes, and the others; the first is empty when none makes it.
  static std::pair<Nodes, Nodes> parted(const Nodes& nodes, const Value* value) {
    std::pair<Nodes, Nodes> parts;
    std::unordered_set<const Node*> needed{value == nullptr ? nullptr : value->producer};
    std::vector<bool> first(nodes.size());
    for (size_t i = nodes.size(); i-- > 0;) {
      first[i] = needed.contains(nodes[i]);
      if (!first[i]) continue;
      for (const Value* input : nodes[i]->inputs)
        if (input != nullptr && input->producer != nullptr) needed.insert(input->producer);
    }
    for (size_t i = 0; i < nodes.size(); ++i)
      (first[i] ? parts.first : parts.second).push_back(nodes[i]);
    return parts;
  }

  std::shared_ptr<const Problem> problem(const Nodes& nodes) const {
    std::vector<const Value*> operands, results;
    Region region{fused_.body};
    if (nodes.size() == body_.nodes().size())
      operands.assign(body_.inputs().begin(), body_.inputs().end());
    else region = region_of(body_, nodes, &operands);
    for (const GraphOutput& output : region.body->outputs())
      results.push_back(body_.find(output.value->name));
    auto problem = problem_of(body_, std::move(region), operands, results, conditions_);
    for (size_t i = 0; i < operands.size(); ++i)
      if (const auto weight = weights_.find(operands[i]); weight != weights_.end())
        problem->weights[i] = weight->second;
    problem->ranges = ranges_of(*problem->region.body, ranges_);
    problem->sizes = expected_sizes_of(*problem->region.body, ranges_, conditions_.sizes);
    return problem;
  }

  /// `why`: gets what kernels say of a no, in the names of these nodes' values.
  Answer ask(const Nodes& nodes, std::string* why = nullptr) {
    if (why != nullptr || nodes.size() > kLongestPiece) return answer_of(nodes, why);
    const std::u32string question = questions_.about(nodes);
    if (const Answer* known = answers_.find(question)) return *known;
    Answer answer = answer_of(nodes, nullptr);
    answers_.keep(question, answer);
    return answer;
  }

  /// With channels innermost, where that is a way to lie for something that enters or leaves; else
  /// null.
  std::shared_ptr<const Problem> turned(const Problem& dense) const {
    std::shared_ptr<Problem> made;
    const auto turn = [&](const Value& value, auto layouts, size_t i) {
      const auto order = orders_.find(body_.find(value.name));
      if (order == orders_.end()) return;
      if (made == nullptr) made = std::make_shared<Problem>(dense);
      (*made.*layouts)[i].strides = strides_in(order->second, value.type.tensor().shape());
    };
    const Graph& region = *dense.region.body;
    for (size_t i = 0; i < region.inputs().size(); ++i)
      turn(*region.inputs()[i], &Problem::inputs, i);
    for (size_t i = 0; i < region.outputs().size(); ++i)
      turn(*region.outputs()[i].value, &Problem::outputs, i);
    return made;
  }

  Answer answer_of(const Nodes& nodes, std::string* why) const {
    const std::shared_ptr<const Problem> dense = problem(nodes);
    Answer answer = nodes.size() == 1 ? Answer{true, least_seconds(kernels_, dense), {}}
                                      : answer_dense(nodes, dense, why);
    if (!answer.yes) return answer;
    const auto other = turned(*dense);
    for (const Kernel* kernel : several_)
      if (other != nullptr && kernel->strided && kernel->accepts(*other).yes)
        take(answer, *kernel, other);
    return answer;
  }

  Answer answer_dense(const Nodes& nodes, const std::shared_ptr<const Problem>& dense,
                      std::string* why) const {
    Answer answer;
    Refused far, nearer;  // nearer: of kernels that run a part of it
    for (const Kernel* kernel : several_) {
      const Verdict verdict = kernel->accepts(*dense);
      if (verdict.yes) {
        take(answer, *kernel, dense);
        continue;
      }
      if (!verdict.up_to.empty()) add_end(answer, nodes, body_.find(verdict.up_to));
      if (why == nullptr) continue;
      if (verdict.up_to.empty()) add(far, *kernel, verdict.why);
      else add(nearer, *kernel, cat(verdict.why, " (up to %", verdict.up_to, ")"));
    }
    if (!answer.yes && why != nullptr) *why = text_of(nearer.empty() ? far : nearer);
    return answer;
  }

  static void take(Answer& answer, const Kernel& kernel,
                   const std::shared_ptr<const Problem>& asked) {
    const double seconds = kernel.estimate(asked, kernel.tunings(*asked).front()).seconds;
    if (!answer.yes || seconds < answer.seconds) answer.seconds = seconds;
    answer.yes = true;
  }

  /// Reasons, each with the names of the kernels that gave it, in the order of the kernels.
  using Refused = std::vector<std::pair<std::string, std::vector<std::string_view>>>;
  static void add(Refused& to, const Kernel& kernel, std::string_view why) {
    auto place = std::ranges::find(to, why, &Refused::value_type::first);
    if (place == to.end()) place = to.insert(to.end(), {std::string(why), {}});
    place->second.push_back(kernel.name);
  }
  static std::string text_of(const Refused& refused) {
    std::vector<std::string> lines;
    for (const auto& [why, names] : refused) lines.push_back(cat(join(names, ", "), ": ", why));
    return join(lines, "; ");
  }

  static void add_end(Answer& answer, const Nodes& nodes, const Value* value) {
    const auto made = value == nullptr ? nodes.end() : std::ranges::find(nodes, value->producer);
    if (made != nodes.end())
      answer.ends.emplace_back(made - nodes.begin(), static_cast<size_t>(value->index));
  }

  const Fused& fused_;
  const Graph& body_;
  const KernelRegistry& kernels_;
  const Conditions& conditions_;
  const Ranges& ranges_;
  const Questions::Weights weights_;
  const Questions::Orders orders_;
  const std::vector<const Value*> cuts_;
  Answers& answers_;
  Questions questions_;
  std::vector<const Kernel*> several_;
  std::string why_;
  double whole_ = 0;
};

/// Puts the pieces in the region's place.
std::vector<Node*> cut_into(Graph& graph, Node* fused, const std::vector<Nodes>& pieces) {
  std::unordered_map<const Node*, size_t> places;
  const Body body = fused->op.as<Fused>()->body;
  for (const Node& node : body->nodes()) places.emplace(&node, places.size());
  const std::string by = fused->by;
  const std::vector<Node*> outside = unfuse(graph, fused);
  std::vector<Node*> made;
  for (const Nodes& piece : pieces) {
    std::vector<Node*> nodes;
    for (const Node* node : piece) nodes.push_back(outside[places.at(node)]);
    made.push_back(nodes.size() == 1 ? nodes.front() : fuse_nodes(graph, nodes, by));
  }
  return made;
}

std::string last_value(const Node& node) {
  for (auto output = node.outputs.rbegin(); output != node.outputs.rend(); ++output)
    if (*output != nullptr) return (*output)->name;
  return {};
}

}  // namespace

bool cover(Graph& graph, const KernelRegistry& kernels, const Conditions& conditions,
           std::vector<CutRegion>* cuts) {
  std::vector<Node*> regions;
  for (Node& node : graph.nodes())
    if (node.op.as<Fused>() != nullptr) regions.push_back(&node);
  bool changed = false;
  Answers answers;
  const Channels channels(graph);
  for (Node* region : regions) {
    Covering covering(graph, *region, kernels, conditions, channels, answers);
    const Cover best = covering.run();
    if (best.pieces.size() == 1) continue;
    CutRegion cut{{}, covering.why()};
    for (const Node* piece : cut_into(graph, region, best.pieces))
      cut.values.push_back(last_value(*piece));
    if (cuts != nullptr) cuts->push_back(std::move(cut));
    changed = true;
  }
  if (changed) graph.sort();
  return changed;
}

bool split_refused(Graph& graph, const KernelRegistry& kernels, const Conditions& conditions) {
  std::vector<Node*> refused;
  for (Node& node : graph.nodes()) {
    if (node.op.as<Fused>() == nullptr) continue;
    const auto asked = problem_of(graph, node, conditions);
    const auto all = kernels.all();
    if (std::ranges::none_of(all, [&](const Kernel* each) { return each->accepts(*asked).yes; }))
      refused.push_back(&node);
  }
  for (Node* node : refused) unfuse(graph, node);
  if (!refused.empty()) graph.sort();
  return !refused.empty();
}

}  // namespace hone
