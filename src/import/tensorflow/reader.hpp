#pragma once

#include "import/builder/model_file.hpp"
#include "import/import.hpp"

namespace hone::tensorflow {

/// A frozen graph, a GraphDef, into whose bytes the weights point.
Imported import_graph(builder::ModelFile file, const ImportOptions& options);

}  // namespace hone::tensorflow
