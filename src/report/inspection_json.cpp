// The only file that includes nlohmann/json.

#include <nlohmann/json.hpp>

#include "import/report.hpp"
#include "ir/bodies/structural.hpp"
#include "report/inspection.hpp"
#include "report/regions.hpp"

namespace hone::report {
namespace {

using Json = nlohmann::ordered_json;

/// A number where it is one, else text: 12, "12*n".
Json size_json(const Dim& dim, const Bindings& symbols) {
  if (const auto number = dim.evaluate(symbols)) return *number;
  return cat(dim);
}

Json type_json(const Type& type) {
  Json json;
  json["type"] = cat(type);
  if (!type.is_tensor()) return json;
  json["dtype"] = std::string(name(type.tensor().dtype));
  if (!type.tensor().has_rank()) return json;
  Json shape = Json::array();
  for (const Dim& dim : type.tensor().shape()) shape.push_back(size_json(dim, {}));
  json["shape"] = std::move(shape);
  return json;
}

}  // namespace

std::string problems_json(const std::string& file, const ModelError& error) {
  Json json;
  json["file"] = file;
  json["problems"] = Json::array();
  for (const ProblemGroup& group : error.groups()) {
    Json problem;
    problem["count"] = group.count;
    if (!group.first.op.empty()) problem["op"] = group.first.op;
    problem["places"] = group.nodes;
    problem["code"] = std::string(name(group.first.code));
    problem["what"] = group.first.what;
    problem["suggestion"] = group.first.suggestion;
    json["problems"].push_back(std::move(problem));
  }
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

namespace {

Json step_json(const Node& node, const Step& step) {
  static constexpr std::string_view kKinds[] = {"run", "size", "control"};
  Json json = {{"result", step.node},
               {"op", std::string(node.op.name())},
               {"layers", node.origin},
               {"kind", std::string(kKinds[static_cast<size_t>(step.kind)])}};
  if (step.kind == Step::Kind::run) {
    json["kernel"] = cat(step.kernel, "/", step.version);
    json["tuning"] = step.tuning;
    if (step.refusals >= 0) json["refusals"] = step.refusals;
  }
  json["stream"] = step.stream;
  if (!step.waits.empty()) json["waits"] = step.waits;
  if (!step.note.empty()) json["note"] = step.note;
  return json;
}

/// The graph's nodes and the plan's steps correspond one to one.
Json plan_json(const Graph& graph, const Plan& plan, const Bindings& given) {
  static constexpr std::string_view kSharings[] = {"view", "over", "part"};
  Json json = {{"device", plan.device}, {"workers", plan.workers}, {"segments", plan.segments}};
  json["expects"] = plan.sizes;
  json["takes"] = plan.takes;
  json["refusals"] = Json::array();
  for (const Refusals& list : plan.refusals) {
    Json refusals = Json::array();
    for (const Refusal& each : list)
      refusals.push_back({{"kernel", each.kernel}, {"why", each.why}});
    json["refusals"].push_back(std::move(refusals));
  }
  json["steps"] = Json::array();
  size_t at = 0, body = 0;
  for (const Node& node : graph.nodes()) {
    Json step = step_json(node, plan.steps.at(at++));
    for (const Body& inner : control_bodies(node.op))
      step["bodies"].push_back(plan_json(*inner, plan.bodies.at(body++), {}));
    json["steps"].push_back(std::move(step));
  }
  json["buffers"] = Json::array();
  for (const PlannedBuffer& buffer : plan.buffers)
    json["buffers"].push_back({{"value", buffer.value.empty() ? Json() : Json(buffer.value)},
                               {"bytes", size_json(buffer.bytes, given)},
                               {"first", buffer.first},
                               {"last", buffer.end()},
                               {"at_most", buffer.at_most}});
  json["sharings"] = Json::array();
  for (const Sharing& each : plan.sharings)
    json["sharings"].push_back({{"kind", std::string(kSharings[static_cast<size_t>(each.kind)])},
                                {"value", each.value},
                                {"of", each.of},
                                {"offset", size_json(each.offset, given)}});
  return json;
}

Json region_json(const Node& step, const Bindings& given) {
  const Fused* fused = step.op.as<Fused>();
  Json json;
  if (fused == nullptr) {
    json["ops"] = {std::string(step.op.name())};
  } else {
    for (const Node& node : fused->body->nodes())
      json["ops"].push_back(std::string(node.op.name()));
    json["saved_bytes"] = size_json(bytes_saved(step), given);
    json["cuts"] = fused->cuts;
  }
  json["layers"] = step.origin;
  for (const Value* output : step.outputs)
    if (output != nullptr) json["results"].push_back(output->name);
  return json;
}

/// Of each step of the plan that runs: what it is and how.
Json regions_json(const Inspection& found) {
  const StepAccount sum = account_at(*found.typed, found.plan, found.sizes);
  const Bindings& given = found.sizes.given();
  Json json = {{"steps", found.plan.steps.size()},
               {"launched", sum.launched},
               {"moved_bytes", size_json(sum.bytes, given)},
               {"copies", sum.copies.size()}};
  json["list"] = Json::array();
  size_t at = 0;
  for (const Node& node : found.typed->nodes()) {
    json["list"].push_back(region_json(node, given));
    json["list"].back()["how"] = how_of(found.plan.steps.at(at++));
  }
  json["cut"] = Json::array();
  for (const CutRegion& cut : found.report.cuts)
    json["cut"].push_back({{"values", cut.values}, {"why", cut.why}});
  json["priced"] = Json::array();
  for (const Candidate& each : found.report.candidates)
    json["priced"].push_back({{"name", each.name},
                              {"seconds", each.with},
                              {"seconds_without", each.without},
                              {"taken", each.taken}});
  return json;
}

Json candidates_json(const FusionCandidates& fused, const OpenSizes& sizes) {
  const Bindings& given = sizes.given();
  const StepAccount& whole = fused.account;
  Json json = {
      {"steps", {{"before", fused.steps_before}, {"whole", whole.launched}, {"cut", whole.cut}}},
      {"moved_bytes",
       {{"before", size_json(fused.bytes_before, given)},
        {"whole", size_json(whole.bytes, given)},
        {"cut", size_json(fused.bytes_cut, given)}}},
      {"copies", whole.copies.size()}};
  if (!given.empty()) json["assumed"] = sizes.assumed_of_inputs();
  json["list"] = Json::array();
  for (const Node* step : whole.steps) json["list"].push_back(region_json(*step, given));
  json["notes"] = Json::array();
  for (const FusionNote& note : fused.notes)
    json["notes"].push_back({{"node", note.node}, {"value", note.value}, {"why", note.why}});
  return json;
}

}  // namespace

std::string inspection_json(const Inspection& found, const FusionCandidates& fused) {
  Json json;
  json["file"] = found.file;
  for (const auto& [key, value] : found.about) json["about"][key] = value;
  for (const Value* input : found.graph->inputs()) {
    Json port = type_json(input->type);
    port["name"] = input->name;
    json["inputs"].push_back(std::move(port));
  }
  for (const Value* input : default_inputs(found.defaults.get())) {
    Json port = type_json(input->type);
    port["name"] = input->name;
    port["default"] = true;
    json["inputs"].push_back(std::move(port));
  }
  for (const GraphOutput& output : found.graph->outputs()) {
    Json port = type_json(output.value->type);
    port["name"] = output.name;
    json["outputs"].push_back(std::move(port));
  }
  json["requirements"] = Json::array();
  for (const Require& require : found.graph->requirements())
    json["requirements"].push_back(cat(require));
  json["nodes"] = found.nodes;
  json["parameters"] = {{"count", found.parameters},
                        {"tensors", found.parameter_tensors},
                        {"bytes", found.parameter_bytes}};
  json["flops"] = size_json(found.flops, found.sizes.given());
  json["memory"]["arena_bytes"] = found.arena_bytes ? Json(*found.arena_bytes) : Json();
  json["memory"]["bound_bytes"] = found.bound_bytes ? Json(*found.bound_bytes) : Json();
  json["memory"]["naive_bytes"] = size_json(found.naive_bytes, found.sizes.given());
  json["memory"]["peaks"] = Json::array();
  for (const Dim& peak : found.peaks)
    json["memory"]["peaks"].push_back(size_json(peak, found.sizes.given()));
  json["memory"]["open_sizes"] = found.open_sizes;
  json["ops"] = Json::array();
  for (const OpRow& row : found.ops)
    json["ops"].push_back({{"op", row.op},
                           {"nodes", row.nodes},
                           {"flops", size_json(row.flops, found.sizes.given())}});
  for (const SectionEntry& section : found.sections)
    json["sections"].push_back({{"section", std::string(name(section.kind))},
                                {"part", section.part},
                                {"offset", section.offset},
                                {"bytes", section.length},
                                {"hash", cat(section.hash)}});
  json["plan"] = plan_json(*found.typed, found.plan, found.sizes.given());
  json["regions"] = regions_json(found);
  json["candidates"] = candidates_json(fused, found.sizes);
  json["problems"] = Json::array();
  return json.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace hone::report
