#include "regions.hpp"

#include <map>

#include "ir/structural.hpp"
#include "output.hpp"
#include "passes/fusion/account.hpp"
#include "passes/fusion/fuse.hpp"
#include "passes/prepare_fusion.hpp"

namespace hone::cli {

std::unique_ptr<Graph> specialized(const Graph& portable, const Shapes& shapes,
                                   const PassOptions& options) {
  if (shapes.empty()) return portable.clone();
  std::vector<std::vector<int64_t>> sizes;
  for (const Value* input : portable.inputs()) {
    const auto given = shapes.find(input->name);
    if (given != shapes.end()) {
      sizes.push_back(given->second);
      continue;
    }
    const auto fixed = input->type.is_tensor() && input->type.tensor().has_rank()
                           ? input->type.tensor().concrete()
                           : std::nullopt;
    check(fixed.has_value(), Code::usage, "the sizes of input \"", input->name, "\", ", input->type,
          ", are not all given by --shape");
    sizes.push_back(*fixed);
  }
  return specialize(portable, sizes, options);
}

std::string ops_of(const Node& node) {
  const Fused* fused = node.op.as<Fused>();
  if (fused == nullptr) return std::string(node.op.name());
  std::vector<std::string> names;
  for (const Node& inner : fused->body->nodes()) names.emplace_back(inner.op.name());
  return join(names, " ");
}

std::string layers_of(const Node& node) {
  std::string names = join(node.origin, " ");
  if (!names.empty()) return names;
  for (const Value* output : node.outputs)
    if (output != nullptr) return cat("%", output->name);
  return {};
}

namespace {

std::string size_text(const Dim& bytes) {
  const auto number = bytes.constant();
  return number ? bytes_text(static_cast<uint64_t>(*number)) : cat(bytes, " bytes");
}

void add_notes(std::string& text, const std::vector<FusionNote>& notes) {
  std::map<std::string, std::pair<int, std::string>> reasons;  // why -> count, first node
  for (const FusionNote& note : notes) {
    auto& reason = reasons[note.why];
    if (reason.first++ == 0) reason.second = note.node;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [why, who] : reasons)
    rows.push_back({cat("  ", who.first, "x"), cat("first: ", who.second), why});
  if (!rows.empty()) text += cat("joined no region further:\n", table(rows, {true, false, false}));
}

}  // namespace

FusedGraph fused(const Graph& portable, const PassOptions& options, const AfterPass& after) {
  static constexpr Pass kFusion{kFuse, nullptr, {}, "regions as large as is legal"};
  FusedGraph made;
  made.graph = portable.clone();
  const StepAccount before = account(*made.graph);
  made.steps_before = before.launched;
  made.bytes_before = before.bytes;
  prepare_fusion(*made.graph, options, after);
  if (fuse(*made.graph, options, &made.notes) && after) after(kFusion, *made.graph);
  return made;
}

std::string regions_text(const Graph& portable, const Shapes& shapes, const PassOptions& options) {
  const std::unique_ptr<Graph> graph = specialized(portable, shapes, options);
  const FusedGraph made = fused(*graph, options);
  const StepAccount after = account(*made.graph);
  const std::unique_ptr<Graph> cut = made.graph->clone();
  cut_where_marked(*cut);
  std::string text = cat(
      "regions  ", after.launched, " steps (", after.cut, " when each is cut where marked), ",
      made.steps_before, " before; ", after.views, " views, ", after.constants, " of constants, ",
      after.sizes, " of sizes\n", "moved    ", size_text(after.bytes), " of activations, ",
      size_text(account(*cut).bytes), " when cut, ", size_text(made.bytes_before), " before\n");
  std::vector<std::vector<std::string>> rows;
  int index = 0;
  for (const Node* step : after.steps) {
    const Fused* fused_op = step->op.as<Fused>();
    rows.push_back(
        {cat("  region ", index++), ops_of(*step),
         fused_op == nullptr ? "" : cat("saves ", size_text(bytes_saved(*step))),
         fused_op == nullptr || fused_op->cuts.empty() ? "" : cat("cuts ", fused_op->cuts.size()),
         layers_of(*step)});
  }
  text += table(rows);
  rows.clear();
  for (const Node* copy : after.copies)
    rows.push_back({"  copies", ops_of(*copy), layers_of(*copy)});
  text += table(rows);
  add_notes(text, made.notes);
  return text;
}

}  // namespace hone::cli
