#include <algorithm>

#include "ir/region.hpp"
#include "ir/stages.hpp"
#include "ir/structural.hpp"
#include "output.hpp"
#include "passes/fusion/role.hpp"
#include "regions.hpp"

namespace hone::cli {
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

/// What fusion said of nodes of the step.
std::vector<std::string> notes_on(const Node& step, const FusedGraph& fused) {
  std::vector<const Node*> nodes = {&step};
  if (const Fused* op = step.op.as<Fused>()) {
    nodes.clear();
    for (const Node& inner : op->body->nodes()) nodes.push_back(&inner);
  }
  std::vector<std::string> told;
  for (const FusionNote& note : fused.notes)
    for (const Node* node : nodes)
      for (const Value* output : node->outputs)
        if (output != nullptr && output->name == note.value)
          told.push_back(cat(node->op.name(), ": ", note.why));
  return told;
}

}  // namespace

std::string explained(const FusedGraph& fused, const Sizes& sizes) {
  std::string text = account_text(fused, sizes);
  int index = 0;
  for (const Node* step : fused.account.steps) {
    const Fused* op = step->op.as<Fused>();
    std::vector<std::vector<std::string>> rows;
    text += cat("  region ", index++, "  ", ops_of(*step));
    if (op != nullptr) text += cat("  ", saved_text(*step, sizes));
    text += "\n";
    rows.push_back({"    layers", layers_of(*step)});
    if (op != nullptr) rows.push_back({"    one because", why_joined(*op->body)});
    if (op != nullptr && !op->cuts.empty())
      rows.push_back({"    may be cut at", cat("%", join(op->cuts, " %"))});
    for (const std::string& note : notes_on(*step, fused)) rows.push_back({"    no further", note});
    text += table(rows);
  }
  return text;
}

std::string stages_text(const FusedGraph& fused) {
  std::string text;
  int index = 0;
  for (const Node* step : fused.account.steps) {
    text += cat("# region ", index++, ": ", ops_of(*step), "  ", layers_of(*step), "\n");
    const Region region = region_of(*step);
    const Stages stages = stages_of(*region.body);
    text += stages ? hone::print(stages) : cat("no closed form: ", stages.declined, "\n");
    text += "\n";
  }
  return text;
}

}  // namespace hone::cli
