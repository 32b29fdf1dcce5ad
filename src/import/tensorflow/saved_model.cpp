#include "import/tensorflow/saved_model.hpp"

#include <algorithm>

#include "import/tensorflow/main_import.hpp"
#include "import/tensorflow/old_loops.hpp"
#include "import/tensorflow/reader.hpp"
#include "import/tensorflow/variables.hpp"

namespace hone::tensorflow {
namespace {

/// The one that is meant to be served, where there are several.
const MetaGraph& served(const std::vector<MetaGraph>& graphs) {
  check(!graphs.empty(), Code::invalid_model, "a SavedModel without a graph");
  for (const MetaGraph& graph : graphs)
    if (std::find(graph.tags.begin(), graph.tags.end(), "serve") != graph.tags.end()) return graph;
  return graphs.front();
}

const Signature& signature_of(const MetaGraph& graph, const std::string& wanted) {
  std::vector<std::string> names;
  const Signature* first = nullptr;
  for (const auto& [key, signature] : graph.signatures) {
    if (signature.outputs.empty() || key.starts_with("__")) continue;
    names.push_back(shown(key));
    if (wanted == key || (wanted.empty() && key == "serving_default")) return signature;
    if (first == nullptr) first = &signature;
  }
  check(wanted.empty(), Code::usage, "there is no signature \"", wanted, "\", only ",
        join(names, ", "));
  check(first != nullptr, Code::unsupported,
        "a SavedModel without a signature: save it with tf.saved_model.save(model, folder, "
        "signatures=model.call.get_concrete_function(...))");
  check(names.size() == 1, Code::usage,
        "a SavedModel of several signatures, --signature names one: ", join(names, ", "));
  return *first;
}

}  // namespace

Imported import_saved_model(const std::filesystem::path& folder, builder::ModelFile file,
                            const ImportOptions& options) try {
  const std::string_view bytes(reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size());
  const std::vector<MetaGraph> graphs = decode_saved_model(bytes, options.limits);
  const MetaGraph& meta = served(graphs);
  const Signature& signature = signature_of(meta, options.signature);
  GraphFile graph = decode_graph(meta.graph, options.limits);
  make_functions_of_loops(graph, options.limits);
  Imported result;
  result.format = "tensorflow";
  result.version = "SavedModel";
  if (!meta.version.empty()) result.producer = cat("tensorflow ", shown(meta.version));
  auto made = std::make_unique<Graph>("main");
  builder::ModelBuild build{options, file, options.limits.made_name_bytes + 4 * file.bytes.size()};
  builder::Frame frame(build, *made, nullptr);
  Variables variables(graph, meta.restore_op, folder, options);
  ModelContext context(importers(), graph, frame,
                       [&](std::string_view node) { return variables(node); });
  MainImport main(context, frame, graph);
  for (const auto& [key, info] : signature.inputs) main.add_input(key, info);
  std::vector<std::pair<std::string, std::string_view>> outputs;
  for (const auto& [key, info] : signature.outputs)
    if (!info.name.empty()) outputs.emplace_back(std::string(key), info.name);
  main.import(outputs);
  if (!build.report.empty())
    throw build.report.error({file.name, result.version, result.producer, build.nodes});
  builder::drop_unused_constants(*made);
  result.graph = std::move(made);
  return result;
} catch (const builder::BeyondLimit& limit) {
  throw Error(Code::invalid_model, cat(limit.message, " (", file.name, ")"));
} catch (const Error& error) {
  if (error.message().find(file.name) != std::string::npos) throw;
  throw Error(error.code(), cat(error.message(), " (", file.name, ")"));
}

std::string keras_advice(std::string_view bytes, std::string_view file_name) {
  constexpr size_t kDirectory = 1 << 16;  // where an archive lists its files
  const std::string_view end = bytes.substr(bytes.size() - std::min(bytes.size(), kDirectory));
  const bool is_archive =
      bytes.starts_with("PK\x03\x04") && end.find("model.weights.h5") != std::string_view::npos;
  if (!is_archive && !bytes.starts_with("\x89HDF\r\n\x1a\n")) return {};
  const std::string_view stem = file_name.substr(0, file_name.rfind('.'));
  return cat(
      " is a file of Keras, which names layers of Python code and holds no graph. "
      "python -c \"import keras; keras.saving.load_model('",
      file_name, "').export('", stem, "')\" writes the folder ", stem, ", which Hone reads");
}

}  // namespace hone::tensorflow
