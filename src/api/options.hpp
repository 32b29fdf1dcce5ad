#pragma once
// The options of callers in C, of any age, as Hone's own.

#include <optional>

#include "api/tensors.hpp"
#include "build/build.hpp"
#include "hone/hone.h"

namespace hone::api {

/// Error(usage) for what no model can be read with.
ImportOptions import_options(const hone_import_options* options);

/// Error(usage) where the caller gave sizes for what is no input, or sizes that an input has not.
void check_shapes(const Graph& graph, const ImportOptions& options);

EngineOptions engine_options(const hone_engine_options* options);

/// "n=1,s=128", of symbols of the graph's inputs.
Bindings sizes_of(const hone_engine_options* options, const Graph& graph);

std::optional<DType> storage_of(const hone_engine_options* options);

/// "cuda:1": the second one's memory, where the device has its own.
Places places_of(const Engine& engine, const hone_engine_options* options);

}  // namespace hone::api
