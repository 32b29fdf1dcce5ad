#include "import/tflite/reader.hpp"

#include "import/tflite/graph_import.hpp"

namespace hone::tflite {
namespace {

const Importers& importers() {
  static const Importers all = [] {
    Importers made;
    register_all_importers(made);
    return made;
  }();
  return all;
}

}  // namespace

Imported import_model(builder::ModelFile file, const ImportOptions& options) try {
  const FlatFile flat(file.bytes, file.name);
  const Model model = read_model(flat, options.limits);
  Imported result;
  result.format = "tflite";
  result.version = cat("schema ", model.version);
  result.producer = model.description;
  const Subgraph& main = model.subgraphs.front();
  auto made = std::make_unique<Graph>(main.name.empty() ? "main" : main.name);
  builder::ModelBuild build{options, file, options.limits.made_name_bytes + 4 * file.bytes.size()};
  builder::Frame frame(build, *made, nullptr);
  const ModelContext context{model, importers()};
  GraphImport(frame, main, context, 0).import_main();
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

}  // namespace hone::tflite
