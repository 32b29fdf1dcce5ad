#include "import/tensorflow/reader.hpp"

#include "import/tensorflow/main_import.hpp"
#include "import/tensorflow/old_loops.hpp"

namespace hone::tensorflow {

const Importers& importers() {
  static const Importers all = [] {
    Importers made;
    register_all_importers(made);
    return made;
  }();
  return all;
}

namespace {

StoredVariable no_variable(std::string_view) {
  fail(Code::unsupported,
       "a variable: the graph is not frozen, its weights lie in a checkpoint: save it as a "
       "SavedModel");
}

std::string_view text_of(const builder::ModelFile& file) {
  return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
}

}  // namespace

Imported import_graph(builder::ModelFile file, const ImportOptions& options) try {
  GraphFile graph = decode_graph(text_of(file), options.limits);
  make_functions_of_loops(graph, options.limits);
  Imported result;
  result.format = "tensorflow";
  if (graph.producer != 0) result.version = cat("graph version ", graph.producer);
  auto made = std::make_unique<Graph>("main");
  builder::ModelBuild build{options, file, options.limits.made_name_bytes + 4 * file.bytes.size()};
  builder::Frame frame(build, *made, nullptr);
  ModelContext context(importers(), graph, frame, no_variable);
  std::vector<std::pair<std::string, std::string_view>> outputs;
  for (const std::string& name : options.outputs) {
    check(context.index(graph.graph).contains(parse_edge(name).node), Code::usage,
          "there is no node \"", name, '"');
    outputs.emplace_back(name, name);
  }
  if (outputs.empty())
    for (const std::string_view name : unread_results(graph.graph))
      outputs.emplace_back(std::string(name), name);
  MainImport(context, frame, graph).import(outputs);
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

}  // namespace hone::tensorflow
