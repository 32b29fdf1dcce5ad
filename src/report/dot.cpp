#include "report/dot.hpp"

#include <unordered_map>

#include "base/printable.hpp"
#include "ir/bodies/structural.hpp"
#include "passes/fusion/role.hpp"
#include "report/regions.hpp"

namespace hone::report {
namespace {

std::string in_quotes(std::string_view text) {
  std::string made = "\"";
  for (const char c : printable(text, true)) {
    if (c == '\n') {
      made += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') made += '\\';
    made += c;
  }
  return made + '"';
}

std::string_view color(Role role) {
  switch (role) {
    case Role::anchor: return "#9ecae1";
    case Role::reduction: return "#fdae6b";
    case Role::pointwise: return "#c7e9c0";
    case Role::view:
    case Role::join: return "#dadaeb";
    case Role::constant:
    case Role::host: return "#eeeeee";
    case Role::excluded: return "#fcbba1";
  }
  return "#ffffff";
}

/// Long lists of layers in lines of their own, not all of them.
std::string layers_label(const Node& node) {
  constexpr size_t kShown = 4;
  std::vector<std::string> shown(node.origin.begin(), node.origin.end());
  if (shown.size() > kShown) {
    const uint64_t more = shown.size() - kShown + static_cast<uint64_t>(node.origin.more());
    shown.resize(kShown);
    shown.push_back(cat("and ", more, " more"));
  }
  return join(shown, "\n");
}

class DotText {
 public:
  explicit DotText(const Graph& graph) {
    text_ = cat("digraph ", in_quotes(graph.name()), " {\n",
                "  node [shape=box style=\"rounded,filled\" fillcolor=white fontname=Helvetica]\n",
                "  edge [fontname=Helvetica fontsize=9]\n");
    for (const Value* input : graph.inputs()) draw_end(input, input->name);
    const Roles roles = roles_of(graph);
    size_t at = 0;
    for (const Node& node : graph.nodes()) {
      if (const Fused* fused = node.op.as<Fused>()) draw_region(node, *fused, at);
      else draw(node, roles.at(&node).role, "  ");
      ++at;
    }
    for (const GraphOutput& output : graph.outputs()) {
      const std::string end = draw_end(nullptr, output.name);
      draw_edge(output.value, end);
    }
  }

  std::string take() { return text_ + edges_ + "}\n"; }

 private:
  std::string next_id() { return cat("n", count_++); }

  std::string draw_end(const Value* value, std::string_view name) {
    const std::string id = next_id();
    text_ += cat("  ", id, " [label=", in_quotes(name), " shape=ellipse]\n");
    if (value != nullptr) made_by_[value] = id;
    return id;
  }

  void draw(const Node& node, Role role, std::string_view indent) {
    const std::string id = next_id();
    const std::string layers = layers_label(node);
    text_ += cat(indent, id,
                 " [label=", in_quotes(cat(node.op.name(), layers.empty() ? "" : "\n", layers)),
                 " fillcolor=\"", color(role), "\"]\n");
    for (const Value* input : node.inputs)
      if (input != nullptr) draw_edge(input, id);
    for (const Value* output : node.outputs)
      if (output != nullptr) made_by_[output] = id;
  }

  /// `at`: which of the graph's nodes it is, as --regions counts.
  void draw_region(const Node& node, const Fused& fused, size_t at) {
    const Graph& body = *fused.body;
    for (size_t i = 0; i < body.inputs().size(); ++i)
      if (const auto found = made_by_.find(node.inputs[i]); found != made_by_.end())
        made_by_[body.inputs()[i]] = found->second;
    text_ += cat("  subgraph cluster_", at,
                 " {\n    label=", in_quotes(cat("region ", at, ": ", ops_of(node))),
                 " style=rounded fontname=Helvetica\n");
    const Roles roles = roles_of(body);
    for (const Node& inner : body.nodes()) draw(inner, roles.at(&inner).role, "    ");
    text_ += "  }\n";
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i] != nullptr)
        made_by_[node.outputs[i]] = made_by_.at(body.outputs()[i].value);
  }

  void draw_edge(const Value* value, const std::string& to) {
    const auto from = made_by_.find(value);
    if (from == made_by_.end()) return;  // a constant
    edges_ += cat("  ", from->second, " -> ", to, " [label=", in_quotes(cat(value->type)), "]\n");
  }

  std::string text_, edges_;
  int count_ = 0;
  std::unordered_map<const Value*, std::string> made_by_;  // ids of nodes
};

}  // namespace

std::string dot_text(const Graph& graph) { return DotText(graph).take(); }

}  // namespace hone::report
