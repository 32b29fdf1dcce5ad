#include "build/build.hpp"

#include "base/log.hpp"
#include "runtime/engine_file.hpp"

namespace hone {

std::shared_ptr<const Graph> make_portable(std::unique_ptr<Graph> imported,
                                           const BuildOptions& options) {
  canonicalize(*imported, options.passes, options.after_pass);
  return imported;
}

std::shared_ptr<const Engine> build(std::unique_ptr<Graph> imported, const BuildOptions& options) {
  EngineOptions engine = options.engine;
  engine.passes = options.passes;
  return Engine::make(make_portable(std::move(imported), options), engine);
}

void save(const Engine& engine, const std::filesystem::path& path) {
  // The graph must not lose what the engine shares with its caller: an alias, not a copy.
  const std::shared_ptr<const Graph> portable(std::shared_ptr<const Graph>(), &engine.portable());
  write_engine_file(path, {version_text(), portable, engine.plan()});
}

std::shared_ptr<const Engine> load(const std::filesystem::path& path, const LoadOptions& options) {
  EngineParts parts = read_engine_file(path, options.verify_weights);
  auto engine =
      Engine::make(std::move(parts.portable), options.engine, parts.plan ? &*parts.plan : nullptr);
  if (!engine->replanned().empty())
    log(Level::note, path.string(), ": its plan was made again: ", engine->replanned());
  return engine;
}

std::shared_ptr<const Engine> open(const std::filesystem::path& path,
                                   const ImportOptions& import_options,
                                   const BuildOptions& build_options) {
  if (is_engine_file(path)) return load(path, {build_options.engine, true});
  return build(import_file(path, import_options).graph, build_options);
}

std::string version_text() { return cat("hone ", HONE_VERSION); }

}  // namespace hone
