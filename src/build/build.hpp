#pragma once
// The conductor: from a model file to an engine.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/fastest_engine.hpp"
#include "import/import.hpp"
#include "passes/narrow_floats.hpp"
#include "passes/pass.hpp"
#include "runtime/engine.hpp"

namespace hone {

struct BuildOptions {
  PassOptions passes;
  EngineOptions engine;
  AfterPass after_pass;  // sees the graph after each pass that changed it, up to the portable one
  std::optional<DType> halves{};  // f16 or bf16: f32 becomes that (passes/narrow_floats.hpp)
  std::vector<KeptWide>* kept = nullptr;       // gets what stays f32 all the same
  std::vector<EngineTrial>* trials = nullptr;  // gets engines that were timed: see engine.timing
};

/// The portable graph of an imported one: canonical, device-neutral, in halves where those are
/// asked for. Consumes it.
std::shared_ptr<const Graph> make_portable(std::unique_ptr<Graph> imported,
                                           const BuildOptions& options = {});

/// Optimizes and plans an imported model for this machine; with options.engine.timing, the fastest
/// by its clock. `defaults`: those of the model.
std::shared_ptr<const Engine> build(std::unique_ptr<Graph> imported,
                                    const BuildOptions& options = {},
                                    std::shared_ptr<const Defaults> defaults = nullptr);

struct SaveOptions {
  /// Leave the portable graph out: a smaller file that runs on machines like this one only, because
  /// it cannot be planned again. It stays where sizes may be broadcast that the plan takes for
  /// equal. Inputs that have a value of their own keep it for good.
  bool drop_portable = false;
  /// Keep inputs that have a value of their own replaceable however large the file grows: passes
  /// compute with these values, and the file has what they made and what it was made of.
  bool keep_defaults = false;
  /// Keep the weights as this machine's kernels want them, too: an engine that is loaded sooner,
  /// from a file that is twice as large.
  bool packed = false;
  Progress progress{};
};
/// Writes an engine to a file, whole or not at all.
void save(const Engine& engine, const std::filesystem::path& path, const SaveOptions& options = {});

/// Sees a graph, and inputs that have a value of their own (null: none), before it is planned and
/// its weights are packed; may throw.
using OnGraph = std::function<void(const Graph&, const Defaults*)>;

struct LoadOptions {
  EngineOptions engine;
  bool verify_weights = true;  // check the hash of the weights too
  OnGraph before{};
  Limits limits{};
};
/// Reads an engine file. A plan that does not fit this machine is made again, with a warning in the
/// log; where the portable graph was left out: Error(incompatible_engine) saying why.
std::shared_ptr<const Engine> load(const std::filesystem::path& path,
                                   const LoadOptions& options = {});

/// An engine from either: an engine file is loaded, a model is imported and built.
std::shared_ptr<const Engine> open(const std::filesystem::path& path,
                                   const ImportOptions& import_options = {},
                                   const BuildOptions& build_options = {});

/// "hone 0.1.0": written into engine files.
std::string version_text();

}  // namespace hone
