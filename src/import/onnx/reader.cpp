// A model file as a whole: versions, functions, the main graph, and the report.

#include "import/onnx/reader.hpp"

#include <algorithm>

#include "base/log.hpp"
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
    FunctionProto function = decode_function(message, import.build.options.limits);
    const ModelImport::FunctionKey key{function.domain, function.name, function.overload};
    check(import.functions.emplace(key, std::move(function)).second, Code::invalid_model,
          "two functions are named ", shown(std::get<0>(key)), "::", shown(std::get<1>(key)));
  }
}

/// The main graph of a file, which may be read twice.
struct MainImport {
  const ModelProto& model;
  const Opsets& opsets;
  TensorReader& tensors;
  const ImportOptions& options;
  const Imported& about;
  const std::string& file_name;
  size_t most_name_bytes;

  ModelImport scopes(ModelImport::Defaults mode) const {
    ModelImport import{{options, tensors.file(), most_name_bytes},
                       importers(),
                       tensors,
                       {},
                       FreeNames(options.limits),
                       mode};
    read_functions(model, import);
    return import;
  }

  /// Error with all problems.
  std::unique_ptr<Graph> graph(ModelImport& import) const {
    const GraphProto proto = decode_graph(*model.graph, options.limits);
    auto made = std::make_unique<Graph>(proto.name.empty() ? std::string("graph")
                                                           : std::string(proto.name));
    Frame frame(import.build, *made, nullptr);
    GraphImport(import, frame, opsets, nullptr, nullptr, 0).import_main(proto);
    if (!import.build.report.empty())
      throw import.build.report.error(
          {file_name, about.version, about.producer, import.build.nodes});
    builder::drop_unused_constants(*made);
    return made;
  }
};

std::string first_names(const ModelImport& import) {
  constexpr size_t kNames = 8;
  std::vector<std::string> names;
  for (const auto& [name, weight] : import.defaults)
    if (names.size() < kNames) names.push_back(shown(name));
  const size_t more = import.defaults.size() - names.size();
  return more > 0 ? cat(join(names, ", "), " and ", more, " more") : join(names, ", ");
}

/// What the graph is where its defaults are inputs. Where it cannot be run so (a size that has to
/// be known, a branch that is ill typed), those of floats alone are inputs, or none.
void add_defaults(const MainImport& main, const ModelImport& closed, Imported& result) {
  using Mode = ModelImport::Defaults;
  for (const Mode mode : {Mode::inputs, Mode::float_inputs}) {
    ModelImport import = main.scopes(mode);
    try {
      std::shared_ptr<const Graph> graph = main.graph(import);
      if (import.defaults.empty()) break;
      log(Level::note, main.file_name, ": inputs that have a value of their own, which a run may ",
          "replace: ", first_names(import));
      result.defaults =
          std::make_shared<const Defaults>(Defaults{std::move(graph), std::move(import.defaults)});
      return;
    } catch (const Error& error) {
      if (mode == Mode::inputs) result.fixed_defaults = error.message();
    } catch (const builder::BeyondLimit& limit) {
      if (mode == Mode::inputs) result.fixed_defaults = limit.message;
    }
  }
  result.fixed_defaults = cat("initializers that are inputs, too, cannot be replaced (",
                              first_names(closed), "): ", result.fixed_defaults);
  log(Level::note, main.file_name, ": ", result.fixed_defaults);
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
  if (opsets.contains("")) result.version = cat("opset ", opsets.at(""));
  for (const auto& [key, value] : model.metadata)
    result.metadata.emplace(std::string(key), std::string(value));

  const MainImport main{model,
                        opsets,
                        tensors,
                        options,
                        result,
                        file_name,
                        options.limits.made_name_bytes + 4 * bytes.size()};
  ModelImport import = main.scopes(ModelImport::Defaults::constants);
  result.graph = main.graph(import);
  if (!import.defaults.empty()) add_defaults(main, import, result);
  return result;
} catch (const builder::BeyondLimit& limit) {
  throw Error(Code::invalid_model, cat(limit.message, " (", file_name, ")"));
} catch (const Error& error) {
  if (error.message().find(file_name) != std::string::npos) throw;
  throw Error(error.code(), cat(error.message(), " (", file_name, ")"));
}

}  // namespace hone::onnx
