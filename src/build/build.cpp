#include "build/build.hpp"

#include "base/log.hpp"
#include "runtime/engine_file.hpp"

namespace hone {

namespace {

constexpr Pass kNarrow{"narrow_floats", nullptr, half(64), "f32 becomes halves, as was asked"};

}  // namespace

std::shared_ptr<const Graph> make_portable(std::unique_ptr<Graph> imported,
                                           const BuildOptions& options) {
  canonicalize(*imported, options.passes, options.after_pass);
  if (!options.halves || !narrow_floats(*imported, *options.halves, options.passes, options.kept))
    return imported;
  if (options.after_pass) options.after_pass(kNarrow, *imported);
  canonicalize(*imported, options.passes, options.after_pass);
  return imported;
}

namespace {

/// In halves, too: engines are made of it when a run gives other values.
std::shared_ptr<const Defaults> in_halves(const Defaults& defaults, const BuildOptions& options) {
  std::unique_ptr<Graph> graph = defaults.graph->clone();
  narrow_floats(*graph, *options.halves, options.passes);
  return std::make_shared<const Defaults>(Defaults{std::move(graph), defaults.values});
}

}  // namespace

std::shared_ptr<const Engine> build(std::unique_ptr<Graph> imported, const BuildOptions& options,
                                    std::shared_ptr<const Defaults> defaults) {
  EngineOptions engine = options.engine;
  engine.passes = options.passes;
  if (options.halves && defaults != nullptr) defaults = in_halves(*defaults, options);
  const std::shared_ptr<const Graph> portable = make_portable(std::move(imported), options);
  if (engine.timing != nullptr) return fastest_engine(portable, engine, defaults, options.trials);
  return Engine::make(portable, engine, nullptr, std::move(defaults));
}

void save(const Engine& engine, const std::filesystem::path& path, const SaveOptions& options) {
  EngineParts parts;
  parts.about = version_text();
  // The portable graph is what runs sizes that the plan's graph does not take.
  const bool takes_all = &engine.graph() == &engine.stated();
  if (!options.drop_portable || !takes_all) parts.portable = engine.portable();
  if (!options.drop_portable) {
    parts.defaults = engine.defaults();
    parts.keep_defaults = options.keep_defaults;
  }
  parts.devices.push_back(engine.part(options.packed));
  write_engine_file(path, std::move(parts), options.progress);
}

namespace {

/// The part for this device; else the first, which says why it is not.
const DevicePart* part_for(const Target& target, const std::vector<DevicePart>& devices) {
  for (const DevicePart& part : devices)
    if (part.target == target.text()) return &part;
  return devices.empty() ? nullptr : &devices.front();
}

}  // namespace

std::shared_ptr<const Engine> load(const std::filesystem::path& path, const LoadOptions& options) {
  EngineFile file = read_engine_file(path, options.verify_weights, options.limits);
  EngineOptions how = options.engine;
  if (how.device == nullptr) how.device = open_device();
  const DevicePart* part = part_for(*how.device->target(), file.parts.devices);
  const std::shared_ptr<const Graph>& portable = file.parts.portable;
  if (options.before)
    options.before(portable != nullptr ? *portable : *part->typed, file.parts.defaults.get());
  try {
    auto engine = Engine::make(portable, how, part, std::move(file.parts.defaults));
    if (!engine->replanned().empty())
      log(Level::warning, path.string(), ": its plan was made again: ", engine->replanned());
    return engine;
  } catch (const Error& error) {
    if (error.code() != Code::incompatible_engine) throw;
    fail(error.code(), path.string(), ": ", error.message());
  }
}

std::shared_ptr<const Engine> open(const std::filesystem::path& path,
                                   const ImportOptions& import_options,
                                   const BuildOptions& build_options) {
  if (is_engine_file(path))
    return load(path, {.engine = build_options.engine, .limits = import_options.limits});
  Imported imported = import_file(path, import_options);
  return build(std::move(imported.graph), build_options, std::move(imported.defaults));
}

std::string version_text() { return cat("hone ", HONE_VERSION); }

}  // namespace hone
