#include <cmath>
#include <map>

#include "ir/bodies/structural.hpp"
#include "ir/region.hpp"
#include "ir/stages/stages.hpp"
#include "passes/fusion/role.hpp"
#include "report/regions.hpp"
#include "report/text.hpp"

namespace hone::report {
namespace {

/// "Conv, then Add Relu", "Mul into MatMul, then Softmax": what the others are to the anchor.
std::string why_joined(const Graph& body) {
  const Roles roles = roles_of(body);
  std::vector<std::string> before, anchors, behind;
  for (const Node& node : body.nodes()) {
    const Role role = roles.at(&node).role;
    const std::string op(node.op.name());
    if (role == Role::anchor || (role == Role::reduction && anchors.empty())) anchors.push_back(op);
    else (anchors.empty() ? before : behind).push_back(op);
  }
  if (anchors.empty())
    return cat("elementwise and views in one pass over memory: ", join(before, " "));
  std::string text = join(anchors, " then ");
  if (!before.empty()) text = cat(text, " reads through ", join(before, " "));
  if (!behind.empty())
    text += cat(before.empty() ? "" : ",", " has ", join(behind, " "), " on its result");
  return text;
}

class Explanation {
 public:
  void add(const Graph& graph, const Plan& plan, const std::string& indent) {
    size_t body = 0, segment = 0, at = 0;
    for (const Node& node : graph.nodes()) {
      if (at >= plan.steps.size()) break;
      if (segment < plan.segments.size() && plan.segments[segment] == static_cast<int>(at))
        rows_.push_back({cat(indent, "segment ", segment++)});
      add_step(cat(indent, "  step ", at), node, plan.steps[at], plan, indent);
      ++at;
      for (const Body& inner : control_bodies(node.op)) {
        if (body >= plan.bodies.size()) break;
        rows_.push_back({cat(indent, "    ", inner->name())});
        add(*inner, plan.bodies[body++], indent + "    ");
      }
    }
  }

  std::string text() const {
    std::string text = table(rows_);
    if (notes_.empty()) return text + "fallbacks: none\n";
    text += "fallbacks and other notes:\n";
    std::vector<std::vector<std::string>> lines;
    for (const auto& [words, note] : notes_) {
      lines.push_back({cat("  ", note.count, "x"), note.first, words});
      for (const Refusal& refusal : note.refusals)
        lines.push_back({"", "", cat("  ", refusal.kernel, ": ", refusal.why)});
    }
    return text + table(lines, {true, false, false});
  }

 private:
  struct Note {
    std::string first;  // step
    int count = 0;
    Refusals refusals;  // of the first step
  };

  void add_step(std::string head, const Node& node, const Step& step, const Plan& plan,
                const std::string& indent) {
    std::string who = layers_of(node);
    if (!node.by.empty()) who += cat(" (by ", node.by, ")");
    rows_.push_back({std::move(head), ops_of(node), how_of(step), who});
    if (const Fused* region = node.op.as<Fused>())
      rows_.push_back({cat(indent, "    one because"), why_joined(*region->body)});
    if (step.note.empty()) return;
    Note& note = notes_[cat(node.op.name(), ": ", step.note)];
    if (note.count++ > 0) return;
    note.first = cat("first: ", who);
    if (step.refusals >= 0) note.refusals = plan.refusals.at(static_cast<size_t>(step.refusals));
  }

  std::vector<std::vector<std::string>> rows_;
  std::map<std::string, Note> notes_;  // by words
};

/// Which regions choice cut, and why: a line for each reason.
std::string cuts_text(const std::vector<CutRegion>& cuts) {
  std::map<std::string, std::pair<int, size_t>> reasons;  // why -> regions, steps
  for (const CutRegion& cut : cuts) {
    auto& [regions, steps] = reasons[cut.why];
    ++regions;
    steps += cut.values.size();
  }
  std::string text;
  for (const auto& [why, count] : reasons)
    text += cat("cut  ", count.first, count.first == 1 ? " region" : " regions",
                " that fusion proposed, into ", count.second, " steps: ", why, "\n");
  return text;
}

/// What passes that pay only with some kernels would gain.
std::string priced_text(const std::vector<Candidate>& candidates) {
  std::vector<std::vector<std::string>> rows;
  constexpr double kRounding = 1e-9;
  for (const Candidate& each : candidates) {
    const double more = each.with - each.without;
    std::string price =
        cat("by estimate ", seconds_text(std::abs(more)), more < 0 ? " less" : " more");
    if (std::abs(more) <= kRounding * each.without) price = "by estimate as long";
    rows.push_back({"priced", each.name, std::move(price), each.taken ? "taken" : "not taken"});
  }
  return table(rows);
}

}  // namespace

std::string explained(const Running& running, const OpenSizes& sizes) {
  const Plan& plan = running.plan;
  const StepAccount sum = account_at(running.typed, running.plan, sizes);
  std::string text = cat("plan ", running.typed.name(), "  ", plan.device, ", ", plan.workers,
                         plan.workers == 1 ? " worker" : " workers", ", ", plan.steps.size(),
                         " steps, ", sum.launched, " launched\n");
  Symbols names;
  sum.bytes.collect_symbols(names);
  text += cat("moved  ", bytes_at(sum.bytes, sizes), " of activations", sizes.where(names), "\n");
  text += priced_text(running.report.candidates) + cuts_text(running.report.cuts);
  Explanation explanation;
  explanation.add(running.typed, plan, " ");
  return text + explanation.text();
}

std::string stages_text(const Graph& typed) {
  std::string text;
  int index = 0;
  for (const Node& node : typed.nodes()) {
    if (!control_bodies(node.op).empty()) continue;
    text += cat("# region ", index++, ": ", ops_of(node), "  ", layers_of(node), "\n");
    const Region region = region_of(node);
    const Stages stages = stages_of(*region.body);
    text += stages ? hone::print(stages) : cat("no closed form: ", stages.declined, "\n");
    text += "\n";
  }
  return text;
}

}  // namespace hone::report
