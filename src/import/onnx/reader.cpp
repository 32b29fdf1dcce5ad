// A model file as a whole: versions, functions, the main graph, and the report.

#include "import/onnx/reader.hpp"

#include <algorithm>

#include "import/onnx/graph_import.hpp"

namespace hone::onnx {
namespace {

constexpr int kNewestOpset = 28;  // of ai.onnx

const Importers& importers() {
  static const Importers all = [] {
    Importers made;
    register_all_importers(made);
    return made;
  }();
  return all;
}

std::string producer(const ModelProto& model) {
  std::string text = shown(model.producer);
  if (!model.producer_version.empty()) text += cat(" ", shown(model.producer_version));
  return text;
}

/// Versions by domain; what the main domain's version is not good for ends the import at once.
Opsets read_opsets(const ModelProto& model) {
  Opsets opsets;
  for (const OpsetId& opset : model.opsets) {
    const auto version =
        static_cast<int>(std::clamp<int64_t>(opset.version, -1, Importers::kAnyVersion));
    const auto [place, is_new] = opsets.emplace(opset.domain, version);
    check(is_new || place->second == version, Code::invalid_model, "opsets ", place->second,
          " and ", version, " are both imported for domain \"", shown(opset.domain), "\"");
    check(version >= 0, Code::invalid_model, "opset ", opset.version, " of domain \"",
          shown(opset.domain), "\" does not exist");
  }
  check(!opsets.empty(), Code::invalid_model, "the file states no opset");
  if (!opsets.contains("")) return opsets;
  const int version = opsets.at("");
  check(version > 0, Code::invalid_model, "opset 0 does not exist");
  check(version <= kNewestOpset, Code::unsupported, "opset ", version,
        " is too new: Hone reads 1 to ", kNewestOpset,
        "; export with an older opset or update Hone");
  return opsets;
}

void read_functions(const ModelProto& model, ModelImport& import) {
  for (const std::string_view message : model.functions) {
    FunctionProto function = decode_function(message, import.options.limits);
    const ModelImport::FunctionKey key{function.domain, function.name, function.overload};
    check(import.functions.emplace(key, std::move(function)).second, Code::invalid_model,
          "two functions are named ", shown(std::get<0>(key)), "::", shown(std::get<1>(key)));
  }
}

/// Constants that an importer took over as fields.
void drop_unused_constants(Graph& graph) {
  for (Value* constant : graph.constants())
    if (constant->users.empty() && !graph.is_output(constant)) graph.erase(constant);
}

}  // namespace

Imported import_model(std::string_view bytes, TensorReader& tensors, const std::string& file_name,
                      const ImportOptions& options) try {
  const ModelProto model = decode_model(bytes);
  check(model.graph.has_value(), Code::invalid_model, "the file holds no graph");
  const Opsets opsets = read_opsets(model);
  Imported result;
  result.format = "onnx";
  result.producer = producer(model);
  result.opset = opsets.contains("") ? opsets.at("") : 0;
  result.ir_version = model.ir_version;
  for (const auto& [key, value] : model.metadata)
    result.metadata.emplace(std::string(key), std::string(value));

  ModelImport import{options,
                     importers(),
                     tensors,
                     {},
                     {},
                     FreeNames(options.limits),
                     options.limits.made_name_bytes + 4 * bytes.size()};
  read_functions(model, import);
  const GraphProto graph = decode_graph(*model.graph, options.limits);
  result.graph =
      std::make_unique<Graph>(graph.name.empty() ? std::string("graph") : std::string(graph.name));
  Frame frame(import, *result.graph, nullptr);
  GraphImport(import, frame, opsets, nullptr, nullptr, 0).import_main(graph);
  if (!import.report.empty())
    throw import.report.error({file_name, result.opset == 0 ? "" : cat("opset ", result.opset),
                               result.producer, import.nodes});
  drop_unused_constants(*result.graph);
  return result;
} catch (const BeyondLimit& limit) {
  throw Error(Code::invalid_model, cat(limit.message, " (", file_name, ")"));
} catch (const Error& error) {
  if (error.message().find(file_name) != std::string::npos) throw;
  throw Error(error.code(), cat(error.message(), " (", file_name, ")"));
}

}  // namespace hone::onnx
