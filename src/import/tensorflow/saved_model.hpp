#pragma once

#include <filesystem>

#include "import/builder/model_file.hpp"
#include "import/import.hpp"

namespace hone::tensorflow {

/// The graph of `file`, a saved_model.pb in `folder`, by one of its signatures; variables lie in
/// the checkpoint variables/variables.
Imported import_saved_model(const std::filesystem::path& folder, builder::ModelFile file,
                            const ImportOptions& options);

/// What a Keras file is and how to export what it describes; empty: it is none.
std::string keras_advice(std::string_view bytes, std::string_view file_name);

}  // namespace hone::tensorflow
