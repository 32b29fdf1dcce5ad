#include "regions.hpp"

#include <algorithm>
#include <map>

#include "device/cpu/stream.hpp"
#include "ir/structural.hpp"
#include "output.hpp"
#include "passes/prepare_fusion.hpp"

namespace hone::cli {

std::unique_ptr<Graph> specialized(const Graph& portable, const Sizes& sizes,
                                   const PassOptions& options) {
  if (sizes.given().empty()) return portable.clone();
  const Bindings symbols = sizes.of_inputs();
  std::vector<std::vector<int64_t>> shapes;
  for (const Value* input : portable.inputs()) {
    check(input->type.is_tensor() && input->type.tensor().has_rank(), Code::usage, "input \"",
          input->name, "\" is ", input->type, ": it has no sizes that --shape could give");
    std::vector<int64_t> shape;
    for (const Dim& dim : input->type.tensor().shape())
      shape.push_back(dim.evaluate(symbols).value_or(1));
    shapes.push_back(std::move(shape));
  }
  return specialize(portable, shapes, options);
}

std::string ops_of(const Node& node) {
  const Fused* fused = node.op.as<Fused>();
  if (fused == nullptr) return std::string(node.op.name());
  std::vector<std::string> names;
  for (const Node& inner : fused->body->nodes()) names.emplace_back(inner.op.name());
  return join(names, " ");
}

std::string layers_of(const Node& node) {
  std::string names = origins_text(node.origin);
  if (!names.empty()) return names;
  for (const Value* output : node.outputs)
    if (output != nullptr) return cat("%", output->name);
  return {};
}

std::string saved_text(const Node& region, const Sizes& sizes) {
  return cat("saves ", bytes_at(bytes_saved(region), sizes));
}

FusedGraph fused(const Graph& portable, const PassOptions& options, const AfterPass& after) {
  static constexpr Pass kFusion{kFuse, nullptr, {}, "regions as large as is legal"};
  FusedGraph made;
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

namespace {

/// "3 views and 11 nodes that read constants only"; empty: there are none.
std::string not_steps(const StepAccount& account) {
  std::vector<std::string> kinds;
  const auto add = [&](int count, std::string_view one, std::string_view many) {
    if (count > 0) kinds.push_back(cat(count, " ", count == 1 ? one : many));
  };
  add(account.views, "view", "views");
  add(account.constants, "node that reads constants only", "nodes that read constants only");
  add(account.sizes, "node that computes sizes", "nodes that compute sizes");
  return join(kinds, ", ");
}

bool kernels_run_regions() { return std::ranges::any_of(cpu::kernels().all(), &Kernel::several); }

}  // namespace

std::string account_text(const FusedGraph& fused, const Sizes& sizes) {
  const StepAccount& whole = fused.account;
  Symbols names;
  for (const Dim& bytes : {fused.bytes_before, fused.bytes_cut, whole.bytes})
    bytes.collect_symbols(names);
  if (!sizes.given().empty())  // the graph was made for the assumed sizes too: specialized()
    for (const auto& [name, size] : sizes.assumed_of_inputs()) names.insert(name);
  std::vector<std::vector<std::string>> rows{
      {"steps",
       cat(fused.steps_before, " before fusion; ", whole.launched, " with every region run whole, ",
           whole.cut, " with every region cut where it is marked")},
      {"moved", cat(bytes_at(fused.bytes_before, sizes), " of activations before fusion; ",
                    bytes_at(whole.bytes, sizes), " whole, ", bytes_at(fused.bytes_cut, sizes),
                    " cut", sizes.where(names))}};
  if (const std::string others = not_steps(whole); !others.empty())
    rows.push_back({"no step", others});
  if (!kernels_run_regions())
    rows.push_back({"today", "no kernel runs a region whole: an engine runs its ops one by one"});
  return table(rows);
}

namespace {

std::string notes_text(const std::vector<FusionNote>& notes) {
  std::map<std::string, std::pair<int, std::string>> reasons;  // why -> count, first node
  for (const FusionNote& note : notes) {
    auto& reason = reasons[note.why];
    if (reason.first++ == 0) reason.second = note.node;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& [why, who] : reasons)
    rows.push_back({cat("  ", who.first, "x"), cat("first: ", who.second), why});
  if (rows.empty()) return {};
  return cat("why nodes did not join the region of their operand:\n",
             table(rows, {true, false, false}));
}

/// "may be cut in 2 places".
std::string cuts_text(const Fused& region) {
  if (region.cuts.empty()) return {};
  return cat("may be cut in ", region.cuts.size(), region.cuts.size() == 1 ? " place" : " places");
}

}  // namespace

std::string regions_text(const FusedGraph& fused, const Sizes& sizes) {
  std::string text = account_text(fused, sizes);
  std::vector<std::vector<std::string>> rows;
  int index = 0;
  for (const Node* step : fused.account.steps) {
    const Fused* region = step->op.as<Fused>();
    rows.push_back({cat("  region ", index++), ops_of(*step),
                    region == nullptr ? "" : saved_text(*step, sizes),
                    region == nullptr ? "" : cuts_text(*region), layers_of(*step)});
  }
  text += table(rows);
  rows.clear();
  for (const Node* copy : fused.account.copies)
    rows.push_back({"  only moves elements", ops_of(*copy), layers_of(*copy)});
  text += table(rows);
  return text + notes_text(fused.notes);
}

}  // namespace hone::cli
