#pragma once

#include <string>

#include "import/builder/model_file.hpp"
#include "import/import.hpp"

namespace hone::tflite {

/// The first graph of the model in `file`, into whose bytes the weights point.
Imported import_model(builder::ModelFile file, const ImportOptions& options);

}  // namespace hone::tflite
