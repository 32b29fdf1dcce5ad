#include "report/regions.hpp"

#include <algorithm>
#include <map>

#include "ir/bodies/structural.hpp"
#include "plan/layout.hpp"
#include "report/text.hpp"

namespace hone::report {

std::unique_ptr<Graph> specialized(const Graph& portable, const OpenSizes& sizes,
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

StepAccount account_at(const Graph& typed, const Plan& plan, const OpenSizes& sizes) {
  std::unordered_set<const Node*> idle;
  try {
    Symbols names;
    for (const auto& [name, definition] : symbol_definitions(typed)) names.insert(name);
    const Layout layout = lay_out(plan, sizes.of(names));
    size_t step = 0;
    for (const Node& node : typed.nodes())
      if (layout.idle.at(step++)) idle.insert(&node);
  } catch (const Error&) {  // no sizes for this model
    return account(typed);
  }
  return account(typed, &idle);
}

std::string layers_of(const Node& node) {
  std::string names = origins_text(node.origin);
  if (!names.empty()) return names;
  for (const Value* output : node.outputs)
    if (output != nullptr) return cat("%", output->name);
  return {};
}

std::string how_of(const Step& step) {
  if (step.kind == Step::Kind::control) return "control flow: sub-plans";
  if (step.kind == Step::Kind::size) return "by size: reference evaluation";
  std::string how = cat(step.kernel, "/", step.version);
  if (!step.tuning.empty()) how += cat(" {", tuning_text(step.tuning), "}");
  return how;
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

Symbols symbols_of(std::initializer_list<Dim> dims) {
  Symbols names;
  for (const Dim& dim : dims) dim.collect_symbols(names);
  return names;
}

/// "saves 12.0 KiB": what the region need not move when it runs whole.
std::string saved_text(const Node& region, const OpenSizes& sizes) {
  return cat("saves ", bytes_at(bytes_saved(region), sizes));
}

/// What the steps are and what they move, as the plan has them.
std::vector<std::vector<std::string>> account_rows(const Running& running, const OpenSizes& sizes) {
  const StepAccount sum = account_at(running.typed, running.plan, sizes);
  std::vector<std::vector<std::string>> rows{
      {"steps", cat(running.plan.steps.size(), " in the plan, ", sum.launched, " launched")},
      {"moved",
       cat(bytes_at(sum.bytes, sizes), " of activations", sizes.where(symbols_of({sum.bytes})))}};
  if (const std::string others = not_steps(sum); !others.empty())
    rows.push_back({"no launch", others});
  return rows;
}

}  // namespace

std::string regions_text(const Running& running, const OpenSizes& sizes) {
  std::string text = table(account_rows(running, sizes));
  std::vector<std::vector<std::string>> rows;
  size_t at = 0;
  for (const Node& node : running.typed.nodes()) {
    const bool region = node.op.as<Fused>() != nullptr;
    rows.push_back({cat("  region ", at), ops_of(node), how_of(running.plan.steps.at(at)),
                    region ? saved_text(node, sizes) : "", layers_of(node)});
    ++at;
  }
  return text + table(rows);
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
    rows.push_back({cat("    ", who.first, "x"), cat("first: ", who.second), why});
  if (rows.empty()) return {};
  return cat("  why nodes would not join the region of their operand:\n",
             table(rows, {true, false, false}));
}

/// "may be cut in 2 places".
std::string cuts_text(const Fused& region) {
  if (region.cuts.empty()) return {};
  return cat("may be cut in ", region.cuts.size(), region.cuts.size() == 1 ? " place" : " places");
}

/// How many steps there would be, and what they would move, whole, cut and before fusion.
std::string account_text(const FusionCandidates& found, const OpenSizes& sizes) {
  const StepAccount& whole = found.account;
  Symbols names = symbols_of({found.bytes_before, found.bytes_cut, whole.bytes});
  if (!sizes.given().empty())  // the graph was made for the assumed sizes too: specialized()
    for (const auto& [name, size] : sizes.assumed_of_inputs()) names.insert(name);
  std::vector<std::vector<std::string>> rows{
      {"  steps",
       cat(found.steps_before, " before fusion; ", whole.launched, " with every region run whole, ",
           whole.cut, " with every region cut where it is marked")},
      {"  moved", cat(bytes_at(found.bytes_before, sizes), " of activations before fusion; ",
                      bytes_at(whole.bytes, sizes), " whole, ", bytes_at(found.bytes_cut, sizes),
                      " cut", sizes.where(names))}};
  if (const std::string others = not_steps(whole); !others.empty())
    rows.push_back({"  no step", others});
  return table(rows);
}

}  // namespace

std::string candidates_text(const FusionCandidates& found, const OpenSizes& sizes) {
  std::string text = "candidates that fusion finds; an engine runs what stands above\n";
  text += account_text(found, sizes);
  std::vector<std::vector<std::string>> rows;
  int index = 0;
  for (const Node* step : found.account.steps) {
    const Fused* region = step->op.as<Fused>();
    rows.push_back({cat("    candidate ", index++), ops_of(*step),
                    region == nullptr ? "" : saved_text(*step, sizes),
                    region == nullptr ? "" : cuts_text(*region), layers_of(*step)});
  }
  text += table(rows);
  rows.clear();
  for (const Node* copy : found.account.copies)
    rows.push_back({"    only moves elements", ops_of(*copy), layers_of(*copy)});
  return text + table(rows) + notes_text(found.notes);
}

}  // namespace hone::report
