// The only file that includes nlohmann/json.

#include <nlohmann/json.hpp>

#include "import/report.hpp"
#include "inspection.hpp"

namespace hone::cli {
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
    if (!group.first.op.empty()) {
      problem["domain"] = group.first.domain.empty() ? "ai.onnx" : group.first.domain;
      problem["op"] = group.first.op;
      problem["version"] = group.first.version;
    }
    problem["places"] = group.nodes;
    problem["code"] = std::string(name(group.first.code));
    problem["what"] = group.first.what;
    problem["suggestion"] = group.first.suggestion;
    json["problems"].push_back(std::move(problem));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string inspection_json(const Inspection& found) {
  Json json;
  json["file"] = found.file;
  for (const auto& [key, value] : found.about) json["about"][key] = value;
  for (const Value* input : found.graph->inputs()) {
    Json port = type_json(input->type);
    port["name"] = input->name;
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
  json["flops"] = size_json(found.flops, found.symbols);
  json["memory"]["arena_bytes"] = found.arena_bytes ? Json(*found.arena_bytes) : Json();
  json["memory"]["bound_bytes"] = found.bound_bytes ? Json(*found.bound_bytes) : Json();
  json["memory"]["naive_bytes"] = size_json(found.naive_bytes, found.symbols);
  json["memory"]["peaks"] = Json::array();
  for (const Dim& peak : found.peaks)
    json["memory"]["peaks"].push_back(size_json(peak, found.symbols));
  json["memory"]["open_sizes"] = found.open_sizes;
  json["ops"] = Json::array();
  for (const OpRow& row : found.ops)
    json["ops"].push_back(
        {{"op", row.op}, {"nodes", row.nodes}, {"flops", size_json(row.flops, found.symbols)}});
  for (const SectionEntry& section : found.sections)
    json["sections"].push_back({{"section", std::string(name(section.kind))},
                                {"part", section.part},
                                {"offset", section.offset},
                                {"bytes", section.length},
                                {"hash", cat(section.hash)}});
  json["problems"] = Json::array();
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace hone::cli
